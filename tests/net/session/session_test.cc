// Sessions on every kind of machine: messages, ends, peers that break the rules.

#include "net/session/session.h"

#include <errno.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "tests/net/session/session_pair.h"

namespace spindle {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using Kind = SessionCloseKind;

constexpr SessionOptions kKeepSending = {.peer_end = PeerEndPolicy::kKeepSending};

void SendBack(Session& session, Buffer& message) {
  EXPECT_TRUE(session.Send(std::move(message)).ok());
}

TEST_P(SessionTest, MessagesComeWholeAndInOrder) {
  Listen({.on_message = SendBack});
  std::vector<std::string> sent;
  for (const size_t size : {0, 1, 7, 8, 9, 500, 65535, 65536, 200000, 0, 3}) {
    sent.push_back(std::string(size, static_cast<char>('a' + sent.size())));
  }
  Connect({.on_open =
               [&](Session& session) {
                 for (size_t i = 0; i < sent.size(); ++i) {
                   if (i % 2 == 0) {
                     EXPECT_TRUE(session.Send(sent[i]).ok());
                   } else {
                     Buffer message(sent[i]);
                     EXPECT_TRUE(session.Send(std::move(message)).ok());
                     EXPECT_TRUE(message.empty());
                   }
                 }
               },
           .on_message =
               [&](Session& session, Buffer& /*message*/) {
                 if (session.stats().messages_received == sent.size()) session.Close();
               }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(server_log_.messages(), sent);
  EXPECT_EQ(client_log_.messages(), sent);
  ExpectAgreed();
}

TEST_P(SessionTest, BothSidesLearnWhoEndedAndWhy) {
  Listen({.on_end = [](Session& session, const SessionNote& note) {
    EXPECT_EQ(note, (SessionNote{17, "enough"}));
    EXPECT_EQ(session.Send("last words").code(), 0);
    session.Close(18, "me too");
  }});
  Connect({.on_open = [](Session& session) { session.Close(17, "enough"); }});
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  const SessionNote ours = {17, "enough"};
  const SessionNote theirs = {18, "me too"};
  EXPECT_EQ(client_log_.reason().local_end, ours);
  EXPECT_EQ(client_log_.reason().peer_end, theirs);
  EXPECT_EQ(server_log_.reason().local_end, theirs);
  EXPECT_EQ(server_log_.reason().peer_end, ours);
  EXPECT_EQ(client_log_.messages(), std::vector<std::string>{"last words"});
}

TEST_P(SessionTest, WhatWasSentBeforeTheEndStillComes) {
  Listen({.on_message = SendBack});
  Connect({.on_open = [](Session& session) {
    for (int i = 0; i < 300; ++i) EXPECT_TRUE(session.Send(std::string(3000, 'x')).ok());
    session.Close();
    EXPECT_FALSE(session.can_send());
    EXPECT_EQ(session.Send("too late").code(), EPIPE);
    session.Close(5);  // The first one counts.
  }});
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(server_log_.received, 300);
  EXPECT_EQ(client_log_.received, 300);
  EXPECT_EQ(client_log_.reason().local_end->code, 0u);
}

TEST_P(SessionTest, EndsMayCross) {
  Listen({.on_open = [](Session& session) {
    EXPECT_TRUE(session.Send("from the server").ok());
    session.Close(1);
  }});
  Connect({.on_open = [](Session& session) {
    EXPECT_TRUE(session.Send("from the client").ok());
    session.Close(2);
  }});
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(server_log_.messages(), std::vector<std::string>{"from the client"});
  EXPECT_EQ(client_log_.messages(), std::vector<std::string>{"from the server"});
  EXPECT_EQ(server_log_.reason().state, SessionState::kLastAck);
  EXPECT_EQ(client_log_.ends, 1);
  EXPECT_EQ(server_log_.ends, 1);
}

TEST_P(SessionTest, ThePeerMayGoOnAfterOurEnd) {
  Listen({.on_end =
              [](Session& session, const SessionNote&) {
                EXPECT_EQ(session.state(), SessionState::kPeerEnded);
                // Later, in another turn.
                session.loop().RunAfter(milliseconds(1), [handle = session.handle()] {
                  Session* const late = handle.Get();
                  ASSERT_NE(late, nullptr);
                  EXPECT_TRUE(late->Send("afterwards").ok());
                  late->Close(3);
                });
              }},
         kKeepSending);
  Connect({.on_open = [](Session& session) { session.Close(); }});
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(client_log_.messages(), std::vector<std::string>{"afterwards"});
  EXPECT_EQ(client_log_.reason().state, SessionState::kEndAcked);
}

TEST_P(SessionTest, ReadingResumesAfterThePeersEnd) {
  Listen({.on_message = [](Session& session, Buffer&) {
    if (session.stats().messages_received == 1) session.PauseReading();
  }});
  Connect({.on_open = [](Session& session) {
    for (const std::string_view text : {"one", "two", "three"}) {
      EXPECT_TRUE(session.Send(text).ok());
    }
    session.Close();
  }});
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.received == 1; }));
  env_->Settle();
  EXPECT_EQ(server_log_.received, 1);
  EXPECT_EQ(server_log_.ends, 0);
  ASSERT_TRUE(server_log_.handle().ResumeReading());
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(server_log_.messages(), (std::vector<std::string>{"one", "two", "three"}));
}

