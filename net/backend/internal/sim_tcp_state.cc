// How a TCP socket gets a connection and loses it.

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "net/backend/internal/sim_tcp.h"
#include "net/backend/internal/sim_tcp_connection.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {
namespace {

constexpr int kReceiveShutdown = 1;
constexpr int kSendShutdown = 2;
constexpr int kBothShutdown = 3;

constexpr int kSynRetries = 6;  // net.ipv4.tcp_syn_retries: gives up after 127 s.
constexpr Duration kFirstSynTimeout = std::chrono::seconds(1);
// net.ipv4.tcp_retries2 = 15, in the words of the kernel's documentation.
constexpr Duration kRetransmitTimeout = std::chrono::milliseconds(924600);

}  // namespace

// __inet_stream_connect.
int SimTcpSocket::Connect(const sockaddr* address, socklen_t length) {
  if (phase_ == Phase::kConnected) return -EISCONN;
  if (phase_ == Phase::kDisconnecting) return -EINVAL;
  if (phase_ == Phase::kConnecting) {
    if (state_ == State::kSynSent) return -EALREADY;
    if (state_ != State::kClosed) {
      phase_ = Phase::kConnected;
      return 0;
    }
    const int error = TakeError();
    Disconnect();
    return error != 0 ? -error : -ECONNABORTED;
  }
  if (state_ != State::kClosed) return -EISCONN;
  SimEndpoint remote;
  if (const int error = ParseSimEndpoint(domain(), address, length, &remote); error != 0) {
    return error;
  }
  if (remote.ip.is_any()) {
    remote.ip = remote.ip.is_v4() || local_.ip.is_v4() ? SimIp::LoopbackV4() : SimIp::LoopbackV6();
  }
  if (v6_only() && remote.ip.is_v4()) return -ENETUNREACH;
  if (remote.port == 0) return -ECONNREFUSED;
  remote_ = remote;
  if (const int error = ChooseLocal(); error != 0) {
    remote_ = {};
    return error;
  }
  phase_ = Phase::kConnecting;
  state_ = State::kSynSent;
  const uint64_t serial = ++connect_serial_;
  SimCounters& counters = world_.counters();
  const bool late = world_.Roll(world_.options().faults.connect_late, counters.connect_late);
  ScheduleSyn(serial, late ? 1 : 0, late ? kFirstSynTimeout : Duration::zero());
  return -EINPROGRESS;
}

int SimTcpSocket::ChooseLocal() {
  SimIp ip = bound() ? asked_.ip : SimIp();
  if (ip.is_any()) ip = remote_.ip.is_v4_loopback() ? SimIp::LoopbackV4() : remote_.ip;
  if (bound()) {
    if (world_.ports().HasConnection({ip, local_.port}, remote_)) return -EADDRNOTAVAIL;
    local_.ip = ip;
    return 0;
  }
  const uint16_t port = world_.ports().PickForConnect(ip, remote_);
  if (port == 0) return -EADDRNOTAVAIL;
  local_ = {ip, port};
  port_owner_ = PortOwner::kConnect;
  world_.ports().Add(*this);
  in_ports_ = true;
  return 0;
}

void SimTcpSocket::ScheduleSyn(uint64_t serial, int attempt, Duration later) {
  // There and back.
  const TimePoint when = world_.now() + later + world_.Delay() + world_.Delay();
  if (when <= world_.now()) {
    Syn(serial, attempt);
    return;
  }
  world_.events().Schedule(when, [weak = weak_from_this(), serial, attempt] {
    if (const std::shared_ptr<SimFile> file = weak.lock()) {
      static_cast<SimTcpSocket&>(*file).Syn(serial, attempt);
    }
  });
}

