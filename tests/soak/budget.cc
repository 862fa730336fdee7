// A server whose peers do not read: budget POLICY [SILENT] [HEALTHY] [BUDGET_MIB] [SECONDS] [MOST].
//
// POLICY is close or refuse. A child process opens SILENT connections (1000) that never read and
// HEALTHY ones (100) that echo small messages, to a server with two workers. First only the healthy
// ones have something to do, then the server writes to the silent ones as fast as it may, SECONDS
// (5) each; then the two in turn, five times, a fifth of that each. Prints the resident memory over
// the baseline, and the healthy ones' rate while the server writes to the silent ones over that
// while it does not. Fails if the memory passes MOST (1.1) times the budget (64 MiB), if a healthy
// connection ends, or if something is left.

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "base/process_usage.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"

namespace spindle {
namespace {

constexpr std::string_view kGreedy = "greedy";
constexpr size_t kMessage = 64;
constexpr size_t kPiece = 64 * 1024;

struct Settings {
  MemoryPolicy policy = MemoryPolicy::kCloseLargest;
  uint64_t silent = 1000;
  uint64_t healthy = 100;
  uint64_t budget = 64 << 20;
  Duration phase = std::chrono::seconds(5);
  double most = 1.1;  // Of the budget, in resident memory.
};

// What both processes see.
struct Shared {
  std::atomic<uint64_t> answers{0};
  std::atomic<bool> healthy_ended{false};
  std::atomic<bool> over{false};
};

[[noreturn]] void BeClients(int port_pipe, const Settings& settings, Shared& shared) {
  uint16_t port = 0;
  if (read(port_pipe, &port, sizeof port) != static_cast<ssize_t>(sizeof port)) _exit(1);
  auto loop = *EventLoop::Create();
  std::vector<std::unique_ptr<StreamClient>> clients;
  const auto connect = [&](ConnectionCallbacks callbacks, StreamClientOptions options) {
    clients.push_back(std::make_unique<StreamClient>(*loop, SocketAddress::LoopbackV4(port),
                                                     std::move(callbacks), std::move(options)));
    clients.back()->Connect();
  };
  for (uint64_t i = 0; i < settings.silent; ++i) {
    connect({.on_open =
                 [](Connection& c) {
                   c.PauseReading();
                   c.Write(kGreedy);
                 }},
            {.connection = {.receive_buffer = 8192}});
  }
  for (uint64_t i = 0; i < settings.healthy; ++i) {
    connect({.on_open = [](Connection& c) { c.Write(std::string(kMessage, 'h')); },
             .on_bytes =
                 [&](Connection& c, Buffer& in) {
                   if (in.size() < kMessage) return;
                   shared.answers.fetch_add(1, std::memory_order_relaxed);
                   c.Write(std::move(in));
                 },
             .on_close =
                 [&](Connection&, const CloseReason& reason) {
                   std::fprintf(stderr, "healthy client: %s\n", reason.ToString().c_str());
                   shared.healthy_ended = true;
                 }},
            {});
  }
  while (!shared.over) static_cast<void>(loop->RunOnce());
  _exit(0);
}

class Soak {
 public:
  explicit Soak(const Settings& settings) : settings_(settings) {
    EventLoopThreadPoolOptions options;
    options.workers = 2;
    main_ = *EventLoop::Create();
    pool_ = *EventLoopThreadPool::Start(*main_, options);
    server_ = *StreamServer::Listen(
        *pool_, SocketAddress::LoopbackV4(0),
        {.on_bytes = [this](Connection& c, Buffer& in) { OnBytes(c, in); }},
        {.connection = {.send_buffer = 16 * 1024},
         .memory = {.server_bytes = settings.budget, .policy = settings.policy}});
    main_->RunEvery(std::chrono::milliseconds(5),
                    [this] { most_ = std::max(most_, ResidentBytes()); });
  }

  uint16_t port() const { return server_->address().port(); }
  void WaitForClients() {
    while (silent_ < settings_.silent ||
           server_->stats().accepted < settings_.silent + settings_.healthy) {
      SPINDLE_CHECK_OK(main_->RunOnce());
    }
  }
  // Runs for so long, with or without output for the silent ones, and returns the most memory seen.
  uint64_t RunPhase(bool producing, Duration time) {
    producing_ = producing;
    most_ = 0;
    bool over = false;
    main_->RunAfter(time, [&over] { over = true; });
    while (!over) SPINDLE_CHECK_OK(main_->RunOnce());
    return most_;
  }
  StreamServerStats stats() const { return server_->stats(); }
  uint64_t written() const { return written_; }

