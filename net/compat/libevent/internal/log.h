#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LOG_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LOG_H_

namespace spindle::compat {

// Lines for the log callback of the program, or for stderr. Formats are printf(3)'s. Any thread.
void LogDebug(const char* format, ...) __attribute__((format(printf, 1, 2)));
void LogMessage(const char* format, ...) __attribute__((format(printf, 1, 2)));
void LogWarning(const char* format, ...) __attribute__((format(printf, 1, 2)));
// With ": " and the text of errno behind.
void LogWarningErrno(const char* format, ...) __attribute__((format(printf, 1, 2)));

// Logs an error and ends the program: calls the fatal callback or, without one, exits with `code`;
// kAbort aborts.
inline constexpr int kAbort = static_cast<int>(0xdeaddead);
[[noreturn]] void Fatal(int code, const char* format, ...) __attribute__((format(printf, 2, 3)));

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_LOG_H_
