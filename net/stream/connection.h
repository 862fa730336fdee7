#ifndef SPINDLE_NET_STREAM_CONNECTION_H_
#define SPINDLE_NET_STREAM_CONNECTION_H_

#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <bit>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

#include "absl/base/attributes.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/intrusive_list.h"
#include "base/live_counter.h"
#include "base/owned_fd.h"
#include "base/user_slot.h"
#include "net/backend/io_backend.h"
#include "net/backend/io_slot.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/connection_handle.h"
#include "net/stream/internal/close_state.h"
#include "net/stream/internal/output_queue.h"
#include "net/stream/pause_cause.h"
#include "net/stream/rate_limit.h"
#include "net/stream/stream_options.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"
#include "net/types/close_reason.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

class ConnectionGroup;
class ConnectionRare;
class IoHost;
class LoopMemory;
struct HeldBytes;

enum class Toggle : uint8_t { kOff, kOn };

// What went through one connection, in bytes. Once it is closed:
// accepted = sent + discarded, received = delivered + dropped.
struct ConnectionLedger {
  uint64_t accepted = 0;   // Taken by Write and its kin.
  uint64_t sent = 0;       // Given to the kernel. The peer need not have them.
  uint64_t discarded = 0;  // Dropped from the queue at the end.
  uint64_t received = 0;   // Read from the kernel.
  uint64_t dropped = 0;    // Read, but not consumed by on_bytes before the end.
};

// One byte stream to one peer: TCP or a Unix stream socket.
//
// Loop thread only; other threads use handle(). Owned by its server or client, and alive from
// on_open until on_close has returned. No function here calls back: what it causes is reported
// after the current callback.
//
// Output goes to the kernel when the current callback returns, with one system call however many
// writes there were; what the kernel does not take is queued. One Write need not be one segment,
// nor one read at the peer. send(2), RFC 9293 3.9.1.
class Connection final : private IoSlot, private LiveCounted<Connection> {
 public:
  ConnectionId id() const;
  ConnectionHandle handle() const;
  EventLoop& loop() const;
  const SocketAddress& peer_address() const { return peer_; }
  // Asks the kernel; unspecified once closed.
  SocketAddress local_address() const;

  // ---- Output. Each queues all or nothing. Errors: EPIPE after Close, ShutdownWrite or the end;
  // ENOBUFS above output_limit (OutputLimitPolicy::kRefuse; with kClose the connection ends too).

  // Copies `data`.
  IoError Write(std::string_view data);
  // Moves the chunks of `data`, which is empty afterwards, and copies no byte, but for a few that
  // would keep a large block waiting. May be the input of on_bytes.
  IoError Write(Buffer&& data);
  // Copies the pieces, in order, as one write.
  IoError Writev(std::span<const std::string_view> pieces);
  IoError Writev(std::initializer_list<std::string_view> pieces) {
    return Writev(std::span(pieces.begin(), pieces.size()));
  }
  // The bytes [begin, end) of `chunk`, shared, not copied: one chunk can be in a thousand queues.
  // They must not change until the chunk's other owners may know that it was sent.
  IoError WriteChunk(ChunkRef chunk, size_t begin, size_t end);
  // `length` bytes of `file` from `offset` on, by sendfile(2), without passing through this
  // process. If the file turns out to be shorter the connection ends (kIoError, EIO).
  IoError SendFile(OwnedFd file, off_t offset, size_t length);

  // Bytes queued that the kernel has not taken yet.
  size_t output_queued() const { return output_.size(); }

  // ---- Input.

  // No on_bytes until ResumeReading. At most what this turn has read already still comes. The
  // peer's FIN is then not seen either; a reset is.
  void PauseReading();
  // What on_bytes has left comes again at once, also if there is nothing new.
  void ResumeReading();
  // By PauseReading, the high water mark, a rate limit or a memory budget; which, and all of them,
  // say pause_causes(). A connection whose input has ended is read no more, and not paused.
  bool reading_paused() const { return mode_.paused != 0; }
  PauseCause pause_causes() const { return static_cast<PauseCause>(mode_.paused); }
  // What on_bytes has left. For on_read_closed and on_close, where a last message without its end
  // may be taken from it; inside of on_bytes use `input`.
  Buffer& unread_input() { return input_; }
  const Buffer& unread_input() const { return input_; }

