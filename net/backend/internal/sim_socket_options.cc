#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "net/backend/internal/sim_socket.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {
namespace {

struct KnownOption {
  int level;
  int name;
  int standard;
  bool is_flag;
};

// Options that are remembered and reported. The kernel's defaults.
constexpr std::array kKnownOptions = {
    KnownOption{SOL_SOCKET, SO_REUSEADDR, 0, true},
    KnownOption{SOL_SOCKET, SO_REUSEPORT, 0, true},
    KnownOption{SOL_SOCKET, SO_KEEPALIVE, 0, true},
    KnownOption{SOL_SOCKET, SO_BROADCAST, 0, true},
    KnownOption{SOL_SOCKET, SO_OOBINLINE, 0, true},
    KnownOption{SOL_SOCKET, SO_PRIORITY, 0, false},
    KnownOption{SOL_SOCKET, SO_RCVLOWAT, 1, false},
    KnownOption{SOL_SOCKET, SO_INCOMING_CPU, -1, false},
    KnownOption{SOL_SOCKET, SO_BUSY_POLL, 0, false},
    KnownOption{IPPROTO_TCP, TCP_NODELAY, 0, true},
    KnownOption{IPPROTO_TCP, TCP_CORK, 0, true},
    KnownOption{IPPROTO_TCP, TCP_QUICKACK, 1, true},
    KnownOption{IPPROTO_TCP, TCP_KEEPIDLE, 7200, false},
    KnownOption{IPPROTO_TCP, TCP_KEEPINTVL, 75, false},
    KnownOption{IPPROTO_TCP, TCP_KEEPCNT, 9, false},
    KnownOption{IPPROTO_TCP, TCP_USER_TIMEOUT, 0, false},
    KnownOption{IPPROTO_TCP, TCP_DEFER_ACCEPT, 0, false},
    KnownOption{IPPROTO_TCP, TCP_FASTOPEN, 0, false},
    KnownOption{IPPROTO_TCP, TCP_SYNCNT, 6, false},
    KnownOption{IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0, false},
    KnownOption{IPPROTO_TCP, TCP_MAXSEG, 536, false},
    KnownOption{IPPROTO_IP, IP_TOS, 0, false},
    KnownOption{IPPROTO_IP, IP_TTL, 64, false},
    KnownOption{IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 0, true},
    KnownOption{IPPROTO_IPV6, IPV6_V6ONLY, 0, true},
    KnownOption{IPPROTO_IPV6, IPV6_TCLASS, 0, false},
};

const KnownOption* FindOption(int level, int name) {
  const auto found = std::find_if(
      kKnownOptions.begin(), kKnownOptions.end(),
      [&](const KnownOption& option) { return option.level == level && option.name == name; });
  return found == kKnownOptions.end() ? nullptr : found;
}

int CopyOut(const void* from, size_t size, void* value, socklen_t* length) {
  const size_t copied = std::min<size_t>(*length, size);
  if (copied > 0) std::memcpy(value, from, copied);
  *length = static_cast<socklen_t>(copied);
  return 0;
}

}  // namespace

bool SimSocket::v6_only() const {
  return domain_ == AF_INET6 && Option(IPPROTO_IPV6, IPV6_V6ONLY) != 0;
}

int SimSocket::Option(int level, int name) const {
  if (const auto found = values_.find({level, name}); found != values_.end()) return found->second;
  const KnownOption* const known = FindOption(level, name);
  return known == nullptr ? 0 : known->standard;
}

void SimSocket::InheritOptions(const SimSocket& listener) {
  values_ = listener.values_;
  send_capacity_ = listener.send_capacity_;
  receive_capacity_ = listener.receive_capacity_;
  linger_on_ = listener.linger_on_;
  linger_seconds_ = listener.linger_seconds_;
}

