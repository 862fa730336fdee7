#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_FILE_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_FILE_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "net/backend/internal/sim_event_queue.h"
#include "net/backend/sim_kernel.h"

namespace spindle {

struct SimWatch;

// Whatever a simulated descriptor stands for. The descriptor table owns it, pending connections are
// owned by their listener.
//
// One thread, like all of the simulator.
class SimFile : public std::enable_shared_from_this<SimFile> {
 public:
  SimFile(SimWorld& world, SimFdKind kind) : world_(world), kind_(kind) {}
  // Ends the registrations.
  virtual ~SimFile();
  SimFile(const SimFile&) = delete;
  SimFile& operator=(const SimFile&) = delete;

  SimFdKind kind() const { return kind_; }

  // The state as epoll bits, whoever asks for which of them.
  virtual uint32_t Poll() const = 0;
  // epoll has looked: a socket without room promises to tell when there is some.
  virtual void NotePolled() {}
  // Bits that epoll may report without cause. Not EPOLLOUT for a socket that is connecting: that
  // would be a lie, not a rumour.
  virtual uint32_t SpuriousBits() const = 0;

  virtual ssize_t Read(void* data, size_t length) = 0;
  virtual ssize_t Write(const void* data, size_t length) = 0;
  // The descriptor has been closed.
  virtual void OnClose() {}

  // Something has changed: an edge for registrations that ask for any of `bits`, for all if 0.
  void Wake(uint32_t bits);

 protected:
  SimWorld& world_;

 private:
  friend class SimEpoll;

  const SimFdKind kind_;
  std::vector<SimWatch*> watches_;
};

// eventfd(2) in counter mode.
class SimEventFd final : public SimFile {
 public:
  explicit SimEventFd(SimWorld& world) : SimFile(world, SimFdKind::kEvent) {}

  uint32_t Poll() const override;
  uint32_t SpuriousBits() const override;
  ssize_t Read(void* data, size_t length) override;
  ssize_t Write(const void* data, size_t length) override;

 private:
  uint64_t count_ = 0;
};

// timerfd(2), one-shot, on the virtual clock.
class SimTimerFd final : public SimFile {
 public:
  explicit SimTimerFd(SimWorld& world) : SimFile(world, SimFdKind::kTimer) {}
  ~SimTimerFd() override;

  void Set(TimePoint when);

  uint32_t Poll() const override;
  uint32_t SpuriousBits() const override;
  ssize_t Read(void* data, size_t length) override;
  ssize_t Write(const void* data, size_t length) override;

 private:
  void Ring();

  uint64_t ticks_ = 0;
  SimEventQueue::Id ring_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_FILE_H_
