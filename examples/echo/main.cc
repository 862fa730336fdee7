// echo: sends back whatever comes (RFC 862).
//
//   echo [--loops=N] HOST PORT
//
// Teaches: the smallest server; worker loops; input that is moved to the output without a copy.
// A peer that sends and never reads is not a danger: above the high water mark of its output the
// connection stops reading until the peer has taken some.

#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(line.Number("--loops", 0));

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_bytes = [](spindle::Connection& connection, spindle::Buffer& input) {
    connection.Write(std::move(input));
  };
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loops.pool, address, std::move(callbacks)));
  return examples::ServeUntilSignal(*loops.main, *server);
}
