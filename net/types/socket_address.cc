#include "net/types/socket_address.h"

#include <arpa/inet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/un.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "absl/hash/hash.h"
#include "absl/status/status.h"

namespace spindle {
namespace {

constexpr size_t kPathOffset = offsetof(sockaddr_un, sun_path);

// Writes `name` so that it is printable and UnescapeName gives it back.
void AppendEscaped(std::string_view name, std::string* out) {
  static constexpr char kHex[] = "0123456789abcdef";
  for (const char c : name) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') {
      out->append("\\\\");
    } else if (byte < 0x20 || byte == 0x7f) {
      out->append("\\x").append(1, kHex[byte >> 4]).append(1, kHex[byte & 15]);
    } else {
      out->push_back(c);
    }
  }
}

absl::Status Bad(std::string_view text, std::string_view why) {
  std::string message = "address \"";
  AppendEscaped(text, &message);
  return absl::InvalidArgumentError(message.append("\": ").append(why));
}

// The whole of `text` as a number without a sign; nullopt if it is none or does not fit.
std::optional<uint32_t> ParseNumber(std::string_view text, int base = 10) {
  uint32_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number, base);
  if (error != std::errc() || stop != end) return std::nullopt;
  return number;
}

std::optional<uint16_t> ParsePort(std::string_view text) {
  const std::optional<uint32_t> port = ParseNumber(text);
  if (!port.has_value() || text.size() > 5 || *port > 65535) return std::nullopt;
  return static_cast<uint16_t>(*port);
}

// The index of an interface given by number or name; nullopt if there is none.
std::optional<uint32_t> ParseScope(std::string_view text) {
  if (text.empty() || text.size() >= IF_NAMESIZE || text.find('\0') != text.npos) {
    return std::nullopt;
  }
  std::optional<uint32_t> index = ParseNumber(text);
  if (!index.has_value()) index = if_nametoindex(std::string(text).c_str());
  return *index == 0 ? std::nullopt : index;
}

// A copy of `text` for the C functions; nullopt if it is too long for any address or has a NUL.
std::optional<std::string> CText(std::string_view text) {
  if (text.size() >= INET6_ADDRSTRLEN || text.find('\0') != text.npos) return std::nullopt;
  return std::string(text);
}

std::optional<std::string> UnescapeName(std::string_view text) {
  std::string name;
  while (!text.empty()) {
    size_t used = 1;
    char c = text[0];
    if (text.starts_with("\\\\")) {
      used = 2;
    } else if (c == '\\') {
      const std::optional<uint32_t> byte =
          ParseNumber(text.substr(std::min<size_t>(2, text.size()), 2), 16);
      if (!text.starts_with("\\x") || text.size() < 4 || !byte.has_value()) return std::nullopt;
      c = static_cast<char>(*byte);
      used = 4;
    }
    name.push_back(c);
    text.remove_prefix(used);
  }
  return name;
}

}  // namespace

SocketAddress& SocketAddress::operator=(const SocketAddress& other) {
  if (this != &other) {
    this->~SocketAddress();
    new (this) SocketAddress(other);
  }
  return *this;
}

SocketAddress& SocketAddress::operator=(SocketAddress&& other) noexcept {
  if (this != &other) {
    this->~SocketAddress();
    new (this) SocketAddress(std::move(other));
  }
  return *this;
}

SocketAddress SocketAddress::MakeV4(uint32_t host_order, uint16_t port) {
  SocketAddress address;
  address.kind_ = Kind::kV4;
  address.port_ = port;
  const uint32_t network_order = htonl(host_order);
  std::memcpy(address.ip_, &network_order, sizeof(network_order));
  return address;
}

SocketAddress SocketAddress::MakeUnix(Kind kind, std::string_view name) {
  SocketAddress address;
  new (&address.name_) NamePtr(std::make_shared<const std::string>(name));
  address.kind_ = kind;
  return address;
}

SocketAddress SocketAddress::LoopbackV4(uint16_t port) { return MakeV4(INADDR_LOOPBACK, port); }
SocketAddress SocketAddress::AnyV4(uint16_t port) { return MakeV4(INADDR_ANY, port); }

SocketAddress SocketAddress::AnyV6(uint16_t port) {
  SocketAddress address;
  address.kind_ = Kind::kV6;
  address.port_ = port;
  return address;
}

SocketAddress SocketAddress::LoopbackV6(uint16_t port) {
  SocketAddress address = AnyV6(port);
  address.ip_[15] = 1;
  return address;
}

