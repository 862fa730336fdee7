// daytime: sends the time as text and closes (RFC 867).
//
//   daytime HOST PORT
//
// Teaches: a server that speaks first; the orderly close, which sends what is queued, then our FIN,
// and waits for the peer's, so that the answer is not destroyed by a reset.

#include <time.h>

#include <chrono>
#include <string>

#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"

namespace {

// "2024-03-01 12:34:56 UTC\r\n"
std::string Now() {
  // time() may be a tick behind, and so name the second that has just ended.
  const auto clock = std::chrono::system_clock::now();
  const time_t now = std::chrono::system_clock::to_time_t(clock);
  tm parts;
  gmtime_r(&now, &parts);
  char text[64];
  return std::string(text, strftime(text, sizeof text, "%Y-%m-%d %H:%M:%S UTC\r\n", &parts));
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(0);

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_open = [](spindle::Connection& connection) {
    connection.Write(Now());
    connection.Close();
  };
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loops.main, address, std::move(callbacks)));
  return examples::ServeUntilSignal(*loops.main, *server);
}
