// The limit on io_uring: multishot accept and recv into a ring of buffers that the kernel chooses
// from, send from the same buffer, close; all submitted with the call that waits.
//
//   uring_server [--loops=N] [--mode=echo|sink] HOST PORT

#include <liburing.h>
#include <sys/mman.h>

#include <deque>

#include "bench/rivals/server.h"

namespace {

using rivals::Mode;

constexpr unsigned kEntries = 4096;
constexpr unsigned kBuffers = 1024;  // A power of two.
constexpr unsigned kBufferBytes = 16 * 1024;
constexpr int kGroup = 0;

// In the low bits of what a completion carries beside the peer.
enum Operation : uint64_t { kAccept, kRecv, kSend, kClose };
constexpr uint64_t kOperationBits = 3;

struct Piece {
  uint16_t buffer = 0;
  uint32_t begin = 0;
  uint32_t end = 0;
};

struct Peer {
  int fd = -1;
  bool receiving = false;
  bool ended = false;  // Nothing more is to come.
  bool is_sending = false;
  Piece sending = {};
  std::unique_ptr<std::deque<Piece>> waiting = nullptr;  // Behind it; made when there is one.
};
static_assert(alignof(Peer) > kOperationBits);

class Server {
 public:
  Server(const rivals::Options& options, int listener) : mode_(options.mode), listener_(listener) {
    io_uring_params params = {};
    params.flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN |
                   IORING_SETUP_COOP_TASKRUN | IORING_SETUP_CQSIZE;
    params.cq_entries = 4 * kEntries;
    const int error = io_uring_queue_init_params(kEntries, &ring_, &params);
    if (error != 0) rivals::Die(std::string("io_uring: ") + std::strerror(-error));
    MakeBuffers();
  }

  void Run() {
    ArmAccept();
    for (;;) {
      io_uring_submit_and_wait(&ring_, 1);
      io_uring_cqe* done = nullptr;
      unsigned head = 0;
      unsigned count = 0;
      io_uring_for_each_cqe(&ring_, head, done) {
        OnDone(*done);
        ++count;
      }
      io_uring_cq_advance(&ring_, count);
    }
  }

 private:
  void MakeBuffers() {
    const size_t ring_bytes = kBuffers * sizeof(io_uring_buf);
    void* const memory = mmap(nullptr, ring_bytes + size_t{kBuffers} * kBufferBytes,
                              PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) rivals::DieOfErrno("mmap");
    free_ = static_cast<io_uring_buf_ring*>(memory);
    buffers_ = static_cast<char*>(memory) + ring_bytes;
    io_uring_buf_ring_init(free_);
    io_uring_buf_reg registration = {};
    registration.ring_addr = reinterpret_cast<uint64_t>(free_);
    registration.ring_entries = kBuffers;
    registration.bgid = kGroup;
    const int error = io_uring_register_buf_ring(&ring_, &registration, 0);
    if (error != 0) rivals::Die(std::string("io_uring buffers: ") + std::strerror(-error));
    for (unsigned i = 0; i < kBuffers; ++i) GiveBack(static_cast<uint16_t>(i));
  }

  char* BufferAt(uint16_t number) { return buffers_ + size_t{number} * kBufferBytes; }

  void GiveBack(uint16_t number) {
    io_uring_buf_ring_add(free_, BufferAt(number), kBufferBytes, number,
                          io_uring_buf_ring_mask(kBuffers), 0);
    io_uring_buf_ring_advance(free_, 1);
    if (starved_.empty()) return;
    Peer* const peer = starved_.back();
    starved_.pop_back();
    ArmRecv(*peer);
  }

  io_uring_sqe* Next() {
    io_uring_sqe* entry = io_uring_get_sqe(&ring_);
    while (entry == nullptr) {
      io_uring_submit(&ring_);
      entry = io_uring_get_sqe(&ring_);
    }
    return entry;
  }
  // Behind io_uring_prep_*.
  static void Tag(io_uring_sqe* entry, Operation operation, Peer* peer) {
    io_uring_sqe_set_data64(entry, reinterpret_cast<uint64_t>(peer) | operation);
  }

