#ifndef SPINDLE_TESTS_TESTING_RAW_PEER_H_
#define SPINDLE_TESTS_TESTING_RAW_PEER_H_

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

#include "net/types/socket_address.h"

namespace spindle {

// A peer made of bare system calls, to do what no Spindle connection does: vanish, reset,
// half-close and stay silent. Non-blocking. One thread.
class RawPeer {
 public:
  enum class State { kOpen, kEof, kReset };

  RawPeer() = default;
  explicit RawPeer(int fd) : fd_(fd) {}
  RawPeer(RawPeer&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), received_(std::move(other.received_)) {}
  RawPeer& operator=(RawPeer&& other) noexcept {
    Close();
    fd_ = std::exchange(other.fd_, -1);
    received_ = std::move(other.received_);
    return *this;
  }
  ~RawPeer() { Close(); }

  // Connected, or under way for TCP; fd() is -1 and errno tells if it was refused.
  static RawPeer Connect(const SocketAddress& server, int receive_buffer = 0);

  int fd() const { return fd_; }
  // False if not all of it was taken.
  bool Send(std::string_view data);
  // Sends until the socket takes no more; returns how much that was.
  size_t SendUntilFull();
  // Takes what has arrived.
  State Receive();
  const std::string& received() const { return received_; }
  void ShutdownWrite();
  // Ends with a reset (TCP); like Close for others.
  void Reset();
  void Close();
  int GetInt(int level, int name) const;

 private:
  int fd_ = -1;
  std::string received_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_RAW_PEER_H_
