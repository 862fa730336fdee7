#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_SOCKET_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_SOCKET_H_

#include <sys/socket.h>
#include <sys/uio.h>

#include <map>
#include <memory>
#include <span>
#include <utility>

#include "base/clock.h"
#include "net/backend/internal/sim_file.h"

namespace spindle {

// What TCP and Unix stream sockets share: options, the pending error, and the faults that strike
// transfers. Results are values or negated errno, as in Syscalls.
class SimSocket : public SimFile {
 public:
  SimSocket(SimWorld& world, SimFdKind kind, int domain);

  int domain() const { return domain_; }

  virtual int Bind(const sockaddr* address, socklen_t length) = 0;
  virtual int Listen(int backlog) = 0;
  virtual int Connect(const sockaddr* address, socklen_t length) = 0;
  virtual int Shutdown(int how) = 0;
  virtual int GetSockName(sockaddr* address, socklen_t* length) const = 0;
  virtual int GetPeerName(sockaddr* address, socklen_t* length) const = 0;
  // The peer's address of a connection that was just accepted.
  virtual int GetAcceptedName(sockaddr* address, socklen_t* length) const = 0;

  // The first pending connection, or an error. Faults included.
  int Accept(std::shared_ptr<SimSocket>* accepted);
  ssize_t Recv(void* data, size_t length);
  ssize_t Send(std::span<const iovec> iovecs);
  // Sends from a real file.
  ssize_t SendFile(int file, off_t* offset, size_t length);
  ssize_t Read(void* data, size_t length) override { return Recv(data, length); }
  ssize_t Write(const void* data, size_t length) override;

  int GetSockOpt(int level, int name, void* value, socklen_t* length);
  int SetSockOpt(int level, int name, const void* value, socklen_t length);

  bool reuse_address() const { return Option(SOL_SOCKET, SO_REUSEADDR) != 0; }
  bool reuse_port() const { return Option(SOL_SOCKET, SO_REUSEPORT) != 0; }
  bool v6_only() const;

 protected:
  // --- For the faults.
  // 0, or why there is nothing to accept: -EINVAL, -EAGAIN.
  virtual int AcceptError() const = 0;
  virtual std::shared_ptr<SimSocket> TakePending() = 0;
  // Resets the first pending connection; false if the protocol cannot.
  virtual bool AbortPending() = 0;
  // How many bytes a receive could take now; 0 if what is there may not be held back, because the
  // peer has sent all it will.
  virtual size_t DelayableBytes() const = 0;
  // Holds back all bytes that were not received yet, for a moment.
  virtual void HoldBack() = 0;
  // Whether a send could take bytes now.
  virtual bool CanSend() const = 0;
  // Resets the connection; false if the protocol cannot.
  virtual bool InjectReset() = 0;

  // --- One transfer without faults.
  virtual ssize_t RecvSome(char* data, size_t length) = 0;
  virtual ssize_t SendSome(const char* data, size_t length) = 0;
  // There is room again.
  virtual void OnSendUnblocked() = 0;

  virtual bool listening_state() const = 0;
  virtual uint8_t tcp_info_state() const { return 0; }
  virtual void OnOptionChanged() {}
  // Whether the address is settled, so that some options come too late.
  virtual bool bound() const = 0;

  int Option(int level, int name) const;
  int TakeError() { return std::exchange(error_, 0); }
  // A later accept finds nothing, for a moment.
  void HidePending();
  void BlockSend();
  void InheritOptions(const SimSocket& listener);

  int error_ = 0;
  size_t send_capacity_;
  size_t receive_capacity_;
  bool linger_on_ = false;
  int linger_seconds_ = 0;
  // A fault made the socket look full, or the listener empty, until an event to come.
  bool send_blocked_ = false;
  bool pending_hidden_ = false;

 private:
  int GetSocketOption(int name, int* value);
  bool SetBufferSize(int name, int value);
  int SetKnown(int level, int name, int value);

  const int domain_;
  std::map<std::pair<int, int>, int> values_;  // By level and name; absent: the default.
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_SOCKET_H_
