#ifndef SPINDLE_BENCH_NETCAT_NET_SOCKET_H_
#define SPINDLE_BENCH_NETCAT_NET_SOCKET_H_

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/owned_fd.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// The network's side of a relay: a connected stream, or datagrams. One thread at a time. Results as
// those of base/syscalls.h: a count or the negated errno, never waiting.
class NetSocket {
 public:
  explicit NetSocket(OwnedFd fd) : fd_(std::move(fd)) {}
  virtual ~NetSocket() = default;

  int fd() const { return fd_.get(); }
  virtual bool is_datagram() const = 0;
  // A stream: 0 at its end. Datagrams: one of them, which may be empty.
  virtual ssize_t Receive(std::span<char> block) = 0;
  virtual ssize_t Send(std::string_view text) = 0;
  // Tells the peer that no more comes. Nothing to tell for datagrams.
  virtual void ShutdownWrite() = 0;
  // Waits not: how many bytes the peer's machine has not confirmed yet.
  virtual int Unconfirmed() const = 0;

 private:
  const OwnedFd fd_;
};

std::unique_ptr<NetSocket> MakeStreamSocket(OwnedFd fd);

enum class ReplyTo : uint8_t {
  kPeer,       // The one that the socket is connected to.
  kLastSender  // Whoever sent the latest datagram.
};

// A datagram socket. kLastSender: Send fails with ENOTCONN if the sender cannot be answered.
std::unique_ptr<NetSocket> MakeDatagramSocket(OwnedFd fd, ReplyTo reply_to);

// Who sent the datagram that is first in line, which stays there. Unspecified if there is none or
// its sender has no name.
SocketAddress PeekSender(int fd);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_NET_SOCKET_H_
