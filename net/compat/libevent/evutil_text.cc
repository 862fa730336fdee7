#include <event2/util.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace {

int ToLower(char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : static_cast<unsigned char>(c); }

}  // namespace

ev_int64_t evutil_strtoll(const char* s, char** endptr, int base) {
  return std::strtoll(s, endptr, base);
}

int evutil_snprintf(char* buf, size_t buflen, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  const int length = evutil_vsnprintf(buf, buflen, format, arguments);
  va_end(arguments);
  return length;
}

int evutil_vsnprintf(char* buf, size_t buflen, const char* format, va_list ap) {
  return buflen == 0 ? 0 : std::vsnprintf(buf, buflen, format, ap);
}

int evutil_ascii_strcasecmp(const char* str1, const char* str2) {
  return evutil_ascii_strncasecmp(str1, str2, SIZE_MAX);
}

int evutil_ascii_strncasecmp(const char* str1, const char* str2, size_t n) {
  for (; n > 0; --n, ++str1, ++str2) {
    const int a = ToLower(*str1);
    const int b = ToLower(*str2);
    if (a != b) return a < b ? -1 : 1;
    if (a == 0) break;
  }
  return 0;
}

int evutil_date_rfc1123(char* date, const size_t datelen, const tm* tm) {
  // Not from the locale.
  static constexpr const char* kDays[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr const char* kMonths[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  struct tm now;
  if (tm == nullptr) {
    const time_t seconds = time(nullptr);
    gmtime_r(&seconds, &now);
    tm = &now;
  }
  return evutil_snprintf(date, datelen, "%s, %02d %s %4d %02d:%02d:%02d GMT", kDays[tm->tm_wday],
                         tm->tm_mday, kMonths[tm->tm_mon], 1900 + tm->tm_year, tm->tm_hour,
                         tm->tm_min, tm->tm_sec);
}
