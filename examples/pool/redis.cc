// redis: a small client of Redis (RESP2: PING, SET, GET) for several loops over one pool.
//
//   redis [--loops=N] [--connections=N] [--users=N] [--rounds=N] HOST PORT
//
// Teaches: CallOverPool; reading an answer that comes in pieces; connections that are borrowed for
// one exchange only, so that a few of them serve many users.
// https://redis.io/docs/latest/develop/reference/protocol-spec/

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>

#include "examples/pool/driver.h"

namespace {

using spindle::Buffer;
using spindle::ReplyState;

// "*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"
std::string Command(std::initializer_list<std::string_view> words) {
  std::string text = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string_view word : words) {
    text += "$" + std::to_string(word.size()) + "\r\n";
    text.append(word).append("\r\n");
  }
  return text;
}

// The answer at the beginning of `input`: kDone if it is complete and, as text, `want`.
ReplyState Expect(Buffer& input, std::string_view want) {
  if (input.size() > want.size() + 32) return ReplyState::kBad;  // Longer than any right answer.
  const std::string text = input.ToString();
  const size_t end = text.find("\r\n");
  if (end == std::string::npos) return ReplyState::kMore;
  const std::string_view line = std::string_view(text).substr(0, end);
  if (line.starts_with('+')) {  // A simple string.
    if (line.substr(1) != want) return ReplyState::kBad;
    input.Consume(end + 2);
    return ReplyState::kDone;
  }
  // A string with its length in front; anything else (an error: "-...", nothing: "$-1") is wrong.
  size_t size = 0;
  if (!line.starts_with('$') ||
      std::from_chars(line.data() + 1, line.data() + line.size(), size).ec != std::errc() ||
      size != want.size()) {
    return ReplyState::kBad;
  }
  if (text.size() < end + 2 + size + 2) return ReplyState::kMore;
  if (text.compare(end + 2, size, want) != 0) return ReplyState::kBad;
  input.Consume(end + 2 + size + 2);
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
    return {Say(Command({"PING"}), "PONG"), Say(Command({"SET", key, value}), "OK"),
            Say(Command({"GET", key}), value)};
  });
}
