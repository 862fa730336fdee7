// The two halves of a connection's traffic: reading and delivering, flushing what is queued.
// Functions that call back return false when the connection has ended, and perhaps been destroyed,
// meanwhile: the caller must return at once.

#include <errno.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include <string_view>
#include <utility>

#include "net/loop/io_host.h"
#include "net/stream/connection.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/connection_rare.h"

namespace spindle {
namespace {

// What is left of a block is copied if it is at most this long, so that the block can go back to
// the loop.
constexpr size_t kCopyLimit = 8 * 1024;
// Most system calls that one flush makes before others have their turn.
constexpr int kWritesPerFlush = 16;

}  // namespace

// ---- Reading.

void Connection::KeepInput(Buffer& input) {
  if (!DeliversInput(state_)) {
    dropped_ += input.size();
    input.Clear();
  }
  if (input.empty()) [[likely]] {
    host_.GiveBackBlock(input.TakeChunk());
  } else if (&input != &input_) {
    if (input.size() <= kCopyLimit) {
      const std::string_view rest = input.Linearize();
      input_.Append(Chunk::CopyOf(rest), 0, rest.size());
      host_.GiveBackBlock(input.TakeChunk());
    } else {
      input_ = std::move(input);
    }
  }
}

inline bool Connection::DeliverInto(Buffer& input) {
  in_callback_ = true;
  group_->config().callbacks.on_bytes(*this, input);
  in_callback_ = false;
  if (orphaned_ || closed()) [[unlikely]] {
    if (&input != &input_) dropped_ += input.size();
    if (orphaned_) delete this;
    return false;
  }
  // Moved away, as an echo does, it leaves nothing to keep.
  if (!input.OwnsNothing()) KeepInput(input);
  return !need_flush_ || Flush();
}

bool Connection::DeliverWithRest(size_t size) {
  if (!DeliversInput(state_) || !group_->config().callbacks.on_bytes) {
    dropped_ += size;
    return true;
  }
  if (size <= kCopyLimit) {
    input_.Append(std::string_view(host_.Block().data(), size));
  } else {
    input_.Append(host_.TakeBlock(), 0, size);
  }
  return DeliverInto(input_);
}

ABSL_ATTRIBUTE_ALWAYS_INLINE inline bool Connection::ReadSome() {
  LoopStats& stats = host_.stats();
  uint32_t reads = 0;
  while (read_ready_ && reading_enabled()) {
    if (reads++ == options().reads_per_turn) [[unlikely]] {
      host_.MarkReady(*this);
      break;
    }
    Chunk& block = host_.Block();
    const size_t room = block.own_capacity();
    const IoResult result = host_.backend().Read(id_.fd(), std::span(block.data(), room));
    ++stats.reads;
    if (result.bytes == 0) [[unlikely]] {
      if (!OnReadEnd(result)) return false;
      break;
    }
    const size_t size = static_cast<size_t>(result.bytes);
    received_ += size;
    stats.bytes_read += size;
    if (size < room && !read_probe_) read_ready_ = false;
    if (rare_ != nullptr) rare_->last_read = host_.now();
    if (state_ == CloseState::kOpen && input_.empty() && group_->config().callbacks.on_bytes)
        [[likely]] {
      Buffer input(host_.TakeBlock(), 0, size);
      if (!DeliverInto(input)) return false;
    } else if (!DeliverWithRest(size)) {
      return false;
    }
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
  if (event_flags & kProbe) read_probe_ = true;
}

void Connection::OnIoEvent(const IoEvent& event) {
  NoteReadable(event.flags);
  if (write_blocked_ && event.Has(kIoWritable | kIoError | kIoHangup)) {
    write_blocked_ = false;
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

void Connection::OnReady() { static_cast<void>(ReadSome()); }

// Nothing came: not yet, never again, or by an error. False if the connection has ended.
bool Connection::OnReadEnd(IoResult result) {
  if (result.ok()) return OnPeerFin();
  read_ready_ = false;
  read_probe_ = false;
  if (result.would_block()) return true;
  Fail(IoOp::kRead, result.error);
  return false;
}

bool Connection::OnPeerFin() {
  read_ready_ = false;
  read_probe_ = false;
  const CloseState next = Next(state_, CloseEvent::kPeerFin);
  if (next == CloseState::kClosed) {
    if (reason_.kind == CloseKind::kNone) reason_.kind = CloseKind::kPeerClosed;
    End(reason_);
    return false;
  }
  state_ = next;
  const ConnectionConfig& config = group_->config();
  if (state_ == CloseState::kPeerDone && config.options.peer_fin == PeerFinPolicy::kKeepWriting) {
    if (config.callbacks.on_read_closed && !Call([&] { config.callbacks.on_read_closed(*this); })) {
      return false;
    }
    return !need_flush_ || Flush();
  }
  if (state_ == CloseState::kPeerDone) state_ = Next(state_, CloseEvent::kClose);
  if (reason_.kind == CloseKind::kNone) reason_.kind = CloseKind::kPeerClosed;
  return Flush();
}

// ---- Writing.

inline void Connection::CountSent(size_t bytes) {
  sent_ += bytes;
  host_.stats().bytes_written += bytes;
  if (rare_ != nullptr) rare_->last_written = host_.now();
}

bool Connection::WriteQueued(bool* wrote) {
  LoopStats& stats = host_.stats();
  for (int writes = 0; !output_.empty(); ++writes) {
    if (writes == kWritesPerFlush) {
      need_flush_ = true;
      return true;
    }
    OutputQueue::Note note;
    const IoResult result = output_.WriteSome(host_.backend(), id_.fd(), &note);
    ++stats.writes;
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
  if (write_blocked_ || !output_.is_one_piece()) return FlushMore();
  const std::string_view all = output_.bytes().Front();
  const iovec piece = {const_cast<char*>(all.data()), all.size()};
  const IoResult result = host_.backend().Write(id_.fd(), std::span(&piece, 1));
  ++host_.stats().writes;
  if (result.bytes != static_cast<int64_t>(all.size())) [[unlikely]]
    return WrotePart(result);
  CountSent(all.size());
  host_.GiveBackBlock(output_.bytes().TakeChunk());
  // Nobody waits for this moment.
  if (state_ == CloseState::kOpen && rare_ == nullptr && !above_high_ &&
      !group_->config().callbacks.on_drained) [[likely]] {
    return true;
  }
  return AfterFlush(/*wrote=*/true);
}

// The socket took a part of one piece, or nothing.
bool Connection::WrotePart(IoResult result) {
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
  if (!write_blocked_ && !output_.empty() && !WriteQueued(&wrote)) return false;
  return AfterFlush(wrote);
}

// What the state of the queue means to others, once it has been written as far as it goes.
bool Connection::AfterFlush(bool wrote) {
  if (output_.empty()) {
    host_.GiveBackBlock(output_.bytes().TakeChunk());
    if (EndsWhenFlushed(state_) || state_ == CloseState::kLingering) {
      OnOutputEnd();
      // Whose output ends may go on reading: see about the water marks.
      if (state_ != CloseState::kHalfClosed) return !closed();
    }
    const ConnectionCallbacks& callbacks = group_->config().callbacks;
    if (wrote && callbacks.on_drained && !Call([&] { callbacks.on_drained(*this); })) return false;
  } else {
    KeepOutput();
  }
  if ((above_high_ || !output_.empty()) && !UpdateWaterMarks()) return false;
  if (rare_ != nullptr || EndsWhenFlushed(state_)) UpdateDeadline();
  if (need_flush_) host_.MarkFlush(*this);
  return true;
}

void Connection::OnWriteError(IoOp operation, int error) {
  const bool peer_gone = error == ECONNRESET || error == EPIPE;
  water_paused_ = false;
  if (!peer_gone || !DeliversInput(state_) || !reading_enabled()) {
    Fail(operation, error);
    return;
  }
  // All that the peer has sent before it went is here: an answer, perhaps, to what it did not want
  // to read to the end. It is delivered before the end is reported.
  reason_ = CloseReason{CloseKind::kPeerReset, IoError(error, operation)};
  output_.Discard();
  write_failed_ = true;
  state_ = CloseState::kHalfClosed;
  read_ready_ = true;
  read_probe_ = true;
  host_.MarkReady(*this);
}

void Connection::BlockWrites() {
  write_blocked_ = true;
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
  if (bytes.SegmentCount() != 1 || bytes.size() > kCopyLimit) return;
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
  if (!above_high_ && output_.size() > high) {
    above_high_ = true;
    water_paused_ = options.pause_reading_above_high_water;
    if (callbacks.on_pause && !Call([&] { callbacks.on_pause(*this); })) return false;
  } else if (above_high_ && output_.size() <= low) {
    above_high_ = false;
    if (water_paused_) {
      water_paused_ = false;
      if (rare_ != nullptr) rare_->last_read = host_.now();
      if (read_ready_) host_.MarkReady(*this);
    }
    if (callbacks.on_resume && !Call([&] { callbacks.on_resume(*this); })) return false;
  }
  return true;
}

void Connection::UpdateDeadline() {
  const bool close_deadline =
      EndsWhenFlushed(state_) && !output_.empty() && options().close_timeout > Duration::zero();
  if (rare_ == nullptr && !close_deadline) return;
  rare().Schedule();
}

void Connection::OnOutputEnd() {
  const CloseState next = Next(state_, CloseEvent::kFlushed);
  if (next == CloseState::kClosed) {
    End(reason_);
    return;
  }
  if (state_ != CloseState::kLingering) {
    const int result = host_.syscalls().Shutdown(id_.fd(), SHUT_WR);
    if (result < 0) {
      Fail(IoOp::kShutdown, -result);
      return;
    }
  }
  state_ = next;
  if (state_ != CloseState::kLingering) return;
  if (options().linger_timeout <= Duration::zero()) {
    End(reason_);
    return;
  }
  dropped_ += input_.size();
  input_ = Buffer();
  ConnectionRare& rare = this->rare();
  rare.end_deadline =
      std::min(rare.end_deadline, SaturatingAdd(host_.now(), options().linger_timeout));
  rare.Schedule();
  if (read_ready_) host_.MarkReady(*this);
}

}  // namespace spindle
