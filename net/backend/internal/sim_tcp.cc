#include "net/backend/internal/sim_tcp.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "net/backend/internal/sim_tcp_connection.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {
namespace {

constexpr int kReceiveShutdown = 1;
constexpr int kSendShutdown = 2;
constexpr int kBothShutdown = 3;
constexpr int kMaxBacklog = 4096;  // net.core.somaxconn

}  // namespace

SimTcpSocket::SimTcpSocket(SimWorld& world, int domain)
    : SimSocket(world, SimFdKind::kTcp, domain) {}

SimTcpSocket::~SimTcpSocket() {
  world_.events().Cancel(death_);
  // Only at the end of the world is a socket destroyed without having been closed.
  if (connection_ != nullptr && connection_->end(side_) == this) connection_->end(side_) = nullptr;
  if (in_ports_) world_.ports().Remove(*this);
}

int SimTcpSocket::Bind(const sockaddr* address, socklen_t length) {
  SimEndpoint local;
  if (const int error = ParseSimEndpoint(domain(), address, length, &local); error != 0) {
    return error;
  }
  if (state_ != State::kClosed || bound()) return -EINVAL;
  const int result = BindTo(local, PortOwner::kBind);
  if (result == 0) asked_ = local;
  return result;
}

int SimTcpSocket::BindTo(const SimEndpoint& local, PortOwner owner) {
  SimEndpoint chosen = local;
  if (chosen.port == 0) {
    chosen.port = world_.ports().PickForBind(*this, chosen.ip);
    if (chosen.port == 0) return -EADDRINUSE;
    // The choice of a port is not the program's: it goes when the connection goes.
    owner = PortOwner::kListener;
  } else if (world_.ports().Conflicts(*this, chosen)) {
    return -EADDRINUSE;
  }
  local_ = chosen;
  port_owner_ = owner;
  world_.ports().Add(*this);
  in_ports_ = true;
  return 0;
}

int SimTcpSocket::Listen(int backlog) {
  if (phase_ != Phase::kUnconnected) return -EINVAL;
  if (state_ != State::kListen) {
    if (state_ != State::kClosed) return -EINVAL;
    const SimIp any = domain() == AF_INET ? SimIp::AnyV4() : SimIp();
    if (!bound()) {
      if (const int error = BindTo({any, 0}, PortOwner::kBind); error != 0) return error;
    } else if (world_.ports().Conflicts(*this, local_)) {
      return -EADDRINUSE;
    }
    state_ = State::kListen;
    shutdown_ = 0;
  }
  backlog_ = static_cast<size_t>(backlog < 0 || backlog > kMaxBacklog ? kMaxBacklog : backlog);
  return 0;
}

int SimTcpSocket::GetSockName(sockaddr* address, socklen_t* length) const {
  SimEndpoint local = local_;
  if (!bound()) local.ip = domain() == AF_INET ? SimIp::AnyV4() : SimIp();
  return ExportSimEndpoint(domain(), local, address, length);
}

int SimTcpSocket::GetPeerName(sockaddr* address, socklen_t* length) const {
  if (remote_.port == 0 || state_ == State::kClosed || state_ == State::kSynSent) return -ENOTCONN;
  return ExportSimEndpoint(domain(), remote_, address, length);
}

int SimTcpSocket::GetAcceptedName(sockaddr* address, socklen_t* length) const {
  return ExportSimEndpoint(domain(), remote_, address, length);
}

// tcp_poll.
uint32_t SimTcpSocket::Poll() const {
  if (state_ == State::kListen) return !pending_.empty() && !pending_hidden_ ? EPOLLIN : 0u;
  uint32_t bits = 0;
  if (shutdown_ == kBothShutdown || state_ == State::kClosed) bits |= EPOLLHUP;
  if (shutdown_ & kReceiveShutdown) bits |= EPOLLIN | EPOLLRDHUP;
  if (state_ != State::kSynSent) {
    if (connection_ != nullptr && connection_->Into(side_).visible > 0) bits |= EPOLLIN;
    if ((shutdown_ & kSendShutdown) || HasSpace()) bits |= EPOLLOUT;
  }
  if (error_ != 0) bits |= EPOLLERR;
  return bits;
}

void SimTcpSocket::NotePolled() {
  if (state_ != State::kListen && state_ != State::kSynSent && !(shutdown_ & kSendShutdown) &&
      !HasSpace()) {
    no_space_ = true;
  }
}

uint32_t SimTcpSocket::SpuriousBits() const {
  if (state_ == State::kListen) return EPOLLIN;
  return can_send_state() ? EPOLLIN | EPOLLOUT : 0u;
}

// sk_stream_is_writeable: at least a third of the buffer is free.
bool SimTcpSocket::HasSpace() const {
  if (send_blocked_) return false;
  if (connection_ == nullptr) return true;
  const size_t used = connection_->OutOf(side_).unacknowledged();
  return used <= send_capacity_ && send_capacity_ - used >= used / 2 && used < send_capacity_;
}

