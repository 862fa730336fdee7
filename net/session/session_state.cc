#include "net/session/session_state.h"

namespace spindle {
namespace {

using S = SessionState;
using A = SessionAction;

constexpr SessionStep Refuse(const char* complaint) { return {S::kFailed, A::kRefuse, complaint}; }

// In the table a step to kClosed without a report stands for "the same state".
constexpr SessionState kSame = S::kClosed;
constexpr SessionStep kStay = {kSame, A::kNone};
constexpr SessionStep kGive = {kSame, A::kDeliver};
constexpr SessionStep kPong = {kSame, A::kPong};
constexpr SessionStep kTime = {kSame, A::kMeasure};

constexpr SessionStep kOpens = {S::kOpen, A::kOpen};
constexpr SessionStep kEnds = {S::kEnding, A::kSendEnd};       // We, first.
constexpr SessionStep kEndsToo = {S::kLastAck, A::kSendEnd};   // We, second.
constexpr SessionStep kTheyEnd = {S::kPeerEnded, A::kAckEnd};  // The peer, first.
constexpr SessionStep kCrossing = {S::kLastAck, A::kAckEnd};   // Both at once.
constexpr SessionStep kAcked = {S::kEndAcked, A::kNoteAck};    // The peer may go on.
constexpr SessionStep kTheyEndToo = {S::kAgreed, A::kAckAndFinish};
constexpr SessionStep kAllAcked = {S::kAgreed, A::kFinish};

constexpr SessionStep kPeerError = {S::kFailed, A::kPeerFailed};
constexpr SessionStep kNoFrame = {S::kFailed, A::kRefuse};  // The codec knows what is wrong.
constexpr SessionStep kGiveUp = {S::kFailed, A::kFail};
constexpr SessionStep kCutOff = {S::kFailed, A::kCut};
constexpr SessionStep kReport = {S::kClosed, A::kReport};

// What a peer must not send, by name.
constexpr SessionStep kNoHello = Refuse("no hello first");
constexpr SessionStep kHello2 = Refuse("hello twice");
constexpr SessionStep kTooLate = Refuse("message after end");
constexpr SessionStep kEnd2 = Refuse("end twice");
constexpr SessionStep kAckWhat = Refuse("acknowledgement without an end");
constexpr SessionStep kAck2 = Refuse("end acknowledged twice");

// Rows are states. Columns are kHello, kMessage, kPing, kPong, kEnd, kEndAck, kError; then
// kBadInput, kClose, kFail, kSilence, kDeadline, kGone. In kAgreed and kFailed what comes means
// nothing any more. Where there is no deadline (kOpen, kPeerEnded), none passes.
constexpr SessionStep kTable[kSessionStates][kSessionEvents] = {
    /* kHello */ {kOpens, kNoHello, kNoHello, kNoHello, kNoHello, kNoHello, kPeerError,  //
                  kNoFrame, kGiveUp, kGiveUp, kCutOff, kGiveUp, kReport},
    /* kOpen */
    {kHello2, kGive, kPong, kTime, kTheyEnd, kAckWhat, kPeerError,  //
     kNoFrame, kEnds, kGiveUp, kCutOff, kStay, kReport},
    /* kEnding */
    {kHello2, kGive, kPong, kTime, kCrossing, kAcked, kPeerError,  //
     kNoFrame, kStay, kGiveUp, kCutOff, kGiveUp, kReport},
    /* kEndAcked */
    {kHello2, kGive, kPong, kTime, kTheyEndToo, kAck2, kPeerError,  //
     kNoFrame, kStay, kGiveUp, kCutOff, kGiveUp, kReport},
    /* kPeerEnded */
    {kHello2, kTooLate, kPong, kTime, kEnd2, kAckWhat, kPeerError,  //
     kNoFrame, kEndsToo, kGiveUp, kCutOff, kStay, kReport},
    /* kLastAck */
    {kHello2, kTooLate, kPong, kTime, kEnd2, kAllAcked, kPeerError,  //
     kNoFrame, kStay, kGiveUp, kCutOff, kGiveUp, kReport},
    /* kAgreed */
    {kStay, kStay, kStay, kStay, kStay, kStay, kStay,  //
     kStay, kStay, kStay, kStay, kStay, kReport},
    /* kFailed */
    {kStay, kStay, kStay, kStay, kStay, kStay, kStay,  //
     kStay, kStay, kStay, kStay, kStay, kReport},
    /* kClosed */
    {kStay, kStay, kStay, kStay, kStay, kStay, kStay,  //
     kStay, kStay, kStay, kStay, kStay, kStay},
};

constexpr std::string_view kStateNames[kSessionStates] = {
    "hello", "open", "ending", "end-acked", "peer-ended", "last-ack", "agreed", "failed", "closed"};
constexpr std::string_view kEventNames[kSessionEvents] = {
    "hello",     "message", "ping", "pong",    "end",      "end-ack", "error",
    "bad-input", "close",   "fail", "silence", "deadline", "gone"};

}  // namespace

SessionStep NextStep(SessionState state, SessionEvent event) {
  SessionStep step = kTable[static_cast<int>(state)][static_cast<int>(event)];
  if (step.next == kSame && step.action != A::kReport) step.next = state;
  return step;
}

std::string_view SessionStateName(SessionState state) {
  return kStateNames[static_cast<int>(state)];
}
std::string_view SessionEventName(SessionEvent event) {
  return kEventNames[static_cast<int>(event)];
}

}  // namespace spindle
