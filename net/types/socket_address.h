#ifndef SPINDLE_NET_TYPES_SOCKET_ADDRESS_H_
#define SPINDLE_NET_TYPES_SOCKET_ADDRESS_H_

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"

namespace spindle {

// The address of one end of a socket: IPv4, IPv6 (with scope), Unix path, Unix abstract name,
// Unix unnamed (what an unbound Unix client has), or unspecified.
//
// Immutable value of 24 bytes; distinct objects may be used on any threads. IP addresses are held
// in place: copying one neither allocates nor touches an atomic. A Unix name is shared between
// copies. The IPv6 flow label is not kept.
class SocketAddress {
 public:
  enum class Kind : uint8_t { kUnspecified, kV4, kV6, kUnixUnnamed, kUnixPath, kUnixAbstract };

  // Bytes of sun_path, sockaddr_un(7).
  static constexpr size_t kMaxUnixPath = 108;
  static constexpr size_t kMaxUnixAbstract = 107;

  // Unspecified.
  SocketAddress() { std::memset(&ip_, 0, sizeof(ip_)); }
  SocketAddress(const SocketAddress& other) { CopyFrom(other); }
  SocketAddress(SocketAddress&& other) noexcept { StealFrom(other); }
  SocketAddress& operator=(const SocketAddress& other);
  SocketAddress& operator=(SocketAddress&& other) noexcept;
  ~SocketAddress() {
    if (has_name()) name_.~NamePtr();
  }

  // Parses one of
  //   "127.0.0.1:80"  "[::1]:80"  "[fe80::1%eth0]:80" (or the number of the interface)
  //   ":80"  "*:80"                 all IPv4 addresses; write "[::]:80" for IPv6
  //   "unix:/path"  "unix:@name"    Unix path (absolute or relative), Unix abstract name
  // In Unix names "\\" stands for a backslash and "\xHH" for any byte; that is how ToString writes
  // control bytes, and an '@' that begins a path. Host names are refused: they need a resolver.
  // Errors: InvalidArgument, naming the text and what is wrong with it.
  static absl::StatusOr<SocketAddress> Parse(std::string_view text);

  // As Parse, but the address alone: "127.0.0.1", "::1", "fe80::1%eth0", without brackets.
  static absl::StatusOr<SocketAddress> FromIp(std::string_view ip, uint16_t port);

  static SocketAddress LoopbackV4(uint16_t port);
  static SocketAddress LoopbackV6(uint16_t port);
  static SocketAddress AnyV4(uint16_t port);
  static SocketAddress AnyV6(uint16_t port);

  // `path` has 1 to 108 bytes, none of them NUL. Linux takes all 108 (without a terminating NUL);
  // many other programs can reach only paths of up to 107. Errors: InvalidArgument.
  static absl::StatusOr<SocketAddress> UnixPath(std::string_view path);

  // `name` has 0 to 107 bytes of any value, NUL included; the leading NUL of sun_path is not part
  // of it. Errors: InvalidArgument.
  static absl::StatusOr<SocketAddress> UnixAbstract(std::string_view name);

  // What accept(2), getsockname(2) or recvfrom(2) filled in. Reads no byte beyond `len`, whatever
  // the family claims, and needs no alignment. A null pointer, an unknown family or a length too
  // short for its family gives an unspecified address.
  static SocketAddress FromSockaddr(const sockaddr* address, socklen_t len);

  // Fills `out` and returns the length to hand to bind(2) or connect(2); 0 if unspecified.
  socklen_t ToSockaddr(sockaddr_storage* out) const;

  Kind kind() const { return kind_; }
  bool is_unspecified() const { return kind_ == Kind::kUnspecified; }
  bool is_ip() const { return kind_ == Kind::kV4 || kind_ == Kind::kV6; }
  bool is_unix() const { return kind_ >= Kind::kUnixUnnamed; }

  // AF_INET, AF_INET6, AF_UNIX or AF_UNSPEC.
  int family() const;

  // 0 if not an IP address.
  uint16_t port() const { return port_; }

  // The same address with another port; unchanged if not an IP address.
  SocketAddress WithPort(uint16_t port) const;

  // Interface index of an IPv6 address, 0 if it has none.
  uint32_t scope_id() const { return scope_; }

  // "127.0.0.1" or "fe80::1%3"; empty if not an IP address.
  std::string ip() const;

  // The path, or the abstract name without its leading NUL; empty for any other kind. Valid while
  // this object or a copy of it lives.
  std::string_view unix_path() const { return has_name() ? *name_ : std::string_view(); }

  // 127.0.0.0/8, ::1, or ::ffff:127.0.0.0/104. Unix addresses are not loopback addresses.
  bool is_loopback() const;

  // Text that Parse turns back into an equal address, on any machine: scopes are written as
  // numbers. Two kinds have no such text: an unspecified address is "unspecified", an unnamed Unix
  // one "unix:"; Parse refuses both, since nothing can be reached there.
  std::string ToString() const;

  // Hash of the address without its port: equal for two connections from one host. The value
  // differs between processes.
  size_t HashOfHost() const;

  friend bool operator==(const SocketAddress& a, const SocketAddress& b);

  template <typename H>
  friend H AbslHashValue(H h, const SocketAddress& a) {
    return H::combine(a.HashHostInto(std::move(h)), a.port_);
  }

  template <typename Sink>
  friend void AbslStringify(Sink& sink, const SocketAddress& address) {
    sink.Append(address.ToString());
  }

 private:
  using NamePtr = std::shared_ptr<const std::string>;

  static SocketAddress MakeV4(uint32_t host_order, uint16_t port);
  static SocketAddress MakeUnix(Kind kind, std::string_view name);

  bool has_name() const { return kind_ >= Kind::kUnixPath; }

  void CopyFrom(const SocketAddress& other) {
    CopyHead(other);
    if (other.has_name()) {
      new (&name_) NamePtr(other.name_);
    } else {
      std::memcpy(&ip_, &other.ip_, sizeof(ip_));
    }
  }
  void StealFrom(SocketAddress& other) {
    CopyHead(other);
    if (other.has_name()) {
      new (&name_) NamePtr(std::move(other.name_));
      other.name_.~NamePtr();
      other.kind_ = Kind::kUnspecified;
      std::memset(&other.ip_, 0, sizeof(other.ip_));
    } else {
      std::memcpy(&ip_, &other.ip_, sizeof(ip_));
    }
  }
  void CopyHead(const SocketAddress& other) {
    kind_ = other.kind_;
    port_ = other.port_;
    scope_ = other.scope_;
  }

  template <typename H>
  H HashHostInto(H h) const {
    h = H::combine(std::move(h), kind_, scope_);
    if (has_name()) return H::combine(std::move(h), *name_);
    return H::combine_contiguous(std::move(h), ip_, sizeof(ip_));
  }

  Kind kind_ = Kind::kUnspecified;
  uint16_t port_ = 0;   // host order; 0 unless IP
  uint32_t scope_ = 0;  // 0 unless IPv6
  union {
    unsigned char ip_[16];  // network order; IPv4 in the first 4 bytes, the rest 0
    NamePtr name_;          // iff has_name(); then never null
  };
};

static_assert(sizeof(SocketAddress) == 24);

std::ostream& operator<<(std::ostream& out, const SocketAddress& address);

}  // namespace spindle

#endif  // SPINDLE_NET_TYPES_SOCKET_ADDRESS_H_
