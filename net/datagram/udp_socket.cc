#include "net/datagram/udp_socket.h"

#include <errno.h>
#include <sys/socket.h>

#include <utility>

#include "net/datagram/internal/make_socket.h"
#include "net/datagram/internal/setup.h"
#include "net/datagram/internal/udp_core.h"
#include "net/loop/io_host.h"

namespace spindle {

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocketMaker::Make(
    EventLoop& loop, std::shared_ptr<const UdpConfig> config, absl::StatusOr<DatagramSocket> socket,
    absl::FunctionRef<absl::Status(UdpCore&)> set_up) {
  if (!socket.ok()) return socket.status();
  auto core = std::make_shared<UdpCore>(IoHost::Of(loop), std::move(config), *std::move(socket));
  if (absl::Status status = set_up(*core); !status.ok()) return status;
  std::unique_ptr<UdpSocket> made(new UdpSocket(core));
  if (absl::Status status = core->Start(made.get()); !status.ok()) return status;
  return made;
}

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocketMaker::Bind(
    EventLoop& loop, const SocketAddress& local, SharePort share,
    std::shared_ptr<const UdpConfig> config) {
  auto socket = MakeDatagramSocket(IoHost::Of(loop).syscalls(), local, config->options, share,
                                   config->wants_errors());
  return Make(loop, std::move(config), std::move(socket),
              [&](UdpCore& core) { return core.Bind(local); });
}

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocket::Bind(EventLoop& loop,
                                                           const SocketAddress& local,
                                                           DatagramCallbacks callbacks,
                                                           UdpOptions options,
                                                           std::source_location where) {
  return UdpSocketMaker::Bind(
      loop, local, SharePort::kNo,
      UdpSocketMaker::Config(std::move(callbacks), std::move(options), where));
}

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocket::Connect(EventLoop& loop,
                                                              const SocketAddress& peer,
                                                              DatagramCallbacks callbacks,
                                                              UdpOptions options,
                                                              std::source_location where) {
  auto config = UdpSocketMaker::Config(std::move(callbacks), std::move(options), where);
  auto socket = MakeDatagramSocket(IoHost::Of(loop).syscalls(), peer, config->options,
                                   SharePort::kNo, config->wants_errors());
  return UdpSocketMaker::Make(loop, std::move(config), std::move(socket), [&](UdpCore& core) {
    absl::Status status = core.Bind(SocketAddress());
    return status.ok() ? core.Connect(peer) : status;
  });
}

absl::StatusOr<std::unique_ptr<UdpSocket>> UdpSocket::Take(EventLoop& loop, OwnedFd socket,
                                                           DatagramCallbacks callbacks,
                                                           UdpOptions options,
                                                           std::source_location where) {
  auto config = UdpSocketMaker::Config(std::move(callbacks), std::move(options), where);
  auto taken = TakeDatagramSocket(IoHost::Of(loop).syscalls(), std::move(socket), config->options,
                                  config->wants_errors());
  return UdpSocketMaker::Make(loop, std::move(config), std::move(taken),
                              [](UdpCore& core) { return core.Adopt(); });
}

UdpSocket::UdpSocket(std::shared_ptr<UdpCore> core) : core_(std::move(core)) {}

UdpSocket::~UdpSocket() {
  // A loop that is gone has closed it.
  core_->loop_ref().CallAndWait([&] { core_->Close(); });
}

IoError UdpSocket::Send(std::string_view data) { return core_->SendToPeer(data); }

IoError UdpSocket::SendTo(std::string_view data, const SocketAddress& to, const LocalEnd& from) {
  return core_->Send(data, to, from);
}

IoError UdpSocket::Reply(const Datagram& datagram, std::string_view data) {
  return core_->Reply(datagram, data);
}

IoError UdpSocket::SendSegments(std::string_view data, size_t segment_size, const SocketAddress& to,
                                const LocalEnd& from) {
  return core_->SendSegments(data, segment_size, to, from);
}

void UdpSocket::Flush() { core_->FlushNow(); }

size_t UdpSocket::queued() const { return core_->queue().size(); }

size_t UdpSocket::queued_bytes() const { return core_->queue().cost(); }

void UdpSocket::PauseReceiving() { core_->PauseReceiving(); }

void UdpSocket::ResumeReceiving() { core_->ResumeReceiving(); }

bool UdpSocket::receiving() const { return core_->receiving(); }

absl::Status UdpSocket::ConnectTo(const SocketAddress& peer) {
  if (peer.is_unspecified()) return absl::InvalidArgumentError("connect to an unspecified address");
  return core_->Connect(peer);
}

absl::Status UdpSocket::Disconnect() { return core_->Disconnect(); }

absl::Status UdpSocket::JoinGroup(const SocketAddress& group, const GroupOptions& options) {
  return core_->Change(Membership::kJoin, group, options);
}

absl::Status UdpSocket::LeaveGroup(const SocketAddress& group, const GroupOptions& options) {
  return core_->Change(Membership::kLeave, group, options);
}

absl::Status UdpSocket::SetTtl(uint8_t ttl) { return core_->Set(IpOption::kTtl, ttl); }

absl::Status UdpSocket::SetTypeOfService(uint8_t type_of_service) {
  return core_->Set(IpOption::kTypeOfService, type_of_service);
}

absl::Status UdpSocket::SetBroadcast(bool allowed) {
  return core_->SetOption(SOL_SOCKET, SO_BROADCAST, allowed ? 1 : 0);
}

absl::Status UdpSocket::SetMulticastTtl(uint8_t ttl) {
  return core_->Set(IpOption::kMulticastTtl, ttl);
}

absl::Status UdpSocket::SetMulticastLoop(bool loop) {
  return core_->Set(IpOption::kMulticastLoop, loop ? 1 : 0);
}

absl::Status UdpSocket::SetMulticastInterface(uint32_t interface) {
  return core_->SetMulticastInterface(interface);
}

absl::Status UdpSocket::SetSendBuffer(int bytes) {
  return core_->SetOption(SOL_SOCKET, SO_SNDBUF, bytes);
}

absl::Status UdpSocket::SetReceiveBuffer(int bytes) {
  return core_->SetOption(SOL_SOCKET, SO_RCVBUF, bytes);
}

const SocketAddress& UdpSocket::local_address() const { return core_->local(); }

const SocketAddress& UdpSocket::peer_address() const { return core_->peer(); }

bool UdpSocket::send_offload() const { return core_->send_offload(); }

bool UdpSocket::receive_offload() const { return core_->socket().receive_offload; }

UdpStats UdpSocket::stats() const { return core_->stats(); }

EventLoop& UdpSocket::loop() const { return core_->loop(); }

UdpHandle UdpSocket::handle() const { return core_->handle(); }

}  // namespace spindle
