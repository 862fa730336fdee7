// The two halves of a connection's traffic: reading and delivering, flushing what is queued.
// Functions that call back return false when the connection has ended, and perhaps been destroyed,
// meanwhile: the caller must return at once.

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include "base/probe.h"
#include "net/loop/io_host.h"
#include "net/stream/connection.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/connection_rare.h"
#include "net/stream/internal/small_input.h"

namespace spindle {
namespace {

// Most system calls that one flush makes before others have their turn.
constexpr int kWritesPerFlush = 16;

}  // namespace

// ---- Reading.

void Connection::KeepInput(Buffer& input) {
  if (!DeliversInput(mode_.state)) {
    dropped_ += input.size();
    input.Clear();
  }
  if (input.empty()) [[likely]] {
    host_.GiveBackBlock(input.TakeChunk());
  } else if (&input != &input_) {
    if (input.size() <= kSmallInput) {
      const std::string_view rest = input.Linearize();
      input_.Append(Chunk::CopyOf(rest), 0, rest.size());
      host_.GiveBackBlock(input.TakeChunk());
    } else {
      input_ = std::move(input);
    }
  }
}

inline void Connection::CountRead(size_t size) {
  received_ += size;
  last_moved_ = host_.now();
  host_.stats().bytes_read += size;
  SPINDLE_PROBE(read, id_.generation(), size, received_);
}

// After on_bytes has seen `input`. False if the connection has ended.
bool Connection::AfterDelivery(Buffer& input) {
  if (orphaned_ || closed()) [[unlikely]] {
    if (&input != &input_) dropped_ += input.size();
    if (orphaned_) delete this;
    return false;
  }
  // Moved away, as an echo does, it leaves nothing to keep.
  if (!input.OwnsNothing()) KeepInput(input);
  if (need_flush_ && !Flush()) return false;
  return (!mode_.counted && input_.OwnsNothing()) || CheckKeptInput();
}

// False if on_bytes has left more than it may, or the memory is used up.
bool Connection::CheckKeptInput() {
  Recount();
  if (closed()) return false;
  // Who has paused, or waits for its output to be taken, will come back to it.
  if (input_.size() < options().input_limit || !delivery_enabled()) return true;
  End(CloseReason{CloseKind::kInputLimit, IoError(ENOBUFS, IoOp::kRead)});
  return false;
}

bool Connection::DeliverInto(Buffer& input) {
  in_callback_ = true;
  group_->config().callbacks.on_bytes(*this, input);
  in_callback_ = false;
  return AfterDelivery(input);
}

// Hands on the first `size` bytes of the loop's block.
bool Connection::DeliverBlock(size_t size) {
  if (Connection* const partner = this->partner();
      partner != nullptr && DeliversInput(mode_.state)) {
    Forward(*partner, size);
    return !closed();
  }
  if (!DeliversInput(mode_.state) || !group_->config().callbacks.on_bytes) {
    dropped_ += size;
    return true;
  }
  if (input_.empty()) [[likely]] {
    Buffer input(host_.TakeBlock(), 0, size);
    return DeliverInto(input);
  }
  if (size <= kSmallInput) {
    input_.Append(std::string_view(host_.Block().data(), size));
  } else {
    input_.Append(host_.TakeBlock(), 0, size);
  }
  return DeliverInto(input_);
}

bool Connection::ReadSome(std::optional<IoResult> first) {
  LoopStats& stats = host_.stats();
  // Who waits for its next turn has had its share of this one.
  const uint32_t most = marked_ready() ? first.has_value() : options().reads_per_turn;
  uint32_t reads = 0;
  while (read_ready_ && reading_enabled()) {
    if (reads++ == most) [[unlikely]] {
      host_.MarkReady(*this);
      break;
    }
    Chunk& block = host_.Block();
    size_t room = block.own_capacity();
    const bool limited = rare_ != nullptr && rare_->read_limit != nullptr && LimitsReads();
    if (limited && (room = AllowRead(room)) == 0) break;
    const IoResult result =
        first.has_value() ? *first : host_.backend().Read(id_.fd(), std::span(block.data(), room));
    first.reset();
    ++stats.reads;
    if (limited) rare_->read_limit->Spend(static_cast<size_t>(result.bytes), host_.now());
    if (result.bytes == 0) [[unlikely]] {
      if (!OnReadEnd(result)) return false;
      break;
    }
    const size_t size = static_cast<size_t>(result.bytes);
    CountRead(size);
    if (size < room && !mode_.read_probe) read_ready_ = false;
    if (rare_ != nullptr) rare_->last_read = host_.now();
    if (!DeliverBlock(size)) return false;
  }
  if (write_failed_ && !(read_ready_ && reading_enabled())) [[unlikely]] {
    End(reason_);
    return false;
  }
  return true;
}

void Connection::NoteReadable(uint32_t event_flags) {
  constexpr uint32_t kProbe = kIoPriority | kIoPeerClosed | kIoError | kIoHangup;
  if (event_flags & (kIoReadable | kProbe)) read_ready_ = true;
  if (event_flags & kProbe) mode_.read_probe = true;
}

// The short path: a plain connection that can be read from, and of which no input is kept. Reads
// once and delivers; true if what on_bytes wrote is to be sent, in one piece. Whatever else comes
// up is left to the functions that deal with everything.
inline bool Connection::ReadPlain() {
  IoHost& host = host_;
  Chunk& block = host.Block();
  const size_t room = block.own_capacity();
  const ssize_t result = host.syscalls().Recv(id_.fd(), block.data(), room);
  const size_t size = static_cast<size_t>(result);
  if (size - 1 >= room - 1) [[unlikely]] {  // Nothing, or all that there was room for.
    ReadOn(result);
    return false;
  }
  ++host.stats().reads;
  host.stats().bytes_read += size;
  received_ += size;
  last_moved_ = host.now();
  read_ready_ = false;
  Buffer input(host.TakeBlock(), 0, size);
  in_callback_ = true;
  group_->config().callbacks.on_bytes(*this, input);
  in_callback_ = false;
  if (is_plain() && input.OwnsNothing() && output_.is_one_piece()) [[likely]] {
    return true;
  }
  static_cast<void>(AfterDelivery(input));
  return false;
}

void Connection::OnIoEvent(const IoEvent& event) {
  if ((event.flags & ~uint32_t{kIoWritable}) == kIoReadable && is_plain() && input_.OwnsNothing())
      [[likely]] {
    if (ReadPlain()) FlushOnePiece();
  } else {
    OnOtherEvent(event);
  }
}

// `result` is the first read's.
void Connection::ReadOn(ssize_t result) {
  read_ready_ = true;
  std::optional<IoResult> first;
  if (result != -EINTR) first = IoResult::Of(result);
  static_cast<void>(ReadSome(first));
}

void Connection::OnOtherEvent(const IoEvent& event) {
  NoteReadable(event.flags);
  if ((mode_.write_gate & kSocketFull) != 0 && event.Has(kIoWritable | kIoError | kIoHangup)) {
    mode_.write_gate &= static_cast<uint8_t>(~kSocketFull);
    if (!Flush()) return;
  }
  if (event.Has(kIoError) && !reading_enabled() && !CheckSocketError()) return;
  static_cast<void>(ReadSome());
}

// False if the connection has ended.
bool Connection::CheckSocketError() {
  int error = 0;
  socklen_t length = sizeof error;
  host_.syscalls().GetSockOpt(id_.fd(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (error == 0) return true;
  Fail(IoOp::kRead, error);
  return false;
}

// Reading is enabled again.
void Connection::ReadAgain() {
  redeliver_ = !input_.empty();
  if (read_ready_ || redeliver_) host_.MarkReady(*this);
}

void Connection::EndPause(uint8_t cause) {
  if ((mode_.paused & cause) == 0) return;
  mode_.paused = static_cast<uint8_t>(mode_.paused & ~cause);
  if (rare_ != nullptr) {
    rare_->last_read = host_.now();
    rare_->Schedule();
  }
  if ((cause & (kUserPause | kWaterPause)) != 0) {
    ReadAgain();
  } else if (read_ready_) {
    host_.MarkReady(*this);
  }
}

void Connection::OnReady() {
  const bool again = std::exchange(redeliver_, false) && !input_.empty() && delivery_enabled();
  if (!again || DeliverInto(input_)) static_cast<void>(ReadSome());
}

// Nothing came: not yet, never again, or by an error. False if the connection has ended.
bool Connection::OnReadEnd(IoResult result) {
  if (result.ok()) return OnPeerFin();
  read_ready_ = false;
  mode_.read_probe = ProbesReads();
  if (result.would_block()) return true;
  Fail(IoOp::kRead, result.error);
  return false;
}

bool Connection::OnPeerFin() {
  read_ready_ = false;
  mode_.read_probe = false;
  const CloseState next = Next(mode_.state, CloseEvent::kPeerFin);
  if (next == CloseState::kClosed) {
    if (reason_.kind == CloseKind::kNone) reason_.kind = CloseKind::kPeerClosed;
    End(reason_);
    return false;
  }
  mode_.state = next;
  if (Connection* const partner = this->partner()) {
    partner->ShutdownWrite();
    if (next == CloseState::kPeerDone) return !need_flush_ || Flush();
  }
  const ConnectionConfig& config = group_->config();
  if (mode_.state == CloseState::kPeerDone &&
      config.options.peer_fin == PeerFinPolicy::kKeepWriting) {
    if (config.callbacks.on_read_closed && !Call([&] { config.callbacks.on_read_closed(*this); })) {
      return false;
    }
    return !need_flush_ || Flush();
  }
  if (mode_.state == CloseState::kPeerDone) mode_.state = Next(mode_.state, CloseEvent::kClose);
  if (reason_.kind == CloseKind::kNone) reason_.kind = CloseKind::kPeerClosed;
  return Flush();
}

// ---- Writing.

inline void Connection::CountSent(size_t bytes) {
  sent_ += bytes;
  last_moved_ = host_.now();
  host_.stats().bytes_written += bytes;
  SPINDLE_PROBE(write, id_.generation(), bytes, sent_);
  if (rare_ != nullptr) rare_->last_written = host_.now();
}

bool Connection::WriteQueued(bool* wrote) {
  LoopStats& stats = host_.stats();
  for (int writes = 0; !output_.empty(); ++writes) {
    if (writes == kWritesPerFlush) {
      need_flush_ = true;
      return true;
    }
    size_t most = std::numeric_limits<size_t>::max();
    const bool limited = (mode_.write_gate & kRateLimited) != 0;
    if (limited && (most = AllowWrite(output_.size())) == 0) return true;
    OutputQueue::Note note;
    const IoResult result = output_.WriteSome(host_.backend(), id_.fd(), most, &note);
    ++stats.writes;
    if (limited) rare_->write_limit->Spend(static_cast<size_t>(result.bytes), host_.now());
    if (!result.ok()) {
      if (!result.would_block()) {
        OnWriteError(note.file ? IoOp::kSendFile : IoOp::kWrite, result.error);
        return false;
      }
      BlockWrites();
      return !closed();
    }
    CountSent(static_cast<size_t>(result.bytes));
    *wrote = true;
    if (note.socket_full) {
      BlockWrites();
      return !closed();
    }
  }
  return true;
}

bool Connection::Flush() {
  need_flush_ = false;
  if (mode_.write_gate != 0 || !output_.is_one_piece()) return FlushMore();
  return FlushOnePiece();
}

bool Connection::FlushOnePiece() {
  need_flush_ = false;
  IoHost& host = host_;
  const std::string_view all = output_.bytes().Front();
  // Held here, so that the usual case need not look at the queue again.
  ChunkRef chunk = output_.bytes().TakeChunk();
  const iovec piece = {const_cast<char*>(all.data()), all.size()};
  const ssize_t result = host.syscalls().Send(id_.fd(), std::span(&piece, 1));
  ++host.stats().writes;
  if (result != static_cast<ssize_t>(all.size())) [[unlikely]]
    return WrotePart(std::move(chunk), all, result);
  if (!is_plain()) [[unlikely]]
    return WroteAll(std::move(chunk), all.size());
  // Nobody waits for this moment.
  sent_ += all.size();
  last_moved_ = host.now();
  host.stats().bytes_written += all.size();
  host.GiveBackBlock(std::move(chunk));
  return true;
}

bool Connection::WroteAll(ChunkRef chunk, size_t size) {
  CountSent(size);
  host_.GiveBackBlock(std::move(chunk));
  return AfterFlush(/*wrote=*/true);
}

// The socket took a part of `all`, which lies in `chunk`, or nothing.
bool Connection::WrotePart(ChunkRef chunk, std::string_view all, ssize_t sent) {
  const size_t begin = static_cast<size_t>(all.data() - chunk->data());
  output_.bytes() = Buffer(std::move(chunk), begin, begin + all.size());
  if (sent == -EINTR) return FlushMore();
  const IoResult result = IoResult::Of(sent);
  if (!result.ok() && !result.would_block()) {
    OnWriteError(IoOp::kWrite, result.error);
    return false;
  }
  if (result.ok()) {
    CountSent(static_cast<size_t>(result.bytes));
    output_.bytes().Consume(static_cast<size_t>(result.bytes));
  }
  BlockWrites();
  return !closed() && AfterFlush(result.ok());
}

bool Connection::FlushMore() {
  bool wrote = false;
  if (!writes_wait() && !output_.empty() && !WriteQueued(&wrote)) return false;
  return AfterFlush(wrote);
}

// What the state of the queue means to others, once it has been written as far as it goes.
bool Connection::AfterFlush(bool wrote) {
  if (mode_.counted || !output_.empty()) {
    Recount();
    if (closed()) return false;
  }
  if (output_.empty()) {
    host_.GiveBackBlock(output_.bytes().TakeChunk());
    if (EndsWhenFlushed(mode_.state) || mode_.state == CloseState::kLingering) {
      OnOutputEnd();
      // Whose output ends may go on reading: see about the water marks.
      if (mode_.state != CloseState::kHalfClosed) return !closed();
    }
    const ConnectionCallbacks& callbacks = group_->config().callbacks;
    if (wrote && callbacks.on_drained && !Call([&] { callbacks.on_drained(*this); })) return false;
  } else {
    KeepOutput();
  }
  if ((mode_.above_high || !output_.empty()) && !UpdateWaterMarks()) return false;
  if (rare_ != nullptr || EndsWhenFlushed(mode_.state)) UpdateDeadline();
  if (need_flush_) host_.MarkFlush(*this);
  return true;
}

void Connection::OnWriteError(IoOp operation, int error) {
  const bool peer_gone = error == ECONNRESET || error == EPIPE;
  // What is left to be read is no more than the socket holds.
  mode_.paused &= kUserPause;
  mode_.write_gate &= static_cast<uint8_t>(~kRateHeld);
  if (rare_ != nullptr) rare_->ReleaseRates();
  if (!peer_gone || !DeliversInput(mode_.state) || !reading_enabled()) {
    Fail(operation, error);
    return;
  }
  // All that the peer has sent before it went is here: an answer, perhaps, to what it did not want
  // to read to the end. It is delivered before the end is reported.
  reason_ = CloseReason{CloseKind::kPeerReset, IoError(error, operation)};
  output_.Discard();
  if (mode_.counted) Recount();
  write_failed_ = true;
  mode_.state = CloseState::kHalfClosed;
  read_ready_ = true;
  mode_.read_probe = true;
  host_.MarkReady(*this);
}

void Connection::BlockWrites() {
  mode_.write_gate |= kSocketFull;
  if (write_armed_) return;  // The registration is edge-triggered: the next edge will tell.
  const Interest all = Interest::kReadWrite | Interest::kPeerClosed | Interest::kPriority;
  if (IoError error = host_.backend().Modify(id_, all, Trigger::kEdge); !error.ok()) {
    Fail(error.op(), error.code());
    return;
  }
  write_armed_ = true;
}

void Connection::KeepOutput() {
  // A block of the loop's that a slow peer left a little in: keep the little, not the block.
  Buffer& bytes = output_.bytes();
  if (bytes.SegmentCount() != 1 || bytes.size() > kSmallInput) return;
  const std::string_view rest = bytes.Front();
  ChunkRef copy = Chunk::CopyOf(rest);
  const size_t size = rest.size();
  if (!copy) return;
  host_.GiveBackBlock(bytes.TakeChunk());
  bytes.Append(std::move(copy), 0, size);
}

bool Connection::UpdateWaterMarks() {
  const ConnectionOptions& options = this->options();
  const ConnectionCallbacks& callbacks = group_->config().callbacks;
  const size_t high = rare_ == nullptr ? options.high_water_mark : rare_->high_water_mark;
  const size_t low = rare_ == nullptr ? options.low_water_mark : rare_->low_water_mark;
  if (!mode_.above_high && output_.size() > high) {
    mode_.above_high = true;
    ++high_water_hits_;
    if (Connection* const partner = this->partner()) {
      partner->mode_.paused |= kWaterPause;
    } else if (options.pause_reading_above_high_water) {
      mode_.paused |= kWaterPause;
    }
    if (callbacks.on_pause && !Call([&] { callbacks.on_pause(*this); })) return false;
  } else if (mode_.above_high && output_.size() <= low) {
    mode_.above_high = false;
    Connection* const partner = this->partner();
    (partner == nullptr ? *this : *partner).EndPause(kWaterPause);
    if (callbacks.on_resume && !Call([&] { callbacks.on_resume(*this); })) return false;
  }
  return true;
}

void Connection::UpdateDeadline() {
  const bool close_deadline = EndsWhenFlushed(mode_.state) && !output_.empty() &&
                              options().close_timeout > Duration::zero();
  if (rare_ == nullptr && !close_deadline) return;
  rare().Schedule();
}

void Connection::OnOutputEnd() {
  const CloseState next = Next(mode_.state, CloseEvent::kFlushed);
  if (next == CloseState::kClosed) {
    End(reason_);
    return;
  }
  if (mode_.state != CloseState::kLingering) {
    const int result = host_.syscalls().Shutdown(id_.fd(), SHUT_WR);
    if (result < 0) {
      Fail(IoOp::kShutdown, -result);
      return;
    }
  }
  mode_.state = next;
  if (mode_.state != CloseState::kLingering) return;
  if (options().linger_timeout <= Duration::zero()) {
    End(reason_);
    return;
  }
  dropped_ += input_.size();
  input_ = Buffer();
  if (mode_.counted) Recount();
  ConnectionRare& rare = this->rare();
  rare.end_deadline =
      std::min(rare.end_deadline, SaturatingAdd(host_.now(), options().linger_timeout));
  rare.Schedule();
  if (read_ready_) host_.MarkReady(*this);
}

}  // namespace spindle
