#include "net/stream/internal/close_state.h"

namespace spindle {
namespace {

using S = CloseState;

// Rows are states, columns events: kPeerFin, kShutdownWrite, kClose, kFlushed, kFatal.
constexpr CloseState kTable[kCloseStates][kCloseEvents] = {
    /* kOpen */ {S::kPeerDone, S::kHalfClosing, S::kFlushing, S::kOpen, S::kClosed},
    /* kPeerDone */ {S::kPeerDone, S::kFinishing, S::kFinishing, S::kPeerDone, S::kClosed},
    /* kHalfClosing */ {S::kFinishing, S::kHalfClosing, S::kFlushing, S::kHalfClosed, S::kClosed},
    /* kHalfClosed */ {S::kClosed, S::kHalfClosed, S::kLingering, S::kHalfClosed, S::kClosed},
    /* kFlushing */ {S::kFinishing, S::kFlushing, S::kFlushing, S::kLingering, S::kClosed},
    /* kFinishing */ {S::kFinishing, S::kFinishing, S::kFinishing, S::kClosed, S::kClosed},
    /* kLingering */ {S::kClosed, S::kLingering, S::kLingering, S::kLingering, S::kClosed},
    /* kClosed */ {S::kClosed, S::kClosed, S::kClosed, S::kClosed, S::kClosed},
};

constexpr std::string_view kNames[kCloseStates] = {"open",        "peer-done", "half-closing",
                                                   "half-closed", "flushing",  "finishing",
                                                   "lingering",   "closed"};

}  // namespace

CloseState Next(CloseState state, CloseEvent event) {
  return kTable[static_cast<int>(state)][static_cast<int>(event)];
}

std::string_view CloseStateName(CloseState state) { return kNames[static_cast<int>(state)]; }

}  // namespace spindle
