#include <event2/event.h>
#include <event2/listener.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <memory>
#include <thread>
#include <vector>

namespace {

struct Free {
  void operator()(event_base* base) const { event_base_free(base); }
  void operator()(evconnlistener* listener) const { evconnlistener_free(listener); }
};
using Base = std::unique_ptr<event_base, Free>;
using Listener = std::unique_ptr<evconnlistener, Free>;

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }
bool IsNonblocking(int fd) { return (fcntl(fd, F_GETFL) & O_NONBLOCK) != 0; }

class ListenerTest : public testing::Test {
 protected:
  ListenerTest() : base_(event_base_new()) {
    any_.sin_family = AF_INET;
    any_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  ~ListenerTest() override {
    for (const int fd : accepted_) close(fd);
    for (const int fd : clients_) close(fd);
  }

  static void OnAccept(evconnlistener*, evutil_socket_t fd, sockaddr* address, int size,
                       void* arg) {
    auto* test = static_cast<ListenerTest*>(arg);
    EXPECT_EQ(address->sa_family, AF_INET);
    EXPECT_EQ(size, static_cast<int>(sizeof(sockaddr_in)));
    test->accepted_.push_back(fd);
  }

  Listener Bind(unsigned flags, int backlog = -1) {
    return Listener(evconnlistener_new_bind(base_.get(), OnAccept, this, flags, backlog,
                                            reinterpret_cast<sockaddr*>(&any_), sizeof(any_)));
  }

  void Connect(const Listener& listener) {
    sockaddr_in address = {};
    socklen_t size = sizeof(address);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(getsockname(evconnlistener_get_fd(listener.get()), generic, &size), 0);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    clients_.push_back(fd);
    ASSERT_EQ(connect(fd, generic, size), 0);
  }

  void Turn(int passes = 3) {
    for (int i = 0; i < passes; ++i) event_base_loop(base_.get(), EVLOOP_ONCE | EVLOOP_NONBLOCK);
  }

  Base base_;
  sockaddr_in any_ = {};
  std::vector<int> accepted_;
  std::vector<int> clients_;
};

TEST_F(ListenerTest, AcceptsAllThatWait) {
  Listener listener = Bind(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE);
  ASSERT_NE(listener, nullptr);
  EXPECT_EQ(evconnlistener_get_base(listener.get()), base_.get());
  for (int i = 0; i < 5; ++i) Connect(listener);
  Turn();
  ASSERT_EQ(accepted_.size(), 5u);
  EXPECT_TRUE(IsNonblocking(accepted_[0]));
}

TEST_F(ListenerTest, SocketsCanStayBlocking) {
  Listener listener = Bind(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_LEAVE_SOCKETS_BLOCKING);
  Connect(listener);
  Turn();
  ASSERT_EQ(accepted_.size(), 1u);
  EXPECT_FALSE(IsNonblocking(accepted_[0]));
}

TEST_F(ListenerTest, CloseOnExecHoldsForAll) {
  Listener listener = Bind(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC);
  Connect(listener);
  Turn();
  ASSERT_EQ(accepted_.size(), 1u);
  EXPECT_EQ(fcntl(accepted_[0], F_GETFD), FD_CLOEXEC);
  EXPECT_EQ(fcntl(evconnlistener_get_fd(listener.get()), F_GETFD), FD_CLOEXEC);
}

TEST_F(ListenerTest, ADisabledListenerLeavesThemInTheQueue) {
  Listener listener = Bind(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_DISABLED);
  Connect(listener);
  Turn();
  EXPECT_TRUE(accepted_.empty());
  EXPECT_EQ(evconnlistener_enable(listener.get()), 0);
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
  EXPECT_EQ(evconnlistener_disable(listener.get()), 0);
  Connect(listener);
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(ListenerTest, WithoutACallbackNothingIsAccepted) {
  Listener listener(evconnlistener_new_bind(base_.get(), nullptr, nullptr, LEV_OPT_CLOSE_ON_FREE,
                                            -1, reinterpret_cast<sockaddr*>(&any_), sizeof(any_)));
  Connect(listener);
  Turn();
  evconnlistener_set_cb(listener.get(), OnAccept, this);
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
}

TEST_F(ListenerTest, TheSocketClosesOnlyIfAsked) {
  Listener listener = Bind(0);
  const int fd = evconnlistener_get_fd(listener.get());
  listener.reset();
  EXPECT_TRUE(IsOpen(fd));
  // The same socket, which listens already.
  listener.reset(evconnlistener_new(base_.get(), OnAccept, this, LEV_OPT_CLOSE_ON_FREE, 0, fd));
  ASSERT_NE(listener, nullptr);
  Connect(listener);
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
  listener.reset();
  EXPECT_FALSE(IsOpen(fd));
}

TEST_F(ListenerTest, ABacklogOfZeroCannotBind) { EXPECT_EQ(Bind(0, 0), nullptr); }

TEST_F(ListenerTest, AnAddressInUseIsRefused) {
  Listener first = Bind(LEV_OPT_CLOSE_ON_FREE);
  socklen_t size = sizeof(any_);
  getsockname(evconnlistener_get_fd(first.get()), reinterpret_cast<sockaddr*>(&any_), &size);
  EXPECT_EQ(Bind(LEV_OPT_CLOSE_ON_FREE), nullptr);
  EXPECT_EQ(errno, EADDRINUSE);
}

TEST_F(ListenerTest, PortsCanBeShared) {
  Listener first = Bind(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE_PORT);
  socklen_t size = sizeof(any_);
  getsockname(evconnlistener_get_fd(first.get()), reinterpret_cast<sockaddr*>(&any_), &size);
  EXPECT_NE(Bind(LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE_PORT), nullptr);
}

TEST_F(ListenerTest, ItMayBeFreedInItsCallback) {
  evconnlistener* listener = Bind(LEV_OPT_CLOSE_ON_FREE).release();
  static std::vector<int>* accepted;
  accepted = &accepted_;
  evconnlistener_set_cb(
      listener,
      [](evconnlistener* own, evutil_socket_t fd, sockaddr*, int, void*) {
        accepted->push_back(fd);
        evconnlistener_free(own);
      },
      nullptr);
  const int fd = evconnlistener_get_fd(listener);
  Listener same(listener);
  Connect(same);
  Connect(same);
  static_cast<void>(same.release());
  Turn();
  EXPECT_EQ(accepted_.size(), 1u);
  EXPECT_FALSE(IsOpen(fd));
}

TEST_F(ListenerTest, ErrorsGoToTheirCallback) {
  static int errors;
  static int error;
  errors = 0;
  Listener listener = Bind(LEV_OPT_CLOSE_ON_FREE);
  evconnlistener_set_error_cb(listener.get(), [](evconnlistener* own, void*) {
    error = errno;
    ++errors;
    evconnlistener_disable(own);
  });
  Connect(listener);
  rlimit before;
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  const rlimit none = {0, before.rlim_max};
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &none), 0);
  Turn();
  setrlimit(RLIMIT_NOFILE, &before);
  EXPECT_EQ(errors, 1);
  EXPECT_EQ(error, EMFILE);
  EXPECT_TRUE(accepted_.empty());
}

TEST(ListenerThreadTest, AnyThreadMayFreeIt) {
  ASSERT_EQ(evthread_use_pthreads(), 0);
  Base base(event_base_new());
  std::thread loop([&] { event_base_loop(base.get(), EVLOOP_NO_EXIT_ON_EMPTY); });
  static std::atomic<int> accepted;
  for (int round = 0; round < 50; ++round) {
    accepted = 0;
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* generic = reinterpret_cast<sockaddr*>(&address);
    Listener listener(evconnlistener_new_bind(
        base.get(),
        [](evconnlistener*, evutil_socket_t fd, sockaddr*, int, void*) {
          close(fd);
          ++accepted;
        },
        nullptr, LEV_OPT_CLOSE_ON_FREE | LEV_OPT_THREADSAFE, -1, generic, sizeof(address)));
    ASSERT_NE(listener, nullptr);
    socklen_t size = sizeof(address);
    getsockname(evconnlistener_get_fd(listener.get()), generic, &size);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    ASSERT_EQ(connect(fd, generic, size), 0);
    while (round % 2 == 0 && accepted == 0) std::this_thread::yield();
    listener.reset();
    close(fd);
  }
  event_base_loopbreak(base.get());
  loop.join();
}

}  // namespace
