#ifndef SPINDLE_TESTS_SIM_STREAM_WORLD_H_
#define SPINDLE_TESTS_SIM_STREAM_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/random.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/loop/simulation.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/sim/stream_ledgers.h"
#include "tests/sim/stream_pattern.h"
#include "tests/sim/task_counts.h"

namespace spindle {

// What the connections of a run say to each other.
enum class StreamTalk : uint8_t {
  kEcho,         // Clients send a stream, the server what it receives.
  kIndependent,  // Both send a stream of their own.
  kConstant,     // As before, in bytes that do not depend on the position.
};

// One server, some clients and their loops on one simulated machine, and what the callbacks do.
//
// Callbacks on a loop may use only what its thread might; so the world knows whose turn it is. One
// thread.
class StreamWorld {
 public:
  struct Server {
    std::shared_ptr<StreamOwner> owner;
    std::unique_ptr<StreamServer> server;
    bool drain_started = false;
    bool drain_done = false;
    bool may_call_drain_done = true;
  };
  struct Client {
    std::shared_ptr<StreamOwner> owner;
    EventLoop* loop = nullptr;
    std::unique_ptr<StreamClient> client;
  };
  // Says that code of `loop` is running; null: some loop, it is not known which.
  class Turn {
   public:
    Turn(StreamWorld& world, EventLoop* loop) : world_(world), before_(world.current_) {
      world_.current_ = loop;
    }
    ~Turn() { world_.current_ = before_; }
    Turn(const Turn&) = delete;
    Turn& operator=(const Turn&) = delete;

   private:
    StreamWorld& world_;
    EventLoop* const before_;
  };

  explicit StreamWorld(uint64_t seed);
  ~StreamWorld();

  Simulation& sim() { return *sim_; }
  Random& random() { return random_; }
  StreamLedgers& ledgers() { return ledgers_; }
  const StreamPattern& pattern() const { return pattern_; }
  TaskCounts& tasks() { return tasks_; }
  StreamTalk talk() const { return talk_; }
  EventLoop* current() const { return current_; }
  EventLoop& main_loop() { return *loops_.front(); }
  const std::vector<EventLoop*>& loops() const { return loops_; }
  EventLoop& AnyLoop() { return *loops_[random_.Uniform(loops_.size())]; }
  uint64_t operations() const { return operations_; }
  uint64_t budget() const { return budget_; }

  // On the main loop. Does nothing if there is a server already.
  void StartServer();
  void StartServer(StreamServerOptions options);
  // On `loop`.
  void StartClient(EventLoop& loop, StreamClientOptions options);
  void DestroyServer();
  void DestroyClient(size_t index);
  Server* server() { return server_.get(); }
  std::vector<std::unique_ptr<Client>>& clients() { return clients_; }
  const SocketAddress& server_address() const { return server_address_; }
  void StartDrain(Duration deadline);
  // A server that is nobody's concern here.
  absl::StatusOr<std::unique_ptr<StreamServer>> Listen(ConnectionCallbacks callbacks) {
    return StreamServer::Listen(*pool_, SocketAddress::LoopbackV4(0), std::move(callbacks));
  }

  // Some random operations, unless the run is over. `self` may be null.
  void Hammer(Connection* self);
  // No more random operations from here on; drain callbacks close.
  void EndHammer() { budget_ = 0; }
  bool stop_requested() const { return stop_requested_; }
  void RequestStop() { stop_requested_ = true; }

  // Runs `function` on `loop`'s thread, later.
  void PostTo(EventLoop& loop, absl::AnyInvocable<void()> function);

  std::vector<std::vector<TimerId>>& timers() { return timers_; }
  size_t IndexOf(const EventLoop& loop) const;
  // A socket whose peer was cut off keeps bytes in flight.
  bool cut_off = false;
  uint64_t drains_answered = 0;

  void DestroyLoops();

 private:
  ConnectionCallbacks MakeCallbacks(const std::shared_ptr<StreamOwner>& owner);
  void AddRareCallbacks(const std::shared_ptr<StreamOwner>& owner, ConnectionCallbacks& callbacks);
  void OnBytes(const std::shared_ptr<StreamOwner>& owner, Connection& connection, Buffer& input);
  void Echo(Connection& connection, Buffer& input);

  Random random_;
  const StreamTalk talk_;
  const StreamPattern pattern_;
  StreamLedgers ledgers_;
  TaskCounts tasks_;
  std::unique_ptr<Simulation> sim_;
  std::vector<EventLoop*> loops_;  // The server's main loop first.
  std::unique_ptr<EventLoopThreadPool> pool_;
  std::vector<std::vector<TimerId>> timers_;  // By loop.
  std::unique_ptr<Server> server_;
  std::vector<std::unique_ptr<Client>> clients_;
  SocketAddress server_address_ = SocketAddress::LoopbackV4(1);
  EventLoop* current_ = nullptr;
  uint64_t budget_;
  uint64_t operations_ = 0;
  bool stop_requested_ = false;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_STREAM_WORLD_H_
