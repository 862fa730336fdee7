// What a session does as time goes by, on virtual time.

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "net/session/session.h"
#include "tests/net/session/session_pair.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = SessionCloseKind;

class SessionTimeTest : public SessionTest {
 protected:
  TimePoint now() { return env_->sim().now(); }
  void RunUntilOpen() {
    ASSERT_TRUE(env_->RunUntil([&] { return server_log_.opened == 1 && client_log_.opened == 1; }));
  }
  // The peer of the client's connection vanishes, and nobody is told.
  void CutCable() {
    env_->sim().kernel().KillConnection(static_cast<int>(client_session().id().slot));
  }
  Session& server_session() { return server_log_.session(); }
};

TEST_P(SessionTimeTest, SilentPeersAreFoundBetweenMissesAndMissesPlusOneIntervals) {
  for (const uint32_t misses : {1u, 3u, 5u}) {
    for (int phase = 0; phase < 10; ++phase) {
      MakeEnv();
      const SessionOptions options = {.heartbeat_interval = seconds(10),
                                      .heartbeat_misses = misses};
      Listen({}, options);
      Connect({}, options);
      RunUntilOpen();
      env_->sim().RunFor(seconds(100) + phase * milliseconds(777));
      ASSERT_EQ(server_log_.closed + client_log_.closed, 0);
      CutCable();
      const TimePoint cut = now();
      TimePoint found[2] = {};
      ASSERT_TRUE(env_->sim().RunUntil(
          [&] {
            if (server_log_.closed == 1 && found[0] == TimePoint()) found[0] = now();
            if (client_log_.closed == 1 && found[1] == TimePoint()) found[1] = now();
            return server_log_.closed + client_log_.closed == 2;
          },
          seconds(1000)));
      for (const TimePoint time : found) {
        // The last sign of life was up to one interval before the cut.
        EXPECT_GE(time - cut, seconds(10) * (misses - 1));
        EXPECT_LE(time - cut, seconds(10) * (misses + 1) + milliseconds(1));
      }
      EXPECT_EQ(server_log_.reason().kind, Kind::kPeerSilent);
      EXPECT_EQ(client_log_.reason().kind, Kind::kPeerSilent);
      EXPECT_EQ(client_log_.reason().connection.kind, CloseKind::kLocalAbort);
    }
  }
}

TEST_P(SessionTimeTest, EachSideHasAHeartbeatOfItsOwn) {
  Listen({}, {.heartbeat_interval = Duration::zero()});
  Connect({}, {.heartbeat_interval = seconds(1), .heartbeat_misses = 2});
  RunUntilOpen();
  env_->sim().RunFor(seconds(60));
  EXPECT_LT(server_session().stats().last_rtt, Duration::zero());
  EXPECT_GE(client_session().stats().last_rtt, Duration::zero());
  CutCable();
  env_->sim().RunFor(seconds(20));
  EXPECT_EQ(client_log_.closed, 1);
  EXPECT_EQ(server_log_.closed, 0);
  server_session().SetHeartbeat(seconds(2), 1);
  env_->sim().RunFor(seconds(5));
  EXPECT_EQ(server_log_.closed, 1);
  EXPECT_EQ(server_log_.reason().kind, Kind::kPeerSilent);
}

TEST_P(SessionTimeTest, DeadPeersAreFoundInEachStateOfTheEnd) {
  // The heartbeat runs on while the ends are exchanged, and may be the first to find out.
  for (const bool acked : {false, true}) {
    MakeEnv();
    Listen({}, {.peer_end = PeerEndPolicy::kKeepSending});
    Connect({}, {.heartbeat_interval = seconds(1),
                 .heartbeat_misses = 2,
                 .ack_timeout = seconds(60),
                 .end_timeout = seconds(60)});
    RunUntilOpen();
    client_session().Close();
    if (acked) env_->sim().RunFor(seconds(1));
    CutCable();
    ASSERT_TRUE(env_->RunUntil([&] { return client_log_.closed == 1; }));
    EXPECT_EQ(client_log_.reason().kind, Kind::kPeerSilent);
    EXPECT_EQ(client_log_.reason().state, acked ? SessionState::kEndAcked : SessionState::kEnding);
  }
}

TEST_P(SessionTimeTest, RoundTripTimeIsThatOfTheWay) {
  if (GetParam().kind != Machine::Kind::kSim) GTEST_SKIP() << "faults delay what is measured";
  SimOptions far;
  far.delay_min = far.delay_max = milliseconds(25);
  MakeEnv(far);
  Listen({});
  Connect({});
  RunUntilOpen();
  env_->sim().RunFor(seconds(50));
  for (Session* const session : {&client_session(), &server_session()}) {
    EXPECT_EQ(session->stats().last_rtt, milliseconds(50));
    EXPECT_EQ(session->stats().smoothed_rtt, milliseconds(50));
  }
}

