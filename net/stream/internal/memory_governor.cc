#include "net/stream/internal/memory_governor.h"

#include <errno.h>
#include <malloc.h>

#include <algorithm>
#include <bit>
#include <utility>

#include "base/check.h"
#include "net/stream/connection.h"

namespace spindle {
namespace {

// So much from a connection that keeps nothing is never refused: whose peer reads gets its answers,
// whatever others have used up.
constexpr size_t kNeverRefused = 4096;

// Output that may leave at once is counted when the callback ends and it has not; but more of it
// than this is counted now, for a thousand connections can be written to in one turn.
constexpr size_t kCountedLater = 16 * 1024;

// Among holders of about one size, so many are looked at for the largest.
constexpr int kLooks = 16;

// Steps of a budget, in eighths.
constexpr size_t kResume = 4;      // Below it all are read from again.
constexpr size_t kPauseLarge = 6;  // From here on those that keep more than the average pause,
constexpr size_t kPauseAll = 7;    // and from here on all that grow.

bool AtLeastOf(size_t bytes, size_t budget, size_t eighths) {
  return budget > 0 && bytes >= budget / 8 * eighths;
}

}  // namespace

LoopMemory::~LoopMemory() {
  SPINDLE_DCHECK(bytes() == 0 && holders_ == 0 && paused_.empty()) << bytes() << " bytes are kept";
}

bool LoopMemory::has_budget() const {
  return server_.budget_.loop_bytes > 0 || server_.budget_.server_bytes > 0;
}

bool LoopMemory::AtLeast(size_t eighths) const {
  return AtLeastOf(bytes(), server_.budget_.loop_bytes, eighths) ||
         AtLeastOf(server_.bytes(), server_.budget_.server_bytes, eighths);
}

bool LoopMemory::Over() const {
  const MemoryBudget& budget = server_.budget_;
  return (budget.loop_bytes > 0 && bytes() > budget.loop_bytes) ||
         (budget.server_bytes > 0 && server_.bytes() > budget.server_bytes);
}

void LoopMemory::Set(Connection& connection, size_t bytes) {
  const size_t before = connection.held_ == nullptr ? 0 : connection.held_->bytes;
  if (bytes == before) return;
  Record(connection, bytes);
  if (bytes > before) {
    OnGrowth(connection);
  } else if (!paused_.empty() && !AtLeast(kResume)) {
    ResumeAll();
  }
}

// The books alone.
void LoopMemory::Record(Connection& connection, size_t bytes) {
  std::unique_ptr<HeldBytes>& held = connection.held_;
  if (held == nullptr) {
    held = std::make_unique<HeldBytes>(connection);
    ++holders_;
    connection.mode_.counted = true;
  }
  const size_t before = held->bytes;
  if (std::bit_width(before) != std::bit_width(bytes)) {
    held->size_hook.Unlink();
    if (bytes > 0) by_size_[std::bit_width(bytes)].push_back(*held);
  }
  held->bytes = bytes;
  bytes_.store(this->bytes() + bytes - before, std::memory_order_relaxed);
  if (bytes == 0) {
    --holders_;
    if (held->pause_hook.linked()) Unpause(*held);
    held.reset();
    connection.mode_.counted = false;
  }
  if (bytes > before) {
    server_.Add(bytes - before);
  } else {
    server_.Subtract(before - bytes, *this);
  }
}

void LoopMemory::OnGrowth(Connection& connection) {
  if (!AtLeast(kPauseLarge)) return;
  HeldBytes& held = *connection.held_;
  const bool refusing = server_.budget_.policy == MemoryPolicy::kRefuseWrites && Over();
  // Reading makes answers, so who cannot get rid of answers is not read from. Input that waits for
  // more of itself is another matter: without more it would wait for ever, and all others with it.
  const bool by_output = connection.output_.bytes().size() >= held.bytes / 2;
  const bool large = AtLeast(kPauseAll) || held.bytes >= bytes() / holders_;
  if ((by_output || refusing) && large && !held.pause_hook.linked()) Pause(held);
  if (Over() && server_.budget_.policy == MemoryPolicy::kCloseLargest) Enforce();
}

void LoopMemory::Pause(HeldBytes& held) {
  Connection* const partner = held.connection.partner();
  (partner == nullptr ? held.connection : *partner).mode_.paused |= Connection::kBudgetPause;
  paused_.push_back(held);
  server_.pauses_.fetch_add(1, std::memory_order_relaxed);
  // Whoever takes the server below the half looks here; if that was just before, we look ourselves.
  paused_now_.store(paused_now_.load(std::memory_order_relaxed) + 1);
  if (!AtLeast(kResume)) ResumeAll();
}

void LoopMemory::Unpause(HeldBytes& held) {
  held.pause_hook.Unlink();
  paused_now_.store(paused_now_.load(std::memory_order_relaxed) - 1);
  Connection* const partner = held.connection.partner();
  Connection& reader = partner == nullptr ? held.connection : *partner;
  if (!reader.closed()) reader.EndPause(Connection::kBudgetPause);
}

void LoopMemory::ResumeAll() {
  if (AtLeast(kResume)) return;
  while (!paused_.empty()) Unpause(paused_.front());
}

bool LoopMemory::Admit(Connection& connection, size_t size, bool stays) {
  const size_t held = connection.held_ == nullptr ? 0 : connection.held_->bytes;
  const size_t keeps = connection.output_.bytes().size() + connection.input_.size();
  const MemoryBudget& budget = server_.budget_;
  const bool small = keeps == 0 && size <= kNeverRefused;
  if (budget.policy == MemoryPolicy::kRefuseWrites && !small) {
    const size_t more = keeps - std::min(held, keeps) + size;
    const auto fits = [more](size_t bytes, size_t limit) {
      return limit == 0 || (more <= limit && bytes <= limit - more);
    };
    if (!fits(bytes(), budget.loop_bytes) || !fits(server_.bytes(), budget.server_bytes)) {
      server_.refused_.fetch_add(1, std::memory_order_relaxed);
      return false;
    }
  }
  if (stays || keeps + size > kCountedLater) Set(connection, keeps + size);
  return true;
}

// Ends the largest until the budgets are kept. If another loop holds more, that one is asked.
void LoopMemory::Enforce() {
  const MemoryBudget& budget = server_.budget_;
  while (budget.loop_bytes > 0 && bytes() > budget.loop_bytes && EndLargest()) {
  }
  while (budget.server_bytes > 0 && server_.bytes() > budget.server_bytes) {
    LoopMemory* largest = this;
    for (const std::unique_ptr<LoopMemory>& loop : server_.loops_) {
      if (loop->bytes() > largest->bytes()) largest = loop.get();
    }
    if (largest != this) return server_.Post(*largest, &LoopMemory::Enforce);
    if (!EndLargest()) return;
  }
}

// False if nobody holds anything.
bool LoopMemory::EndLargest() {
  for (size_t size = kSizeClasses; size-- > 1;) {
    if (by_size_[size].empty()) continue;
    HeldBytes* largest = &by_size_[size].front();
    int looks = 0;
    for (HeldBytes& held : by_size_[size]) {
      if (held.bytes > largest->bytes) largest = &held;
      if (++looks == kLooks) break;
    }
    server_.ended_.fetch_add(1, std::memory_order_relaxed);
    const size_t freed = largest->bytes;
    largest->connection.End(
        CloseReason{CloseKind::kMemoryLimit, IoError(ENOBUFS, IoOp::kWrite)});  // Sets it to 0.
    server_.Freed(freed);
    return true;
  }
  return false;
}

ServerMemory::~ServerMemory() {
  loops_.clear();
  SPINDLE_DCHECK(bytes() == 0) << bytes() << " bytes are kept";
}

std::shared_ptr<LoopMemory> ServerMemory::AddLoop(LoopRef loop) {
  loops_.push_back(std::make_unique<LoopMemory>(*this, std::move(loop)));
  return std::shared_ptr<LoopMemory>(shared_from_this(), loops_.back().get());
}

size_t ServerMemory::paused_now() const {
  size_t paused = 0;
  for (const std::unique_ptr<LoopMemory>& loop : loops_) paused += loop->paused_now_.load();
  return paused;
}

void ServerMemory::Add(size_t bytes) {
  const size_t now = bytes_.fetch_add(bytes) + bytes;
  size_t peak = peak_.load(std::memory_order_relaxed);
  while (now > peak && !peak_.compare_exchange_weak(peak, now, std::memory_order_relaxed)) {
  }
}

void ServerMemory::Subtract(size_t bytes, const LoopMemory& by) {
  const size_t before = bytes_.fetch_sub(bytes);
  const size_t budget = budget_.server_bytes;
  if (!AtLeastOf(before, budget, kResume) || AtLeastOf(before - bytes, budget, kResume)) return;
  // Below the half, by this step: who paused readings for the server's sake ends that.
  for (const std::unique_ptr<LoopMemory>& loop : loops_) {
    if (loop.get() != &by && loop->paused_now_.load() > 0) Post(*loop, &LoopMemory::ResumeAll);
  }
}

// glibc keeps what is freed, for each thread that had it: the budget of memory in use would not be
// one of memory taken from the system.
void ServerMemory::Freed(size_t bytes) {
  const size_t budget = std::max(budget_.server_bytes, budget_.loop_bytes);
  if (freed_.fetch_add(bytes) + bytes < budget / 16) return;
  freed_.store(0);
  malloc_trim(0);
}

void ServerMemory::Post(LoopMemory& loop, void (LoopMemory::*function)()) {
  loop.loop_.Post([self = shared_from_this(), target = &loop, function] { (target->*function)(); });
}

}  // namespace spindle
