// Load on a UDP echo server: a closed loop. Each of N sockets keeps W datagrams of S bytes on their
// way; each answer sends the next. S may be a range, such as 40-100: then sizes vary from one
// datagram to the next. What does not come back within a quarter of a second is lost, and is sent
// again.
//
//   udp_load PORT SOCKETS WINDOW SIZE SECONDS
//
// Prints "ANSWERS LOST" when the time is over. Bare system calls, the same for every server.

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kBatch = 64;

struct Peer {
  int fd = -1;
  size_t under_way = 0;
  Clock::time_point heard;
};

class Load {
 public:
  Load(int port, size_t sockets, size_t window, size_t min_size, size_t max_size)
      : window_(window), min_size_(min_size), data_(max_size, 'x'), epoll_(epoll_create1(0)) {
    sockaddr_in server = {};
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<uint16_t>(port));
    server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    peers_.resize(sockets);
    for (size_t i = 0; i < sockets; ++i) {
      peers_[i].fd = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
      if (connect(peers_[i].fd, reinterpret_cast<sockaddr*>(&server), sizeof server) != 0) {
        std::perror("udp_load: connect");
        std::exit(2);
      }
      epoll_event event = {};
      event.events = EPOLLIN;
      event.data.u64 = i;
      epoll_ctl(epoll_, EPOLL_CTL_ADD, peers_[i].fd, &event);
    }
  }

  void Run(Clock::time_point end) {
    for (Peer& peer : peers_) Send(peer, window_);
    Clock::time_point look = Clock::now();
    for (Peer& peer : peers_) peer.heard = look;
    epoll_event events[kBatch];
    while (true) {
      const int ready = epoll_wait(epoll_, events, kBatch, 10);
      const Clock::time_point now = Clock::now();
      if (now >= end) return;
      for (int i = 0; i < ready; ++i) {
        Peer& peer = peers_[events[i].data.u64];
        peer.heard = now;
        const size_t got = Receive(peer);
        answers_ += got;
        peer.under_way -= got < peer.under_way ? got : peer.under_way;
        Send(peer, window_ - peer.under_way);
      }
      if (now - look < std::chrono::milliseconds(100)) continue;
      look = now;
      for (Peer& peer : peers_) {
        if (now - peer.heard < std::chrono::milliseconds(250)) continue;
        lost_ += peer.under_way;
        peer.under_way = 0;
        peer.heard = now;
        Send(peer, window_);
      }
    }
  }

  uint64_t answers() const { return answers_; }
  uint64_t lost() const { return lost_; }

 private:
  size_t NextSize() {
    next_ = next_ * 1103515245 + 12345;
    return min_size_ + next_ / 65536 % (data_.size() - min_size_ + 1);
  }

  void Send(Peer& peer, size_t count) {
    mmsghdr messages[kBatch] = {};
    iovec parts[kBatch];
    while (count > 0) {
      const size_t now = count < kBatch ? count : kBatch;
      for (size_t i = 0; i < now; ++i) {
        parts[i] = {data_.data(), NextSize()};
        messages[i].msg_hdr.msg_iov = &parts[i];
        messages[i].msg_hdr.msg_iovlen = 1;
      }
      const int sent = sendmmsg(peer.fd, messages, static_cast<unsigned>(now), 0);
      if (sent <= 0) return;
      peer.under_way += static_cast<size_t>(sent);
      count -= static_cast<size_t>(sent);
    }
  }

  size_t Receive(Peer& peer) {
    static char sink[kBatch][2048];
    mmsghdr messages[kBatch] = {};
    iovec parts[kBatch];
    for (size_t i = 0; i < kBatch; ++i) {
      parts[i] = {sink[i], sizeof sink[i]};
      messages[i].msg_hdr.msg_iov = &parts[i];
      messages[i].msg_hdr.msg_iovlen = 1;
    }
    const int got = recvmmsg(peer.fd, messages, kBatch, MSG_DONTWAIT, nullptr);
    return got > 0 ? static_cast<size_t>(got) : 0;
  }

  const size_t window_;
  const size_t min_size_;
  std::string data_;
  uint32_t next_ = 1;
  const int epoll_;
  std::vector<Peer> peers_;
  uint64_t answers_ = 0;
  uint64_t lost_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) {
    std::fputs("udp_load: usage: udp_load PORT SOCKETS WINDOW SIZE SECONDS\n", stderr);
    return 2;
  }
  char* behind = nullptr;
  const size_t min_size = std::strtoul(argv[4], &behind, 10);
  const size_t max_size = *behind == '-' ? std::strtoul(behind + 1, nullptr, 10) : min_size;
  if (max_size < min_size || max_size > 2048) {
    std::fputs("udp_load: sizes go up to 2048, the smaller first\n", stderr);
    return 2;
  }
  Load load(std::atoi(argv[1]), std::strtoul(argv[2], nullptr, 10),
            std::strtoul(argv[3], nullptr, 10), min_size, max_size);
  load.Run(Clock::now() + std::chrono::duration_cast<Clock::duration>(
                              std::chrono::duration<double>(std::atof(argv[5]))));
  std::printf("%lu %lu\n", static_cast<unsigned long>(load.answers()),
              static_cast<unsigned long>(load.lost()));
  return 0;
}