// A message takes 40 times as long as a silent peer has; the PINGs wait behind it.
TEST_P(SessionTimeTest, LongMessagesAreNotSilence) {
  SimOptions slow;
  slow.delay_min = slow.delay_max = milliseconds(50);
  slow.send_buffer = slow.receive_buffer = 4096;
  MakeEnv(slow);
  const SessionOptions options = {.heartbeat_interval = milliseconds(200), .heartbeat_misses = 1};
  Listen({.on_message = [](Session& session, Buffer&) { session.Close(); }}, options);
  Connect({.on_open =
               [](Session& session) { EXPECT_TRUE(session.Send(std::string(400'000, 'l')).ok()); }},
          options);
  const TimePoint start = now();
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_GT(now() - start, 20 * milliseconds(200));
}

// Below the water marks the peer is asked; above them what it takes tells.
TEST_P(SessionTimeTest, PeersThatTakeNothingAreFound) {
  for (const bool above : {false, true}) {
    MakeEnv();
    const SessionOptions options = {.heartbeat_interval = seconds(1), .heartbeat_misses = 3};
    Listen({}, options);
    Connect(
        {}, options,
        {.connection = {.high_water_mark = above ? 1000u : 10'000'000u, .low_water_mark = 1000}});
    RunUntilOpen();
    CutCable();
    const TimePoint cut = now();
    EXPECT_TRUE(client_session().Send(std::string(1'000'000, 's')).ok());
    ASSERT_TRUE(env_->RunUntil([&] { return client_log_.closed == 1; }));
    EXPECT_EQ(client_log_.reason().kind, above ? Kind::kPeerStalled : Kind::kPeerSilent);
    EXPECT_LE(now() - cut, seconds(6));
  }
}

TEST_P(SessionTimeTest, PausedSessionsMissNobodyAndAreNotMissed) {
  const SessionOptions options = {.heartbeat_interval = seconds(1), .heartbeat_misses = 2};
  Listen({.on_message = [](Session& session, Buffer&) { session.PauseReading(); }}, options);
  Connect({.on_open = [](Session& session) { EXPECT_TRUE(session.Send("pause").ok()); }}, options);
  RunUntilOpen();
  env_->sim().RunFor(seconds(300));
  ASSERT_EQ(server_log_.received, 1);
  ASSERT_EQ(server_log_.closed + client_log_.closed, 0);
  CutCable();
  env_->sim().RunFor(seconds(20));
  EXPECT_EQ(client_log_.closed, 1);
  EXPECT_EQ(server_log_.closed, 0);
  server_session().ResumeReading();
  env_->sim().RunFor(seconds(5));
  EXPECT_EQ(server_log_.closed, 1);
  EXPECT_EQ(server_log_.reason().kind, Kind::kPeerSilent);
}

TEST_P(SessionTimeTest, KernelsThatGiveUpAreToldApart) {
  Listen({}, {.heartbeat_interval = Duration::zero()});
  Connect({}, {.heartbeat_interval = Duration::zero()},
          {.connection = {.user_timeout = seconds(3)}});
  RunUntilOpen();
  CutCable();
  EXPECT_TRUE(client_session().Send("anybody?").ok());
  ASSERT_TRUE(env_->RunUntil([&] { return client_log_.closed == 1; }));
  EXPECT_EQ(client_log_.reason().kind, Kind::kPeerUnreachable) << client_log_.reason();
}

TEST_P(SessionTimeTest, BeatsOfManySessionsAreSpread) {
  if (GetParam().kind != Machine::Kind::kSim) GTEST_SKIP();
  MakeEnv();
  Listen({}, {.heartbeat_interval = seconds(10)});
  std::vector<std::unique_ptr<StreamClient>> clients;
  for (int i = 0; i < 200; ++i) {
    clients.push_back(std::make_unique<StreamClient>(
        env_->client_loop(), server_->address(),
        InitiatorSessions({}, {.heartbeat_interval = Duration::zero()})));
    clients.back()->Connect();
  }
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.opened == 200; }));
  uint64_t most = 0;
  for (int tenth = 0; tenth < 100; ++tenth) {
    const SimBytes before = env_->sim().kernel().bytes();
    env_->sim().RunFor(milliseconds(100));
    most = std::max(most, env_->sim().kernel().bytes().sent - before.sent);
  }
  EXPECT_GT(most, 0u);
  EXPECT_LT(most, 20 * 2 * 16u) << "bytes of PINGs and PONGs in a tenth of a second";
  clients.clear();
}

INSTANTIATE_TEST_SUITE_P(Machines, SessionTimeTest, testing::ValuesIn(SimMachines()), MachineName);

}  // namespace
}  // namespace spindle
