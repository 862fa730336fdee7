#ifndef SPINDLE_BENCH_NETCAT_CRLF_H_
#define SPINDLE_BENCH_NETCAT_CRLF_H_

#include <string>
#include <string_view>

namespace spindle::bench {

// Writes LF as CR LF, and leaves a CR LF as it is, also where it is cut between two calls. One
// thread at a time.
class CrlfWriter {
 public:
  // Appends to `out`.
  void Convert(std::string_view text, std::string& out) {
    while (!text.empty()) {
      const size_t end = text.find('\n');
      const std::string_view line = text.substr(0, end);
      out += line;
      if (!line.empty()) after_cr_ = line.back() == '\r';
      if (end == std::string_view::npos) return;
      if (!after_cr_) out += '\r';
      out += '\n';
      after_cr_ = false;
      text.remove_prefix(end + 1);
    }
  }

 private:
  bool after_cr_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_CRLF_H_
