#include "net/stream/connection.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/check.h"
#include "base/errno_status.h"
#include "net/loop/io_host.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/connection_rare.h"
#include "net/stream/internal/memory_governor.h"
#include "net/stream/internal/small_input.h"
#include "net/stream/internal/socket_options.h"

namespace spindle {
namespace {

uint32_t WholeSeconds(TimePoint time) {
  return static_cast<uint32_t>(
      std::chrono::duration_cast<std::chrono::seconds>(time.time_since_epoch()).count());
}

}  // namespace

Connection::Connection(ConnectionGroup& group, const SocketAddress& peer)
    : began_s_(WholeSeconds(group.host().now())),
      host_(group.host()),
      group_(&group),
      peer_(peer),
      last_moved_(host_.now()) {
  const ConnectionCallbacks& callbacks = group.config().callbacks;
  mode_.callbacks = !callbacks.on_bytes || callbacks.on_drained;
  mode_.read_probe = ProbesReads();
}

Connection::~Connection() = default;

Duration Connection::age() const {
  return std::chrono::seconds(WholeSeconds(host_.now()) - began_s_);
}

Duration Connection::idle() const { return host_.Now() - last_moved_; }

ConnectionId Connection::id() const {
  return ConnectionId{host_.loop().index(), static_cast<uint32_t>(id_.fd()), id_.generation()};
}

ConnectionHandle Connection::handle() const {
  return ConnectionHandle(host_.loop().ref(), &host_, host_.loop().index(), id_);
}

EventLoop& Connection::loop() const { return host_.loop(); }

ConnectionRare& Connection::rare() {
  if (rare_ == nullptr) {
    static const ConnectionOptions defaults;
    rare_ = std::make_unique<ConnectionRare>(*this, group_ == nullptr ? defaults : options(),
                                             host_.now());
    mode_.rare = true;
    if (rare_->write_limit != nullptr) mode_.write_gate |= kRateLimited;
  }
  return *rare_;
}

SocketAddress Connection::local_address() const {
  if (closed()) return SocketAddress();
  return LocalAddress(host_.syscalls(), id_.fd());
}

// ---- Output.

inline IoError Connection::CheckWrite(size_t size) {
  host_.AssertInLoop();
  if (!CanWrite(mode_.state)) return IoError(EPIPE, IoOp::kWrite);
  const size_t limit = group_->unasked_limit();
  if (size <= limit && output_.bytes().size() <= limit - size) [[likely]]
    return IoError();
  return CheckWriteSlow(size);
}

IoError Connection::CheckWriteSlow(size_t size) {
  const IoError error(ENOBUFS, IoOp::kWrite);
  const size_t limit = options().output_limit;
  if (size > limit || output_.bytes().size() > limit - size) {
    if (options().output_limit_policy == OutputLimitPolicy::kClose) {
      End(CloseReason{CloseKind::kOutputLimit, error});
    }
    return error;
  }
  LoopMemory* const memory = group_->memory();
  if (memory != nullptr && !memory->Admit(*this, size, writes_wait())) return error;
  return closed() ? error : IoError();
}

void Connection::ForgetBudgetPause() {
  if (held_ != nullptr && held_->pause_hook.linked()) group_->memory()->Unpause(*held_);
}

void Connection::Recount() {
  if (closed() || group_->memory() == nullptr) return;
  group_->memory()->Set(*this, output_.bytes().size() + input_.size());
}

inline void Connection::Queued(size_t size) {
  accepted_ += size;
  NeedFlush();
}

// Before output is queued: the deadline of a peer that takes nothing begins with the first of it.
inline void Connection::NoteFirstOutput() {
  if (rare_ != nullptr && output_.empty()) rare_->last_written = host_.now();
}

void Connection::NeedFlush() {
  need_flush_ = true;
  if (!in_callback_) host_.MarkFlush(*this);
}

IoError Connection::Write(std::string_view data) {
  if (IoError error = CheckWrite(data.size()); !error.ok()) return error;
  if (data.empty()) return IoError();
  Buffer& bytes = output_.bytes();
  // A block of the loop's: it goes back when the kernel has taken all, as it does nearly always.
  if (bytes.empty()) bytes.SetSpare(host_.TakeBlock());
  NoteFirstOutput();
  bytes.Append(data);
  Queued(data.size());
  return IoError();
}

IoError Connection::Write(Buffer&& data) {
  host_.AssertInLoop();
  // What an echo does, with nothing to wait for: the bytes change hands.
  if (is_plain() && in_callback_ && output_.OwnsNothing() && data.IsOneSegment()) [[likely]] {
    const size_t size = data.Front().size();
    if (size <= options().output_limit) [[likely]] {
      output_.bytes().Append(std::move(data));
      accepted_ += size;
      need_flush_ = true;
      return IoError();
    }
  }
  return WriteSlow(std::move(data));
}

IoError Connection::WriteSlow(Buffer&& data) {
  const size_t size = data.size();
  if (IoError error = CheckWrite(size); !error.ok()) return error;
  if (size == 0) return IoError();
  NoteFirstOutput();
  if (writes_wait() && size <= kSmallInput && data.IsOneSegment()) {
    // It waits, and must not keep a block of the loop's for a few bytes.
    output_.bytes().Append(data.Front());
    host_.GiveBackBlock(data.TakeChunk());
  } else {
    output_.bytes().Append(std::move(data));
  }
  Queued(size);
  return IoError();
}

IoError Connection::Writev(std::span<const std::string_view> pieces) {
  size_t size = 0;
  for (const std::string_view piece : pieces) size += piece.size();
  if (IoError error = CheckWrite(size); !error.ok()) return error;
  if (size == 0) return IoError();
  Buffer& bytes = output_.bytes();
  if (bytes.empty()) bytes.SetSpare(host_.TakeBlock());
  NoteFirstOutput();
  for (const std::string_view piece : pieces) {
    if (!piece.empty()) bytes.Append(piece);
  }
  Queued(size);
  return IoError();
}

IoError Connection::WriteChunk(ChunkRef chunk, size_t begin, size_t end) {
  SPINDLE_CHECK(begin <= end);
  if (IoError error = CheckWrite(end - begin); !error.ok()) return error;
  if (begin == end) return IoError();
  NoteFirstOutput();
  output_.bytes().Append(std::move(chunk), begin, end);
  Queued(end - begin);
  return IoError();
}

IoError Connection::SendFile(OwnedFd file, off_t offset, size_t length) {
  host_.AssertInLoop();
  // A file takes no memory: output_limit does not count it.
  if (!CanWrite(mode_.state)) return IoError(EPIPE, IoOp::kSendFile);
  if (length == 0) return IoError();
  NoteFirstOutput();
  output_.AppendFile(std::move(file), offset, length);
  Queued(length);
  return IoError();
}

// ---- Input.

void Connection::PauseReading() {
  host_.AssertInLoop();
  mode_.paused |= kUserPause;
}

void Connection::ResumeReading() {
  host_.AssertInLoop();
  if (closed()) return;
  if (mode_.counted) Recount();  // The user may have taken from unread_input().
  if (!closed()) EndPause(kUserPause);
}

// ---- The end.

void Connection::ShutdownWrite() {
  host_.AssertInLoop();
  const CloseState next = Next(mode_.state, CloseEvent::kShutdownWrite);
  if (next == mode_.state) return;
  mode_.state = next;
  if (mode_.state == CloseState::kFinishing) reason_.kind = CloseKind::kPeerClosed;
  NeedFlush();
}

void Connection::Close() {
  host_.AssertInLoop();
  const CloseState next = Next(mode_.state, CloseEvent::kClose);
  if (next == mode_.state) return;
  mode_.state = next;
  if (reason_.kind == CloseKind::kNone) reason_.kind = CloseKind::kLocalClose;
  if (rare_ != nullptr) rare_->last_written = host_.now();
  NeedFlush();
}

void Connection::CloseAfterFlush(Duration deadline) {
  host_.AssertInLoop();
  if (closed()) return;
  Close();
  rare().end_deadline = std::min(rare().end_deadline,
                                 SaturatingAdd(host_.Now(), std::max(deadline, Duration::zero())));
  rare().Schedule();
}

void Connection::Abort() {
  host_.AssertInLoop();
  End(CloseReason{CloseKind::kLocalAbort});
}

void Connection::Fail(IoOp operation, int error) {
  const bool reset = error == ECONNRESET || error == EPIPE || error == ENOTCONN;
  const CloseReason failure{reset ? CloseKind::kPeerReset : CloseKind::kIoError,
                            IoError(error, operation)};
  // An error after everything was sent and the end was agreed on changes nothing any more.
  const bool ended = reason_.kind != CloseKind::kNone && output_.empty();
  End(ended ? reason_ : failure);
}

void Connection::End(CloseReason reason) {
  if (closed()) return;
  reason_ = reason;
  mode_.state = CloseState::kClosed;
  const int fd = id_.fd();
  Connection* const partner = this->partner();
  const bool for_memory = reason.kind == CloseKind::kMemoryLimit;
  const bool reset = !output_.empty() || reason.kind == CloseKind::kLocalAbort || for_memory;
  output_.Discard();
  if (for_memory && !in_callback_) {
    dropped_ += input_.size();
    input_ = Buffer();
  }
  host_.Detach(*this);
  if (reset) {
    // The peer must not take what it has for the whole.
    const linger now = {.l_onoff = 1, .l_linger = 0};
    host_.syscalls().SetSockOpt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }
  host_.syscalls().Close(fd);
  if (rare_ != nullptr) rare_->Stop();
  if (mode_.counted) group_->memory()->Set(*this, 0);
  group_->OnClosed(*this);
  if (partner != nullptr) LeavePartner(*partner);
}

CallbackOrigin Connection::origin() const {
  CallbackOrigin origin{.kind = "connection", .connection = id()};
  if (group_ != nullptr) origin.where = group_->config().where;
  return origin;
}

void Connection::OnLoopGone() { End(CloseReason{CloseKind::kLoopStopped}); }

ConnectionLedger Connection::ledger() const {
  ConnectionLedger ledger{
      .accepted = accepted_, .sent = sent_, .received = received_, .dropped = dropped_};
  if (closed()) {
    ledger.discarded = accepted_ - sent_;
    ledger.dropped += input_.size();
  }
  return ledger;
}

// ---- Options.

void Connection::SetIdleTimeout(Duration timeout) {
  host_.AssertInLoop();
  if (closed()) return;
  rare().idle_timeout = timeout;
  rare().last_read = std::max(rare().last_read, host_.now());
  rare().Schedule();
}

void Connection::SetReadTimeout(Duration timeout) {
  host_.AssertInLoop();
  if (closed()) return;
  rare().read_timeout = timeout;
  rare().last_read = host_.now();
  rare().Schedule();
}

void Connection::SetWriteTimeout(Duration timeout) {
  host_.AssertInLoop();
  if (closed()) return;
  rare().write_timeout = timeout;
  rare().last_written = host_.now();
  rare().Schedule();
}

void Connection::SetTotalTimeout(Duration timeout) {
  host_.AssertInLoop();
  if (closed()) return;
  rare().total_deadline = timeout > Duration::zero() ? SaturatingAdd(host_.Now(), timeout) : kNever;
  rare().Schedule();
}

void Connection::SetWaterMarks(size_t low, size_t high) {
  host_.AssertInLoop();
  SPINDLE_CHECK(low <= high);
  if (closed()) return;
  rare().low_water_mark = low;
  rare().high_water_mark = high;
  NeedFlush();
}

IoError Connection::SetSocketOption(int level, int name, int value) {
  host_.AssertInLoop();
  if (closed()) return IoError(EBADF, IoOp::kSetOption);
  return SetIntOption(host_.syscalls(), id_.fd(), level, name, value);
}

IoError Connection::SetNoDelay(Toggle toggle) {
  return SetSocketOption(IPPROTO_TCP, TCP_NODELAY, toggle == Toggle::kOn ? 1 : 0);
}

IoError Connection::SetKeepAlive(const KeepAlive& keep_alive) {
  host_.AssertInLoop();
  if (closed()) return IoError(EBADF, IoOp::kSetOption);
  return spindle::SetKeepAlive(host_.syscalls(), id_.fd(), keep_alive);
}

IoError Connection::SetUserTimeout(Duration timeout) {
  return SetSocketOption(IPPROTO_TCP, TCP_USER_TIMEOUT, UserTimeoutMillis(timeout));
}

IoError Connection::SetSendBuffer(int bytes) {
  return SetSocketOption(SOL_SOCKET, SO_SNDBUF, bytes);
}

IoError Connection::SetReceiveBuffer(int bytes) {
  return SetSocketOption(SOL_SOCKET, SO_RCVBUF, bytes);
}

absl::StatusOr<tcp_info> Connection::TcpInfo() const {
  host_.AssertInLoop();
  if (closed()) return absl::FailedPreconditionError("the connection is closed");
  tcp_info info = {};
  socklen_t length = sizeof info;
  const int result = host_.syscalls().GetSockOpt(id_.fd(), IPPROTO_TCP, TCP_INFO, &info, &length);
  if (result < 0) return ErrnoStatus("getsockopt TCP_INFO", -result);
  return info;
}

absl::StatusOr<ucred> Connection::PeerCredentials() const {
  host_.AssertInLoop();
  if (closed()) return absl::FailedPreconditionError("the connection is closed");
  // The kernel answers for TCP, too: with nobody.
  if (!peer_.is_unix()) return absl::FailedPreconditionError("not a Unix socket");
  ucred peer = {};
  socklen_t length = sizeof peer;
  const int result = host_.syscalls().GetSockOpt(id_.fd(), SOL_SOCKET, SO_PEERCRED, &peer, &length);
  if (result < 0) return ErrnoStatus("getsockopt SO_PEERCRED", -result);
  return peer;
}

// ---- Events.

void Connection::OnFlush() { static_cast<void>(Flush()); }

void Connection::CallOnOpen() {
  const ConnectionOptions& options = this->options();
  if (options.idle_timeout > Duration::zero() || options.read_timeout > Duration::zero() ||
      options.write_timeout > Duration::zero() || options.total_timeout > Duration::zero() ||
      options.limits_rates()) {
    rare().Schedule();
  }
  opened_ = true;
  const ConnectionCallbacks& callbacks = group_->config().callbacks;
  if (!callbacks.on_open || !Call([&] { callbacks.on_open(*this); })) return;
  if (need_flush_) static_cast<void>(Flush());
}

void Connection::CallFromTask(absl::AnyInvocable<void(Connection&)>& function) {
  if (Call([&] { function(*this); }) && need_flush_) host_.MarkFlush(*this);
}

}  // namespace spindle
