// The limit on epoll: a loop of one's own, level-triggered, without a library.
//
//   raw_server [--loops=N] [--mode=MODE] [--upstream=PORT] HOST PORT
//
// A message costs one recv and one send, a connection one epoll_ctl. With worker loops the main
// thread accepts and registers each connection at the next worker's epoll set itself; for room and
// relay, where opening one is more than that, each worker accepts its own.

#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <thread>

#include "bench/rivals/server.h"
#include "bench/rivals/socket_server.h"

namespace {

using rivals::Mode;
using rivals::Options;

class Epoll {
 public:
  struct Watch {
    bool added = false;
  };
  static constexpr bool kTurnEnds = true;
  using Server = rivals::SocketServer<Epoll>;
  using Peer = rivals::Peer<Watch>;

  void Set(Peer& peer) {
    epoll_event event = {};
    if (peer.interest & rivals::kRead) event.events |= EPOLLIN;
    if (peer.interest & rivals::kWrite) event.events |= EPOLLOUT;
    event.data.ptr = &peer;
    const int operation = peer.watch.added ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;
    peer.watch.added = true;
    epoll_ctl(epoll_, operation, peer.fd, &event);
  }

  // What this turn still has for it finds it closed.
  void Drop(Peer& peer) { dropped_.emplace_back(&peer); }

  // `server` is told of everything. `listener` and `mail` may be -1.
  void Run(Server& server, int listener, int mail) {
    AddOther(listener, &kListener);
    AddOther(mail, &kMail);
    epoll_event events[256];
    for (;;) {
      const int count = epoll_wait(epoll_, events, 256, -1);
      for (int i = 0; i < count; ++i) {
        void* const what = events[i].data.ptr;
        if (what == &kListener) {
          server.OnAcceptable(listener);
        } else if (what == &kMail) {
          eventfd_t value = 0;
          eventfd_read(mail, &value);
          server.OnMail();
        } else {
          OnEvent(server, *static_cast<Peer*>(what), events[i].events);
        }
      }
      server.Flush();
      dropped_.clear();
    }
  }

 private:
  static void OnEvent(Server& server, Peer& peer, uint32_t events) {
    if (peer.fd >= 0 && (events & ~EPOLLOUT) != 0 && !peer.connecting) server.OnReadable(peer);
    if (peer.fd >= 0 && (events & EPOLLOUT) != 0) server.OnWritable(peer);
  }

  void AddOther(int fd, const char* what) {
    if (fd < 0) return;
    epoll_event event = {};
    event.events = EPOLLIN;
    event.data.ptr = const_cast<char*>(what);
    epoll_ctl(epoll_, EPOLL_CTL_ADD, fd, &event);
  }

  static constexpr char kListener = 0;
  static constexpr char kMail = 0;

  const int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<std::unique_ptr<Peer>> dropped_;
};

// One loop that does everything.
void Serve(const Options& options, int listener) {
  const int mail = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  rivals::Mailbox mailbox([mail] { eventfd_write(mail, 1); });
  rivals::Loops::Join(&mailbox);
  Epoll poller;
  Epoll::Server server(options, poller, &mailbox);
  poller.Run(server, listener, mail);
}

// A worker that gets its connections from elsewhere.
struct Worker {
  explicit Worker(const Options& options) : server(options, poller, nullptr) {}

  Epoll poller;
  Epoll::Server server;
};

void RunAcceptor(Options options) {
  const int listener = rivals::Listen(options.address, rivals::Share::kAlone);
  std::vector<std::unique_ptr<Worker>> workers;
  for (size_t i = 0; i < options.loops; ++i) {
    workers.push_back(std::make_unique<Worker>(options));
    std::thread([worker = workers.back().get()] {
      worker->poller.Run(worker->server, -1, -1);
    }).detach();
  }
  std::thread([&] {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event = {};
    event.events = EPOLLIN;
    epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &event);
    for (size_t next = 0; epoll_wait(epoll, &event, 1, -1) >= 0 || errno == EINTR;) {
      for (int fd; (fd = Epoll::Server::Accept(listener)) >= 0;) {
        workers[next++ % workers.size()]->server.Open(fd);
      }
    }
  }).detach();
  rivals::SayListening(options.address);
  rivals::SleepForEver();
}

}  // namespace

int main(int argc, char** argv) {
  rivals::PrepareProcess();
  const Options options = rivals::ParseOptions(argc, argv);
  if (options.loops > 1 && (options.mode == Mode::kEcho || options.mode == Mode::kSink)) {
    RunAcceptor(options);
  }
  rivals::RunLoops(options, Serve);
}