  // ---- The end.

  // Our side sends no more: FIN after what is queued. The peer may go on sending.
  void ShutdownWrite();
  // The orderly end: what is queued is sent (options.close_timeout), then our FIN; input is
  // discarded until the peer's FIN (options.linger_timeout). on_close(kLocalClose) follows.
  void Close();
  // Close, with `deadline` from now for all of it.
  void CloseAfterFlush(Duration deadline);
  // The end at once: what is queued is discarded, the peer gets a reset.
  void Abort();
  // Close, ShutdownWrite or the peer's end have begun, or the connection is closed.
  bool closing() const { return mode_.state != CloseState::kOpen; }
  bool closed() const { return mode_.state == CloseState::kClosed; }
  // How far the end is, for people: "open", "half-closed", "flushing" ...; a literal.
  std::string_view state_name() const { return CloseStateName(mode_.state); }
  // For how long it is there, in whole seconds.
  Duration age() const;
  // For how long no byte went through it in either direction; since it is there if none has.
  Duration idle() const;
  // How often its output rose above the high water mark.
  uint32_t high_water_hits() const { return high_water_hits_; }
  // What is received still goes to on_bytes: neither Close nor Abort was called and the peer has
  // not ended. For loops over the messages in one input.
  bool delivers_input() const { return DeliversInput(mode_.state); }

  ConnectionLedger ledger() const;

  // ---- Options of this connection alone. Zero durations switch a deadline off.

  void SetIdleTimeout(Duration timeout);
  void SetReadTimeout(Duration timeout);
  void SetWriteTimeout(Duration timeout);
  // From now on; longer or shorter than what was set before.
  void SetTotalTimeout(Duration timeout);
  // low <= high, CHECKed.
  void SetWaterMarks(size_t low, size_t high);
  // See ConnectionOptions::read_rate. What has been saved up stays, up to the new burst; a limit of
  // zero ends it. Null leaves the group.
  void SetReadRate(const RateLimit& limit);
  void SetWriteRate(const RateLimit& limit);
  void SetReadGroup(std::shared_ptr<RateGroup> group);
  void SetWriteGroup(std::shared_ptr<RateGroup> group);
  IoError SetNoDelay(Toggle toggle);
  IoError SetKeepAlive(const KeepAlive& keep_alive);
  IoError SetUserTimeout(Duration timeout);
  IoError SetSendBuffer(int bytes);
  IoError SetReceiveBuffer(int bytes);
  // tcp(7) TCP_INFO. Errors: not TCP, or closed.
  absl::StatusOr<tcp_info> TcpInfo() const;
  // The process, user and group that had the peer's end of a Unix socket when it connected or, for
  // what this side has connected to, began to listen; 0 and -1 for what this process may not see.
  // Who has that end now need not be the same. Errors: not Unix, or closed. unix(7), SO_PEERCRED.
  absl::StatusOr<ucred> PeerCredentials() const;

  // ---- One slot for the user's state, of any type; it is destroyed with the connection.

  template <typename T, typename... Args>
  T& EmplaceData(Args&&... args) {
    return user_.Emplace<T>(std::forward<Args>(args)...);
  }
  // Null if the slot is empty or holds another type.
  template <typename T>
  T* data() const {
    return user_.Get<T>();
  }

 private:
  friend class ConnectionGroup;
  friend class ConnectionHandle;
  friend class ConnectionRare;
  friend class LoopMemory;
  friend void Couple(Connection& a, Connection& b);

