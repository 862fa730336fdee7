#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_UNIX_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_UNIX_H_

#include <deque>
#include <memory>
#include <string>

#include "net/backend/internal/sim_byte_queue.h"
#include "net/backend/internal/sim_socket.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {

// A Unix stream socket (net/unix/af_unix.c). What one sends is in the other's queue at once, and is
// charged to the sender until the other has read it.
class SimUnixSocket final : public SimSocket, public SimByteHolder {
 public:
  explicit SimUnixSocket(SimWorld& world);
  ~SimUnixSocket() override;

  int Bind(const sockaddr* address, socklen_t length) override;
  int Listen(int backlog) override;
  int Connect(const sockaddr* address, socklen_t length) override;
  int Shutdown(int how) override;
  int GetSockName(sockaddr* address, socklen_t* length) const override;
  int GetPeerName(sockaddr* address, socklen_t* length) const override;
  int GetAcceptedName(sockaddr* address, socklen_t* length) const override;
  uint32_t Poll() const override;
  uint32_t SpuriousBits() const override;
  void OnClose() override;

  uint64_t held_bytes() const override { return input_.size(); }

 protected:
  int AcceptError() const override;
  std::shared_ptr<SimSocket> TakePending() override;
  bool AbortPending() override { return false; }
  size_t DelayableBytes() const override;
  void HoldBack() override;
  bool CanSend() const override;
  bool InjectReset() override { return false; }
  ssize_t RecvSome(char* data, size_t length) override;
  ssize_t SendSome(const char* data, size_t length) override;
  void OnSendUnblocked() override;
  bool listening_state() const override { return state_ == State::kListen; }
  bool bound() const override { return !name_.empty(); }

 private:
  enum class State : uint8_t { kClosed, kListen, kEstablished };
  // What one send queued; freed as a whole.
  struct Packet {
    size_t size;
    size_t left;
  };
  // Whether a socket that goes was ever accepted.
  enum class Accepted : uint8_t { kNo, kYes };

  bool HasSpace() const;
  void PeerGone(int error);
  void Release(Accepted accepted);

  State state_ = State::kClosed;
  std::string name_;  // Bound by this socket, or its listener.
  bool owns_name_ = false;
  std::string peer_name_;
  int shutdown_ = 0;
  SimUnixSocket* peer_ = nullptr;  // Null once it is closed.
  bool had_peer_ = false;

  SimByteQueue input_;
  std::deque<Packet> packets_;
  size_t visible_ = 0;  // Of the input; a fault holds the rest back.
  size_t charged_ = 0;  // Sent and not yet freed by the reader.

  std::deque<std::shared_ptr<SimUnixSocket>> pending_;
  size_t backlog_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_UNIX_H_
