#ifndef SPINDLE_BASE_LOGGING_H_
#define SPINDLE_BASE_LOGGING_H_

#include <atomic>
#include <chrono>
#include <cstdint>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "absl/base/optimization.h"
#include "absl/functional/any_invocable.h"
#include "base/clock.h"

// Streams one log record: SPINDLE_LOG(Warning) << "accept: " << status;
// Levels: Debug, Info, Warning, Error. Any thread. Below the minimum level the operands are not
// evaluated and the cost is one relaxed load. An expression, so it is safe in an unbraced `if`.
#define SPINDLE_LOG(level)                                                                 \
  ABSL_PREDICT_TRUE(!::spindle::IsLogEnabled(::spindle::LogLevel::k##level))               \
  ? (void)0                                                                                \
  : ::spindle::internal_logging::Voidify() &                                               \
          ::spindle::internal_logging::LogMessage(::spindle::LogLevel::k##level, __FILE__, \
                                                  __LINE__)                                \
              .stream()

// Like SPINDLE_LOG, at most once per `period` for this call site over all threads. The first call
// passes; a record that follows suppressed ones ends in "[N suppressed]". Suppressed calls do not
// evaluate their operands. Each instance of a template is a call site of its own.
#define SPINDLE_LOG_EVERY(level, period)                                                           \
  (!::spindle::IsLogEnabled(::spindle::LogLevel::k##level) ||                                      \
   !::spindle::internal_logging::Admit(                                                            \
       []() -> ::spindle::internal_logging::RateLimiter& {                                         \
         static constinit ::spindle::internal_logging::RateLimiter limiter;                        \
         return limiter;                                                                           \
       }(),                                                                                        \
       (period)))                                                                                  \
      ? (void)0                                                                                    \
      : ::spindle::internal_logging::Voidify() &                                                   \
            ::spindle::internal_logging::LogMessage(::spindle::LogLevel::k##level, __FILE__,       \
                                                    __LINE__,                                      \
                                                    ::spindle::internal_logging::TakeSuppressed()) \
                .stream()

namespace spindle {

enum class LogLevel : int {
  kDebug,
  kInfo,
  kWarning,
  kError,
  kFatal,  // a failed CHECK; the process aborts after it
  kOff,    // for SetMinLogLevel only
};

// "Debug", "Info" and so on. Any thread; static text.
std::string_view LogLevelName(LogLevel level) noexcept;

// One record on its way to the sink. All views end with the call of the sink.
struct LogRecord {
  LogLevel level = LogLevel::kInfo;
  std::chrono::system_clock::time_point time;
  std::string_view thread;  // the thread's own name, else its kernel thread id
  std::string_view file;
  int line = 0;
  std::string_view message;  // without a final newline; may hold any bytes
};

// Must be callable from several threads at once.
using LogSink = absl::AnyInvocable<void(const LogRecord&) const>;

// Records below `level` are dropped where they are made. Starts as kInfo. kFatal records always
// pass. Any thread.
void SetMinLogLevel(LogLevel level) noexcept;
LogLevel MinLogLevel() noexcept;

// Sends all later records to `sink`; an empty sink restores the default, one line on stderr.
// Any thread. No lock is held while a sink runs, so a record begun before the change may still be
// inside the old sink when this returns: what the sink captures must live by its own means. The old
// sink is destroyed on whichever thread leaves it last. A sink that logs reaches stderr, not
// itself.
void SetLogSink(LogSink sink);

// Formats as the default sink does, with the final newline: time in UTC, level, thread, file:line,
// message; control bytes in the message are escaped, so that a record is one line. Any thread.
std::string FormatLogLine(const LogRecord& record);

// Writes FormatLogLine to stderr in a single write(2). Any thread. A short or failed write is lost.
void WriteLogToStderr(const LogRecord& record);

namespace internal_logging {

extern std::atomic<LogLevel> min_level;

// Completes and sends one record when destroyed.
class LogMessage {
 public:
  LogMessage(LogLevel level, const char* file, int line, uint64_t suppressed = 0);
  LogMessage(const LogMessage&) = delete;
  LogMessage& operator=(const LogMessage&) = delete;
  ~LogMessage();
  std::ostream& stream() { return stream_; }

 private:
  const LogLevel level_;
  const char* const file_;
  const int line_;
  const uint64_t suppressed_;
  std::ostringstream stream_;
};

// Turns the stream expression into void; & binds looser than << and tighter than ?:.
struct Voidify {
  void operator&(std::ostream&) const noexcept {}
};

// The state of one SPINDLE_LOG_EVERY. Any thread.
struct RateLimiter {
  std::atomic<int64_t> next_ns{INT64_MIN};  // steady clock; not before this
  std::atomic<uint64_t> suppressed{0};
};

// True when a record may pass; the number suppressed since the last one is then held for
// TakeSuppressed on the same thread. `now` is a parameter for tests.
bool Admit(RateLimiter& limiter, Duration period, TimePoint now = Clock::now()) noexcept;
uint64_t TakeSuppressed() noexcept;

}  // namespace internal_logging

inline bool IsLogEnabled(LogLevel level) noexcept {
  return level >= internal_logging::min_level.load(std::memory_order_relaxed);
}

}  // namespace spindle

#endif  // SPINDLE_BASE_LOGGING_H_
