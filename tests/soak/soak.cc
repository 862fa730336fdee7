// Long runs that end where they began: soak posts 100000000 | churn 1000000 | idle 10000.
//
//   posts N   N tasks from four threads to one loop
//   churn N   N connections to a server with two workers: connect, echo once, close; the client,
//   the
//             server and a reset end them in turn
//   idle N    N connections from another process, each echoed once and then silent: memory of each;
//   from 10,000 on at most 300 bytes
//
// Prints what it did, and fails if a descriptor or a counted object is left.

#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/check.h"
#include "base/process_usage.h"
#include "net/loop/event_loop_thread.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/leak_check.h"

namespace spindle {
namespace {

double SecondsSince(TimePoint start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void Posts(uint64_t count) {
  auto thread = *EventLoopThread::Start({});
  const LoopRef loop = thread->ref();
  constexpr uint64_t kProducers = 4;
  constexpr uint64_t kAhead = 100'000;  // Most that one producer may be ahead of the loop.
  std::vector<std::thread> producers;
  std::vector<std::unique_ptr<std::atomic<uint64_t>>> ran;
  const TimePoint start = Clock::now();
  for (uint64_t p = 0; p < kProducers; ++p) {
    ran.push_back(std::make_unique<std::atomic<uint64_t>>(0));
    producers.emplace_back([&loop, done = ran.back().get(), mine = count / kProducers] {
      for (uint64_t i = 0; i < mine; ++i) {
        while (i - done->load(std::memory_order_relaxed) > kAhead) std::this_thread::yield();
        loop.Post([done] { done->fetch_add(1, std::memory_order_release); });
      }
      while (done->load() < mine) std::this_thread::yield();
    });
  }
  for (std::thread& producer : producers) producer.join();
  std::printf("posts: %.1f M/s\n", static_cast<double>(count) / SecondsSince(start) / 1e6);
}

// Keeps 64 connections going until `left` is used up.
class Churn {
 public:
  Churn(EventLoop& loop, const SocketAddress& server, uint64_t count)
      : loop_(loop), server_(server), left_(count) {
    for (int i = 0; i < 64; ++i) Next();
  }

 private:
  void Next() {
    if (left_ == 0) {
      if (open_ == 0) loop_.Quit();
      return;
    }
    --left_;
    ++open_;
    const uint64_t id = next_id_++;
    // Another source address for each, or the ports run out in TIME_WAIT.
    const std::string source = "127.0.0." + std::to_string(1 + id % 64);
    clients_[id] = std::make_unique<StreamClient>(
        loop_, server_,
        ConnectionCallbacks{
            .on_open = [id](Connection& peer) { peer.Write(id % 3 == 2 ? "end" : "ping"); },
            .on_bytes =
                [id](Connection& peer, Buffer& input) {
                  input.Clear();
                  if (id % 3 == 0) peer.Close();
                  if (id % 3 == 1) peer.Abort();
                },
            .on_close = [this, id](Connection&, const CloseReason&) { End(id); }},
        StreamClientOptions{.local = *SocketAddress::FromIp(source, 0)},
        [](const ConnectError& error) { SPINDLE_CHECK(false) << error.error.ToString(); });
    clients_[id]->Connect();
  }
  void End(uint64_t id) {
    clients_.erase(id);
    --open_;
    Next();
  }

  EventLoop& loop_;
  const SocketAddress server_;
  uint64_t left_;
  uint64_t open_ = 0;
  uint64_t next_id_ = 0;
  std::map<uint64_t, std::unique_ptr<StreamClient>> clients_;
};

void ChurnConnections(uint64_t count) {
  auto loop = *EventLoop::Create();
  auto pool = *EventLoopThreadPool::Start(*loop, {.workers = 2});
  std::atomic<uint64_t> served{0};
  const auto serve = [&](Connection& peer, Buffer& input) {
    const bool end = input == "end";
    peer.Write(std::move(input));
    served.fetch_add(1, std::memory_order_relaxed);
    if (end) peer.CloseAfterFlush(std::chrono::seconds(5));
  };
  auto server = *StreamServer::Listen(*pool, SocketAddress::LoopbackV4(0), {.on_bytes = serve});
  const TimePoint start = Clock::now();
  Churn churn(*loop, server->address(), count);
  SPINDLE_CHECK_OK(loop->Run());
  std::printf("churn: %llu served, %.0f/s\n", static_cast<unsigned long long>(served.load()),
              static_cast<double>(count) / SecondsSince(start));
}

// The other process: connects, echoes once on each, tells by `done`, waits for the end of `hold`.
[[noreturn]] void BeIdleClients(const SocketAddress& server, uint64_t count, int done, int hold) {
  sockaddr_storage storage;
  const socklen_t length = server.ToSockaddr(&storage);
  for (uint64_t i = 0; i < count; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    char byte = 'x';
    if (connect(fd, reinterpret_cast<sockaddr*>(&storage), length) != 0 ||
        send(fd, &byte, 1, 0) != 1 || recv(fd, &byte, 1, 0) != 1) {
      std::perror("idle client");
      _exit(1);
    }
  }
  char byte = '.';
  if (write(done, &byte, 1) != 1 || read(hold, &byte, 1) < 0) _exit(1);
  _exit(0);
}

void IdleConnections(uint64_t count) {
  int done[2];
  int hold[2];
  SPINDLE_CHECK(pipe(done) == 0 && pipe(hold) == 0);
  auto loop = *EventLoop::Create();
  auto server = *StreamServer::Listen(
      *loop, SocketAddress::LoopbackV4(0),
      {.on_bytes = [](Connection& peer, Buffer& input) { peer.Write(std::move(input)); }});
  std::thread runner([&] { SPINDLE_CHECK_OK(loop->Run()); });
  char byte;
  const uint64_t before = ResidentBytes();
  const pid_t child = fork();
  if (child == 0) {
    close(hold[1]);
    BeIdleClients(server->address(), count, done[1], hold[0]);
  }
  SPINDLE_CHECK(read(done[0], &byte, 1) == 1);
  const uint64_t after = ResidentBytes();
  const double each = static_cast<double>(after - before) / static_cast<double>(count);
  std::printf("idle: %zu connections, %.0f bytes of resident memory each\n", server->connections(),
              each);
  SPINDLE_CHECK(count < 10'000 || each <= 300) << each << " bytes";
  for (const int fd : {hold[1], hold[0], done[0], done[1]}) close(fd);
  int status = 0;
  waitpid(child, &status, 0);
  SPINDLE_CHECK(status == 0);
  server.reset();
  loop->Quit();
  runner.join();
}

int Run(const std::string& what, uint64_t count) {
  const auto fds = OpenFds();
  const auto live = LiveCounts();
  const uint64_t before = ResidentBytes();
  const TimePoint start = Clock::now();
  if (what == "posts") {
    Posts(count);
  } else if (what == "churn") {
    ChurnConnections(count);
  } else if (what == "idle") {
    IdleConnections(count);
  } else {
    return 2;
  }
  const bool clean = OpenFds() == fds && LiveCounts() == live;
  std::printf("%s: %.1f s, resident memory %+.1f MiB, descriptors and objects %s\n", what.c_str(),
              SecondsSince(start),
              (static_cast<double>(ResidentBytes()) - static_cast<double>(before)) / 1048576.0,
              clean ? "as before" : "LEFT OVER");
  return clean ? 0 : 1;
}

}  // namespace
}  // namespace spindle

int main(int argc, char** argv) {
  const int code = argc == 3 ? spindle::Run(argv[1], std::strtoull(argv[2], nullptr, 10)) : 2;
  if (code == 2) std::fprintf(stderr, "usage: soak posts|churn|idle COUNT\n");
  return code;
}
