#include "net/stream/internal/close_state.h"

#include "gtest/gtest.h"

namespace spindle {
namespace {

using S = CloseState;
using E = CloseEvent;

constexpr S State(int i) { return static_cast<S>(i); }
constexpr E Event(int i) { return static_cast<E>(i); }

TEST(CloseStateTest, FatalEndsEveryStateAndClosedIsForEver_D2) {
  for (int i = 0; i < kCloseStates; ++i) {
    EXPECT_EQ(Next(State(i), E::kFatal), S::kClosed);
    EXPECT_EQ(Next(S::kClosed, Event(i % kCloseEvents)), S::kClosed);
  }
}

TEST(CloseStateTest, EveryEventIsIdempotent_D3) {
  for (int i = 0; i < kCloseStates; ++i) {
    for (const E event : {E::kShutdownWrite, E::kClose, E::kFatal}) {
      const S once = Next(State(i), event);
      EXPECT_EQ(Next(once, event), once) << CloseStateName(State(i));
    }
  }
}

// Nothing but the peer, the kernel or a flush leads on from here: no state gives a right back.
TEST(CloseStateTest, RightsAreOnlyLost) {
  for (int i = 0; i < kCloseStates; ++i) {
    for (int k = 0; k < kCloseEvents; ++k) {
      const S next = Next(State(i), Event(k));
      EXPECT_LE(CanWrite(next), CanWrite(State(i)));
      EXPECT_LE(DeliversInput(next), DeliversInput(State(i)));
    }
  }
}

TEST(CloseStateTest, CloseAlwaysEndsOnceFlushedAndPeerFinished) {
  for (int i = 0; i < kCloseStates; ++i) {
    S state = Next(State(i), E::kClose);
    if (state == S::kFlushing || state == S::kFinishing) state = Next(state, E::kFlushed);
    EXPECT_EQ(Next(state, E::kPeerFin), S::kClosed) << CloseStateName(State(i));
    state = Next(Next(Next(State(i), E::kClose), E::kPeerFin), E::kFlushed);
    EXPECT_EQ(state, S::kClosed) << CloseStateName(State(i));
  }
}

TEST(CloseStateTest, HalfClosesOfBothSidesEnd) {
  EXPECT_EQ(Next(Next(Next(S::kOpen, E::kShutdownWrite), E::kFlushed), E::kPeerFin), S::kClosed);
  EXPECT_EQ(Next(Next(Next(S::kOpen, E::kPeerFin), E::kShutdownWrite), E::kFlushed), S::kClosed);
  EXPECT_EQ(Next(S::kHalfClosing, E::kPeerFin), S::kFinishing);
}

TEST(CloseStateTest, NamesAreDistinct) {
  for (int i = 0; i < kCloseStates; ++i) {
    for (int k = 0; k < i; ++k) EXPECT_NE(CloseStateName(State(i)), CloseStateName(State(k)));
  }
}

}  // namespace
}  // namespace spindle
