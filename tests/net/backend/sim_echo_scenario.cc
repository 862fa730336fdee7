#include "tests/net/backend/sim_echo_scenario.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/un.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstring>
#include <span>
#include <utility>

namespace spindle {
namespace {

constexpr uint32_t kAllEdge = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
constexpr Duration kAcceptRetry = std::chrono::milliseconds(1);
constexpr int kMostTurns = 1'000'000;

template <typename Call>
auto Retry(Call call) {
  auto result = call();
  while (result == -EINTR) result = call();
  return result;
}

}  // namespace

SimEchoScenario::Outcome SimEchoScenario::Run(const Plan& plan) {
  return SimEchoScenario(plan).Play();
}

SimEchoScenario::SimEchoScenario(const Plan& plan)
    : plan_(plan), kernel_(plan.options), trusts_short_reads_(plan.options.seed % 2 == 0) {}

void SimEchoScenario::Fail(const std::string& why) {
  if (outcome_.failure.empty()) outcome_.failure = why;
}

SimEchoScenario::Outcome SimEchoScenario::Play() {
  const TimePoint start = kernel_.now();
  set_ = kernel_.EpollCreate();
  timer_ = kernel_.TimerFd();
  Watch(timer_, EPOLLIN | EPOLLET);
  Listen();
  for (size_t i = 0; i < plan_.clients; ++i) StartClient(i);
  int turns = 0;
  while (outcome_.failure.empty() && !peers_.empty() && Turn()) {
    if (++turns == kMostTurns) Fail("too many turns");
    // Checking in the middle costs as much as a turn, so not every time.
    if (turns % 16 != 0) continue;
    const SimBytes bytes = kernel_.bytes();
    if (bytes.sent != bytes.received + bytes.discarded + bytes.in_flight) Fail("bytes got lost");
  }
  outcome_.virtual_time = kernel_.now() - start;
  CheckTheEnd(outcome_);
  return outcome_;
}

// Like a loop on top of the real kernel, with the driver's part where that would wait.
bool SimEchoScenario::Turn() {
  epoll_event events[16];
  const int count = Retry([&] { return kernel_.EpollWait(set_, events, -1); });
  if (count < 0) Fail("epoll_wait failed");
  if (count == 0) {
    if (kernel_.AnythingReady(set_)) return true;
    if (!kernel_.AdvanceToNextEvent()) {
      Fail("an edge got lost: nothing is ready and nothing is to come");
    }
    return true;
  }
  for (int i = 0; i < count; ++i) OnEvent(static_cast<int>(events[i].data.u64), events[i].events);
  kernel_.Now();
  return true;
}

void SimEchoScenario::Listen() {
  listener_ = kernel_.Socket(plan_.domain, SOCK_STREAM, 0);
  if (plan_.domain == AF_INET) {
    auto& in = reinterpret_cast<sockaddr_in&>(address_);
    in.sin_family = AF_INET;
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address_length_ = sizeof in;
  } else {
    auto& un = reinterpret_cast<sockaddr_un&>(address_);
    un.sun_family = AF_UNIX;
    std::memcpy(un.sun_path, "\0echo", 5);
    address_length_ = offsetof(sockaddr_un, sun_path) + 5;
  }
  auto* const address = reinterpret_cast<sockaddr*>(&address_);
  if (kernel_.Bind(listener_, address, address_length_) != 0) Fail("bind");
  if (kernel_.Listen(listener_, 128) != 0) Fail("listen");
  socklen_t length = sizeof address_;
  if (kernel_.GetSockName(listener_, address, &length) != 0) Fail("getsockname");
  Watch(listener_, EPOLLIN | EPOLLET);
}

void SimEchoScenario::Watch(int fd, uint32_t events) {
  epoll_event event = {};
  event.events = events;
  event.data.u64 = static_cast<uint64_t>(fd);
  if (kernel_.EpollCtl(set_, EPOLL_CTL_ADD, fd, &event) != 0) Fail("epoll_ctl");
}

void SimEchoScenario::StartClient(size_t index) {
  const int fd = kernel_.Socket(plan_.domain, SOCK_STREAM, 0);
  Peer& peer = peers_[fd];
  peer.role = Role::kClient;
  for (size_t i = 0; i < plan_.bytes_each; ++i) {
    peer.output.push_back(static_cast<char>((i * 131 + index * 17 + i / 251) & 0xff));
  }
  peer.expected = peer.output;
  int result;
  do {
    result = kernel_.Connect(fd, reinterpret_cast<sockaddr*>(&address_), address_length_);
    // An interrupted TCP connect goes on; an interrupted Unix one has not begun.
  } while (result == -EINTR && plan_.domain == AF_UNIX);
  peer.connected = result == 0;
  if (result != 0 && result != -EINPROGRESS && result != -EINTR) Fail("connect");
  Watch(fd, kAllEdge);
}

void SimEchoScenario::OnEvent(int fd, uint32_t events) {
  if (fd == listener_ || fd == timer_) {
    AcceptAll();
    return;
  }
  const auto found = peers_.find(fd);
  if (found == peers_.end()) return;  // Closed earlier in this turn.
  Peer& peer = found->second;
  if (!peer.connected) {
    OnConnecting(fd, peer);
    if (!peers_.contains(fd)) return;
    if (!peer.connected) return;
  }
  if (ReadAll(fd, peer, events)) WriteAll(fd, peer);
}

void SimEchoScenario::OnConnecting(int fd, Peer& peer) {
  int error = 0;
  socklen_t length = sizeof error;
  kernel_.GetSockOpt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
  if (error != 0) {
    End(fd, error);
    return;
  }
  sockaddr_storage name;
  length = sizeof name;
  peer.connected = kernel_.GetPeerName(fd, reinterpret_cast<sockaddr*>(&name), &length) == 0;
  // The event may be of the time before connect: then it goes on.
}

void SimEchoScenario::AcceptAll() {
  while (true) {
    const int fd = Retry([&] { return kernel_.Accept(listener_, nullptr, nullptr); });
    if (fd == -EAGAIN) return;
    if (fd == -ECONNABORTED) continue;
    if (fd == -EMFILE || fd == -ENOBUFS) {
      // No edge will come for what is pending already.
      kernel_.TimerFdSet(timer_, kernel_.Now() + kAcceptRetry);
      return;
    }
    if (fd < 0) {
      Fail("accept");
      return;
    }
    Peer& peer = peers_[fd];
    peer.role = Role::kServer;
    peer.connected = true;
    Watch(fd, kAllEdge);
  }
}

bool SimEchoScenario::ReadAll(int fd, Peer& peer, uint32_t events) {
  const bool end_announced = (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
  char block[512];
  while (!peer.input_ended) {
    const ssize_t result = Retry([&] { return kernel_.Recv(fd, block, sizeof block); });
    if (result == -EAGAIN) break;
    if (result < 0) {
      End(fd, static_cast<int>(-result));
      return false;
    }
    if (result == 0) {
      peer.input_ended = true;
      break;
    }
    const auto length = static_cast<size_t>(result);
    (peer.role == Role::kServer ? peer.output : peer.received).append(block, length);
    if (trusts_short_reads_ && length < sizeof block && !end_announced) break;
  }
  if (peer.role == Role::kClient && peer.input_ended) {
    End(fd, 0);
    return false;
  }
  return true;
}

bool SimEchoScenario::WriteAll(int fd, Peer& peer) {
  while (!peer.output.empty()) {
    const iovec pieces[] = {
        {peer.output.data(), peer.output.size() / 2},
        {peer.output.data() + peer.output.size() / 2, peer.output.size() - peer.output.size() / 2}};
    const ssize_t result = Retry([&] { return kernel_.Send(fd, pieces); });
    if (result == -EAGAIN) return true;
    if (result < 0) {
      End(fd, static_cast<int>(-result));
      return false;
    }
    const bool is_short = static_cast<size_t>(result) < peer.output.size();
    peer.output.erase(0, static_cast<size_t>(result));
    if (is_short) return true;
  }
  if (peer.role == Role::kClient) {
    if (!std::exchange(peer.finished_sending, true)) kernel_.Shutdown(fd, SHUT_WR);
    return true;
  }
  if (!peer.input_ended) return true;
  End(fd, 0);
  return false;
}

void SimEchoScenario::End(int fd, int error) {
  const auto found = peers_.find(fd);
  const Peer& peer = found->second;
  if (error != 0) {
    ++outcome_.broken;
    const SimFaults& faults = plan_.options.faults;
    const bool allowed =
        faults.reset > 0 || faults.connect_refused > 0 || faults.accept_aborted > 0;
    if (!allowed) Fail("an error without cause: " + std::to_string(error));
  } else if (peer.role == Role::kClient) {
    // What came must be a prefix; all of it, unless the server's end was broken.
    const bool whole = peer.received == peer.expected;
    if (whole) ++outcome_.completed;
    if (!whole && plan_.options.faults.reset == 0) Fail("the echo is not what was sent");
    if (peer.expected.compare(0, peer.received.size(), peer.received) != 0) Fail("bytes differ");
  }
  kernel_.Close(fd);
  peers_.erase(found);
}

void SimEchoScenario::CheckTheEnd(Outcome& outcome) {
  for (const int fd : {listener_, timer_, set_}) kernel_.Close(fd);
  if (outcome.failure.empty() && kernel_.open_fds() != 0) Fail("descriptors are left");
  while (kernel_.AdvanceToNextEvent()) {
  }
  const SimBytes bytes = kernel_.bytes();
  if (outcome.failure.empty() && bytes.in_flight != 0) Fail("bytes are left");
  if (bytes.sent != bytes.received + bytes.discarded + bytes.in_flight) Fail("bytes got lost");
  outcome.counters = kernel_.counters();
  outcome.trace_hash = kernel_.TraceHash();
}

}  // namespace spindle
