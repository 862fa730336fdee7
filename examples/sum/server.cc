// sum: remote procedure calls with binary messages: adds up numbers.
//
//   server [--loops=N] HOST PORT
//
// Teaches: LengthCodec, whose one instance serves all connections; requests that may be pipelined;
// what to do about a peer that breaks the protocol.

#include <utility>

#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "examples/sum/protocol.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"

namespace {

using spindle::Buffer;
using spindle::Connection;

void OnRequest(Connection& connection, Buffer& request) {
  if (request.size() % 8 != 0) return connection.Abort();
  uint64_t sum = 0;
  while (const auto number = request.ReadBig64()) sum += *number;
  Buffer answer;
  answer.AppendBig64(sum);
  // Fails only if the connection has ended.
  spindle::LengthCodec(examples::kSumFrames).Write(connection, std::move(answer));
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(line.Number("--loops", 0));

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_bytes = spindle::OnFrames(
      spindle::LengthCodec(examples::kSumFrames), OnRequest,
      [](Connection& connection, spindle::FrameStatus /*why*/) { connection.Abort(); });
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loops.pool, address, std::move(callbacks)));
  return examples::ServeUntilSignal(*loops.main, *server);
}
