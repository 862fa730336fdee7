#ifndef SPINDLE_TESTS_NET_SEND_LINE_SERVER_H_
#define SPINDLE_TESTS_NET_SEND_LINE_SERVER_H_

#include <algorithm>
#include <cstddef>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "net/types/socket_address.h"

namespace spindle {

// A server of lines on one loop that sends each one back `think` after it came, and notes what it
// saw. Faults are set for one line: the how-many-th of all that come, from 0 on. Loop thread only.
class LineServer {
 public:
  enum class Fault { kNone, kSilence, kWrongByte, kExtraByte, kLate, kAbort, kClose };

  LineServer(EventLoop& loop, Duration think) : loop_(loop), think_(think) {
    ConnectionCallbacks callbacks;
    callbacks.on_open = [this](Connection&) { peak_open_ = std::max(peak_open_, ++open_); };
    callbacks.on_bytes = [this](Connection& connection, Buffer& input) {
      while (const auto end = input.Find('\n')) {
        std::string line(input.Peek(*end + 1));
        input.Consume(line.size());
        OnLine(connection, std::move(line));
      }
    };
    callbacks.on_close = [this](Connection&, const CloseReason&) { --open_; };
    auto server = StreamServer::Listen(loop, SocketAddress::LoopbackV4(0), std::move(callbacks));
    SPINDLE_CHECK_OK(server);
    server_ = *std::move(server);
  }

  const SocketAddress& address() const { return server_->address(); }
  StreamServer& server() { return *server_; }
  void FailLine(size_t number, Fault fault) { faults_[number] = fault; }

  // The lines in the order in which they came, without their ends.
  const std::vector<std::string>& lines() const { return lines_; }
  // The most lines that awaited their answer at once.
  size_t peak() const { return peak_; }
  size_t peak_open() const { return peak_open_; }
  size_t open() const { return open_; }

 private:
  void OnLine(Connection& connection, std::string line) {
    const auto fault = faults_.find(lines_.size());
    const Fault what = fault == faults_.end() ? Fault::kNone : fault->second;
    lines_.push_back(line.substr(0, line.size() - 1));
    peak_ = std::max(peak_, ++waiting_);
    const Duration think = what == Fault::kLate ? 10 * think_ : think_;
    loop_.RunAfter(think, [this, what, handle = connection.handle(), line = std::move(line)] {
      --waiting_;
      if (Connection* const open = handle.Get()) Answer(*open, line, what);
    });
  }

  static void Answer(Connection& connection, std::string line, Fault fault) {
    switch (fault) {
      case Fault::kSilence:
        return;
      case Fault::kAbort:
        connection.Abort();
        return;
      case Fault::kClose:
        connection.Close();
        return;
      case Fault::kWrongByte:
        line[0] ^= 1;
        break;
      case Fault::kExtraByte:
        line += '!';
        break;
      case Fault::kLate:
      case Fault::kNone:
        break;
    }
    connection.Write(line);
  }

  EventLoop& loop_;
  const Duration think_;
  std::unique_ptr<StreamServer> server_;
  std::map<size_t, Fault> faults_;
  std::vector<std::string> lines_;
  size_t waiting_ = 0;
  size_t peak_ = 0;
  size_t open_ = 0;
  size_t peak_open_ = 0;
};

// The lines "C.I" for message I of connection C. Immutable; any thread.
class NumberedLines {
 public:
  NumberedLines(size_t connections, uint64_t messages) : lines_(connections) {
    for (size_t c = 0; c < connections; ++c) {
      for (uint64_t i = 0; i < messages; ++i) {
        lines_[c].push_back(std::to_string(c) + "." + std::to_string(i) + "\n");
      }
    }
  }
  const std::string& Line(size_t connection, uint64_t index) const {
    return lines_.at(connection).at(index);
  }

 private:
  std::vector<std::vector<std::string>> lines_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_NET_SEND_LINE_SERVER_H_
