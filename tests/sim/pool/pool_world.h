#ifndef SPINDLE_TESTS_SIM_POOL_POOL_WORLD_H_
#define SPINDLE_TESTS_SIM_POOL_POOL_WORLD_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"
#include "net/loop/simulation.h"
#include "net/pool/connection_pool.h"
#include "net/stream/stream_server.h"
#include "tests/sim/pool/pool_scenario.h"

namespace spindle {

// One run of the pool scenario. One thread; everything of a loop is done in turns of that loop.
class PoolSimWorld {
 public:
  explicit PoolSimWorld(uint64_t seed);
  ~PoolSimWorld();

  // The phases.
  void Hammer();
  void Recover();
  void DrainAll();
  void Finish(PoolScenarioResult* result);
  bool failed() const { return !result_.failure.empty(); }

 private:
  // One Acquire.
  struct Request {
    uint64_t number = 0;
    size_t loop = 0;
    TimePoint deadline;
    bool fresh = false;
    bool answered = false;
    bool cancelled = false;
    size_t pool = 0;
    AcquireId id = {};
  };
  // One lease, and what is said over it.
  struct User {
    ConnectionLease lease;
    size_t loop = 0;
    std::string wants;  // Of the echo: what is still to come.
    bool said = false;
  };

  void Fail(std::string_view what);
  template <class Done>
  bool StepUntil(Done done);

  void StartServer();
  void MakePool();
  void DestroyPool();
  ConnectionCallbacks ServerCallbacks();

  // In a turn of `loop`.
  void Act(size_t loop);
  void Acquire(size_t loop);
  void OnAnswer(size_t pool, Request& request, AcquireResult result);
  void CancelOne();
  void Greet(ConnectionLease lease);
  void Hold(size_t loop, ConnectionLease lease);
  void OnEcho(uint64_t user, Buffer& input);
  void ActOnUser(size_t loop);
  void Drop(uint64_t user);
  void ActOnServer();
  void CheckStats();

  Random random_;
  PoolScenarioResult result_;
  std::unique_ptr<Simulation> sim_;
  EventLoop* server_loop_;
  std::vector<EventLoop*> loops_;
  SocketAddress address_ = SocketAddress::LoopbackV4(0);
  std::unique_ptr<StreamServer> server_;
  std::vector<ConnectionHandle> accepted_;
  std::unique_ptr<ConnectionPool> pool_;
  PoolOptions rolled_;
  size_t pool_number_ = 0;
  size_t idle_fds_ = 0;  // Of the machine, without server and pool.
  bool server_rude_ = false;
  bool ending_ = false;
  uint64_t budget_;
  uint64_t last_request_ = 0;
  uint64_t last_user_ = 0;
  size_t drains_open_ = 0;
  std::map<uint64_t, std::shared_ptr<Request>> open_requests_;
  std::map<uint64_t, std::unique_ptr<User>> users_;
  std::map<std::string, uint64_t> lent_;  // Id -> how often it had been lent when it was last lent.
  std::set<std::string> held_;            // Ids with a holder.
  std::vector<uint64_t> last_served_;     // By loop; since the last loss on the way.
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_POOL_POOL_WORLD_H_
