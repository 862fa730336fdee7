#include "base/logging.h"

#include <pthread.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <ctime>
#include <memory>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_format.h"
#include "base/mutex.h"

namespace spindle {

namespace internal_logging {
constinit std::atomic<LogLevel> min_level{LogLevel::kInfo};
}  // namespace internal_logging

namespace {

struct SinkSlot {
  Mutex mutex;
  std::shared_ptr<const LogSink> sink ABSL_GUARDED_BY(mutex);  // null: stderr
};

// Never destroyed: static destructors log too.
SinkSlot& TheSinkSlot() {
  static SinkSlot* const slot = new SinkSlot;
  return *slot;
}

thread_local bool inside_sink = false;
thread_local uint64_t held_suppressed = 0;

// The thread's name, or its kernel id where it only inherited the name of the process.
std::string ThisThreadLabel() {
  char name[16] = {};
  if (pthread_getname_np(pthread_self(), name, sizeof(name)) == 0 && name[0] != '\0' &&
      std::string_view(program_invocation_short_name).substr(0, sizeof(name) - 1) != name) {
    return name;
  }
  return std::to_string(gettid());
}

void Deliver(const LogRecord& record) {
  std::shared_ptr<const LogSink> sink;
  if (!inside_sink) {
    SinkSlot& slot = TheSinkSlot();
    MutexLock lock(slot.mutex);
    sink = slot.sink;
  }
  if (sink == nullptr) {
    WriteLogToStderr(record);
    return;
  }
  inside_sink = true;
  (*sink)(record);
  inside_sink = false;
}

void AppendEscaped(std::string_view text, std::string& out) {
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\n') {
      out += "\\n";
    } else if ((byte < 0x20 && c != '\t') || byte == 0x7f) {
      absl::StrAppendFormat(&out, "\\x%02x", byte);
    } else {
      out += c;
    }
  }
}

}  // namespace

std::string_view LogLevelName(LogLevel level) noexcept {
  switch (level) {
    case LogLevel::kDebug:
      return "Debug";
    case LogLevel::kInfo:
      return "Info";
    case LogLevel::kWarning:
      return "Warning";
    case LogLevel::kError:
      return "Error";
    case LogLevel::kFatal:
      return "Fatal";
    case LogLevel::kOff:
      return "Off";
  }
  return "?";
}

void SetMinLogLevel(LogLevel level) noexcept {
  internal_logging::min_level.store(level, std::memory_order_relaxed);
}

LogLevel MinLogLevel() noexcept {
  return internal_logging::min_level.load(std::memory_order_relaxed);
}

void SetLogSink(LogSink sink) {
  std::shared_ptr<const LogSink> next;
  if (sink) next = std::make_shared<const LogSink>(std::move(sink));
  SinkSlot& slot = TheSinkSlot();
  {
    MutexLock lock(slot.mutex);
    slot.sink.swap(next);
  }
  // The old sink, now in `next`, is destroyed outside the lock.
}

std::string FormatLogLine(const LogRecord& record) {
  using std::chrono::duration_cast;
  const auto since_epoch = record.time.time_since_epoch();
  const auto seconds = std::chrono::floor<std::chrono::seconds>(since_epoch);
  const auto micros = duration_cast<std::chrono::microseconds>(since_epoch - seconds).count();
  const time_t calendar = static_cast<time_t>(seconds.count());
  std::tm utc = {};
  gmtime_r(&calendar, &utc);
  std::string line =
      absl::StrFormat("%04d-%02d-%02dT%02d:%02d:%02d.%06dZ %c %s %s:%d] ", utc.tm_year + 1900,
                      utc.tm_mon + 1, utc.tm_mday, utc.tm_hour, utc.tm_min, utc.tm_sec, micros,
                      LogLevelName(record.level).front(), record.thread, record.file, record.line);
  AppendEscaped(record.message, line);
  line += '\n';
  return line;
}

void WriteLogToStderr(const LogRecord& record) {
  const int saved_errno = errno;
  const std::string line = FormatLogLine(record);
  ssize_t written = 0;
  do {
    written = ::write(STDERR_FILENO, line.data(), line.size());
  } while (written < 0 && errno == EINTR);
  errno = saved_errno;
}

namespace internal_logging {

LogMessage::LogMessage(LogLevel level, const char* file, int line, uint64_t suppressed)
    : level_(level), file_(file), line_(line), suppressed_(suppressed) {}

LogMessage::~LogMessage() {
  if (suppressed_ > 0) stream_ << " [" << suppressed_ << " suppressed]";
  const std::string thread = ThisThreadLabel();
  const std::string message = std::move(stream_).str();
  LogRecord record;
  record.level = level_;
  record.time = std::chrono::system_clock::now();
  record.thread = thread;
  record.file = file_;
  record.line = line_;
  record.message = message;
  Deliver(record);
}

bool Admit(RateLimiter& limiter, Duration period, TimePoint now) noexcept {
  int64_t next = limiter.next_ns.load(std::memory_order_relaxed);
  const int64_t now_ns = now.time_since_epoch().count();
  const int64_t later_ns = SaturatingAdd(now, period).time_since_epoch().count();
  // Of several threads that find the time has come, the one that moves it on passes.
  if (now_ns < next ||
      !limiter.next_ns.compare_exchange_strong(next, later_ns, std::memory_order_relaxed)) {
    limiter.suppressed.fetch_add(1, std::memory_order_relaxed);
    return false;
  }
  held_suppressed = limiter.suppressed.exchange(0, std::memory_order_relaxed);
  return true;
}

uint64_t TakeSuppressed() noexcept { return std::exchange(held_suppressed, 0); }

}  // namespace internal_logging
}  // namespace spindle
