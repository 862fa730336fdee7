#include "bench/netcat/net_socket.h"

#include <errno.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

namespace spindle::bench {
namespace {

ssize_t Result(ssize_t count) { return count < 0 ? -errno : count; }

class StreamSocket final : public NetSocket {
 public:
  using NetSocket::NetSocket;

  bool is_datagram() const override { return false; }
  ssize_t Receive(std::span<char> block) override {
    return Result(recv(fd(), block.data(), block.size(), MSG_DONTWAIT));
  }
  ssize_t Send(std::string_view text) override {
    return Result(send(fd(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  }
  void ShutdownWrite() override { shutdown(fd(), SHUT_WR); }
  int Unconfirmed() const override {
    int bytes = 0;
    return ioctl(fd(), SIOCOUTQ, &bytes) == 0 ? bytes : 0;
  }
};

class DatagramSocket final : public NetSocket {
 public:
  DatagramSocket(OwnedFd fd, ReplyTo reply_to) : NetSocket(std::move(fd)), reply_to_(reply_to) {}

  bool is_datagram() const override { return true; }

  ssize_t Receive(std::span<char> block) override {
    sockaddr_storage from;
    socklen_t length = sizeof from;
    const ssize_t count = Result(recvfrom(fd(), block.data(), block.size(), MSG_DONTWAIT,
                                          reinterpret_cast<sockaddr*>(&from), &length));
    if (count >= 0 && reply_to_ == ReplyTo::kLastSender) {
      sender_ = from;
      sender_length_ = length > sizeof(sa_family_t) ? length : 0;
    }
    return count;
  }

  ssize_t Send(std::string_view text) override {
    if (reply_to_ == ReplyTo::kPeer) {
      return Result(send(fd(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
    }
    if (sender_length_ == 0) return -ENOTCONN;
    return Result(sendto(fd(), text.data(), text.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                         reinterpret_cast<const sockaddr*>(&sender_), sender_length_));
  }

  void ShutdownWrite() override {}
  int Unconfirmed() const override { return 0; }

 private:
  const ReplyTo reply_to_;
  sockaddr_storage sender_ = {};
  socklen_t sender_length_ = 0;
};

}  // namespace

std::unique_ptr<NetSocket> MakeStreamSocket(OwnedFd fd) {
  return std::make_unique<StreamSocket>(std::move(fd));
}

std::unique_ptr<NetSocket> MakeDatagramSocket(OwnedFd fd, ReplyTo reply_to) {
  return std::make_unique<DatagramSocket>(std::move(fd), reply_to);
}

SocketAddress PeekSender(int fd) {
  sockaddr_storage from;
  socklen_t length = sizeof from;
  char byte;
  auto* const address = reinterpret_cast<sockaddr*>(&from);
  if (recvfrom(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, address, &length) < 0) {
    return SocketAddress();
  }
  return SocketAddress::FromSockaddr(address, length);
}

}  // namespace spindle::bench