TEST_P(SessionTest, FailTellsThePeerAfterWhatIsQueued) {
  Listen({.on_message = [](Session& session, Buffer&) {
    EXPECT_TRUE(session.Send("queued").ok());
    session.Fail(99, "disk\nfull");
    EXPECT_EQ(session.Send("x").code(), EPIPE);
    session.Close();
  }});
  Connect({.on_open = [](Session& session) { EXPECT_TRUE(session.Send("go").ok()); }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(client_log_.messages(), std::vector<std::string>{"queued"});
  EXPECT_EQ(client_log_.reason().kind, Kind::kPeerFailed);
  EXPECT_EQ(client_log_.reason().error, (SessionNote{99, "disk\nfull"}));
  EXPECT_EQ(server_log_.reason().kind, Kind::kLocalFail);
  EXPECT_EQ(client_log_.reason().ToString(),
            "peer_failed in open, error code 99 \"disk\\nfull\" (local_close)");
}

TEST_P(SessionTest, AbortIsAReset) {
  Listen({.on_message = [](Session& session, Buffer&) { session.Abort(); }});
  Connect({.on_open = [](Session& session) { EXPECT_TRUE(session.Send("go").ok()); }});
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(server_log_.reason().kind, Kind::kLocalAbort);
  EXPECT_EQ(client_log_.reason().kind, Kind::kPeerReset);
}

TEST_P(SessionTest, LimitsOfThePeerHold) {
  Listen({}, {.max_message = 10});
  Connect({.on_open = [](Session& session) {
    EXPECT_EQ(session.max_message(), 10u);
    Buffer message("12345678901");
    EXPECT_EQ(session.Send(std::move(message)).code(), EMSGSIZE);
    EXPECT_EQ(message, "12345678901");
    EXPECT_EQ(session.Send("12345678901").code(), EMSGSIZE);
    EXPECT_TRUE(session.Send("1234567890").ok());
    session.Close();
  }});
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(server_log_.received, 1);
}

TEST_P(SessionTest, RefusedOutputLeavesTheMessageAsItWas) {
  Listen({});
  Connect({.on_open =
               [](Session& session) {
                 Buffer big(std::string(3000, 'b'));
                 EXPECT_EQ(session.Send(std::move(big)).code(), ENOBUFS);
                 EXPECT_EQ(big, std::string(3000, 'b'));
                 EXPECT_TRUE(session.Send("small").ok());
                 EXPECT_EQ(session.stats().messages_sent, 1u);
                 session.Close();
               }},
          {},
          {.connection = {.high_water_mark = 1000,
                          .low_water_mark = 500,
                          .output_limit = 2000,
                          .output_limit_policy = OutputLimitPolicy::kRefuse}});
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(server_log_.messages(), std::vector<std::string>{"small"});
}

TEST_P(SessionTest, HandlesWorkAnywhereAndOutliveTheSession) {
  Listen({.on_message = SendBack});
  Connect({});
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.opened == 1 && client_log_.opened == 1; }));
  const SessionHandle server = server_log_.handle();
  EXPECT_NE(server.id(), client_log_.handle().id());
  std::atomic<int> done{0};
  EXPECT_TRUE(server.Send(std::string("text"), [&](IoError error) {
    EXPECT_TRUE(error.ok());
    ++done;
  }));
  EXPECT_TRUE(server.Send(std::string()));
  EXPECT_TRUE(server.Close(4, "by handle"));
  std::atomic<int> refused{0};
  EXPECT_TRUE(server.Send(std::string("late"), [&](IoError error) { refused = error.code(); }));
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(done, 1);
  EXPECT_EQ(refused, EPIPE);
  EXPECT_EQ(client_log_.messages(), (std::vector<std::string>{"text", ""}));
  EXPECT_EQ(client_log_.reason().peer_end, (SessionNote{4, "by handle"}));
  std::atomic<int> gone{0};
  if (server.Send(std::string("dead"), [&](IoError error) { gone = error.code(); })) {
    EXPECT_TRUE(env_->RunUntil([&] { return gone != 0; }));
    EXPECT_EQ(gone, EPIPE);
  }
  EXPECT_FALSE(SessionHandle().Close());
}

