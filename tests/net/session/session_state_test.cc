#include "net/session/session_state.h"

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "gtest/gtest.h"

namespace spindle {
namespace {

using S = SessionState;
using E = SessionEvent;
using A = SessionAction;

// What a state stands for, and what follows from that alone.
struct Facts {
  bool hello = true;        // The peer's has come.
  bool ended = false;       // Our END is sent.
  bool acked = false;       // It is acknowledged.
  bool peer_ended = false;  // The peer's has come.
};
const std::map<S, Facts> kFacts = {
    {S::kHello, {.hello = false}},
    {S::kOpen, {}},
    {S::kEnding, {.ended = true}},
    {S::kEndAcked, {.ended = true, .acked = true}},
    {S::kPeerEnded, {.peer_ended = true}},
    {S::kLastAck, {.ended = true, .peer_ended = true}},
    {S::kAgreed, {.ended = true, .acked = true, .peer_ended = true}},
};
S StateOf(const Facts& facts) {
  for (const auto& [state, known] : kFacts) {
    if (known.hello == facts.hello && known.ended == facts.ended && known.acked == facts.acked &&
        known.peer_ended == facts.peer_ended) {
      return state;
    }
  }
  ADD_FAILURE() << "no such state";
  return S::kClosed;
}

// Whether the peer may send this now; and the state then.
bool Legal(Facts facts, E event, S* next) {
  bool legal = facts.hello;
  switch (event) {
    case E::kHello:
      legal = !facts.hello;
      facts.hello = true;
      break;
    case E::kMessage:
      legal = legal && !facts.peer_ended;
      break;
    case E::kEnd:
      legal = legal && !facts.peer_ended;
      facts.peer_ended = true;
      break;
    case E::kEndAck:
      legal = legal && facts.ended && !facts.acked;
      facts.acked = true;
      break;
    default:
      break;
  }
  if (legal) *next = StateOf(facts);
  return legal;
}

TEST(SessionStateTest, FramesAreLegalOrRefusedByName) {
  for (const auto& [state, facts] : kFacts) {
    if (state == S::kAgreed) continue;
    for (const E event : {E::kHello, E::kMessage, E::kPing, E::kPong, E::kEnd, E::kEndAck}) {
      SCOPED_TRACE(std::string(SessionStateName(state)) + " " +
                   std::string(SessionEventName(event)));
      const SessionStep step = NextStep(state, event);
      S next = state;
      if (Legal(facts, event, &next)) {
        EXPECT_EQ(step.next, next);
        EXPECT_NE(step.action, A::kRefuse);
        EXPECT_NE(step.action, A::kNone);
        EXPECT_EQ(step.complaint, nullptr);
      } else {
        EXPECT_EQ(step.next, S::kFailed);
        EXPECT_EQ(step.action, A::kRefuse);
        EXPECT_NE(step.complaint, nullptr);
      }
    }
    EXPECT_EQ(NextStep(state, E::kError).action, A::kPeerFailed);
    EXPECT_EQ(NextStep(state, E::kBadInput).action, A::kRefuse);
    EXPECT_EQ(NextStep(state, E::kFail).action, A::kFail);
    EXPECT_EQ(NextStep(state, E::kSilence).action, A::kCut);
    for (const E event : {E::kError, E::kBadInput, E::kFail, E::kSilence}) {
      EXPECT_EQ(NextStep(state, event).next, S::kFailed);
    }
  }
}

TEST(SessionStateTest, OurEndGoesOutOnce) {
  for (const auto& [state, facts] : kFacts) {
    const SessionStep step = NextStep(state, E::kClose);
    if (!facts.hello) {
      EXPECT_EQ(step.action, A::kFail);
      continue;
    }
    EXPECT_EQ(step.action == A::kSendEnd, !facts.ended) << SessionStateName(state);
    Facts after = facts;
    after.ended = true;
    EXPECT_EQ(step.next, StateOf(after));
    EXPECT_EQ(CanSend(state), !facts.ended);
  }
}

// Agreement needs both ENDs and both acknowledgements, whatever the order.
TEST(SessionStateTest, AgreedIsReachedByTheFourStepsOnly) {
  const E steps[] = {E::kClose, E::kEndAck, E::kEnd};
  std::set<S> seen;
  for (const E first : steps) {
    for (const E second : steps) {
      for (const E third : steps) {
        S state = S::kOpen;
        for (const E event : {first, second, third}) {
          state = NextStep(state, event).next;
          seen.insert(state);
        }
        const bool all = std::set<E>{first, second, third}.size() == 3;
        bool acked_before = true;
        for (const E event : {first, second, third}) {
          if (event == E::kClose) break;
          if (event == E::kEndAck) acked_before = false;
        }
        EXPECT_EQ(state == S::kAgreed, all && acked_before);
      }
    }
  }
  EXPECT_TRUE(seen.contains(S::kEndAcked));
  EXPECT_TRUE(seen.contains(S::kLastAck));
  EXPECT_TRUE(seen.contains(S::kPeerEnded));
}

TEST(SessionStateTest, DeadlinesPassOnlyWhereSomethingIsAwaited) {
  for (int i = 0; i < kSessionStates; ++i) {
    const S state = static_cast<S>(i);
    const bool awaited =
        state == S::kHello || state == S::kEnding || state == S::kEndAcked || state == S::kLastAck;
    const SessionStep step = NextStep(state, E::kDeadline);
    EXPECT_EQ(step.action == A::kFail, awaited) << SessionStateName(state);
    if (!awaited) {
      EXPECT_EQ(step.next, state);
    }
  }
}

TEST(SessionStateTest, TheEndIsReportedOnceFromEachState) {
  for (int i = 0; i < kSessionStates; ++i) {
    const S state = static_cast<S>(i);
    const SessionStep step = NextStep(state, E::kGone);
    EXPECT_EQ(step.next, S::kClosed);
    EXPECT_EQ(step.action == A::kReport, state != S::kClosed);
  }
}

TEST(SessionStateTest, NothingCountsAfterTheDecision) {
  for (const S state : {S::kAgreed, S::kFailed, S::kClosed}) {
    for (int i = 0; i < kSessionEvents; ++i) {
      const E event = static_cast<E>(i);
      if (event == E::kGone) continue;
      const SessionStep step = NextStep(state, event);
      EXPECT_EQ(step.next, state);
      EXPECT_EQ(step.action, A::kNone) << SessionEventName(event);
    }
    EXPECT_FALSE(CanSend(state));
    EXPECT_FALSE(IsTalking(state));
  }
}

TEST(SessionStateTest, NamesAreUnique) {
  std::set<std::string_view> names;
  for (int i = 0; i < kSessionStates; ++i) names.insert(SessionStateName(static_cast<S>(i)));
  EXPECT_EQ(names.size(), size_t{kSessionStates});
  names.clear();
  for (int i = 0; i < kSessionEvents; ++i) names.insert(SessionEventName(static_cast<E>(i)));
  EXPECT_EQ(names.size(), size_t{kSessionEvents});
}

}  // namespace
}  // namespace spindle