void SimTcpSocket::Syn(uint64_t serial, int attempt) {
  if (state_ != State::kSynSent || serial != connect_serial_) return;
  SimCounters& counters = world_.counters();
  if (attempt > kSynRetries) {
    ++counters.timed_out;
    Done(ETIMEDOUT);
    return;
  }
  if (SimTcpSocket* const other = world_.ports().FindConnecting(remote_, local_)) {
    ConnectTo(*other);
    return;
  }
  SimTcpSocket* const listener = world_.ports().FindListener(remote_);
  if (listener == nullptr) ++counters.connect_refused;
  if (listener == nullptr ||
      world_.Roll(world_.options().faults.connect_refused, counters.connect_refused)) {
    Done(ECONNREFUSED);
  } else if (listener->pending_.size() > listener->backlog_) {
    ++counters.syn_dropped;
    ScheduleSyn(serial, attempt + 1, kFirstSynTimeout * (int64_t{1} << attempt));
  } else {
    ConnectToListener(*listener);
  }
}

// Both connect to each other at once, or a socket to itself.
void SimTcpSocket::ConnectTo(SimTcpSocket& other) {
  auto connection = std::make_shared<SimTcpConnection>(world_, this, &other);
  Establish(connection, 0);
  if (&other == this) {
    ++world_.counters().self_connects;
  } else {
    other.Establish(connection, 1);
    other.Wake(0);
  }
  Wake(0);
}

void SimTcpSocket::ConnectToListener(SimTcpSocket& listener) {
  auto child = std::make_shared<SimTcpSocket>(world_, listener.domain());
  child->InheritOptions(listener);
  child->local_ = remote_;
  child->remote_ = local_;
  child->port_owner_ = PortOwner::kListener;
  child->phase_ = Phase::kConnected;
  world_.ports().Add(*child);
  child->in_ports_ = true;
  auto connection = std::make_shared<SimTcpConnection>(world_, this, child.get());
  child->Establish(connection, 1);
  Establish(std::move(connection), 0);
  Wake(0);
  listener.pending_.push_back(std::move(child));
  listener.Wake(EPOLLIN);
}

void SimTcpSocket::Establish(std::shared_ptr<SimTcpConnection> connection, int side) {
  connection_ = std::move(connection);
  side_ = side;
  connection_->Into(side).capacity = receive_capacity_;
  state_ = State::kEstablished;
}

bool SimTcpSocket::accepts_data() const {
  if (state_ == State::kClosed) return false;
  const bool fin_wait = state_ == State::kFinWait1 || state_ == State::kFinWait2;
  return !fin_wait || !(shutdown_ & kReceiveShutdown);
}

// tcp_check_space.
void SimTcpSocket::OnAcknowledged() {
  if (!no_space_ || !HasSpace()) return;
  no_space_ = false;
  Wake(EPOLLOUT);
}

void SimTcpSocket::StartFin() {
  if (state_ == State::kEstablished) {
    state_ = State::kFinWait1;
  } else if (state_ == State::kCloseWait) {
    state_ = State::kLastAck;
  } else {
    return;
  }
  const std::shared_ptr<SimTcpConnection> connection = connection_;
  connection->QueueFin(side_);
  ArmDeath();
}

// tcp_fin.
void SimTcpSocket::OnFin() {
  if (state_ == State::kClosed) return;
  shutdown_ |= kReceiveShutdown;
  fin_received_ = true;
  if (state_ == State::kEstablished) {
    state_ = State::kCloseWait;
  } else if (state_ == State::kFinWait1) {
    state_ = State::kClosing;
  } else if (state_ == State::kFinWait2) {
    NoteTimeWait();
    Done(0);
    return;
  }
  Wake(0);
}

void SimTcpSocket::OnFinAcknowledged() {
  switch (state_) {
    case State::kFinWait1:
      state_ = State::kFinWait2;
      shutdown_ |= kSendShutdown;
      Wake(0);
      break;
    case State::kClosing:
      NoteTimeWait();
      Done(0);
      break;
    case State::kLastAck:
      Done(0);
      break;
    default:
      break;
  }
}

// tcp_reset.
void SimTcpSocket::OnReset() {
  if (state_ == State::kClosed || state_ == State::kListen) return;
  ++world_.counters().rst_received;
  Done(state_ == State::kCloseWait ? EPIPE : ECONNRESET);
}

