#include <arpa/inet.h>
#include <event2/util.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>
#include <string_view>

namespace {

// Takes a decimal number up to `max` from the front of `text`.
std::optional<unsigned> TakeNumber(std::string_view& text, unsigned max) {
  unsigned value = 0;
  size_t length = 0;
  while (length < text.size() && text[length] >= '0' && text[length] <= '9') {
    value = value * 10 + static_cast<unsigned>(text[length] - '0');
    if (value > max) return std::nullopt;
    ++length;
  }
  if (length == 0) return std::nullopt;
  text.remove_prefix(length);
  return value;
}

// Four decimal bytes, leading zeros allowed, which inet_pton(3) refuses.
bool ParseIpv4(std::string_view text, uint8_t bytes[4]) {
  for (int i = 0; i < 4; ++i) {
    if (i > 0) {
      if (text.empty() || text.front() != '.') return false;
      text.remove_prefix(1);
    }
    const std::optional<unsigned> value = TakeNumber(text, 255);
    if (!value) return false;
    bytes[i] = static_cast<uint8_t>(*value);
  }
  return text.empty();
}

bool ParseIpv6(const std::string& text, uint8_t bytes[16]) {
  const size_t dot = text.find('.');
  const size_t colon = text.rfind(':');
  if (dot == std::string::npos || colon == std::string::npos) {
    return inet_pton(AF_INET6, text.c_str(), bytes) == 1;
  }
  // The IPv4 part is under the rules above.
  uint8_t tail[4];
  if (!ParseIpv4(std::string_view(text).substr(colon + 1), tail)) return false;
  if (inet_pton(AF_INET6, (text.substr(0, colon + 1) + "0.0.0.0").c_str(), bytes) != 1) {
    return false;
  }
  std::copy_n(tail, 4, bytes + 12);
  return true;
}

// The length of the address without "%interface"; the interface's index goes to `index`.
std::optional<size_t> ParseScope(const std::string& text, unsigned& index) {
  index = 0;
  const size_t percent = text.find('%');
  if (percent == std::string::npos) return text.size();
  const std::string name = text.substr(percent + 1);
  if (name.empty()) return percent;
  index = if_nametoindex(name.c_str());
  if (index != 0) return percent;
  std::string_view rest = name;
  const std::optional<unsigned> number = TakeNumber(rest, UINT32_MAX / 16);
  if (!number || !rest.empty()) return std::nullopt;
  index = *number;
  return percent;
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  const std::optional<unsigned> port = TakeNumber(text, 65535);
  if (!port || *port == 0 || !text.empty()) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

int Store(const void* address, int size, sockaddr* out, int* outlen) {
  if (size > *outlen) return -1;
  std::memset(out, 0, static_cast<size_t>(*outlen));
  std::memcpy(out, address, static_cast<size_t>(size));
  *outlen = size;
  return 0;
}

template <typename T>
int Compare(const T& a, const T& b) {
  return a < b ? -1 : a > b;
}

}  // namespace

const char* evutil_inet_ntop(int af, const void* src, char* dst, size_t len) {
  const auto size = static_cast<socklen_t>(std::min<size_t>(len, 1024));
  if (af != AF_INET6) return af == AF_INET ? inet_ntop(af, src, dst, size) : nullptr;
  // "::5:0" is no IPv4 address in disguise here, though inet_ntop(3) says so.
  const auto* bytes = static_cast<const uint8_t*>(src);
  const bool zeros = std::all_of(bytes, bytes + 12, [](uint8_t byte) { return byte == 0; });
  const int high = bytes[12] << 8 | bytes[13];
  if (!zeros || high == 0 || bytes[14] != 0 || bytes[15] != 0) {
    return inet_ntop(af, src, dst, size);
  }
  char text[16];
  const int length = evutil_snprintf(text, sizeof text, "::%x:0", static_cast<unsigned>(high));
  if (static_cast<size_t>(length) >= len) return nullptr;
  std::memcpy(dst, text, static_cast<size_t>(length) + 1);
  return dst;
}

int evutil_inet_pton(int af, const char* src, void* dst) {
  if (af != AF_INET && af != AF_INET6) return -1;
  uint8_t bytes[16];
  const bool valid = af == AF_INET ? ParseIpv4(src, bytes) : ParseIpv6(src, bytes);
  if (valid) std::memcpy(dst, bytes, af == AF_INET ? 4 : 16);
  return valid ? 1 : 0;
}

int evutil_inet_pton_scope(int af, const char* src, void* dst, unsigned* indexp) {
  if (af != AF_INET6) return evutil_inet_pton(af, src, dst);
  const std::string text = src;
  unsigned index = 0;
  const std::optional<size_t> length = ParseScope(text, index);
  *indexp = index;
  if (!length) return 0;
  return evutil_inet_pton(af, text.substr(0, *length).c_str(), dst);
}

int evutil_parse_sockaddr_port(const char* str, sockaddr* out, int* outlen) {
  std::string_view text = str;
  std::string_view port_text;
  bool has_port = false;
  const size_t colon = text.find(':');
  const bool is_ipv6 = text.starts_with('[') ||
                       (colon != std::string_view::npos && text.find(':', colon + 1) != text.npos);
  if (text.starts_with('[')) {
    const size_t end = text.find(']');
    if (end == std::string_view::npos) return -1;
    port_text = text.substr(end + 1);
    has_port = !port_text.empty();
    if (has_port && port_text.front() != ':') return -1;
    if (has_port) port_text.remove_prefix(1);
    text = text.substr(1, end - 1);
  } else if (!is_ipv6 && colon != std::string_view::npos) {
    has_port = true;
    port_text = text.substr(colon + 1);
    text = text.substr(0, colon);
  }
  const std::optional<uint16_t> port = has_port ? ParsePort(port_text) : uint16_t{0};
  if (!port) return -1;
  if (is_ipv6) {
    sockaddr_in6 address = {};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(*port);
    unsigned scope = 0;
    if (evutil_inet_pton_scope(AF_INET6, std::string(text).c_str(), &address.sin6_addr, &scope) !=
        1) {
      return -1;
    }
    address.sin6_scope_id = scope;
    return Store(&address, sizeof address, out, outlen);
  }
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(*port);
  if (evutil_inet_pton(AF_INET, std::string(text).c_str(), &address.sin_addr) != 1) return -1;
  return Store(&address, sizeof address, out, outlen);
}

int evutil_sockaddr_cmp(const sockaddr* sa1, const sockaddr* sa2, int include_port) {
  if (sa1->sa_family != sa2->sa_family) return sa1->sa_family - sa2->sa_family;
  if (sa1->sa_family == AF_INET) {
    sockaddr_in a;
    sockaddr_in b;
    std::memcpy(&a, sa1, sizeof a);
    std::memcpy(&b, sa2, sizeof b);
    const int order = Compare(ntohl(a.sin_addr.s_addr), ntohl(b.sin_addr.s_addr));
    if (order != 0 || include_port == 0) return order;
    return Compare(ntohs(a.sin_port), ntohs(b.sin_port));
  }
  if (sa1->sa_family == AF_INET6) {
    sockaddr_in6 a;
    sockaddr_in6 b;
    std::memcpy(&a, sa1, sizeof a);
    std::memcpy(&b, sa2, sizeof b);
    const int order = std::memcmp(&a.sin6_addr, &b.sin6_addr, 16);
    if (order != 0 || include_port == 0) return order;
    return Compare(ntohs(a.sin6_port), ntohs(b.sin6_port));
  }
  return 1;  // Of other kinds none equals another.
}

int evutil_getaddrinfo(const char* nodename, const char* servname, const evutil_addrinfo* hints_in,
                       evutil_addrinfo** res) {
  return getaddrinfo(nodename, servname, hints_in, res);
}

void evutil_freeaddrinfo(evutil_addrinfo* ai) {
  if (ai != nullptr) freeaddrinfo(ai);
}

const char* evutil_gai_strerror(int err) {
  if (err == EVUTIL_EAI_CANCEL) return "Request canceled";
  return err == 0 ? "No error" : gai_strerror(err);
}