  void ArmAccept() {
    io_uring_sqe* const entry = Next();
    io_uring_prep_multishot_accept(entry, listener_, nullptr, nullptr, SOCK_CLOEXEC);
    Tag(entry, kAccept, nullptr);
  }

  void ArmRecv(Peer& peer) {
    io_uring_sqe* const entry = Next();
    io_uring_prep_recv_multishot(entry, peer.fd, nullptr, 0, 0);
    entry->flags |= IOSQE_BUFFER_SELECT;
    entry->buf_group = kGroup;
    Tag(entry, kRecv, &peer);
    peer.receiving = true;
  }

  void SendRest(Peer& peer) {
    const Piece& piece = peer.sending;
    io_uring_sqe* const entry = Next();
    io_uring_prep_send(entry, peer.fd, BufferAt(piece.buffer) + piece.begin,
                       piece.end - piece.begin, MSG_NOSIGNAL);
    Tag(entry, kSend, &peer);
    peer.is_sending = true;
  }

  void OnDone(const io_uring_cqe& done) {
    auto* const peer = reinterpret_cast<Peer*>(done.user_data & ~kOperationBits);
    switch (static_cast<Operation>(done.user_data & kOperationBits)) {
      case kAccept:
        return OnAccept(done);
      case kRecv:
        return OnRecv(*peer, done);
      case kSend:
        return OnSend(*peer, done.res);
      case kClose:
        return;
    }
  }

  void OnAccept(const io_uring_cqe& done) {
    if (done.res >= 0) ArmRecv(*new Peer{.fd = done.res});
    if (!(done.flags & IORING_CQE_F_MORE)) ArmAccept();
  }

  void OnRecv(Peer& peer, const io_uring_cqe& done) {
    if (!(done.flags & IORING_CQE_F_MORE)) peer.receiving = false;
    if (done.res > 0) {
      TakeInput(peer, {.buffer = static_cast<uint16_t>(done.flags >> IORING_CQE_BUFFER_SHIFT),
                       .end = static_cast<uint32_t>(done.res)});
      if (!peer.receiving) ArmRecv(peer);
    } else if (done.res == -ENOBUFS) {
      starved_.push_back(&peer);
      peer.receiving = true;  // As soon as there is one.
    } else if (!peer.receiving) {
      peer.ended = true;
      CloseIfIdle(peer);
    }
  }

  void TakeInput(Peer& peer, Piece piece) {
    if (mode_ == Mode::kSink) return GiveBack(piece.buffer);
    if (!peer.is_sending) {
      peer.sending = piece;
      return SendRest(peer);
    }
    if (peer.waiting == nullptr) peer.waiting = std::make_unique<std::deque<Piece>>();
    peer.waiting->push_back(piece);
  }

  void OnSend(Peer& peer, int result) {
    peer.is_sending = false;
    if (result > 0) {
      peer.sending.begin += static_cast<uint32_t>(result);
      if (peer.sending.begin < peer.sending.end) return SendRest(peer);
    }
    GiveBack(peer.sending.buffer);
    if (peer.waiting != nullptr && !peer.waiting->empty()) {
      peer.sending = peer.waiting->front();
      peer.waiting->pop_front();
      return SendRest(peer);
    }
    CloseIfIdle(peer);
  }

  void CloseIfIdle(Peer& peer) {
    if (!peer.ended || peer.is_sending) return;
    io_uring_sqe* const entry = Next();
    io_uring_prep_close(entry, peer.fd);
    Tag(entry, kClose, nullptr);
    delete &peer;
  }

  const Mode mode_;
  const int listener_;
  io_uring ring_ = {};
  io_uring_buf_ring* free_ = nullptr;
  char* buffers_ = nullptr;
  std::vector<Peer*> starved_;
};

void Serve(const rivals::Options& options, int listener) {
  if (options.mode != Mode::kEcho && options.mode != Mode::kSink) rivals::DieOfMisuse();
  Server(options, listener).Run();
}

}  // namespace

int main(int argc, char** argv) { return rivals::Main(argc, argv, Serve); }
