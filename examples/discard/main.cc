// discard: reads all, answers nothing (RFC 863).
//
//   discard [--loops=N] HOST PORT
//
// Teaches: on_bytes consumes what it has handled; on_close comes exactly once with the reason; the
// ledger says where every byte went.

#include <cstdio>
#include <string>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"

namespace {

using spindle::Buffer;
using spindle::CloseReason;
using spindle::Connection;

void Report(const Connection& connection, const CloseReason& reason) {
  const std::string line =
      spindle::Concat(connection.id().ToString(), " closed: ", reason.ToString(), ", received ",
                      connection.ledger().received, " bytes\n");
  std::fputs(line.c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(line.Number("--loops", 0));

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_bytes = [](Connection& /*connection*/, Buffer& input) { input.Clear(); };
  callbacks.on_close = Report;
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loops.pool, address, std::move(callbacks)));
  return examples::ServeUntilSignal(*loops.main, *server);
}
