// The input as an answer of the kernel: whatever it is, it must be taken or refused, and what was
// taken must be printable. The first byte picks the question. Run by libFuzzer, or by
// tests/fuzz/replay_main.cc as a test.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "bench/sockets/diag_message.h"
#include "bench/sockets/socket_text.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace spindle::bench;
  if (size == 0) return 0;
  const std::string_view datagram(reinterpret_cast<const char*>(data) + 1, size - 1);
  const DiagQuestion question = {.family = static_cast<DiagFamily>(data[0] % 3),
                                 .kind = data[0] % 2 == 0 ? SocketKind::kTcp : SocketKind::kUdp};
  DiagAnswer answer;
  AddDiagDatagram(datagram, question, 7, answer).IgnoreError();
  // Each socket takes a header at least.
  SPINDLE_CHECK(answer.sockets.size() * 16 <= size);
  const SocketTextOptions options = {.owners = true, .details = true};
  for (const char c : SocketTable(answer.sockets, options)) {
    SPINDLE_CHECK(static_cast<unsigned char>(c) >= ' ' || c == '\n' || c == '\t');
  }
  SPINDLE_CHECK(!SocketJson(answer.sockets, options).empty());
  return 0;
}
