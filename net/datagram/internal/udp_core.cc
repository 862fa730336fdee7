#include "net/datagram/internal/udp_core.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "base/strings.h"
#include "net/backend/socket_calls.h"
#include "net/loop/event_loop.h"

namespace spindle {
namespace {

constexpr size_t kMaxV4Payload = 65535 - 20 - 8;
constexpr size_t kMaxV6Payload = 65535 - 8;

// What a datagram to `name`, a sockaddr of `family`, can hold.
size_t MaxPayload(int family, std::string_view name) {
  if (family == AF_INET) return kMaxV4Payload;
  if (family != AF_INET6) return UINT32_MAX;
  sockaddr_in6 address = {};
  std::memcpy(&address, name.data(), std::min(name.size(), sizeof address));
  return IN6_IS_ADDR_V4MAPPED(&address.sin6_addr) ? kMaxV4Payload : kMaxV6Payload;
}

}  // namespace

UdpCore::UdpCore(IoHost& host, std::shared_ptr<const UdpConfig> config, DatagramSocket socket)
    : host_(host),
      loop_(host.loop()),
      loop_ref_(host.loop().ref()),
      config_(std::move(config)),
      socket_(std::move(socket)),
      max_segment_(socket_.send_offload ? SendBatch::kMaxSegmented : 0) {}

UdpCore::~UdpCore() { Close(); }

bool UdpCore::Open() const {
  if (closed_) return false;
  host_.AssertInLoop();
  return true;
}

absl::Status UdpCore::Bind(const SocketAddress& local) {
  absl::Status status = BindDatagramSocket(host_.syscalls(), socket_, local, &path_);
  if (status.ok()) bound_ = LocalAddress(host_.syscalls(), socket_.fd.get());
  return status;
}

absl::Status UdpCore::Connect(const SocketAddress& peer) {
  if (!Open()) return IoError(EBADF, IoOp::kConnect).ToStatus(peer.ToString());
  Flush();
  const IoError error =
      ConnectDatagramSocket(host_.syscalls(), socket_.fd.get(), socket_.family, peer);
  if (!error.ok()) return error.ToStatus(peer.ToString());
  DropQueuedForPeer();
  SetPeer(peer);
  // Connecting picks the address that datagrams leave from.
  local_ = LocalAddress(host_.syscalls(), socket_.fd.get());
  return absl::OkStatus();
}

absl::Status UdpCore::Disconnect() {
  if (!Open()) return IoError(EBADF, IoOp::kConnect).ToStatus(local_.ToString());
  Flush();
  Syscalls& syscalls = host_.syscalls();
  const IoError error = ConnectDatagramSocket(syscalls, socket_.fd.get(), socket_.family, {});
  if (!error.ok()) return error.ToStatus(local_.ToString());
  DropQueuedForPeer();
  peer_ = SocketAddress();
  local_ = LocalAddress(syscalls, socket_.fd.get());
  if (local_.port() != 0) return absl::OkStatus();
  // The kernel has given up a port that it had picked itself.
  absl::Status status = Bind(bound_);
  local_ = LocalAddress(syscalls, socket_.fd.get());
  return status;
}

absl::Status UdpCore::Start(UdpSocket* front) {
  front_ = front;
  local_ = LocalAddress(host_.syscalls(), socket_.fd.get());
  if (local_.is_unspecified()) return absl::InternalError("getsockname of a datagram socket");
  const IoError error = host_.Attach(*this, socket_.fd.get(), Interest::kRead, Trigger::kEdge);
  return error.ok() ? absl::OkStatus() : error.ToStatus(local_.ToString());
}

absl::Status UdpCore::Adopt() {
  bound_ = LocalAddress(host_.syscalls(), socket_.fd.get());
  const SocketAddress peer = PeerAddress(host_.syscalls(), socket_.fd.get());
  if (!peer.is_unspecified()) SetPeer(peer);
  return absl::OkStatus();
}

void UdpCore::DropQueuedForPeer() {
  if (queue_.empty()) return;
  SendQueue others;
  for (size_t i = 0; i < queue_.size(); ++i) {
    const SendQueue::Item item = queue_.at(i);
    if (!item.name.empty()) {
      others.Push(item.name, item.data, *item.source);
      continue;
    }
    ++stats_.send_errors;
    Record({.failure = DatagramFailure::kSend,
            .error = IoError(ECANCELED, IoOp::kWrite),
            .peer = peer_});
  }
  queue_ = std::move(others);
  TellSoon();
}

void UdpCore::SetPeer(const SocketAddress& peer) {
  peer_ = peer;
  sockaddr_storage name;
  const socklen_t length = ForFamily(peer, socket_.family).ToSockaddr(&name);
  peer_payload_ =
      spindle::MaxPayload(socket_.family, {reinterpret_cast<const char*>(&name), length});
}

void UdpCore::Close() {
  if (closed_) return;
  // Never started: there is nothing to give back to the loop.
  if (token().valid()) {
    host_.AssertInLoop();
    if (!waiting_) Flush();
    stats_ = stats();
    host_.timers().Remove(*this);
    host_.backend().Remove(token());
    host_.Detach(*this);
  }
  closed_ = true;
  stats_.discarded += queue_.size();
  queue_.Pop(queue_.size());
  errors_.clear();
  socket_.fd.reset();
  path_.Remove();
}

UdpHandle UdpCore::handle() const { return UdpHandle(loop_ref_, &host_, token()); }

UdpStats UdpCore::stats() const {
  UdpStats stats = stats_;
  stats.queued = queue_.size();
  stats.queued_bytes = queue_.cost();
  if (!Open()) return stats;
  uint32_t memory[SK_MEMINFO_VARS] = {};
  socklen_t length = sizeof memory;
  if (host_.syscalls().GetSockOpt(socket_.fd.get(), SOL_SOCKET, SO_MEMINFO, memory, &length) == 0) {
    stats.kernel_drops = memory[SK_MEMINFO_DROPS];
  }
  return stats;
}

void UdpCore::ResumeReceiving() {
  if (!Open() || !paused_) return;
  paused_ = false;
  drained_socket_ = false;
  host_.MarkReady(*this);
}

absl::Status UdpCore::Set(IpOption option, int value) {
  if (!Open()) return IoError(EBADF, IoOp::kSetOption).ToStatus(local_.ToString());
  return SetIpOption(host_.syscalls(), socket_.fd.get(), socket_.family, option, value)
      .ToStatus(local_.ToString());
}

absl::Status UdpCore::SetOption(int level, int name, int value) {
  if (!Open()) return IoError(EBADF, IoOp::kSetOption).ToStatus(local_.ToString());
  return SetIntOption(host_.syscalls(), socket_.fd.get(), level, name, value)
      .ToStatus(local_.ToString());
}

absl::Status UdpCore::SetMulticastInterface(uint32_t interface) {
  if (!Open()) return IoError(EBADF, IoOp::kSetOption).ToStatus(local_.ToString());
  return SetMulticastInterfaceOption(host_.syscalls(), socket_.fd.get(), socket_.family, interface)
      .ToStatus(Concat(local_.ToString(), ", interface ", interface));
}

absl::Status UdpCore::Change(Membership change, const SocketAddress& group,
                             const GroupOptions& options) {
  const std::string text = Concat(change == Membership::kJoin ? "join " : "leave ", group.ip());
  if (!Open()) return IoError(EBADF, IoOp::kSetOption).ToStatus(text);
  return ChangeMembership(host_.syscalls(), socket_.fd.get(), socket_.family, change, group,
                          options)
      .ToStatus(text);
}

// ---- Sending.

IoError UdpCore::Resolve(const SocketAddress& to, const LocalEnd& from, Target* target) const {
  if (!to.is_unspecified()) {
    const bool map = socket_.family == AF_INET6 && config_->options.dual_stack;
    const SocketAddress address = map ? ForFamily(to, AF_INET6) : to;
    if (address.family() != socket_.family) return IoError(EAFNOSUPPORT, IoOp::kWrite);
    if (address.kind() == SocketAddress::Kind::kUnixUnnamed ||
        (address.is_ip() && address.port() == 0)) {
      return IoError(EDESTADDRREQ, IoOp::kWrite);
    }
    target->length = address.ToSockaddr(&target->storage);
  } else if (peer_.is_unspecified()) {
    return IoError(EDESTADDRREQ, IoOp::kWrite);
  }
  if (!MakeSource(from, socket_.family, &target->source)) {
    return IoError(EAFNOSUPPORT, IoOp::kWrite);
  }
  return IoError();
}

size_t UdpCore::MaxPayload(std::string_view name) const {
  return name.empty() ? peer_payload_ : spindle::MaxPayload(socket_.family, name);
}

bool UdpCore::HasRoom(size_t cost) {
  const auto fits = [&] {
    return queue_.empty() || queue_.cost() + cost <= config_->options.send_limit;
  };
  if (fits()) return true;
  Flush();
  if (fits()) return true;
  ++stats_.send_refused;
  tell_drained_ = true;
  TellSoon();
  return false;
}

IoError UdpCore::Enqueue(std::string_view name, std::string_view data,
                         const SourceControl& source) {
  if (data.size() > MaxPayload(name)) return IoError(EMSGSIZE, IoOp::kWrite);
  if (!HasRoom(SendQueue::Cost(data.size()))) return IoError(ENOBUFS, IoOp::kWrite);
  queue_.Push(name, data, source);
  AfterEnqueue();
  return IoError();
}

void UdpCore::AfterEnqueue() {
  if (waiting_) return;
  if (queue_.size() >= config_->options.batch_size || queue_.cost() >= kFlushBytes) Flush();
  TellSoon();
}

IoError UdpCore::Send(std::string_view data, const SocketAddress& to, const LocalEnd& from) {
  if (!Open()) return IoError(EBADF, IoOp::kWrite);
  if (to.is_unspecified()) return IoError(EDESTADDRREQ, IoOp::kWrite);
  Target target;
  if (IoError error = Resolve(to, from, &target); !error.ok()) return error;
  return Enqueue(target.name(), data, target.source);
}

IoError UdpCore::SendToPeer(std::string_view data) {
  if (!Open()) return IoError(EBADF, IoOp::kWrite);
  if (peer_.is_unspecified()) return IoError(EDESTADDRREQ, IoOp::kWrite);
  return Enqueue({}, data, SourceControl());
}

IoError UdpCore::Reply(const Datagram& datagram, std::string_view data) {
  if (!Open()) return IoError(EBADF, IoOp::kWrite);
  // A sockaddr_un without a name cannot be answered.
  if (datagram.name_length_ <= sizeof(sa_family_t)) return IoError(EDESTADDRREQ, IoOp::kWrite);
  SourceControl source;
  if (datagram.control_.has_v4 || datagram.control_.has_v6) {
    MakeSource(datagram.local(), socket_.family, &source);
  }
  return Enqueue({reinterpret_cast<const char*>(datagram.name_), datagram.name_length_}, data,
                 source);
}

IoError UdpCore::SendSegments(std::string_view data, size_t segment_size, const SocketAddress& to,
                              const LocalEnd& from) {
  if (!Open()) return IoError(EBADF, IoOp::kWrite);
  if (segment_size == 0) return IoError(EINVAL, IoOp::kWrite);
  Target target;
  if (IoError error = Resolve(to, from, &target); !error.ok()) return error;
  if (data.empty()) return IoError();
  if (std::min(segment_size, data.size()) > MaxPayload(target.name())) {
    return IoError(EMSGSIZE, IoOp::kWrite);
  }
  const size_t count = (data.size() - 1) / segment_size + 1;
  if (!HasRoom(data.size() + count * SendQueue::kOverhead)) return IoError(ENOBUFS, IoOp::kWrite);
  for (; !data.empty(); data.remove_prefix(std::min(segment_size, data.size()))) {
    queue_.Push(target.name(), data.substr(0, segment_size), target.source);
  }
  AfterEnqueue();
  return IoError();
}

void UdpCore::Flush() {
  if (!Open()) return;
  while (!waiting_ && !queue_.empty() && errors_.size() < kMaxErrors && SendOnce()) {
  }
}

void UdpCore::FlushNow() {
  if (!Open()) return;
  Flush();
  TellSoon();
}

void UdpCore::TellSoon() {
  if (handing_out_ || closed_) return;
  if ((!queue_.empty() && !waiting_) || !errors_.empty() || (tell_drained_ && queue_.empty())) {
    host_.MarkFlush(*this);
  }
}

namespace {

// What is given to the kernel next; used up within one call.
SendBatch& ThreadBatch() {
  thread_local SendBatch batch;
  return batch;
}

// The errors of putting datagrams together. EIO: the device cannot sum up the parts. The others:
// parts larger than a packet, or a driver that says so for all.
bool MayBeOffload(int error) {
  return error == EIO || error == EINVAL || error == EMSGSIZE || error == EOPNOTSUPP;
}

}  // namespace

int UdpCore::TrySend(size_t limit, size_t max_segment) {
  SendBatch& batch = ThreadBatch();
  batch.Build(queue_, limit, max_segment);
  int sent;
  do {
    sent = host_.syscalls().SendMany(socket_.fd.get(), batch.messages());
  } while (sent == -EINTR);
  ++stats_.send_calls;
  if (sent > 0) CountSent(static_cast<size_t>(sent));
  return sent;
}

bool UdpCore::WouldBlock(int sent) const {
  return sent == -EAGAIN && (socket_.family != AF_UNIX || queue_.at(0).name.empty());
}

std::optional<bool> UdpCore::Settle(int sent) {
  if (sent > 0) return true;
  if (WouldBlock(sent)) return WaitForRoom();
  if (ThreadBatch().datagrams(0) > 1 && MayBeOffload(-sent)) return SendApart(-sent);
  return std::nullopt;
}

bool UdpCore::SendOnce() {
  const size_t limit = config_->options.batch_size;
  const int first = TrySend(limit, max_segment_);
  if (const std::optional<bool> more = Settle(first)) return *more;
  // It may have been the error of an earlier datagram, which the kernel had kept for the next call
  // to the socket; the error queue says more, where it is in use. A Unix peer whose queue is full
  // is no such case.
  const int second = first == -EAGAIN ? first : TrySend(limit, max_segment_);
  if (second != first && !socket_.network_errors) {
    Record({.failure = DatagramFailure::kNetwork,
            .error = IoError(-first, IoOp::kWrite),
            .peer = peer_});
  }
  if (const std::optional<bool> more = Settle(second)) return *more;
  DropFirst(-second);
  return true;
}

bool UdpCore::SendApart(int error) {
  const size_t count = ThreadBatch().datagrams(0);
  const size_t size = ThreadBatch().segment_size(0);
  const int sent = TrySend(count, 0);
  if (sent > 0) {
    // So it was for being put together. Larger ones would fail as well; after a few of these, and
    // where the device is to blame, all.
    constexpr int kMaxStrikes = 3;
    ++stats_.offload_failures;
    max_segment_ = error == EIO || ++offload_strikes_ >= kMaxStrikes ? 0 : size - 1;
    return true;
  }
  if (WouldBlock(sent)) return WaitForRoom();
  DropFirst(-sent);
  return true;
}

void UdpCore::CountSent(size_t messages) {
  SendBatch& batch = ThreadBatch();
  size_t count = 0;
  for (size_t i = 0; i < messages; ++i) {
    count += batch.datagrams(i);
    if (batch.datagrams(i) > 1) stats_.segmented += batch.datagrams(i);
  }
  const size_t before = queue_.cost();
  queue_.Pop(count);
  stats_.datagrams_sent += count;
  stats_.bytes_sent += before - queue_.cost() - count * SendQueue::kOverhead;
}

void UdpCore::DropFirst(int error) {
  const size_t count = ThreadBatch().datagrams(0);
  for (size_t i = 0; i < count; ++i) {
    ++stats_.send_errors;
    const std::string_view name = queue_.at(0).name;
    DatagramError told = {
        .failure = DatagramFailure::kSend, .error = IoError(error, IoOp::kWrite), .peer = peer_};
    if (!name.empty()) {
      sockaddr_storage storage = {};
      std::memcpy(&storage, name.data(), name.size());
      told.peer = SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage),
                                              static_cast<socklen_t>(name.size()));
    }
    Record(std::move(told));
    queue_.Pop(1);
  }
}

bool UdpCore::WaitForRoom() {
  ++stats_.send_waits;
  waiting_ = true;
  tell_drained_ = true;
  // If writability is watched already, it has just been reported in vain. To ask again would be
  // answered at once, in every turn; the timer is for the case that no edge follows.
  if (!write_watched_) {
    write_watched_ = host_.backend().Modify(token(), Interest::kReadWrite, Trigger::kEdge).ok();
    if (write_watched_) return false;
  }
  RetryLater();
  return false;
}

void UdpCore::StopWaiting() {
  if (!waiting_) return;
  waiting_ = false;
  Flush();
  if (waiting_ || !write_watched_) return;
  // Should it fail: reports of writability that nobody wants are harmless.
  write_watched_ = !host_.backend().Modify(token(), Interest::kRead, Trigger::kEdge).ok();
}

}  // namespace spindle
