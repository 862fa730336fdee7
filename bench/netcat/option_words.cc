#include "bench/netcat/option_words.h"

#include <algorithm>
#include <string_view>

#include "absl/status/status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr size_t kColumn = 26;

class Parser {
 public:
  Parser(std::span<const OptionSpec> specs, std::span<const std::string> words)
      : specs_(specs), words_(words) {}

  absl::StatusOr<OptionWords> Parse() {
    while (next_ < words_.size()) {
      const std::string& word = words_[next_++];
      if (word == "--") {
        result_.operands.insert(result_.operands.end(), words_.begin() + Signed(next_),
                                words_.end());
        break;
      }
      absl::Status status;
      if (word.starts_with("--")) {
        status = Long(word.substr(2));
      } else if (word.size() > 1 && word[0] == '-') {
        status = Letters(std::string_view(word).substr(1));
      } else {
        result_.operands.push_back(word);
      }
      if (!status.ok()) return status;
    }
    return result_;
  }

 private:
  static std::ptrdiff_t Signed(size_t index) { return static_cast<std::ptrdiff_t>(index); }

  absl::Status Letters(std::string_view letters) {
    while (!letters.empty()) {
      const char letter = letters.front();
      letters.remove_prefix(1);
      const auto spec = std::find_if(specs_.begin(), specs_.end(),
                                     [&](const OptionSpec& s) { return s.letter == letter; });
      if (spec == specs_.end()) {
        return absl::InvalidArgumentError(ToAbsl(Concat("invalid option -- '", letter, "'")));
      }
      const size_t index = static_cast<size_t>(spec - specs_.begin());
      if (spec->value == nullptr) {
        result_.options.emplace_back(index, "");
        continue;
      }
      if (!letters.empty()) {
        result_.options.emplace_back(index, letters);
        return absl::OkStatus();
      }
      return Value(index, Concat('-', letter));
    }
    return absl::OkStatus();
  }

  absl::Status Long(const std::string& text) {
    const size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const auto spec = std::find_if(specs_.begin(), specs_.end(), [&](const OptionSpec& s) {
      return !name.empty() && name == s.name;
    });
    if (spec == specs_.end()) {
      return absl::InvalidArgumentError(ToAbsl(Concat("invalid option --", name)));
    }
    const size_t index = static_cast<size_t>(spec - specs_.begin());
    if (equals == std::string::npos) {
      if (spec->value != nullptr) return Value(index, Concat("--", name));
      result_.options.emplace_back(index, "");
      return absl::OkStatus();
    }
    if (spec->value == nullptr) {
      return absl::InvalidArgumentError(ToAbsl(Concat("--", name, " takes no value")));
    }
    result_.options.emplace_back(index, text.substr(equals + 1));
    return absl::OkStatus();
  }

  // The next word.
  absl::Status Value(size_t index, const std::string& option) {
    if (next_ == words_.size()) {
      return absl::InvalidArgumentError(ToAbsl(Concat(option, " needs a value")));
    }
    result_.options.emplace_back(index, words_[next_++]);
    return absl::OkStatus();
  }

  const std::span<const OptionSpec> specs_;
  const std::span<const std::string> words_;
  size_t next_ = 0;
  OptionWords result_;
};

}  // namespace

absl::StatusOr<OptionWords> ParseOptionWords(std::span<const OptionSpec> specs,
                                             std::span<const std::string> words) {
  return Parser(specs, words).Parse();
}

std::string OptionHelp(std::span<const OptionSpec> specs) {
  std::string text;
  for (const OptionSpec& spec : specs) {
    std::string line = "  ";
    if (spec.letter != 0) Append(line, '-', spec.letter);
    if (*spec.name != '\0') Append(line, spec.letter != 0 ? ", --" : "--", spec.name);
    if (spec.value != nullptr) Append(line, ' ', spec.value);
    line.resize(std::max(kColumn, line.size() + 2), ' ');
    Append(text, line, spec.help, "\n");
  }
  return text;
}

}  // namespace spindle::bench
