// memcached: a small client of memcached (text protocol: set, get) for several loops over one pool.
//
//   memcached [--loops=N] [--connections=N] [--users=N] [--rounds=N] HOST PORT
//
// Teaches: the same as redis.cc, with another protocol: only what is said and expected differs.
// https://github.com/memcached/memcached/blob/master/doc/protocol.txt

#include <cstdint>
#include <string>
#include <string_view>

#include "examples/pool/driver.h"

namespace {

using spindle::Buffer;
using spindle::ReplyState;

// Both answers are known to the last byte.
ReplyState Expect(Buffer& input, std::string_view want) {
  const std::string text = input.ToString();
  if (want.substr(0, text.size()) != text) return ReplyState::kBad;
  if (text.size() < want.size()) return ReplyState::kMore;
  input.Consume(want.size());
  return ReplyState::kDone;
}

examples::Exchange Say(std::string request, std::string want) {
  return {std::move(request), [want](Buffer& input) { return Expect(input, want); }};
}

}  // namespace

int main(int argc, char** argv) {
  return examples::RunUsers(argc, argv, [](uint64_t round) -> std::vector<examples::Exchange> {
    const std::string key = "spindle:" + std::to_string(round);
    const std::string value = "value\r\n" + std::to_string(round * 7);
    const std::string data = std::to_string(value.size()) + "\r\n" + value + "\r\n";
    return {Say("set " + key + " 0 0 " + data, "STORED\r\n"),
            Say("get " + key + "\r\n", "VALUE " + key + " 0 " + data + "END\r\n")};
  });
}
