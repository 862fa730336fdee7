// The two halves of a connection's traffic: reading and delivering, flushing what is queued.
// Functions that call back return false when the connection has ended, and perhaps been destroyed,
// meanwhile: the caller must return at once.

#include <errno.h>
#include <sys/socket.h>

#include <utility>

#include "net/loop/io_host.h"
#include "net/stream/connection.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/connection_rare.h"

namespace spindle {
namespace {

// What is left of a block is copied if it is at most this long, so that the block can go back to the
// loop.
constexpr size_t kCopyLimit = 8 * 1024;
// Most system calls that one flush makes before others have their turn.
constexpr int kWritesPerFlush = 16;

}  // namespace

// ---- Reading.

bool Connection::ReadSome() {
  LoopStats& stats = host_.stats();
  uint32_t reads = 0;
  while (read_ready_ && reading_enabled()) {
    if (reads++ == options().reads_per_turn) {
      host_.MarkReady(*this);
      break;
    }
    ChunkRef block = host_.TakeBlock();
    const size_t room = block->own_capacity();
    const IoResult result = host_.backend().Read(id_.fd(), std::span(block->data(), room));
    ++stats.reads;
    if (!result.ok() || result.bytes == 0) {
      host_.GiveBackBlock(std::move(block));
      if (result.ok()) return OnPeerFin();
      read_ready_ = false;
      read_probe_ = false;
      if (result.would_block()) break;
      Fail(IoOp::kRead, result.error);
      return false;
    }
    const size_t size = static_cast<size_t>(result.bytes);
    received_ += size;
    stats.bytes_read += size;
    if (size < room && !read_probe_) read_ready_ = false;
    if (!Deliver(std::move(block), size)) return false;
  }
  if (write_failed_ && !(read_ready_ && reading_enabled())) {
    End(reason_);
    return false;
  }
  return true;
}

bool Connection::Deliver(ChunkRef block, size_t size) {
  if (rare_ != nullptr) rare_->last_read = host_.now();
  if (!DeliversInput(state_) || !group_->config().callbacks.on_bytes) {
    dropped_ += size;
    host_.GiveBackBlock(std::move(block));
    return true;
  }
  if (input_.empty()) {
    Buffer input;
    input.Append(std::move(block), 0, size);
    return DeliverInto(input);
  }
  if (size <= kCopyLimit) {
    input_.Append(std::string_view(block->data(), size));
    host_.GiveBackBlock(std::move(block));
  } else {
    input_.Append(std::move(block), 0, size);
  }
  return DeliverInto(input_);
}

bool Connection::DeliverInto(Buffer& input) {
  const auto deliver = [&] {
    group_->config().callbacks.on_bytes(*this, input);
    if (closed() && &input != &input_) dropped_ += input.size();
  };
  if (!Call(deliver)) return false;
  KeepInput(input);
  return !need_flush_ || Flush();
}

void Connection::KeepInput(Buffer& input) {
  if (!DeliversInput(state_)) {
    dropped_ += input.size();
    input.Clear();
  }
  if (input.empty()) {
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
    if (config.callbacks.on_read_closed &&
        !Call([&] { config.callbacks.on_read_closed(*this); })) {
      return false;
    }
    return !need_flush_ || Flush();
  }
  if (state_ == CloseState::kPeerDone) state_ = Next(state_, CloseEvent::kClose);
  if (reason_.kind == CloseKind::kNone) reason_.kind = CloseKind::kPeerClosed;
  return Flush();
}

// ---- Writing.

bool Connection::Flush() {
  need_flush_ = false;
  bool wrote = false;
  if (!write_blocked_ && !output_.empty() && !WriteQueued(&wrote)) return false;
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
  if (!UpdateWaterMarks()) return false;
  UpdateDeadline();
  if (need_flush_) host_.MarkFlush(*this);
  return true;
}

bool Connection::WriteQueued(bool* wrote) {
  LoopStats& stats = host_.stats();
  for (int writes = 0; !output_.empty(); ++writes) {
    if (writes == kWritesPerFlush) {
      need_flush_ = true;
      return true;
    }
    bool file = false;
    const OutputQueue::Written written = output_.WriteSome(host_.backend(), id_.fd(), &file);
    ++stats.writes;
    if (written.result.would_block()) {
      BlockWrites();
      return !closed();
    }
    if (!written.result.ok()) {
      OnWriteError(file ? IoOp::kSendFile : IoOp::kWrite, written.result.error);
      return false;
    }
    const uint64_t bytes = static_cast<uint64_t>(written.result.bytes);
    sent_ += bytes;
    stats.bytes_written += bytes;
    *wrote = true;
    if (rare_ != nullptr) rare_->last_written = host_.now();
    if (written.socket_full) {
      BlockWrites();
      return !closed();
    }
  }
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
  const Interest all =
      Interest::kReadWrite | Interest::kPeerClosed | Interest::kPriority;
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
  const bool close_deadline = EndsWhenFlushed(state_) && !output_.empty() &&
                              options().close_timeout > Duration::zero();
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
  rare.end_deadline = std::min(rare.end_deadline,
                               SaturatingAdd(host_.now(), options().linger_timeout));
  rare.Schedule();
  if (read_ready_) host_.MarkReady(*this);
}

}  // namespace spindle
