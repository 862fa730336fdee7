#include "net/datagram/udp_server.h"

#include <errno.h>
#include <sys/socket.h>

#include <utility>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/strings.h"
#include "net/backend/socket_calls.h"
#include "net/datagram/internal/make_socket.h"
#include "net/datagram/internal/setup.h"
#include "net/loop/io_host.h"

namespace spindle {
namespace {

// The address, with a port that nobody has: with SO_REUSEPORT, binding would just join those who
// are there, also where the kernel picks the port.
absl::StatusOr<SocketAddress> FreeAddress(Syscalls& syscalls, const SocketAddress& address,
                                          const UdpOptions& options) {
  auto socket = MakeDatagramSocket(syscalls, address, options, SharePort::kNo, false);
  if (!socket.ok()) return socket.status();
  BoundUnixPath none;
  absl::Status status = BindDatagramSocket(syscalls, *socket, address, &none);
  if (!status.ok()) return status;
  return LocalAddress(syscalls, socket->fd.get());
}

void AddUp(UdpStats& sum, const UdpStats& part) {
  sum.datagrams_received += part.datagrams_received;
  sum.bytes_received += part.bytes_received;
  sum.truncated += part.truncated;
  sum.coalesced += part.coalesced;
  sum.receive_calls += part.receive_calls;
  sum.datagrams_sent += part.datagrams_sent;
  sum.bytes_sent += part.bytes_sent;
  sum.segmented += part.segmented;
  sum.send_calls += part.send_calls;
  sum.send_waits += part.send_waits;
  sum.send_refused += part.send_refused;
  sum.send_errors += part.send_errors;
  sum.discarded += part.discarded;
  sum.network_errors += part.network_errors;
  sum.receive_errors += part.receive_errors;
  sum.offload_failures += part.offload_failures;
  sum.kernel_drops += part.kernel_drops;
  sum.queued += part.queued;
  sum.queued_bytes += part.queued_bytes;
}

}  // namespace

absl::StatusOr<std::unique_ptr<UdpServer>> UdpServer::Bind(EventLoopThreadPool& pool,
                                                           const SocketAddress& address,
                                                           DatagramCallbacks callbacks,
                                                           UdpServerOptions options,
                                                           std::source_location where) {
  if (!address.is_ip()) {
    return absl::InvalidArgumentError(
        Concat("a datagram server needs an IP address: ", address.ToString()));
  }
  const auto config =
      UdpSocketMaker::Config(std::move(callbacks), std::move(options.socket), where);
  const bool share = pool.loops().size() > 1 || options.share_with_other_processes;
  std::unique_ptr<UdpServer> server(new UdpServer);
  server->address_ = address;
  if (share && !options.share_with_other_processes) {
    const auto free =
        FreeAddress(IoHost::Of(pool.main_loop()).syscalls(), address, config->options);
    if (!free.ok()) return free.status();
    server->address_ = *free;
  }
  // If the port is still 0 the first socket picks one, and the others share it.
  for (EventLoop* loop : pool.loops()) {
    absl::Status status = absl::CancelledError("the loop is gone");
    loop->ref().CallAndWait([&] {
      auto socket = UdpSocketMaker::Bind(*loop, server->address_,
                                         share ? SharePort::kYes : SharePort::kNo, config);
      status = socket.status();
      if (!socket.ok()) return;
      server->address_ = (*socket)->local_address();
      server->handles_.push_back((*socket)->handle());
      server->sockets_.push_back(*std::move(socket));
    });
    if (!status.ok()) return status;
  }
  return server;
}

UdpServer::~UdpServer() = default;

UdpServerStats UdpServer::stats() const {
  UdpServerStats stats;
  for (size_t i = 0; i < sockets_.size(); ++i) {
    UdpStats part;
    handles_[i].loop().CallAndWait([&] { part = sockets_[i]->stats(); });
    AddUp(stats.total, part);
    stats.per_loop.push_back(part);
  }
  return stats;
}

}  // namespace spindle