 private:
  void OnBytes(Connection& c, Buffer& in) {
    if (in != kGreedy) {
      c.Write(std::move(in));
      return;
    }
    in.Clear();
    ++silent_;
    c.loop().RunEvery(std::chrono::milliseconds(10),
                      [this, handle = c.handle(), wait = 0]() mutable {
                        Connection* const target = handle.Get();
                        if (target == nullptr || !producing_ || wait-- > 0) return;
                        wait = 0;
                        // As much as the server takes, but a megabyte at a time, for the sake of
                        // the others; not at once again what it has refused.
                        for (int i = 0; i < 16 && wait == 0; ++i) {
                          if (target->Write(std::string(kPiece, 'x')).ok()) {
                            written_ += kPiece;
                          } else {
                            wait = 10;
                          }
                        }
                      });
  }

  const Settings settings_;
  uint64_t most_ = 0;
  std::atomic<uint64_t> silent_{0};
  std::atomic<uint64_t> written_{0};
  std::atomic<bool> producing_{false};
  std::unique_ptr<EventLoop> main_;
  std::unique_ptr<EventLoopThreadPool> pool_;
  std::unique_ptr<StreamServer> server_;
};

bool Run(const Settings& settings) {
  void* const memory =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  SPINDLE_CHECK(memory != MAP_FAILED);
  Shared& shared = *new (memory) Shared;
  int ports[2];
  SPINDLE_CHECK(pipe(ports) == 0);
  const pid_t child = fork();
  if (child == 0) BeClients(ports[0], settings, shared);
  Soak soak(settings);
  const uint16_t port = soak.port();
  SPINDLE_CHECK(write(ports[1], &port, sizeof port) == static_cast<ssize_t>(sizeof port));
  soak.WaitForClients();

  const uint64_t baseline = soak.RunPhase(false, settings.phase);
  uint64_t most = soak.RunPhase(true, settings.phase);
  // What the machine's neighbours do changes from second to second, so the two go in turn.
  std::vector<double> ratios;
  for (int pair = 0; pair < 5; ++pair) {
    uint64_t answers[2];
    for (const bool producing : {false, true}) {
      const uint64_t begin = shared.answers;
      most = std::max(most, soak.RunPhase(producing, settings.phase / 5));
      answers[producing] = shared.answers - begin;
    }
    ratios.push_back(static_cast<double>(answers[1]) / static_cast<double>(answers[0]));
  }
  std::sort(ratios.begin(), ratios.end());

  const StreamServerStats stats = soak.stats();
  const double mib = 1 << 20;
  const double above = static_cast<double>(most) - static_cast<double>(baseline);
  std::printf(
      "written: %.0f MiB; kept: %.1f MiB now, %.1f at most, of %.0f; ended %llu, refused %llu\n",
      static_cast<double>(soak.written()) / mib, static_cast<double>(stats.buffered_bytes) / mib,
      static_cast<double>(stats.buffered_peak) / mib, static_cast<double>(settings.budget) / mib,
      static_cast<unsigned long long>(stats.budget_closed),
      static_cast<unsigned long long>(stats.budget_refusals));
  std::printf("resident: %.1f MiB, at most %.1f more (%.2f of the budget)\n",
              static_cast<double>(baseline) / mib, above / mib,
              above / static_cast<double>(settings.budget));
  std::printf("healthy: rate with over without, 5 times in turn: %.3f, median %.3f, %.3f\n",
              ratios.front(), ratios[2], ratios.back());
  const bool healthy = !shared.healthy_ended;
  shared.over = true;
  waitpid(child, nullptr, 0);
  for (const int fd : ports) close(fd);
  munmap(memory, sizeof(Shared));
  if (!healthy) std::printf("a healthy connection ENDED\n");
  const bool within = above <= settings.most * static_cast<double>(settings.budget);
  if (!within) std::printf("the memory PASSED the budget\n");
  return healthy && within;
}

}  // namespace
}  // namespace spindle

int main(int argc, char** argv) {
  const std::string_view policy = argc > 1 ? argv[1] : "";
  if (argc > 7 || (policy != "close" && policy != "refuse")) {
    std::fprintf(stderr,
                 "usage: budget close|refuse [SILENT] [HEALTHY] [BUDGET_MIB] [SECONDS] [MOST]\n");
    return 2;
  }
  spindle::Settings settings;
  if (policy == "refuse") settings.policy = spindle::MemoryPolicy::kRefuseWrites;
  const auto number = [&](int i, uint64_t otherwise) {
    return argc > i ? std::strtoull(argv[i], nullptr, 10) : otherwise;
  };
  settings.silent = number(2, settings.silent);
  settings.healthy = number(3, settings.healthy);
  settings.budget = number(4, settings.budget >> 20) << 20;
  settings.phase = std::chrono::seconds(number(5, 5));
  if (argc > 6) settings.most = std::strtod(argv[6], nullptr);
  const auto fds = spindle::OpenFds();
  const auto live = spindle::LiveCounts();
  const bool kept = spindle::Run(settings);
  const bool clean = spindle::OpenFds() == fds && spindle::LiveCounts() == live;
  if (!clean) std::printf("descriptors or objects LEFT OVER\n");
  return kept && clean ? 0 : 1;
}
