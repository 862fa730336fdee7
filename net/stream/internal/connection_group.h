#ifndef SPINDLE_NET_STREAM_INTERNAL_CONNECTION_GROUP_H_
#define SPINDLE_NET_STREAM_INTERNAL_CONNECTION_GROUP_H_

#include <atomic>
#include <cstddef>
#include <memory>
#include <optional>
#include <source_location>

#include "absl/base/attributes.h"
#include "absl/functional/any_invocable.h"
#include "base/intrusive_list.h"
#include "net/backend/owned_socket.h"
#include "net/loop/io_host.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_options.h"

namespace spindle {

class PeerCounts;

// What all connections of one server or client share.
struct ConnectionConfig {
  ConnectionCallbacks callbacks;
  ConnectionOptions options;
  std::source_location where = {};  // The call that made the server or client.
};

// The connections of one server or client on one loop: makes them, owns them, reports their ends.
//
// Loop thread only, but for count() and Expect. Stopping a group, at any time and from inside any
// callback, ends its connections (kServerStopped, on_close is called); one whose callback is
// running becomes an orphan, which dies when that callback returns. A group that is stopped, or
// whose loop is gone, may be destroyed on any thread.
class ConnectionGroup final : public AdoptTarget {
 public:
  // `memory` counts what the connections keep, `peers` how many each peer has (one less when one of
  // ours ends); null if nobody wants to know.
  ConnectionGroup(IoHost& host, std::shared_ptr<const ConnectionConfig> config,
                  std::shared_ptr<LoopMemory> memory = nullptr,
                  std::shared_ptr<PeerCounts> peers = nullptr);
  ~ConnectionGroup();

  // Takes no connection from now on. Again: does nothing.
  void Stop();

  IoHost& host() { return host_; }
  const ConnectionConfig& config() const { return *config_; }
  LoopMemory* memory() const { return memory_.get(); }
  // Output up to this size, in all, is queued without a further look.
  size_t unasked_limit() const { return unasked_limit_; }

  // What new registrations watch: writability only if an early first event is wanted, since that
  // event is a wake-up of its own.
  Interest initial_interest() const;

  // A connection on its way to this loop counts from here on. Any thread; Adopt and Attach do not
  // count again.
  void Expect() { count_.fetch_add(1, std::memory_order_relaxed); }
  void Unexpect() { count_.fetch_sub(1, std::memory_order_relaxed); }
  // Connections open or expected. Any thread.
  size_t count() const { return count_.load(std::memory_order_relaxed); }

  // Takes an expected connection whose descriptor is registered with this loop's back end.
  void Adopt(SlotToken token, const SocketAddress& peer) override;
  // Registers an expected connection and takes it. On an error the socket is closed and the count
  // corrected. The connection, and the group, may be gone when this returns.
  IoError Attach(OwnedSocket socket, const SocketAddress& peer);

  // Takes an expected connection that `connector` had registered until now, edge-triggered for
  // reading and writing; `event_flags` are those of the event that told of the connection.
  void AdoptConnected(SlotToken token, const SocketAddress& peer, uint32_t event_flags);

  // The first open connection, or null.
  Connection* first() { return open_.empty() ? nullptr : &open_.front(); }

  // Calls `function`, which only looks, with each open connection.
  template <typename Function>
  void ForEach(Function function) {
    for (const Connection& connection : open_) function(connection);
  }

  // Asks each connection to end, on_drain in its own way, else by Close; connections that come
  // later are asked too. At `deadline` those still open are ended (kServerStopped). `done` is
  // called once, when none is left, with the sums; it may destroy the group. Once per group.
  void Drain(TimePoint deadline, absl::AnyInvocable<void(const DrainResult&)> done);

 private:
  friend class Connection;

  class Draining;
  class Deferral final : public DeferredWork {
   public:
    explicit Deferral(ConnectionGroup& group) : group_(group) {}

   private:
    void OnDeferred() override { group_.ReportClosed(); }  // May destroy this.
    CallbackOrigin origin() const override {
      return {.kind = "end of connections", .where = group_.config_->where};
    }
    ConnectionGroup& group_;
  };

  void Take(SlotToken token, const SocketAddress& peer, bool write_armed, uint32_t event_flags);
  void AskToEnd(Connection& connection);
  // Ends what is still open.
  void EndAll(CloseReason reason);
  // False if the group was stopped, and may be gone.
  bool MayFinishDrain();
  // Calls user code. False if it stopped the group, which may be gone then.
  template <typename Function>
  bool CallOut(Function function);
  // Returns the flag before. Not inlined: g++ 12 takes the store for one that outlives its target.
  ABSL_ATTRIBUTE_NOINLINE bool* SwapStopFlag(bool* flag);
  void OnClosed(Connection& connection);
  void ReportClosed();
  // Reports the end and destroys the connection. False if the group was stopped, and may be gone.
  bool Report(Connection& connection);

  IoHost& host_;
  const std::shared_ptr<const ConnectionConfig> config_;
  const std::shared_ptr<LoopMemory> memory_;
  const std::shared_ptr<PeerCounts> peers_;
  const size_t unasked_limit_;
  IntrusiveList<Connection, &Connection::hook_> open_;
  IntrusiveList<Connection, &Connection::hook_> closed_;  // Still to be reported.
  std::atomic<size_t> count_{0};
  bool* stopped_ = nullptr;  // Where to say so, while a call into user code is under way.
  std::unique_ptr<Draining> draining_;
  std::optional<Deferral> deferral_;  // Until Stop.
};

inline const ConnectionOptions& Connection::options() const { return group_->config().options; }

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_CONNECTION_GROUP_H_
