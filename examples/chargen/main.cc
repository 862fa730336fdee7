// chargen: sends characters for as long as the peer takes them (RFC 864).
//
//   chargen [--loops=N] HOST PORT
//
// Teaches: an endless producer. The next piece is written when the last one has gone to the kernel
// (on_drained), so a peer that never reads costs one piece of memory, not more; and all connections
// share that piece: WriteChunk copies nothing.

#include <cstdio>
#include <string>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"

namespace {

using spindle::Buffer;
using spindle::ChunkRef;
using spindle::CloseReason;
using spindle::Connection;

constexpr int kPrintable = 95;  // From ' ' to '~'.
constexpr int kColumns = 72;

// One period of the pattern: each line begins one character further on.
ChunkRef MakePattern() {
  std::string text;
  for (int line = 0; line < kPrintable; ++line) {
    for (int column = 0; column < kColumns; ++column) {
      text += static_cast<char>(' ' + (line + column) % kPrintable);
    }
    text += "\r\n";
  }
  return spindle::Chunk::CopyOf(text);
}

constexpr size_t kPatternSize = kPrintable * (kColumns + 2);

void Report(const Connection& connection, const CloseReason& reason) {
  const spindle::ConnectionLedger ledger = connection.ledger();
  const std::string line =
      spindle::Concat(connection.id().ToString(), " closed: ", reason.ToString(), ", sent ",
                      ledger.sent, " bytes, discarded ", ledger.discarded, "\n");
  std::fputs(line.c_str(), stderr);
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(line.Number("--loops", 0));

  const auto send = [pattern = MakePattern()](Connection& connection) {
    // Fails once the connection is closing; then nothing is to be sent.
    static_cast<void>(connection.WriteChunk(pattern, 0, kPatternSize));
  };
  spindle::ConnectionCallbacks callbacks;
  callbacks.on_open = send;
  callbacks.on_drained = send;
  callbacks.on_bytes = [](Connection& /*connection*/, Buffer& input) { input.Clear(); };
  callbacks.on_close = Report;
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loops.pool, address, std::move(callbacks)));
  return examples::ServeUntilSignal(*loops.main, *server);
}
