#include "bench/top/terminal.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

#include "base/errno_status.h"
#include "base/strings.h"
#include "bench/report/write_file.h"

namespace spindle::bench {
namespace {

// The alternate screen, without a cursor and without wrapping of lines; and back.
constexpr std::string_view kEnter = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
constexpr std::string_view kLeave = "\x1b[0m\x1b[?7h\x1b[?25h\x1b[?1049l";
constexpr size_t kLongestKey = 16;

absl::Status Write(std::string_view text) { return WriteTo(STDOUT_FILENO, text, "the terminal"); }

// The key that ESC and these bytes stand for; 0 for none that is known.
int KeyOf(std::string_view sequence) {
  constexpr std::pair<std::string_view, Key> kKeys[] = {
      {"[A", Key::kUp},      {"[B", Key::kDown},      {"OA", Key::kUp},    {"OB", Key::kDown},
      {"[5~", Key::kPageUp}, {"[6~", Key::kPageDown}, {"[H", Key::kHome},  {"[F", Key::kEnd},
      {"OH", Key::kHome},    {"OF", Key::kEnd},       {"[1~", Key::kHome}, {"[4~", Key::kEnd}};
  for (const auto& [bytes, key] : kKeys) {
    if (bytes == sequence) return static_cast<int>(key);
  }
  return 0;
}

// How many bytes behind ESC belong to it; npos if the end is still to come. ECMA-48 5.4.
size_t SequenceSize(std::string_view text) {
  if (text.empty()) return std::string_view::npos;
  if (text[0] != '[' && text[0] != 'O') return 0;  // ESC by itself.
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] >= '@' && text[i] <= '~') return i + 1;
    if (text[i] < ' ') return i;
  }
  return std::string_view::npos;
}

}  // namespace

std::vector<int> ParseKeys(std::string_view input, std::string& rest) {
  const std::string text = std::exchange(rest, {}) + std::string(input);
  std::vector<int> keys;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\x1b') {
      keys.push_back(static_cast<unsigned char>(text[i]));
      continue;
    }
    const std::string_view behind = std::string_view(text).substr(i + 1);
    const size_t size = SequenceSize(behind);
    if (size == std::string_view::npos) {
      if (behind.size() < kLongestKey) rest = text.substr(i);
      return keys;
    }
    if (const int key = KeyOf(behind.substr(0, size)); key != 0) keys.push_back(key);
    i += size;
  }
  return keys;
}

bool Terminal::Available() {
  const char* const kind = std::getenv("TERM");
  return isatty(STDIN_FILENO) == 1 && isatty(STDOUT_FILENO) == 1 && kind != nullptr &&
         std::string_view(kind) != "dumb";
}

absl::Status Terminal::Enter() {
  if (entered_) return absl::OkStatus();
  if (tcgetattr(STDIN_FILENO, &former_) != 0) return ErrnoStatus("tcgetattr", errno);
  termios raw = former_;
  raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
  raw.c_cc[VMIN] = 1;
  raw.c_cc[VTIME] = 0;
  if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) != 0) return ErrnoStatus("tcsetattr", errno);
  entered_ = true;
  return Write(kEnter);
}

void Terminal::Leave() {
  if (!std::exchange(entered_, false)) return;
  Write(kLeave).IgnoreError();  // Nobody is there any more, then.
  tcsetattr(STDIN_FILENO, TCSANOW, &former_);
}

ScreenSize Terminal::Size() {
  winsize size = {};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0 || size.ws_row == 0) {
    return {};
  }
  return {size.ws_col, size.ws_row};
}

absl::Status Terminal::Show(const std::vector<std::string>& lines) {
  // Each line is cleared before it is written: the cursor stays on the last column of a full one,
  // and what clears from there on would take its last character.
  std::string frame = "\x1b[H";
  for (size_t i = 0; i < lines.size(); ++i) {
    Append(frame, i > 0 ? "\r\n" : "", "\x1b[2K", lines[i]);
  }
  if (lines.size() < Size().rows) frame += "\r\n\x1b[J";
  return Write(frame);
}

}  // namespace spindle::bench