int SimSocket::GetSocketOption(int name, int* value) {
  switch (name) {
    case SO_ERROR:
      *value = TakeError();
      return 0;
    case SO_TYPE:
      *value = SOCK_STREAM;
      return 0;
    case SO_DOMAIN:
      *value = domain_;
      return 0;
    case SO_PROTOCOL:
      *value = domain_ == AF_UNIX ? 0 : IPPROTO_TCP;
      return 0;
    case SO_ACCEPTCONN:
      *value = listening_state() ? 1 : 0;
      return 0;
    case SO_SNDBUF:
      *value = static_cast<int>(2 * send_capacity_);
      return 0;
    case SO_RCVBUF:
      *value = static_cast<int>(2 * receive_capacity_);
      return 0;
    default:
      if (FindOption(SOL_SOCKET, name) == nullptr) return -ENOPROTOOPT;
      *value = Option(SOL_SOCKET, name);
      return 0;
  }
}

int SimSocket::GetSockOpt(int level, int name, void* value, socklen_t* length) {
  if (value == nullptr || length == nullptr) return -EFAULT;
  if (*length > static_cast<socklen_t>(INT32_MAX)) return -EINVAL;
  if (level == SOL_SOCKET && name == SO_LINGER) {
    const linger linger = {linger_on_ ? 1 : 0, linger_seconds_};
    return CopyOut(&linger, sizeof linger, value, length);
  }
  if (level == SOL_SOCKET && name == SO_PEERCRED) {
    const ucred nobody = {};
    return CopyOut(&nobody, sizeof nobody, value, length);
  }
  if (level == IPPROTO_TCP && name == TCP_INFO && domain_ != AF_UNIX) {
    tcp_info info = {};
    info.tcpi_state = tcp_info_state();
    return CopyOut(&info, sizeof info, value, length);
  }
  int number = 0;
  if (level == SOL_SOCKET) {
    if (const int error = GetSocketOption(name, &number); error != 0) return error;
  } else {
    if (domain_ == AF_UNIX) return -EOPNOTSUPP;
    if (level == IPPROTO_IPV6 && domain_ != AF_INET6) return -EOPNOTSUPP;
    if (FindOption(level, name) == nullptr) return -ENOPROTOOPT;
    number = Option(level, name);
  }
  return CopyOut(&number, sizeof number, value, length);
}

// The kernel doubles what is asked for, to make room for its own bookkeeping, and reports that.
// Here the payload is what was asked for.
bool SimSocket::SetBufferSize(int name, int value) {
  constexpr size_t kLeastSend = 2304;
  constexpr size_t kLeastReceive = 1152;
  const size_t most = world_.options().max_buffer;
  const auto wanted = static_cast<size_t>(std::max(value, 0));
  if (name == SO_SNDBUF) {
    send_capacity_ = std::clamp(wanted, std::min(kLeastSend, most), most);
  } else if (name == SO_RCVBUF) {
    receive_capacity_ = std::clamp(wanted, std::min(kLeastReceive, most), most);
  } else {
    return false;
  }
  return true;
}

int SimSocket::SetKnown(int level, int name, int value) {
  const KnownOption* const known = FindOption(level, name);
  if (known == nullptr) return -ENOPROTOOPT;
  if (level == IPPROTO_IPV6 && name == IPV6_V6ONLY && bound()) return -EINVAL;
  values_[{level, name}] = known->is_flag ? (value != 0 ? 1 : 0) : value;
  return 0;
}

int SimSocket::SetSockOpt(int level, int name, const void* value, socklen_t length) {
  if (level == SOL_SOCKET && name == SO_LINGER) {
    linger linger;
    if (length < sizeof linger) return -EINVAL;
    std::memcpy(&linger, value, sizeof linger);
    linger_on_ = linger.l_onoff != 0;
    linger_seconds_ = linger_on_ ? linger.l_linger : 0;
    return 0;
  }
  if (level != SOL_SOCKET) {
    if (domain_ == AF_UNIX) return -EOPNOTSUPP;
    if (level == IPPROTO_IPV6 && domain_ != AF_INET6) return -ENOPROTOOPT;
  }
  int number;
  if (length < sizeof number) return -EINVAL;
  if (value == nullptr) return -EFAULT;
  std::memcpy(&number, value, sizeof number);
  if (level != SOL_SOCKET || !SetBufferSize(name, number)) {
    if (const int error = SetKnown(level, name, number); error != 0) return error;
  }
  OnOptionChanged();
  return 0;
}

}  // namespace spindle