// tcp_recvmsg.
ssize_t SimTcpSocket::RecvSome(char* data, size_t length) {
  if (state_ == State::kListen) return -ENOTCONN;
  if (connection_ != nullptr && connection_->Into(side_).visible > 0) {
    return static_cast<ssize_t>(connection_->Take(side_, data, length));
  }
  if (fin_received_) return 0;
  if (const int error = TakeError(); error != 0) return -error;
  if (shutdown_ & kReceiveShutdown) return 0;
  return state_ == State::kClosed ? -ENOTCONN : -EAGAIN;
}

// tcp_sendmsg.
ssize_t SimTcpSocket::SendSome(const char* data, size_t length) {
  if (!can_send_state() || error_ != 0 || (shutdown_ & kSendShutdown)) {
    if (const int error = TakeError(); error != 0) return -error;
    return state_ == State::kSynSent ? -EAGAIN : -EPIPE;
  }
  if (length == 0) return 0;
  const std::shared_ptr<SimTcpConnection> connection = connection_;
  SimTcpConnection::Pipe& pipe = connection->OutOf(side_);
  size_t sent = 0;
  while (sent < length && can_send_state() && !send_blocked_) {
    const size_t used = std::min(send_capacity_, pipe.unacknowledged());
    const size_t part = std::min(length - sent, send_capacity_ - used);
    if (part == 0) break;
    pipe.bytes.Append(data + sent, part);
    world_.bytes().sent += part;
    sent += part;
    connection->Transmit(side_);
  }
  if (sent < length && can_send_state()) {
    no_space_ = true;
    ++world_.counters().window_full;
  }
  ArmDeath();
  return sent > 0 ? static_cast<ssize_t>(sent) : -EAGAIN;
}

void SimTcpSocket::OnSendUnblocked() {
  // Whoever was cut short waits for an edge, also if he has not come back to be told EAGAIN.
  no_space_ = true;
  OnAcknowledged();
}

// inet_shutdown.
int SimTcpSocket::Shutdown(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  const int bits = how + 1;
  int result = 0;
  switch (state_) {
    case State::kClosed:
      if (phase_ == Phase::kConnecting) phase_ = Phase::kDisconnecting;
      result = -ENOTCONN;
      shutdown_ |= bits;
      break;
    case State::kListen:
      if (bits & kReceiveShutdown) Disconnect();
      break;
    case State::kSynSent:
      Disconnect();
      error_ = ECONNRESET;
      break;
    default:
      phase_ = Phase::kConnected;
      shutdown_ |= bits;
      if (bits & kSendShutdown) StartFin();
  }
  Wake(0);
  return result;
}

int SimTcpSocket::AcceptError() const {
  if (state_ != State::kListen) return -EINVAL;
  return pending_.empty() || pending_hidden_ ? -EAGAIN : 0;
}

std::shared_ptr<SimSocket> SimTcpSocket::TakePending() {
  std::shared_ptr<SimTcpSocket> first = std::move(pending_.front());
  pending_.pop_front();
  return first;
}

bool SimTcpSocket::AbortPending() {
  const std::shared_ptr<SimTcpSocket> first = std::move(pending_.front());
  pending_.pop_front();
  first->linger_on_ = true;
  first->linger_seconds_ = 0;
  first->OnClose();
  return true;
}

size_t SimTcpSocket::DelayableBytes() const {
  if (connection_ == nullptr || fin_received_ || state_ == State::kClosed) return 0;
  return connection_->Into(side_).visible;
}

void SimTcpSocket::HoldBack() {
  if (connection_ != nullptr) connection_->HoldBack(side_);
}

bool SimTcpSocket::CanSend() const {
  return can_send_state() && error_ == 0 && !(shutdown_ & kSendShutdown) && HasSpace();
}

bool SimTcpSocket::InjectReset() {
  if (connection_ == nullptr || state_ == State::kClosed) return false;
  const std::shared_ptr<SimTcpConnection> connection = connection_;
  connection->ResetBoth();
  return true;
}

uint8_t SimTcpSocket::tcp_info_state() const {
  switch (state_) {
    case State::kClosed:
      return TCP_CLOSE;
    case State::kListen:
      return TCP_LISTEN;
    case State::kSynSent:
      return TCP_SYN_SENT;
    case State::kEstablished:
      return TCP_ESTABLISHED;
    case State::kCloseWait:
      return TCP_CLOSE_WAIT;
    case State::kFinWait1:
      return TCP_FIN_WAIT1;
    case State::kFinWait2:
      return TCP_FIN_WAIT2;
    case State::kClosing:
      return TCP_CLOSING;
    case State::kLastAck:
      return TCP_LAST_ACK;
  }
  return TCP_CLOSE;
}

void SimTcpSocket::OnOptionChanged() {
  if (connection_ == nullptr) return;
  const std::shared_ptr<SimTcpConnection> connection = connection_;
  connection->Into(side_).capacity = receive_capacity_;
  connection->Transmit(connection->Other(side_));
  OnAcknowledged();
  ArmDeath();
}

}  // namespace spindle
