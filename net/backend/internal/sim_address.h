#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_ADDRESS_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_ADDRESS_H_

#include <sys/socket.h>

#include <array>
#include <compare>
#include <cstdint>
#include <string>

namespace spindle {

// An IP address of either family; IPv4 in its mapped form, so that a dual-stack socket needs no
// case of its own. Value.
class SimIp {
 public:
  constexpr SimIp() = default;  // ::
  static SimIp V4(const void* four_bytes);
  static SimIp V6(const void* sixteen_bytes);
  static SimIp AnyV4();
  static SimIp LoopbackV4();
  static SimIp LoopbackV6();

  bool is_v4() const;
  bool is_any_v4() const { return *this == AnyV4(); }
  bool is_any_v6() const { return *this == SimIp(); }
  bool is_any() const { return is_any_v4() || is_any_v6(); }
  bool is_v4_loopback() const { return is_v4() && bytes_[12] == 127; }
  const uint8_t* v4_bytes() const { return bytes_.data() + 12; }
  const uint8_t* v6_bytes() const { return bytes_.data(); }

  friend auto operator<=>(const SimIp&, const SimIp&) = default;

 private:
  std::array<uint8_t, 16> bytes_ = {};
};

struct SimEndpoint {
  SimIp ip;
  uint16_t port = 0;
  friend auto operator<=>(const SimEndpoint&, const SimEndpoint&) = default;
};

// Reads the address of a socket of `domain` (AF_INET or AF_INET6). Returns 0 or -EINVAL, -EFAULT,
// -EAFNOSUPPORT as bind(2) does.
int ParseSimEndpoint(int domain, const sockaddr* address, socklen_t length, SimEndpoint* out);

// Reads the name of a Unix socket: a path, or an abstract name with its leading zero; empty for
// none. Returns 0, -EFAULT or -EINVAL.
int ParseSimUnixName(const sockaddr* address, socklen_t length, std::string* out);

// Write an address as getsockname(2) does: at most *length bytes, then the true length.
int ExportSimEndpoint(int domain, const SimEndpoint& endpoint, sockaddr* address,
                      socklen_t* length);
int ExportSimUnixName(const std::string& name, sockaddr* address, socklen_t* length);

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_ADDRESS_H_