  // What sends a connection off the short path. All zero for a plain one, so that one compare
  // tells.
  struct Mode {
    CloseState state = CloseState::kOpen;
    bool callbacks = false;   // No on_bytes, or one that wants to hear of drained output.
    bool rare = false;        // There is a ConnectionRare.
    bool read_probe = false;  // A short read does not prove that there is no more to read.
    uint8_t paused = 0;       // Reading is, for the causes that are set.
    bool above_high = false;  // Between on_pause and on_resume.
    uint8_t write_gate = 0;   // Bits of WriteGate.
    bool counted = false;     // The memory budget knows of bytes that are kept here.
  };
  // The bits of Mode::paused. The first two also hold back what is read already.
  static constexpr uint8_t kUserPause = static_cast<uint8_t>(PauseCause::kUser);
  static constexpr uint8_t kWaterPause = static_cast<uint8_t>(PauseCause::kHighWater);
  static constexpr uint8_t kRatePause = static_cast<uint8_t>(PauseCause::kRateLimit);
  static constexpr uint8_t kBudgetPause = static_cast<uint8_t>(PauseCause::kMemory);
  enum WriteGate : uint8_t {
    kSocketFull = 1,   // The socket takes nothing until it becomes writable.
    kRateHeld = 2,     // A rate limit lets nothing pass until its timer rings.
    kRateLimited = 4,  // Each transfer asks a rate limit.
  };
  static_assert(sizeof(Mode) == sizeof(uint64_t) && CloseState::kOpen == CloseState{});

  Connection(ConnectionGroup& group, const SocketAddress& peer);
  ~Connection();
  // In connection_memory.cc. Any thread, as all else that is allocated.
  static void* operator new(size_t size);
  static void operator delete(void* memory);

  void OnIoEvent(const IoEvent& event) override;
  void OnReady() override;
  void OnFlush() override;
  CallbackOrigin origin() const override;
  void OnLoopGone() override;

  const ConnectionOptions& options() const;
  ConnectionRare& rare();
  bool is_plain() const { return std::bit_cast<uint64_t>(mode_) == 0; }

  // Calls back. False if the connection has ended; it may be destroyed then.
  template <typename Function>
  [[nodiscard]] bool Call(Function function);
  void CallOnOpen();
  void CallFromTask(absl::AnyInvocable<void(Connection&)>& function);

  bool reading_enabled() const {
    return DiscardsInput(mode_.state) || (DeliversInput(mode_.state) && mode_.paused == 0);
  }
  // What is kept may be delivered.
  bool delivery_enabled() const {
    return DeliversInput(mode_.state) && (mode_.paused & (kUserPause | kWaterPause)) == 0;
  }
  // The socket, or a rate, takes nothing for now.
  bool writes_wait() const { return (mode_.write_gate & (kSocketFull | kRateHeld)) != 0; }
  // A read from a Unix socket stops behind bytes that came with descriptors, unix(7), whatever else
  // is there: it goes on until there is nothing.
  bool ProbesReads() const { return peer_.is_unix(); }
  void NoteReadable(uint32_t event_flags);
  void ReadAgain();
  // The other half of a relay (couple.h), or null. In couple.cc.
  Connection* partner() const { return rare_ == nullptr ? nullptr : FindPartner(); }
  Connection* FindPartner() const;
  void JoinPartner(Connection& partner);
  void Forward(Connection& partner, size_t size);
  void LeavePartner(Connection& partner);
  // In stream_io.cc.
  bool ReadPlain();
  ABSL_ATTRIBUTE_NOINLINE void ReadOn(ssize_t result);
  ABSL_ATTRIBUTE_NOINLINE void OnOtherEvent(const IoEvent& event);
  // `first`: what the first read has brought, if there was one already.
  ABSL_ATTRIBUTE_NOINLINE bool ReadSome(std::optional<IoResult> first = std::nullopt);
  [[nodiscard]] bool DeliverBlock(size_t size);
  [[nodiscard]] bool DeliverInto(Buffer& input);
  ABSL_ATTRIBUTE_NOINLINE bool AfterDelivery(Buffer& input);
  bool CheckKeptInput();
  void CountRead(size_t size);
  ABSL_ATTRIBUTE_NOINLINE bool CheckSocketError();
  ABSL_ATTRIBUTE_NOINLINE bool OnReadEnd(IoResult result);
  ABSL_ATTRIBUTE_NOINLINE void KeepInput(Buffer& input);
  [[nodiscard]] bool OnPeerFin();
  [[nodiscard]] bool Flush();
  bool FlushOnePiece();
  [[nodiscard]] bool WriteQueued(bool* wrote);
  ABSL_ATTRIBUTE_NOINLINE bool WroteAll(ChunkRef chunk, size_t size);
  ABSL_ATTRIBUTE_NOINLINE bool WrotePart(ChunkRef chunk, std::string_view all, ssize_t sent);
  ABSL_ATTRIBUTE_NOINLINE bool FlushMore();
  ABSL_ATTRIBUTE_NOINLINE bool AfterFlush(bool wrote);
  void CountSent(size_t bytes);
  void OnWriteError(IoOp operation, int error);
  [[nodiscard]] bool UpdateWaterMarks();
  void EndPause(uint8_t cause);
  // Rate limits, in rate_limited.cc. How many of `most` bytes may pass; 0 after setting the timer.
  size_t AllowRead(size_t most);
  // What is discarded costs nobody anything, and what a dead peer left is soon read.
  bool LimitsReads() const { return DeliversInput(mode_.state) && !write_failed_; }
  size_t AllowWrite(size_t most);
  void RateChanged();
  void EndRatePause();
  void EndRateHold();
  void KeepOutput();
  void BlockWrites();

