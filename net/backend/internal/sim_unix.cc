#include "net/backend/internal/sim_unix.h"

#include <errno.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <utility>

#include "net/backend/internal/sim_address.h"

namespace spindle {
namespace {

constexpr int kReceiveShutdown = 1;
constexpr int kSendShutdown = 2;
constexpr int kBothShutdown = 3;
constexpr int kMaxBacklog = 4096;  // net.core.somaxconn

}  // namespace

SimUnixSocket::SimUnixSocket(SimWorld& world)
    : SimSocket(world, SimFdKind::kUnix, AF_UNIX), SimByteHolder(world) {}

SimUnixSocket::~SimUnixSocket() {
  // Only at the end of the world is a socket destroyed without having been closed.
  if (peer_ != nullptr) peer_->peer_ = nullptr;
  if (owns_name_) world_.names().Release(name_, this);
}

int SimUnixSocket::Bind(const sockaddr* address, socklen_t length) {
  std::string name;
  if (const int error = ParseSimUnixName(address, length, &name); error != 0) return error;
  if (owns_name_) return -EINVAL;
  if (name.empty()) {
    // Autobind: an abstract name of five hexadecimal digits.
    char digits[8];
    do {
      std::snprintf(digits, sizeof digits, "%05x",
                    static_cast<unsigned>(world_.random().Uniform(1u << 20)));
      name = std::string(1, '\0') + digits;
    } while (world_.names().Exists(name));
  }
  if (!world_.names().Add(name, this)) return -EADDRINUSE;
  name_ = name;
  owns_name_ = true;
  return 0;
}

int SimUnixSocket::Listen(int backlog) {
  if (!owns_name_ || state_ == State::kEstablished) return -EINVAL;
  state_ = State::kListen;
  backlog_ = static_cast<size_t>(backlog < 0 || backlog > kMaxBacklog ? kMaxBacklog : backlog);
  return 0;
}

// unix_stream_connect.
int SimUnixSocket::Connect(const sockaddr* address, socklen_t length) {
  std::string name;
  if (const int error = ParseSimUnixName(address, length, &name); error != 0) return error;
  if (name.empty()) return -EINVAL;
  SimUnixSocket* const listener = world_.names().Find(name);
  if (listener == nullptr) {
    return name[0] == '\0' || world_.names().Exists(name) ? -ECONNREFUSED : -ENOENT;
  }
  if (listener->state_ != State::kListen || (listener->shutdown_ & kReceiveShutdown)) {
    return -ECONNREFUSED;
  }
  if (listener->pending_.size() > listener->backlog_) return -EAGAIN;
  if (state_ == State::kEstablished) return -EISCONN;
  if (state_ != State::kClosed) return -EINVAL;
  auto child = std::make_shared<SimUnixSocket>(world_);
  child->state_ = State::kEstablished;
  child->name_ = listener->name_;
  child->peer_name_ = name_;
  child->peer_ = this;
  child->had_peer_ = true;
  state_ = State::kEstablished;
  peer_name_ = listener->name_;
  peer_ = child.get();
  had_peer_ = true;
  listener->pending_.push_back(std::move(child));
  listener->Wake(EPOLLIN);
  return 0;
}

int SimUnixSocket::Shutdown(int how) {
  if (how < SHUT_RD || how > SHUT_RDWR) return -EINVAL;
  const int bits = how + 1;
  shutdown_ |= bits;
  if (peer_ != nullptr) {
    if (bits & kReceiveShutdown) peer_->shutdown_ |= kSendShutdown;
    if (bits & kSendShutdown) {
      peer_->shutdown_ |= kReceiveShutdown;
      peer_->visible_ = peer_->input_.size();
    }
    peer_->Wake(0);
  }
  Wake(0);
  return 0;
}

int SimUnixSocket::GetSockName(sockaddr* address, socklen_t* length) const {
  return ExportSimUnixName(name_, address, length);
}

int SimUnixSocket::GetPeerName(sockaddr* address, socklen_t* length) const {
  if (peer_ == nullptr && !had_peer_) return -ENOTCONN;
  return ExportSimUnixName(peer_name_, address, length);
}

int SimUnixSocket::GetAcceptedName(sockaddr* address, socklen_t* length) const {
  return ExportSimUnixName(peer_name_, address, length);
}

// unix_poll.
uint32_t SimUnixSocket::Poll() const {
  uint32_t bits = 0;
  if (error_ != 0) bits |= EPOLLERR;
  if (shutdown_ == kBothShutdown) bits |= EPOLLHUP;
  if (shutdown_ & kReceiveShutdown) bits |= EPOLLRDHUP | EPOLLIN;
  if (visible_ > 0 || (!pending_.empty() && !pending_hidden_)) bits |= EPOLLIN;
  if (state_ == State::kClosed) bits |= EPOLLHUP;
  if (state_ != State::kListen && HasSpace()) bits |= EPOLLOUT;
  return bits;
}

uint32_t SimUnixSocket::SpuriousBits() const {
  if (state_ == State::kListen) return EPOLLIN;
  return state_ == State::kEstablished && shutdown_ == 0 ? EPOLLIN | EPOLLOUT : 0u;
}

// unix_writable: at most a quarter of the buffer is used.
bool SimUnixSocket::HasSpace() const { return !send_blocked_ && charged_ * 4 <= send_capacity_; }

// unix_stream_recvmsg.
ssize_t SimUnixSocket::RecvSome(char* data, size_t length) {
  if (state_ != State::kEstablished) return -EINVAL;
  if (visible_ == 0) {
    if (const int error = TakeError(); error != 0) return -error;
    return (shutdown_ & kReceiveShutdown) ? 0 : -EAGAIN;
  }
  const size_t taken = std::min(length, visible_);
  input_.TakeFront(data, taken);
  visible_ -= taken;
  world_.bytes().received += taken;
  for (size_t left = taken; left > 0;) {
    Packet& packet = packets_.front();
    const size_t part = std::min(left, packet.left);
    packet.left -= part;
    left -= part;
    if (packet.left > 0) break;
    const size_t freed = packet.size;
    packets_.pop_front();
    if (peer_ == nullptr) continue;
    peer_->charged_ -= freed;
    if (peer_->HasSpace()) peer_->Wake(EPOLLOUT);
  }
  return static_cast<ssize_t>(taken);
}

// unix_stream_sendmsg.
ssize_t SimUnixSocket::SendSome(const char* data, size_t length) {
  if (!had_peer_) return -ENOTCONN;
  if (shutdown_ & kSendShutdown) return -EPIPE;
  if (length == 0) return 0;
  if (const int error = TakeError(); error != 0) return -error;
  if (peer_ == nullptr || (peer_->shutdown_ & kReceiveShutdown)) return -EPIPE;
  size_t sent = 0;
  while (sent < length && charged_ < send_capacity_ && !send_blocked_) {
    const size_t part = std::min(length - sent, std::max<size_t>(1, send_capacity_ / 2));
    peer_->input_.Append(data + sent, part);
    peer_->packets_.push_back({part, part});
    peer_->visible_ = peer_->input_.size();
    charged_ += part;
    sent += part;
    world_.bytes().sent += part;
    peer_->Wake(EPOLLIN);
  }
  if (sent < length) ++world_.counters().window_full;
  return sent > 0 ? static_cast<ssize_t>(sent) : -EAGAIN;
}

void SimUnixSocket::OnSendUnblocked() {
  if (HasSpace()) Wake(EPOLLOUT);
}

int SimUnixSocket::AcceptError() const {
  if (state_ != State::kListen) return -EINVAL;
  if (!pending_.empty() && !pending_hidden_) return 0;
  return (shutdown_ & kReceiveShutdown) ? -EINVAL : -EAGAIN;
}

std::shared_ptr<SimSocket> SimUnixSocket::TakePending() {
  std::shared_ptr<SimUnixSocket> first = std::move(pending_.front());
  pending_.pop_front();
  return first;
}

size_t SimUnixSocket::DelayableBytes() const {
  return state_ == State::kEstablished && shutdown_ == 0 && error_ == 0 ? visible_ : 0;
}

void SimUnixSocket::HoldBack() {
  if (input_.size() == 0) return;
  visible_ = 0;
  world_.events().Schedule(world_.now() + world_.Moment(), [weak = weak_from_this()] {
    const std::shared_ptr<SimFile> file = weak.lock();
    if (file == nullptr) return;
    auto& socket = static_cast<SimUnixSocket&>(*file);
    if (socket.visible_ == socket.input_.size()) return;
    socket.visible_ = socket.input_.size();
    socket.Wake(EPOLLIN);
  });
}

bool SimUnixSocket::CanSend() const {
  return peer_ != nullptr && error_ == 0 && !(shutdown_ & kSendShutdown) && HasSpace();
}

void SimUnixSocket::OnClose() { Release(Accepted::kYes); }

// unix_release_sock.
void SimUnixSocket::Release(Accepted accepted) {
  state_ = State::kClosed;
  shutdown_ = kBothShutdown;
  if (owns_name_) world_.names().Release(name_, this);
  owns_name_ = false;
  SimUnixSocket* const peer = std::exchange(peer_, nullptr);
  const size_t unread = input_.size();
  if (peer != nullptr) {
    peer->peer_ = nullptr;
    peer->charged_ = 0;
    peer->PeerGone(unread > 0 || accepted == Accepted::kNo ? ECONNRESET : 0);
  }
  world_.bytes().discarded += unread;
  input_.TakeFront(nullptr, unread);
  packets_.clear();
  visible_ = 0;
  for (const auto& child : std::exchange(pending_, {})) child->Release(Accepted::kNo);
}

void SimUnixSocket::PeerGone(int error) {
  shutdown_ = kBothShutdown;
  if (error != 0) error_ = error;
  visible_ = input_.size();
  Wake(0);
}

}  // namespace spindle