TEST_P(SessionTest, DrainEndsSessionsByAgreement_Z2) {
  Listen({.on_message = [](Session& session, Buffer&) {
    EXPECT_TRUE(session.Send(std::string(100000, 'r')).ok());
  }});
  Connect({.on_open = [](Session& session) { EXPECT_TRUE(session.Send("q").ok()); }});
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.received == 1; }));
  std::optional<DrainResult> result;
  server_->Drain(seconds(60), [&](const DrainResult& drained) { result = drained; });
  ASSERT_TRUE(env_->RunUntil([&] { return result.has_value(); }));
  ASSERT_TRUE(RunUntilClosed());
  ExpectAgreed();
  EXPECT_EQ(result->finished, 1u);
  EXPECT_EQ(result->bytes_lost, 0u);
  EXPECT_EQ(client_log_.reason().peer_end->code, SessionCode::kGoingAway);
  EXPECT_EQ(client_log_.received, 1);
}

TEST_P(SessionTest, NothingIsCalledBeforeOnOpen) {
  std::atomic<int> early{0};
  const auto note = [&](Session& session) { early += session.opened() ? 0 : 1; };
  Listen({.on_drained = note, .on_drain = note});
  Connect({.on_open = [](Session& session) { EXPECT_TRUE(session.opened()); }, .on_drained = note});
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.opened == 1 && client_log_.opened == 1; }));
  // A connection whose peer says nothing is not asked to end in its own way.
  client_.reset();
  bool open = false;
  bool over = false;
  ConnectRaw({.on_open = [&](Connection&) { open = true; },
              .on_bytes = [](Connection&, Buffer& input) { input.Clear(); },
              .on_close = [&](Connection&, const CloseReason&) { over = true; }});
  ASSERT_TRUE(env_->RunUntil([&] { return open && server_->connections() == 1; }));
  server_->Drain(seconds(60), [](const DrainResult&) {});
  ASSERT_TRUE(env_->RunUntil([&] { return over && server_log_.closed == 2; }));
  EXPECT_EQ(early, 0);
  EXPECT_EQ(server_log_.reason().kind, Kind::kLocalFail);
}

TEST_P(SessionTest, ServerMayBeDestroyedInsideAMessage_D1) {
  Listen({});
  Connect({.on_open =
               [](Session& session) {
                 EXPECT_TRUE(session.Send("a").ok());
                 EXPECT_TRUE(session.Send("b").ok());
               },
           .on_message = [&](Session&, Buffer&) { client_.reset(); }});
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.received == 2; }));
  const SessionHandle server = server_log_.handle();
  server.Send(std::string("x"));
  server.Send(std::string("y"));
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(client_log_.received, 1);
  EXPECT_EQ(client_log_.reason().kind, Kind::kStopped);
}

TEST_P(SessionTest, StopOfTheServerIsToldApart) {
  Listen({});
  Connect({});
  ASSERT_TRUE(env_->RunUntil([&] { return server_log_.opened == 1 && client_log_.opened == 1; }));
  server_.reset();
  ASSERT_TRUE(RunUntilClosed());
  EXPECT_EQ(server_log_.reason().kind, Kind::kStopped);
  EXPECT_EQ(server_log_.reason().connection.kind, CloseKind::kServerStopped);
  EXPECT_EQ(client_log_.reason().kind, Kind::kPeerVanished);
  EXPECT_EQ(client_log_.reason().state, SessionState::kOpen);
}

TEST_P(SessionTest, FinWithoutEndIsAVanishedPeerUnderBothPolicies) {
  for (const PeerFinPolicy policy : {PeerFinPolicy::kClose, PeerFinPolicy::kKeepWriting}) {
    Listen({.on_message = [](Session& session, Buffer&) { session.Close(); }}, {},
           {.connection = {.peer_fin = policy}});
    ConnectRaw({.on_open = [](Connection& raw) {
      raw.Write(EncodedFrame::Hello({.max_message = 9}).view());
      raw.Write(EncodedFrame::DataHeader(0).view());
      raw.ShutdownWrite();
    }});
    ASSERT_TRUE(env_->RunUntil([&] { return server_log_.closed == 1; }));
    EXPECT_EQ(server_log_.reason().kind, Kind::kPeerVanished) << server_log_.reason();
    EXPECT_EQ(server_log_.reason().state, SessionState::kEnding);
    server_log_.closed = 0;
    client_.reset();
    server_.reset();
  }
}

INSTANTIATE_TEST_SUITE_P(Machines, SessionTest, testing::ValuesIn(FewMachines()), MachineName);

}  // namespace
}  // namespace spindle
