#include "bench/load/service.h"

#include <cstddef>
#include <string>
#include <utility>

#include "base/check.h"
#include "bench/load/message_frame.h"
#include "net/stream/connection.h"
#include "net/stream/connection_handle.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"

namespace spindle::bench {
namespace {

constexpr size_t kMaxWaitingBytes = 16 * 1024 * 1024;

// Per connection, where needed.
struct State {
  FrameCounter frames;
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

void Acknowledge(Connection& connection, Buffer& input, Duration think) {
  const uint64_t messages = StateOf(connection).frames.Feed(input);
  if (messages == 0) return;
  if (think == Duration::zero()) {
    Send(connection, Buffer(std::string(messages, kAck)));
    return;
  }
  for (uint64_t i = 0; i < messages; ++i) {
    SendAfter(connection, think, Buffer(std::string_view(&kAck, 1)));
  }
}

constexpr size_t kCharacterLinesBytes = size_t{95} * 74;

// All 95 lines of RFC 864: 72 of the printable characters, each line one further on.
ChunkRef CharacterLines() {
  std::string text;
  for (int line = 0; line < 95; ++line) {
    for (int i = 0; i < 72; ++i) text += static_cast<char>(' ' + (line + i) % 95);
    text += "\r\n";
  }
  ChunkRef lines = Chunk::CopyOf(text);
  SPINDLE_CHECK(lines) << "out of memory";
  return lines;
}

void AddAnswers(ConnectionCallbacks& callbacks, ServiceMode mode, Duration think) {
  if (mode == ServiceMode::kAck) {
    callbacks.on_bytes = [think](Connection& connection, Buffer& input) {
      Acknowledge(connection, input, think);
    };
  } else if (think == Duration::zero()) {
    callbacks.on_bytes = [](Connection& connection, Buffer& input) {
      Send(connection, std::move(input));
    };
  } else {
    callbacks.on_bytes = [think](Connection& connection, Buffer& input) {
      SendAfter(connection, think, std::move(input));
    };
  }
  if (think == Duration::zero()) return;
  callbacks.on_read_closed = [](Connection& connection) { EndAfterAnswers(connection); };
  callbacks.on_drain = [](Connection& connection) { EndAfterAnswers(connection); };
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
  }
  return "?";
}

ConnectionCallbacks MakeService(ServiceMode mode, Duration think) {
  ConnectionCallbacks callbacks;
  if (mode == ServiceMode::kEcho || mode == ServiceMode::kAck) {
    AddAnswers(callbacks, mode, think);
    return callbacks;
  }
  callbacks.on_bytes = [](Connection&, Buffer& input) { input.Clear(); };
  if (mode == ServiceMode::kChargen) {
    const ChunkRef lines = CharacterLines();
    const auto send = [lines](Connection& connection) {
      static_cast<void>(connection.WriteChunk(lines, 0, kCharacterLinesBytes));
    };
    callbacks.on_open = send;
    callbacks.on_drained = send;
  }
  return callbacks;
}

ConnectionOptions ServiceOptions(ServiceMode mode, Duration think) {
  ConnectionOptions options;
  const bool answers = mode == ServiceMode::kEcho || mode == ServiceMode::kAck;
  if (answers && think > Duration::zero()) options.peer_fin = PeerFinPolicy::kKeepWriting;
  return options;
}

}  // namespace spindle::bench
