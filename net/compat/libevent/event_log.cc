#include <errno.h>
#include <event2/event.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "net/compat/libevent/internal/log.h"

namespace spindle::compat {
namespace {

constinit event_log_cb log_callback = nullptr;
constinit event_fatal_cb fatal_callback = nullptr;

void Write(int severity, const char* line) {
  if (log_callback != nullptr) {
    log_callback(severity, line);
    return;
  }
  const char* name = "???";
  switch (severity) {
    case EVENT_LOG_DEBUG:
      name = "debug";
      break;
    case EVENT_LOG_MSG:
      name = "msg";
      break;
    case EVENT_LOG_WARN:
      name = "warn";
      break;
    case EVENT_LOG_ERR:
      name = "err";
      break;
  }
  std::fprintf(stderr, "[%s] %s\n", name, line);
}

void Format(int severity, const char* reason, const char* format, va_list arguments) {
  char line[1024];
  std::vsnprintf(line, sizeof line, format, arguments);
  if (reason != nullptr) {
    const size_t used = std::strlen(line);
    std::snprintf(line + used, sizeof line - used, ": %s", reason);
  }
  Write(severity, line);
}

}  // namespace

void LogDebug(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Format(EVENT_LOG_DEBUG, nullptr, format, arguments);
  va_end(arguments);
}

void LogMessage(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Format(EVENT_LOG_MSG, nullptr, format, arguments);
  va_end(arguments);
}

void LogWarning(const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Format(EVENT_LOG_WARN, nullptr, format, arguments);
  va_end(arguments);
}

void LogWarningErrno(const char* format, ...) {
  const char* reason = std::strerror(errno);
  va_list arguments;
  va_start(arguments, format);
  Format(EVENT_LOG_WARN, reason, format, arguments);
  va_end(arguments);
}

void Fatal(int code, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  Format(EVENT_LOG_ERR, nullptr, format, arguments);
  va_end(arguments);
  if (fatal_callback != nullptr) {
    fatal_callback(code);
    std::exit(code);
  }
  if (code == kAbort) std::abort();
  std::exit(code);
}

}  // namespace spindle::compat

void event_set_log_callback(event_log_cb cb) { spindle::compat::log_callback = cb; }

void event_set_fatal_callback(event_fatal_cb cb) { spindle::compat::fatal_callback = cb; }

void event_enable_debug_logging(ev_uint32_t) {}
