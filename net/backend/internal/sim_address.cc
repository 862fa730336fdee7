#include "net/backend/internal/sim_address.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>

namespace spindle {
namespace {

constexpr uint8_t kMappedPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
constexpr socklen_t kShortestSockaddrIn6 = 24;  // Without the scope: RFC 2133.

int Export(const void* from, socklen_t true_length, sockaddr* address, socklen_t* length) {
  if (address == nullptr || length == nullptr) return -EFAULT;
  if (*length > static_cast<socklen_t>(INT32_MAX)) return -EINVAL;
  std::memcpy(address, from, std::min(*length, true_length));
  *length = true_length;
  return 0;
}

}  // namespace

SimIp SimIp::V4(const void* four_bytes) {
  SimIp ip;
  std::memcpy(ip.bytes_.data(), kMappedPrefix, sizeof kMappedPrefix);
  std::memcpy(ip.bytes_.data() + 12, four_bytes, 4);
  return ip;
}

SimIp SimIp::V6(const void* sixteen_bytes) {
  SimIp ip;
  std::memcpy(ip.bytes_.data(), sixteen_bytes, 16);
  return ip;
}

SimIp SimIp::AnyV4() {
  constexpr uint8_t kAny[4] = {0, 0, 0, 0};
  return V4(kAny);
}

SimIp SimIp::LoopbackV4() {
  constexpr uint8_t kLoopback[4] = {127, 0, 0, 1};
  return V4(kLoopback);
}

SimIp SimIp::LoopbackV6() { return V6(&in6addr_loopback); }

bool SimIp::is_v4() const {
  return std::memcmp(bytes_.data(), kMappedPrefix, sizeof kMappedPrefix) == 0;
}

int ParseSimEndpoint(int domain, const sockaddr* address, socklen_t length, SimEndpoint* out) {
  if (address == nullptr) return -EFAULT;
  if (domain == AF_INET) {
    sockaddr_in in;
    if (length < sizeof in) return -EINVAL;
    std::memcpy(&in, address, sizeof in);
    if (in.sin_family != AF_INET) return -EAFNOSUPPORT;
    *out = {SimIp::V4(&in.sin_addr), ntohs(in.sin_port)};
    return 0;
  }
  sockaddr_in6 in = {};
  if (length < kShortestSockaddrIn6) return -EINVAL;
  std::memcpy(&in, address, std::min<size_t>(length, sizeof in));
  if (in.sin6_family != AF_INET6) return -EAFNOSUPPORT;
  *out = {SimIp::V6(&in.sin6_addr), ntohs(in.sin6_port)};
  return 0;
}

int ParseSimUnixName(const sockaddr* address, socklen_t length, std::string* out) {
  constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);
  if (address == nullptr) return -EFAULT;
  sockaddr_un un = {};
  if (length < kPathOffset || length > sizeof un) return -EINVAL;
  std::memcpy(&un, address, length);
  if (un.sun_family != AF_UNIX) return -EINVAL;
  const size_t name_length = length - kPathOffset;
  if (name_length == 0) {
    out->clear();
  } else if (un.sun_path[0] == '\0') {
    out->assign(un.sun_path, name_length);
  } else {
    out->assign(un.sun_path, strnlen(un.sun_path, name_length));
  }
  return 0;
}

int ExportSimEndpoint(int domain, const SimEndpoint& endpoint, sockaddr* address,
                      socklen_t* length) {
  if (domain == AF_INET) {
    sockaddr_in in = {};
    in.sin_family = AF_INET;
    in.sin_port = htons(endpoint.port);
    if (endpoint.ip.is_v4()) std::memcpy(&in.sin_addr, endpoint.ip.v4_bytes(), 4);
    return Export(&in, sizeof in, address, length);
  }
  sockaddr_in6 in = {};
  in.sin6_family = AF_INET6;
  in.sin6_port = htons(endpoint.port);
  std::memcpy(&in.sin6_addr, endpoint.ip.v6_bytes(), 16);
  return Export(&in, sizeof in, address, length);
}

int ExportSimUnixName(const std::string& name, sockaddr* address, socklen_t* length) {
  sockaddr_un un = {};
  un.sun_family = AF_UNIX;
  std::memcpy(un.sun_path, name.data(), std::min(name.size(), sizeof un.sun_path));
  size_t true_length = offsetof(sockaddr_un, sun_path) + name.size();
  // A path is reported with its closing zero, an abstract name and none at all without.
  if (!name.empty() && name[0] != '\0') ++true_length;
  true_length = std::min(true_length, sizeof un);
  return Export(&un, static_cast<socklen_t>(true_length), address, length);
}

}  // namespace spindle