  // Whether `size` more bytes may be queued.
  IoError CheckWrite(size_t size);
  IoError CheckWriteSlow(size_t size);
  // Tells the memory budget what is kept. May end the connection.
  void Recount();
  void ForgetBudgetPause();
  ABSL_ATTRIBUTE_NOINLINE IoError WriteSlow(Buffer&& data);
  void NoteFirstOutput();
  void Queued(size_t size);
  void NeedFlush();
  void OnOutputEnd();
  // The end, with `reason` unless an earlier one stands. Never calls back.
  void Fail(IoOp operation, int error);
  void End(CloseReason reason);
  void UpdateDeadline();
  IoError SetSocketOption(int level, int name, int value);

  // The loop's clock when it began, in seconds. First, where it fits into the base's padding.
  const uint32_t began_s_;
  IoHost& host_;
  ConnectionGroup* group_;  // Null for an orphan: the owner died inside our callback.
  SlotToken id_;            // Stays when the slot is detached.
  ListHook hook_;           // In the group's list of open or of closed connections.
  SocketAddress peer_;
  Buffer input_;
  OutputQueue output_;
  std::unique_ptr<ConnectionRare> rare_;
  std::unique_ptr<HeldBytes> held_;  // While mode_.counted.
  UserSlot user_;
  uint64_t accepted_ = 0;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t dropped_ = 0;
  TimePoint last_moved_;  // The turn that read or wrote last.
  uint32_t high_water_hits_ = 0;
  CloseReason reason_;
  Mode mode_;
  bool opened_ = false;        // on_open has been called.
  bool in_callback_ = false;   // A callback of this connection is running.
  bool orphaned_ = false;      // To be deleted when that callback returns.
  bool read_ready_ = false;    // The socket may have something to read.
  bool write_armed_ = false;   // Writability is watched.
  bool redeliver_ = false;     // on_bytes is to see again what it has left.
  bool need_flush_ = false;    // Something was queued, or the end was asked for.
  bool write_failed_ = false;  // The peer takes nothing any more; what it sent is still read.
};

template <typename Function>
bool Connection::Call(Function function) {
  in_callback_ = true;
  function();
  in_callback_ = false;
  if (orphaned_) {
    delete this;
    return false;
  }
  return !closed();
}

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_CONNECTION_H_
