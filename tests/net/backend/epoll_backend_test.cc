#include "net/backend/epoll_backend.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <memory>
#include <thread>

#include "absl/status/statusor.h"
#include "base/syscalls.h"
#include "gtest/gtest.h"
#include "net/backend/io_backend.h"
#include "net/backend/io_event.h"
#include "net/backend/slot_token.h"
#include "net/types/interest.h"

namespace spindle {
namespace {

class EpollBackendTest : public testing::Test {
 protected:
  EpollBackendTest() : backend_(*EpollBackend::Create(Syscalls::Real())) {
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, pair_.data()), 0);
  }
  ~EpollBackendTest() override {
    close(pair_[0]);
    close(pair_[1]);
  }

  // The first report that is not a wake-up.
  IoEvent AwaitEvent() {
    std::array<IoEvent, 8> events;
    while (true) {
      const absl::StatusOr<size_t> count = backend_->Wait(events, WaitMode::kBlock);
      EXPECT_TRUE(count.ok());
      if (!count.ok() || *count > 0) return events[0];
    }
  }

  std::unique_ptr<EpollBackend> backend_;
  std::array<int, 2> pair_;
};

TEST_F(EpollBackendTest, OtherThreadsChangeRegistrationsWhileItWaits) {
  const SlotToken token = SlotToken::Next(pair_[0]);
  ASSERT_TRUE(backend_->Add(token, Interest::kRead, Trigger::kLevel).ok());
  std::thread other(
      [&] { EXPECT_TRUE(backend_->Modify(token, Interest::kWrite, Trigger::kLevel).ok()); });
  const IoEvent event = AwaitEvent();
  other.join();
  EXPECT_EQ(event.token, token);
  EXPECT_EQ(event.flags, kIoWritable);
}

TEST_F(EpollBackendTest, WhatAnotherThreadRemovesIsReportedNoMore) {
  const SlotToken token = SlotToken::Next(pair_[0]);
  ASSERT_TRUE(backend_->Add(token, Interest::kWrite, Trigger::kLevel).ok());
  EXPECT_EQ(AwaitEvent().token, token);
  std::thread other([&] {
    backend_->Remove(token);
    backend_->waker()->Wake();
  });
  other.join();
  std::array<IoEvent, 8> events;
  EXPECT_EQ(*backend_->Wait(events, WaitMode::kBlock), 0u);
}

}  // namespace
}  // namespace spindle