// ---- Text ----

absl::StatusOr<SocketAddress> SocketAddress::FromIp(std::string_view ip, uint16_t port) {
  const size_t percent = ip.find('%');
  const std::optional<std::string> digits = CText(ip.substr(0, percent));
  if (!digits.has_value()) return Bad(ip, "not an IP address");
  SocketAddress address = AnyV6(port);
  if (inet_pton(AF_INET6, digits->c_str(), address.ip_) == 1) {
    if (percent == ip.npos) return address;
    const std::optional<uint32_t> scope = ParseScope(ip.substr(percent + 1));
    if (!scope.has_value()) return Bad(ip, "no such network interface");
    address.scope_ = *scope;
    return address;
  }
  in_addr v4;
  if (percent == ip.npos && inet_pton(AF_INET, digits->c_str(), &v4) == 1) {
    return MakeV4(ntohl(v4.s_addr), port);
  }
  return Bad(ip, "not an IP address");
}

absl::StatusOr<SocketAddress> SocketAddress::UnixPath(std::string_view path) {
  if (path.empty()) return Bad(path, "an empty Unix path");
  if (path.size() > kMaxUnixPath) return Bad(path, "a Unix path of more than 108 bytes");
  if (path.find('\0') != path.npos) return Bad(path, "a Unix path with a NUL byte");
  return MakeUnix(Kind::kUnixPath, path);
}

absl::StatusOr<SocketAddress> SocketAddress::UnixAbstract(std::string_view name) {
  if (name.size() > kMaxUnixAbstract) return Bad(name, "an abstract name of more than 107 bytes");
  return MakeUnix(Kind::kUnixAbstract, name);
}

absl::StatusOr<SocketAddress> SocketAddress::Parse(std::string_view text) {
  if (text.starts_with("unix:")) {
    std::string_view rest = text.substr(5);
    const bool is_abstract = rest.starts_with('@');
    if (is_abstract) rest.remove_prefix(1);
    const std::optional<std::string> name = UnescapeName(rest);
    if (!name.has_value()) return Bad(text, "a backslash that begins neither \\\\ nor \\xHH");
    return is_abstract ? UnixAbstract(*name) : UnixPath(*name);
  }
  const size_t colon = text.rfind(':');
  if (colon == text.npos) return Bad(text, "no port");
  std::string_view host = text.substr(0, colon);
  const std::optional<uint16_t> port = ParsePort(text.substr(colon + 1));
  if (!port.has_value()) return Bad(text, "the port is not a number from 0 to 65535");
  if (host.empty() || host == "*") return AnyV4(*port);
  const bool bracketed = host.size() >= 2 && host.front() == '[' && host.back() == ']';
  if (bracketed) host = host.substr(1, host.size() - 2);
  if (bracketed != (host.find(':') != host.npos)) {
    return Bad(text, "an IPv6 address, and nothing else, stands in brackets");
  }
  absl::StatusOr<SocketAddress> address = FromIp(host, *port);
  if (!address.ok()) return Bad(text, "neither an IP address with a port nor \"unix:\" and a name");
  return address;
}

std::string SocketAddress::ip() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (kind_ == Kind::kV4) inet_ntop(AF_INET, ip_, text, sizeof(text));
  if (kind_ == Kind::kV6) inet_ntop(AF_INET6, ip_, text, sizeof(text));
  return scope_ == 0 ? std::string(text) : text + ("%" + std::to_string(scope_));
}

std::string SocketAddress::ToString() const {
  std::string text;
  switch (kind_) {
    case Kind::kUnspecified:
      return "unspecified";
    case Kind::kV4:
      return ip() + ":" + std::to_string(port_);
    case Kind::kV6:
      return "[" + ip() + "]:" + std::to_string(port_);
    case Kind::kUnixUnnamed:
      return "unix:";
    case Kind::kUnixPath:
      text = "unix:";
      if (name_->front() != '@') {
        AppendEscaped(*name_, &text);
      } else {
        text.append("\\x40");  // not to be taken for an abstract name
        AppendEscaped(std::string_view(*name_).substr(1), &text);
      }
      return text;
    case Kind::kUnixAbstract:
      text = "unix:@";
      AppendEscaped(*name_, &text);
      return text;
  }
  return text;
}

// ---- sockaddr ----

