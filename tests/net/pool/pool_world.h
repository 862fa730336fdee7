#ifndef SPINDLE_TESTS_NET_POOL_POOL_WORLD_H_
#define SPINDLE_TESTS_NET_POOL_POOL_WORLD_H_

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "net/loop/simulation.h"
#include "net/pool/connection_pool.h"
#include "net/pool/pool_call.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"

namespace spindle {

// A simulated machine with an echo server and two loops for a pool. What a test leaves behind is
// found: descriptors of the machine, objects of the process.
class PoolWorld : public LeakCheckTest {
 protected:
  PoolWorld() : sim_(std::make_unique<Simulation>()) {
    server_loop_ = &sim_->AddLoop("server");
    a_ = &sim_->AddLoop("a");
    b_ = &sim_->AddLoop("b");
    fds_ = sim_->kernel().open_fds();
    StartServer();
  }
  void TearDown() override {
    pool_.reset();
    leases_.clear();
    accepted_.clear();
    server_.reset();
    sim_->RunFor(std::chrono::seconds(5));
    EXPECT_EQ(sim_->kernel().open_fds(), fds_);
    sim_.reset();
    LeakCheckTest::TearDown();
  }

  // Echoes, unless `callbacks` say otherwise. The same port each time.
  void StartServer(ConnectionCallbacks callbacks = {}, StreamServerOptions options = {}) {
    if (!callbacks.on_bytes) {
      callbacks.on_bytes = [this](Connection& connection, Buffer& input) {
        if (echo_) connection.Write(std::move(input));
        input.Clear();
      };
    }
    if (!callbacks.on_open) {
      callbacks.on_open = [this](Connection& connection) {
        accepted_.push_back(connection.handle());
      };
    }
    auto server =
        StreamServer::Listen(*server_loop_, address_, std::move(callbacks), std::move(options));
    SPINDLE_CHECK(server.ok()) << server.status().ToString();
    server_ = *std::move(server);
    address_ = server_->address();
  }
  void MakePool(PoolOptions options) {
    options.random_seed = 7;
    EventLoop* const loops[] = {a_, b_};
    pool_ = std::make_unique<ConnectionPool>(loops, address_, std::move(options));
  }
  void MakeSmallPool(PoolOptions options) {
    options.random_seed = 7;
    pool_ = std::make_unique<ConnectionPool>(*a_, address_, std::move(options));
  }

  template <class Done>
  bool RunUntil(Done done) {
    return sim_->RunUntil(done, std::chrono::hours(1));
  }
  void Settle() { sim_->RunFor(std::chrono::milliseconds(10)); }

  // Acquires and waits for the answer.
  AcquireResult Get(EventLoop& loop, AcquireOptions options = {}) {
    AcquireResult answer;
    bool done = false;
    pool_->Acquire(loop, options, [&](AcquireResult result) {
      answer = std::move(result);
      done = true;
    });
    EXPECT_FALSE(done) << "inside the call";
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return answer;
  }
  AcquireResult Get() { return Get(*a_); }
  PoolStats Stats() const { return pool_->Stats(); }

  PoolCallResult Ask(std::string request, PoolCall call = {}) {
    PoolCallResult answer;
    bool done = false;
    call.request = request;
    call.on_reply = [request](Buffer& input) {
      if (input.size() < request.size()) return ReplyState::kMore;
      input.Consume(request.size());
      return ReplyState::kDone;
    };
    CallOverPool(*pool_, *a_, std::move(call), [&](const PoolCallResult& result) {
      answer = result;
      done = true;
    });
    EXPECT_TRUE(RunUntil([&] { return done; }));
    return answer;
  }

  std::unique_ptr<Simulation> sim_;
  EventLoop* server_loop_;
  EventLoop* a_;
  EventLoop* b_;
  SocketAddress address_ = SocketAddress::LoopbackV4(0);
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<ConnectionPool> pool_;
  std::vector<ConnectionLease> leases_;
  std::vector<ConnectionHandle> accepted_;
  bool echo_ = true;
  size_t fds_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_NET_POOL_POOL_WORLD_H_
