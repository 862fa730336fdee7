#ifndef SPINDLE_NET_STREAM_INTERNAL_MEMORY_GOVERNOR_H_
#define SPINDLE_NET_STREAM_INTERNAL_MEMORY_GOVERNOR_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/intrusive_list.h"
#include "net/loop/loop_ref.h"
#include "net/stream/stream_options.h"

namespace spindle {

class Connection;
class ServerMemory;

// What one connection keeps; made when bytes remain after a flush or a delivery, gone when none do.
struct HeldBytes {
  explicit HeldBytes(Connection& holder) : connection(holder) {}
  Connection& connection;
  size_t bytes = 0;
  ListHook size_hook;   // Among those of about its size.
  ListHook pause_hook;  // Linked while reading is paused for it.
};

// The memory of a server's connections on one loop. Connections say what they keep, by Set; this
// adds up, pauses and ends.
//
// Holders lie in lists by the power of two of what they hold, so that a large one is found without
// looking at the others: no operation is O(connections), but for the end of all pauses at once.
//
// Loop thread only, but for bytes().
class LoopMemory {
 public:
  LoopMemory(ServerMemory& server, LoopRef loop) : server_(server), loop_(std::move(loop)) {}
  ~LoopMemory();
  LoopMemory(const LoopMemory&) = delete;
  LoopMemory& operator=(const LoopMemory&) = delete;

  // `connection`, which is open, keeps `bytes` now. May end connections, this one too. Never calls
  // back.
  void Set(Connection& connection, size_t bytes);
  // `connection` wants to queue `size` bytes more, which will stay (`stays`) or may leave at once.
  // False if the policy refuses them. May end connections, this one too.
  bool Admit(Connection& connection, size_t size, bool stays);

  // Ends the pause that was made for `held`.
  void Unpause(HeldBytes& held);

  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  bool has_budget() const;

 private:
  friend class ServerMemory;
  static constexpr size_t kSizeClasses = 65;

  void Record(Connection& connection, size_t bytes);
  bool AtLeast(size_t eighths) const;  // Of the budget of the loop, or of the server.
  bool Over() const;
  void OnGrowth(Connection& connection);
  void Pause(HeldBytes& held);
  void ResumeAll();
  void Enforce();
  bool EndLargest();

  ServerMemory& server_;
  const LoopRef loop_;
  IntrusiveList<HeldBytes, &HeldBytes::size_hook> by_size_[kSizeClasses];
  IntrusiveList<HeldBytes, &HeldBytes::pause_hook> paused_;
  size_t holders_ = 0;
  std::atomic<size_t> bytes_{0};       // Written on the loop's thread.
  std::atomic<size_t> paused_now_{0};  // Likewise.
};

// The memory of all connections of a server. Any thread. Held by the server and by its groups.
class ServerMemory : public std::enable_shared_from_this<ServerMemory> {
 public:
  explicit ServerMemory(const MemoryBudget& budget) : budget_(budget) {}
  ~ServerMemory();

  // Before any connection is there.
  std::shared_ptr<LoopMemory> AddLoop(LoopRef loop);

  const MemoryBudget& budget() const { return budget_; }
  size_t bytes() const { return bytes_.load(); }
  size_t peak() const { return peak_.load(std::memory_order_relaxed); }
  size_t paused_now() const;
  uint64_t pauses() const { return pauses_.load(std::memory_order_relaxed); }
  uint64_t ended() const { return ended_.load(std::memory_order_relaxed); }
  uint64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  friend class LoopMemory;
  void Add(size_t bytes);
  void Subtract(size_t bytes, const LoopMemory& by);
  void Freed(size_t bytes);
  void Post(LoopMemory& loop, void (LoopMemory::*function)());

  const MemoryBudget budget_;
  std::vector<std::unique_ptr<LoopMemory>> loops_;
  std::atomic<size_t> bytes_{0};
  std::atomic<size_t> peak_{0};
  std::atomic<size_t> freed_{0};  // By ending connections, since memory was last given back.
  std::atomic<uint64_t> pauses_{0};
  std::atomic<uint64_t> ended_{0};
  std::atomic<uint64_t> refused_{0};
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_MEMORY_GOVERNOR_H_
