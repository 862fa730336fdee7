// udp_echo: sends back whatever datagram comes (RFC 862).
//
//   udp_echo [--loops=N] HOST PORT
//
// Teaches: one socket per loop, at the same port; an answer leaves from the address that was asked,
// which matters on a machine with several. All answers to what came at once leave in one system
// call. Try it: nc -u HOST PORT

#include <utility>

#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/datagram/udp_server.h"
#include "net/datagram/udp_socket.h"

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(line.Number("--loops", 0));

  spindle::DatagramCallbacks callbacks;
  callbacks.on_datagram = [](spindle::UdpSocket& socket, const spindle::Datagram& datagram) {
    // A send queue that is full means that nobody takes the answers: then one less matters little.
    static_cast<void>(socket.Reply(datagram, datagram.data()));
  };
  const auto server = examples::OrDie(spindle::UdpServer::Bind(
      *loops.pool, address, std::move(callbacks), {.socket = {.receive_buffer = 4 * 1024 * 1024}}));
  return examples::RunUntilSignal(*loops.main, server->address());
}
