#include "bench/load/service.h"

#include <cstddef>
#include <string>
#include <thread>
#include <utility>

#include "base/check.h"
#include "bench/load/character_lines.h"
#include "bench/load/http_responder.h"
#include "bench/load/message_frame.h"
#include "bench/load/sockperf_responder.h"
#include "net/stream/connection.h"
#include "net/stream/connection_handle.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"

namespace spindle::bench {
namespace {

constexpr size_t kMaxWaitingBytes = 16 * 1024 * 1024;

// Per connection, where needed.
struct State {
  FrameCounter frames;  // kAck.
  HttpResponder http;   // kHttp.
  SockperfResponder sockperf;
  uint64_t waiting = 0;      // Answers whose timer runs.
  size_t waiting_bytes = 0;  // In them.
  bool ending = false;       // To be closed after the last of them.
};

State& StateOf(Connection& connection) {
  State* const state = connection.data<State>();
  return state != nullptr ? *state : connection.EmplaceData<State>();
}

// Errors of Write are not looked at here: they mean that the connection ends, and nobody is told
// more than on_close would.
void Send(Connection& connection, Buffer answer) {
  static_cast<void>(connection.Write(std::move(answer)));
}

void SendAfter(Connection& connection, Duration think, Buffer answer) {
  State& state = StateOf(connection);
  const size_t size = answer.size();
  ++state.waiting;
  state.waiting_bytes += size;
  if (state.waiting_bytes > kMaxWaitingBytes) connection.PauseReading();
  connection.loop().RunAfter(
      think, [handle = connection.handle(), size, answer = std::move(answer)]() mutable {
        Connection* const connection = handle.Get();
        if (connection == nullptr) return;
        State& state = StateOf(*connection);
        --state.waiting;
        state.waiting_bytes -= size;
        Send(*connection, std::move(answer));
        if (state.ending && state.waiting == 0) connection->Close();
        if (state.waiting_bytes <= kMaxWaitingBytes) connection->ResumeReading();
      });
}

void EndAfterAnswers(Connection& connection) {
  State& state = StateOf(connection);
  state.ending = true;
  if (state.waiting == 0) connection.Close();
}

// What to send for one piece of input.
struct Answer {
  Buffer bytes = {};
  uint64_t messages = 0;
  bool last = false;  // The connection ends behind it.
};

Answer AnswerTo(ServiceMode mode, Connection& connection, Buffer& input) {
  if (mode == ServiceMode::kEcho) return {.bytes = std::move(input), .messages = 1};
  State& state = StateOf(connection);
  if (mode == ServiceMode::kAck) {
    const uint64_t messages = state.frames.Feed(input);
    return {.bytes = Buffer(std::string(messages, kAck)), .messages = messages};
  }
  if (mode == ServiceMode::kSockperf) {
    const uint64_t before = state.sockperf.answered();
    Buffer replies = state.sockperf.Feed(input);
    return {.bytes = std::move(replies), .messages = state.sockperf.answered() - before};
  }
  std::string replies;
  const uint64_t before = state.http.answered();
  const bool last = !state.http.Feed(input, replies);
  return {.bytes = Buffer(replies), .messages = state.http.answered() - before, .last = last};
}

void Burn(Duration time) {
  if (time == Duration::zero()) return;
  const TimePoint end = SaturatingAdd(Clock::now(), time);
  while (Clock::now() < end) {
  }
}

// The answers of the modes that answer.
void OnBytes(ServiceMode mode, Duration think, ThinkMode think_mode, Connection& connection,
             Buffer& input) {
  Answer answer = AnswerTo(mode, connection, input);
  const Duration time = think * static_cast<int64_t>(answer.messages);
  if (think_mode == ThinkMode::kBurn) Burn(time);
  if (think_mode == ThinkMode::kBlock) std::this_thread::sleep_for(time);
  if (!answer.bytes.empty()) {
    if (think_mode == ThinkMode::kTimer && think > Duration::zero()) {
      SendAfter(connection, think, std::move(answer.bytes));
    } else {
      Send(connection, std::move(answer.bytes));
    }
  }
  if (answer.last) EndAfterAnswers(connection);
}

}  // namespace

std::string_view ServiceModeName(ServiceMode mode) {
  switch (mode) {
    case ServiceMode::kEcho:
      return "echo";
    case ServiceMode::kDiscard:
      return "discard";
    case ServiceMode::kChargen:
      return "chargen";
    case ServiceMode::kAck:
      return "ack";
    case ServiceMode::kHttp:
      return "http";
    case ServiceMode::kSockperf:
      return "sockperf";
  }
  return "?";
}

ConnectionCallbacks MakeService(ServiceMode mode, Duration think, ThinkMode think_mode) {
  ConnectionCallbacks callbacks;
  switch (mode) {
    case ServiceMode::kEcho:
    case ServiceMode::kAck:
    case ServiceMode::kHttp:
    case ServiceMode::kSockperf:
      callbacks.on_bytes = [=](Connection& connection, Buffer& input) {
        OnBytes(mode, think, think_mode, connection, input);
      };
      if (think > Duration::zero()) {
        callbacks.on_read_closed = [](Connection& connection) { EndAfterAnswers(connection); };
        callbacks.on_drain = [](Connection& connection) { EndAfterAnswers(connection); };
      }
      // The common case costs nothing more than it must.
      if (mode == ServiceMode::kEcho && think == Duration::zero()) {
        callbacks.on_bytes = [](Connection& connection, Buffer& input) {
          Send(connection, std::move(input));
        };
      }
      break;
    case ServiceMode::kChargen: {
      const std::string lines = CharacterLines();
      const ChunkRef chunk = Chunk::CopyOf(lines);
      SPINDLE_CHECK(chunk) << "out of memory";
      const auto send = [chunk, size = lines.size()](Connection& connection) {
        static_cast<void>(connection.WriteChunk(chunk, 0, size));
      };
      callbacks.on_open = send;
      callbacks.on_drained = send;
      [[fallthrough]];
    }
    case ServiceMode::kDiscard:
      callbacks.on_bytes = [](Connection&, Buffer& input) { input.Clear(); };
      break;
  }
  return callbacks;
}

ConnectionOptions ServiceOptions(ServiceMode mode, Duration think) {
  ConnectionOptions options;
  const bool answers = mode != ServiceMode::kDiscard && mode != ServiceMode::kChargen;
  if (answers && think > Duration::zero()) options.peer_fin = PeerFinPolicy::kKeepWriting;
  return options;
}

}  // namespace spindle::bench
