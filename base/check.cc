#include "base/check.h"

#include <cstdlib>

namespace spindle::internal_check {

CheckFailure::CheckFailure(const char* file, int line, std::string_view condition)
    : file_(file), line_(line), condition_(condition) {}

CheckFailure::~CheckFailure() {
  {
    internal_logging::LogMessage message(LogLevel::kFatal, file_, line_);
    message.stream() << "CHECK failed: " << condition_;
    if (const std::string text = stream_.str(); !text.empty()) message.stream() << ": " << text;
  }
  std::abort();
}

}  // namespace spindle::internal_check
