#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_EPOLL_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_EPOLL_H_

#include <sys/epoll.h>

#include <list>
#include <map>
#include <memory>
#include <span>

#include "net/backend/internal/sim_file.h"

namespace spindle {

class SimEpoll;

// One registration.
struct SimWatch {
  SimEpoll* epoll;
  SimFile* file;
  int fd;
  uint32_t events;  // With EPOLLERR and EPOLLHUP; only the mode bits while a one-shot is spent.
  epoll_data_t data;
  bool queued = false;
  std::list<SimWatch*>::iterator place = {};  // In the ready list, while queued.
  uint64_t last_wait = 0;                     // The wait that reported it last.
};

// An epoll set. Follows fs/eventpoll.c: a change puts a registration on the ready list, once; a
// wait takes it off, asks the file for its state, and puts a level-triggered one back at the end.
class SimEpoll final : public SimFile {
 public:
  explicit SimEpoll(SimWorld& world) : SimFile(world, SimFdKind::kEpoll) {}
  ~SimEpoll() override;

  int Control(int operation, int fd, SimFile& file, const epoll_event* event);
  int Wait(std::span<epoll_event> events);
  bool AnythingReady() const;

  // From the file.
  void OnWake(SimWatch& watch, uint32_t bits);
  void Forget(SimWatch& watch);
  // A descriptor has been closed.
  static void Detach(SimFile& file);

  uint32_t Poll() const override { return AnythingReady() ? EPOLLIN : 0u; }
  uint32_t SpuriousBits() const override { return 0; }
  ssize_t Read(void* data, size_t length) override;
  ssize_t Write(const void* data, size_t length) override;

 private:
  void Enqueue(SimWatch& watch);
  void QueueIfReady(SimWatch& watch);
  void Unqueue(SimWatch& watch);
  bool Report(SimWatch& watch, uint32_t bits, epoll_event& event);
  bool ReportSpuriously(epoll_event& event);
  void Shuffle();

  std::map<int, std::unique_ptr<SimWatch>> watches_by_fd_;
  std::list<SimWatch*> ready_;
  uint64_t wait_serial_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_EPOLL_H_
