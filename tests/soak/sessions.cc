// Many idle sessions: sessions COUNT [SECONDS] [INTERVAL_MS].
//
// A child process opens COUNT sessions to a server in this one; both sides send heartbeats. Prints
// the resident memory of a session, the share of a processor that the heartbeats take on the
// server's side, and how long it takes until the last on_close after the child was killed. Fails if
// a session ends before that, or not exactly once, or if something is left over; from 10,000
// sessions on also if one takes more than 1 KiB, or the last on_close comes later than 3 s.

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/process_usage.h"
#include "net/loop/event_loop.h"
#include "net/session/session.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"

namespace spindle {
namespace {

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

// The other process: opens one session after the other, 64 at a time; lives until it is killed.
class Clients {
 public:
  Clients(EventLoop& loop, const SocketAddress& server, uint64_t count,
          const SessionOptions& options)
      : loop_(loop), server_(server), count_(count), options_(options) {
    for (int i = 0; i < 64; ++i) Next();
  }

 private:
  void Next() {
    if (clients_.size() == count_) return;
    clients_.push_back(std::make_unique<StreamClient>(
        loop_, server_,
        InitiatorSessions({.on_open = [this](Session&) { Next(); },
                           .on_close =
                               [](Session&, const SessionCloseReason& reason) {
                                 std::fprintf(stderr, "client: %s\n", reason.ToString().c_str());
                                 _exit(1);
                               }},
                          options_)));
    clients_.back()->Connect();
  }

  EventLoop& loop_;
  const SocketAddress server_;
  const uint64_t count_;
  const SessionOptions options_;
  std::vector<std::unique_ptr<StreamClient>> clients_;
};

[[noreturn]] void BeClients(int port_pipe, uint64_t count, const SessionOptions& options) {
  uint16_t port = 0;
  if (read(port_pipe, &port, sizeof port) != static_cast<ssize_t>(sizeof port)) _exit(1);
  auto loop = *EventLoop::Create();
  const Clients clients(*loop, SocketAddress::LoopbackV4(port), count, options);
  static_cast<void>(loop->Run());
  _exit(1);
}

class Soak {
 public:
  Soak(uint64_t count, const SessionOptions& options)
      : count_(count), loop_(*EventLoop::Create()), server_(Listen(options)) {}

  uint16_t port() const { return server_->address().port(); }

  // Runs the loop until `done`.
  template <typename Done>
  void RunUntil(Done done) {
    while (!done()) SPINDLE_CHECK_OK(loop_->RunOnce());
  }
  void RunFor(Duration time) {
    bool over = false;
    loop_->RunAfter(time, [&over] { over = true; });
    RunUntil([&over] { return over; });
  }
  bool all_open() const { return opened_ == count_; }
  bool all_closed() const { return closed_ == count_; }
  uint64_t closed() const { return closed_; }
  const std::map<std::string_view, uint64_t>& reasons() const { return reasons_; }

 private:
  std::unique_ptr<StreamServer> Listen(const SessionOptions& options) {
    return *StreamServer::Listen(
        *loop_, SocketAddress::LoopbackV4(0),
        AcceptorSessions({.on_open = [this](Session&) { ++opened_; },
                          .on_close =
                              [this](Session&, const SessionCloseReason& reason) {
                                ++closed_;
                                ++reasons_[reason.name()];
                              }},
                         options));
  }

  const uint64_t count_;
  uint64_t opened_ = 0;
  uint64_t closed_ = 0;
  std::map<std::string_view, uint64_t> reasons_;
  std::unique_ptr<EventLoop> loop_;
  std::unique_ptr<StreamServer> server_;
};

bool Run(uint64_t count, Duration hold, Duration interval) {
  const SessionOptions options = {.heartbeat_interval = interval};
  int ports[2];
  SPINDLE_CHECK(pipe(ports) == 0);
  const pid_t child = fork();
  if (child == 0) BeClients(ports[0], count, options);
  Soak soak(count, options);
  const uint16_t port = soak.port();
  const uint64_t before = ResidentBytes();
  SPINDLE_CHECK(write(ports[1], &port, sizeof port) == static_cast<ssize_t>(sizeof port));
  soak.RunUntil([&] { return soak.all_open() || soak.closed() > 0; });
  SPINDLE_CHECK(soak.closed() == 0) << "a session ended while others were opened";
  const double each = static_cast<double>(ResidentBytes() - before) / static_cast<double>(count);
  std::printf("sessions: %llu, %.0f bytes of resident memory each (Session itself: %zu)\n",
              static_cast<unsigned long long>(count), each, sizeof(Session));
  const Duration busy = ProcessorTime();
  soak.RunFor(hold);
  std::printf("heartbeats: %.2f %% of a processor over %.0f s, %llu false closes\n",
              Seconds(ProcessorTime() - busy) / Seconds(hold) * 100, Seconds(hold),
              static_cast<unsigned long long>(soak.closed()));
  const bool held = soak.closed() == 0;
  const TimePoint killed = Clock::now();
  kill(child, SIGKILL);
  soak.RunUntil([&] { return soak.all_closed(); });
  const double took = Seconds(Clock::now() - killed);
  std::printf("kill -9: all closed after %.2f s:", took);
  for (const auto& [name, times] : soak.reasons()) {
    std::printf(" %s %llu", std::string(name).c_str(), static_cast<unsigned long long>(times));
  }
  std::printf("\n");
  int status = 0;
  waitpid(child, &status, 0);
  for (const int fd : ports) close(fd);
  const bool within = count < 10'000 || (each <= 1024 && took <= 3);
  if (!within) std::printf("more than 1 KiB for each, or later than 3 s\n");
  return held && within;
}

}  // namespace
}  // namespace spindle

int main(int argc, char** argv) {
  if (argc < 2 || argc > 4) {
    std::fprintf(stderr, "usage: sessions COUNT [SECONDS] [INTERVAL_MS]\n");
    return 2;
  }
  const auto number = [&](int i, long otherwise) {
    return argc > i ? std::strtol(argv[i], nullptr, 10) : otherwise;
  };
  const auto fds = spindle::OpenFds();
  const auto live = spindle::LiveCounts();
  const bool held =
      spindle::Run(static_cast<uint64_t>(number(1, 0)), std::chrono::seconds(number(2, 60)),
                   std::chrono::milliseconds(number(3, 10'000)));
  const bool clean = spindle::OpenFds() == fds && spindle::LiveCounts() == live;
  if (!clean) std::printf("descriptors or objects LEFT OVER\n");
  return held && clean ? 0 : 1;
}