SocketAddress SocketAddress::FromSockaddr(const sockaddr* from, socklen_t len) {
  sa_family_t family = AF_UNSPEC;
  if (from == nullptr || len < sizeof(family)) return SocketAddress();
  std::memcpy(&family, from, sizeof(family));
  SocketAddress address;
  if (family == AF_INET && len >= sizeof(sockaddr_in)) {
    sockaddr_in in;
    std::memcpy(&in, from, sizeof(in));
    return MakeV4(ntohl(in.sin_addr.s_addr), ntohs(in.sin_port));
  }
  if (family == AF_INET6 && len >= sizeof(sockaddr_in6)) {
    sockaddr_in6 in;
    std::memcpy(&in, from, sizeof(in));
    address = AnyV6(ntohs(in.sin6_port));
    address.scope_ = in.sin6_scope_id;
    std::memcpy(address.ip_, &in.sin6_addr, sizeof(in.sin6_addr));
    return address;
  }
  if (family != AF_UNIX) return address;
  const std::string_view name(reinterpret_cast<const char*>(from) + kPathOffset, len - kPathOffset);
  if (name.empty()) {
    address.kind_ = Kind::kUnixUnnamed;
    return address;
  }
  if (name[0] == '\0') {
    // From getsockname(2) exactly the bytes of the name; unix(7).
    return name.size() > kMaxUnixAbstract + 1 ? address
                                              : MakeUnix(Kind::kUnixAbstract, name.substr(1));
  }
  const std::string_view path = name.substr(0, name.find('\0'));  // Linux counts the NUL, if any
  return path.size() > kMaxUnixPath ? address : MakeUnix(Kind::kUnixPath, path);
}

socklen_t SocketAddress::ToSockaddr(sockaddr_storage* out) const {
  std::memset(out, 0, sizeof(*out));
  out->ss_family = static_cast<sa_family_t>(family());
  char* const path = reinterpret_cast<char*>(out) + kPathOffset;
  switch (kind_) {
    case Kind::kUnspecified:
      return 0;
    case Kind::kV4: {
      sockaddr_in in = {};
      in.sin_family = AF_INET;
      in.sin_port = htons(port_);
      std::memcpy(&in.sin_addr, ip_, sizeof(in.sin_addr));
      std::memcpy(out, &in, sizeof(in));
      return sizeof(in);
    }
    case Kind::kV6: {
      sockaddr_in6 in = {};
      in.sin6_family = AF_INET6;
      in.sin6_port = htons(port_);
      in.sin6_scope_id = scope_;
      std::memcpy(&in.sin6_addr, ip_, sizeof(in.sin6_addr));
      std::memcpy(out, &in, sizeof(in));
      return sizeof(in);
    }
    case Kind::kUnixUnnamed:
      return kPathOffset;
    case Kind::kUnixPath:
      std::memcpy(path, name_->data(), name_->size());
      // With the terminating NUL where there is room for it.
      return static_cast<socklen_t>(kPathOffset + std::min(name_->size() + 1, kMaxUnixPath));
    case Kind::kUnixAbstract:
      std::memcpy(path + 1, name_->data(), name_->size());
      return static_cast<socklen_t>(kPathOffset + 1 + name_->size());
  }
  return 0;
}

// ---- Properties ----

int SocketAddress::family() const {
  switch (kind_) {
    case Kind::kUnspecified:
      return AF_UNSPEC;
    case Kind::kV4:
      return AF_INET;
    case Kind::kV6:
      return AF_INET6;
    default:
      return AF_UNIX;
  }
}

SocketAddress SocketAddress::WithPort(uint16_t port) const {
  SocketAddress address = *this;
  if (is_ip()) address.port_ = port;
  return address;
}

bool SocketAddress::is_loopback() const {
  if (kind_ == Kind::kV4) return ip_[0] == 127;
  if (kind_ != Kind::kV6) return false;
  static constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  if (std::memcmp(ip_, kMapped, sizeof(kMapped)) == 0) return ip_[12] == 127;
  return std::memcmp(ip_, &in6addr_loopback, sizeof(ip_)) == 0;
}

size_t SocketAddress::HashOfHost() const { return absl::HashOf(WithPort(0)); }

bool operator==(const SocketAddress& a, const SocketAddress& b) {
  if (a.kind_ != b.kind_ || a.port_ != b.port_ || a.scope_ != b.scope_) return false;
  if (a.has_name()) return *a.name_ == *b.name_;
  return std::memcmp(a.ip_, b.ip_, sizeof(a.ip_)) == 0;
}

std::ostream& operator<<(std::ostream& out, const SocketAddress& address) {
  return out << address.ToString();
}

}  // namespace spindle
