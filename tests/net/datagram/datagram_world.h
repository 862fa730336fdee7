#ifndef SPINDLE_TESTS_NET_DATAGRAM_DATAGRAM_WORLD_H_
#define SPINDLE_TESTS_NET_DATAGRAM_DATAGRAM_WORLD_H_

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "gtest/gtest.h"
#include "net/datagram/datagram.h"
#include "net/datagram/udp_socket.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/leak_check.h"
#include "tests/testing/watchdog.h"

namespace spindle {

// A datagram socket made of bare system calls. Non-blocking; one thread.
class RawUdp {
 public:
  explicit RawUdp(const SocketAddress& address = SocketAddress::LoopbackV4(0))
      : fd_(socket(address.family(), SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)) {
    sockaddr_storage storage;
    const socklen_t length = address.ToSockaddr(&storage);
    SPINDLE_CHECK(bind(fd_, reinterpret_cast<sockaddr*>(&storage), length) == 0);
    address_ = LocalName();
  }
  RawUdp(const RawUdp&) = delete;
  ~RawUdp() { Close(); }

  int fd() const { return fd_; }
  const SocketAddress& address() const { return address_; }
  void Close() {
    if (fd_ >= 0) close(std::exchange(fd_, -1));
  }
  bool SendTo(std::string_view data, const SocketAddress& to) {
    sockaddr_storage storage;
    const socklen_t length = to.ToSockaddr(&storage);
    return sendto(fd_, data.data(), data.size(), MSG_NOSIGNAL,
                  reinterpret_cast<sockaddr*>(&storage),
                  length) == static_cast<ssize_t>(data.size());
  }
  // The next datagram, if there is one, and who sent it.
  std::optional<std::string> Receive(SocketAddress* from = nullptr) {
    std::string data(70000, '\0');
    sockaddr_storage storage = {};
    socklen_t length = sizeof storage;
    const ssize_t got =
        recvfrom(fd_, data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&storage), &length);
    if (got < 0) return std::nullopt;
    if (from != nullptr) {
      *from = SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length);
    }
    data.resize(static_cast<size_t>(got));
    return data;
  }
  std::vector<std::string> ReceiveAll() {
    std::vector<std::string> all;
    while (auto data = Receive()) all.push_back(*std::move(data));
    return all;
  }

 private:
  SocketAddress LocalName() const {
    sockaddr_storage storage = {};
    socklen_t length = sizeof storage;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &length);
    return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), length);
  }

  int fd_;
  SocketAddress address_;
};

// An address of 127.0.0.1 where nobody is: its socket has just been closed.
inline SocketAddress DeadAddress() { return RawUdp().address(); }

// One loop, run by the test alone, on system calls that can be made to fail.
class DatagramTest : public LeakCheckTest {
 protected:
  DatagramTest() : loop_(*EventLoop::Create({.name = "test", .syscalls = &faulty_})) {}

  std::unique_ptr<UdpSocket> Bind(DatagramCallbacks callbacks = {}, UdpOptions options = {},
                                  const SocketAddress& at = SocketAddress::LoopbackV4(0)) {
    auto socket = UdpSocket::Bind(*loop_, at, std::move(callbacks), std::move(options));
    SPINDLE_CHECK(socket.ok()) << socket.status().ToString();
    return *std::move(socket);
  }
  std::unique_ptr<UdpSocket> Connect(const SocketAddress& peer, DatagramCallbacks callbacks = {},
                                     UdpOptions options = {}) {
    auto socket = UdpSocket::Connect(*loop_, peer, std::move(callbacks), std::move(options));
    SPINDLE_CHECK(socket.ok()) << socket.status().ToString();
    return *std::move(socket);
  }
  // Callbacks that note down what comes.
  DatagramCallbacks Noting() {
    return {
        .on_datagram =
            [this](UdpSocket&, const Datagram& datagram) {
              heard_.emplace_back(datagram.data());
              peers_.push_back(datagram.peer());
            },
        .on_error = [this](UdpSocket&, const DatagramError& error) { errors_.push_back(error); },
        .on_drained = [this](UdpSocket&) { ++drained_; }};
  }

  // Runs turns until `done()`. False if that does not happen in a time that no test needs.
  template <typename Done>
  bool RunUntil(Done done) {
    const TimePoint limit = Clock::now() + std::chrono::minutes(2);
    while (!done()) {
      if (Clock::now() > limit) return false;
      SPINDLE_CHECK(loop_->RunOnce(WaitMode::kPoll).ok());
    }
    return true;
  }
  // Turns until the loop finds nothing to do in several of them; how many did something. Loopback
  // delivers within the call, ICMP errors too.
  int Settle(int limit = 1000) {
    int turns = 0;
    for (int quiet = 0; quiet < 5 && turns < limit;) {
      const LoopStats before = loop_->Stats();
      const size_t done = *loop_->RunOnce(WaitMode::kPoll);
      const bool busy = done > 0 || loop_->Stats().stale_events > before.stale_events;
      quiet = busy ? 0 : quiet + 1;
      turns += busy ? 1 : 0;
    }
    return turns;
  }
  void TearDown() override {
    loop_.reset();
    LeakCheckTest::TearDown();
  }

  const Watchdog watchdog_{std::chrono::minutes(4)};
  FaultySyscalls faulty_;
  std::unique_ptr<EventLoop> loop_;
  std::vector<std::string> heard_;
  std::vector<SocketAddress> peers_;
  std::vector<DatagramError> errors_;
  int drained_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_NET_DATAGRAM_DATAGRAM_WORLD_H_