// tcp_done, with the error that tcp_reset and tcp_write_err set before.
void SimTcpSocket::Done(int error) {
  if (error != 0) error_ = error;
  state_ = State::kClosed;
  shutdown_ = kBothShutdown;
  world_.events().Cancel(std::exchange(death_, {}));
  if (connection_ != nullptr) {
    connection_->DropUnsent(side_);
    SimTcpConnection::Pipe& input = connection_->Into(side_);
    input.visible = input.arrived;
  }
  if (port_owner_ != PortOwner::kBind) ReleasePort();
  Wake(0);
}

void SimTcpSocket::NoteTimeWait() {
  connection_->SetTimeWait(side_, world_.ports().AddTimeWait(*this));
}

void SimTcpSocket::ReleasePort() {
  if (!std::exchange(in_ports_, false)) return;
  world_.ports().Remove(*this);
}

// tcp_disconnect.
void SimTcpSocket::Disconnect() {
  if (state_ == State::kListen) StopListening();
  state_ = State::kClosed;
  phase_ = Phase::kUnconnected;
  shutdown_ = 0;
  error_ = 0;
  fin_received_ = false;
  connection_ = nullptr;
  remote_ = {};
  if (port_owner_ == PortOwner::kBind) {
    local_.ip = asked_.ip;
  } else {
    ReleasePort();
    local_ = {};
    port_owner_ = PortOwner::kNobody;
  }
  Wake(EPOLLERR);
}

void SimTcpSocket::StopListening() {
  while (!pending_.empty()) AbortPending();
  state_ = State::kClosed;
}

// __tcp_close.
void SimTcpSocket::OnClose() {
  if (state_ == State::kListen) StopListening();
  if (connection_ != nullptr) CloseConnection();
  state_ = State::kClosed;
  world_.events().Cancel(std::exchange(death_, {}));
  ReleasePort();
}

void SimTcpSocket::CloseConnection() {
  const std::shared_ptr<SimTcpConnection> connection = std::exchange(connection_, nullptr);
  const size_t unread = connection->DropUnread(side_);
  // From here on what arrives finds nobody.
  connection->end(side_) = nullptr;
  if (state_ == State::kClosed) return;
  const bool reset_on_linger = state_ != State::kClosing && state_ != State::kLastAck;
  if (unread > 0) {
    ++world_.counters().rst_on_unread;
    connection->SendReset(side_);
  } else if (linger_on_ && linger_seconds_ == 0) {
    if (reset_on_linger) connection->SendReset(side_);
  } else {
    if (state_ != State::kCloseWait && state_ != State::kLastAck) {
      connection->SetTimeWait(side_, world_.ports().AddTimeWait(*this));
    }
    connection->QueueFin(side_);
  }
}

void SimTcpSocket::ArmDeath() {
  if (connection_ == nullptr || !connection_->blackhole() || state_ == State::kClosed) return;
  const Duration user_timeout = std::chrono::milliseconds(Option(IPPROTO_TCP, TCP_USER_TIMEOUT));
  Duration patience;
  const SimTcpConnection::Pipe& output = connection_->OutOf(side_);
  if (output.unacknowledged() > 0 || output.fin_queued) {
    patience = user_timeout > Duration::zero() ? user_timeout : kRetransmitTimeout;
  } else if (Option(SOL_SOCKET, SO_KEEPALIVE) != 0) {
    const Duration interval = std::chrono::seconds(Option(IPPROTO_TCP, TCP_KEEPINTVL));
    patience = std::chrono::seconds(Option(IPPROTO_TCP, TCP_KEEPIDLE));
    if (user_timeout > Duration::zero()) {
      patience += interval;
      while (patience < user_timeout && interval > Duration::zero()) patience += interval;
    } else {
      patience += interval * Option(IPPROTO_TCP, TCP_KEEPCNT);
    }
  } else {
    return;
  }
  const TimePoint when = SaturatingAdd(world_.now(), patience);
  if (death_.serial != 0 && death_.when <= when) return;
  world_.events().Cancel(death_);
  death_ = world_.events().Schedule(when, [this] {
    death_ = {};
    ++world_.counters().timed_out;
    Done(ETIMEDOUT);
  });
}

}  // namespace spindle
