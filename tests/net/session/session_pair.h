#ifndef SPINDLE_TESTS_NET_SESSION_SESSION_PAIR_H_
#define SPINDLE_TESTS_NET_SESSION_SESSION_PAIR_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/mutex.h"
#include "gtest/gtest.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/stream_env.h"

namespace spindle {

// Writes down what the sessions of one side go through, and fails the test when it comes out of
// order. Wraps the callbacks of the test. Any thread; must outlive what uses the result of Watch.
class SessionLog {
 public:
  SessionCallbacks Watch(SessionCallbacks inner) {
    SessionCallbacks outer;
    outer.on_open = [this, call = std::move(inner.on_open)](Session& session) {
      {
        MutexLock lock(mutex_);
        EXPECT_TRUE(session.data<Life>() == nullptr) << "opened twice";
        session.EmplaceData<Life>();
        handle_ = session.handle();
        session_ = &session;
      }
      opened.fetch_add(1);
      if (call) call(session);
    };
    outer.on_message = [this, call = std::move(inner.on_message)](Session& session,
                                                                  Buffer& message) {
      CheckAlive(session);
      EXPECT_FALSE(session.data<Life>()->peer_ended) << "message after end";
      {
        MutexLock lock(mutex_);
        messages_.push_back(message.ToString());
      }
      received.fetch_add(1);
      if (call) call(session, message);
    };
    outer.on_end = [this, call = std::move(inner.on_end)](Session& session,
                                                          const SessionNote& note) {
      CheckAlive(session);
      EXPECT_FALSE(std::exchange(session.data<Life>()->peer_ended, true)) << "ended twice";
      ends.fetch_add(1);
      if (call) call(session, note);
    };
    outer.on_pause = std::move(inner.on_pause);
    outer.on_resume = std::move(inner.on_resume);
    outer.on_drained = std::move(inner.on_drained);
    outer.on_drain = std::move(inner.on_drain);
    outer.on_close = [this, call = std::move(inner.on_close)](Session& session,
                                                              const SessionCloseReason& reason) {
      EXPECT_EQ(session.state(), SessionState::kClosed);
      EXPECT_NE(reason.kind, SessionCloseKind::kNone);
      EXPECT_EQ(session.Send("late").code(), EPIPE);
      if (Life* const life = session.data<Life>()) {
        EXPECT_FALSE(std::exchange(life->closed, true)) << "closed twice";
      }
      {
        MutexLock lock(mutex_);
        reason_ = reason;
      }
      if (call) call(session, reason);
      closed.fetch_add(1);
    };
    return outer;
  }

  std::vector<std::string> messages() const {
    MutexLock lock(mutex_);
    return messages_;
  }
  // Of the last session that opened, or ended.
  SessionHandle handle() const {
    MutexLock lock(mutex_);
    return handle_;
  }
  // The same, to be touched between the turns of a simulated machine.
  Session& session() const {
    MutexLock lock(mutex_);
    return *session_;
  }
  SessionCloseReason reason() const {
    MutexLock lock(mutex_);
    return reason_;
  }

  // Forgets all that was written down. Handles must not outlive a simulated machine.
  void Reset() {
    {
      MutexLock lock(mutex_);
      messages_.clear();
      handle_ = SessionHandle();
      session_ = nullptr;
      reason_ = SessionCloseReason();
    }
    opened = received = ends = closed = 0;
  }

  std::atomic<int> opened{0};
  std::atomic<int> received{0};
  std::atomic<int> ends{0};
  std::atomic<int> closed{0};

 private:
  struct Life {
    bool peer_ended = false;
    bool closed = false;
  };
  static void CheckAlive(Session& session) {
    ASSERT_TRUE(session.data<Life>() != nullptr) << "before on_open";
    EXPECT_FALSE(session.data<Life>()->closed) << "after on_close";
  }

  mutable Mutex mutex_;
  std::vector<std::string> messages_;
  SessionHandle handle_;
  Session* session_ = nullptr;
  SessionCloseReason reason_;
};

// One machine, a server of sessions and a client with one.
class SessionTest : public StreamEnvTest {
 protected:
  // The machine, a fresh one with each call.
  void MakeEnv(const SimOptions& sim = SimOptions()) {
    Clear();
    env_ = std::make_unique<StreamEnv>(GetParam(), Syscalls::Real(), sim);
  }
  void Listen(SessionCallbacks callbacks, SessionOptions options = {},
              StreamServerOptions server_options = {}) {
    if (env_ == nullptr) MakeEnv();
    server_ = env_->Listen(AcceptorSessions(server_log_.Watch(std::move(callbacks)), options),
                           std::move(server_options));
  }
  void Connect(SessionCallbacks callbacks, SessionOptions options = {},
               StreamClientOptions client_options = {}) {
    ConnectRaw(InitiatorSessions(client_log_.Watch(std::move(callbacks)), options),
               std::move(client_options));
  }
  void ConnectRaw(ConnectionCallbacks callbacks, StreamClientOptions client_options = {}) {
    client_ = std::make_unique<StreamClient>(env_->client_loop(), server_->address(),
                                             std::move(callbacks), std::move(client_options));
    client_->Connect();
  }
  bool RunUntilClosed() {
    return env_->RunUntil([&] { return server_log_.closed == 1 && client_log_.closed == 1; });
  }
  void ExpectAgreed() {
    EXPECT_EQ(server_log_.reason().kind, SessionCloseKind::kAgreed) << server_log_.reason();
    EXPECT_EQ(client_log_.reason().kind, SessionCloseKind::kAgreed) << client_log_.reason();
  }
  // The client's session, in whose loop the test runs.
  Session& client_session() { return *client_->connection()->data<Session>(); }

  void Clear() {
    client_.reset();
    server_.reset();
    server_log_.Reset();
    client_log_.Reset();
    env_.reset();
  }
  void TearDown() override {
    Clear();
    StreamEnvTest::TearDown();
  }

  SessionLog server_log_;
  SessionLog client_log_;
  std::unique_ptr<StreamEnv> env_;
  std::unique_ptr<StreamServer> server_;
  std::unique_ptr<StreamClient> client_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_NET_SESSION_SESSION_PAIR_H_
