#include "net/datagram/udp_handle.h"

#include <errno.h>

#include <utility>

#include "net/datagram/internal/udp_core.h"
#include "net/datagram/udp_socket.h"
#include "net/loop/io_host.h"

namespace spindle {

UdpSocket* UdpHandle::Get() const {
  if (!token_.valid() || !loop_.IsInLoop()) return nullptr;
  // Tokens are never given twice, and this one came from a socket.
  auto* const core = static_cast<UdpCore*>(host_->Find(token_));
  return core == nullptr ? nullptr : core->front();
}

bool UdpHandle::Run(absl::AnyInvocable<void(UdpSocket&)> function,
                    std::source_location where) const {
  if (!token_.valid() || (loop_.IsInLoop() && Get() == nullptr)) return false;
  return loop_.Post(
      [self = *this, function = std::move(function)]() mutable {
        if (UdpSocket* socket = self.Get()) function(*socket);
      },
      where);
}

bool UdpHandle::SendTo(std::string data, const SocketAddress& to, const LocalEnd& from,
                       absl::AnyInvocable<void(IoError)> done, std::source_location where) const {
  if (!token_.valid() || (loop_.IsInLoop() && Get() == nullptr)) return false;
  return loop_.Post(
      [self = *this, data = std::move(data), to, from, done = std::move(done)]() mutable {
        UdpSocket* const socket = self.Get();
        const IoError error =
            socket == nullptr ? IoError(EBADF, IoOp::kWrite) : socket->SendTo(data, to, from);
        if (done) done(error);
      },
      where);
}

}  // namespace spindle
