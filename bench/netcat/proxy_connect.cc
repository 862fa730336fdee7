#include "bench/netcat/proxy_connect.h"

#include <errno.h>

#include <memory>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/strings.h"
#include "bench/netcat/net_socket.h"
#include "bench/netcat/password.h"

namespace spindle::bench {
namespace {

absl::StatusOr<OwnedFd> ConnectFirst(
    std::span<const SocketAddress> addresses,
    absl::FunctionRef<absl::StatusOr<OwnedFd>(const SocketAddress&)> connect) {
  absl::StatusOr<OwnedFd> fd = absl::UnavailableError("no address");
  for (const SocketAddress& address : addresses) {
    fd = connect(address);
    if (fd.ok() || absl::IsCancelled(fd.status())) break;
  }
  return fd;
}

absl::Status SendAll(Waiter& waiter, NetSocket& socket, std::string_view text, TimePoint deadline) {
  while (!text.empty()) {
    const ssize_t count = socket.Send(text);
    if (count >= 0) {
      text.remove_prefix(static_cast<size_t>(count));
    } else if (count == -EAGAIN) {
      absl::Status status = waiter.ForFd(socket.fd(), Interest::kWrite, deadline);
      if (!status.ok()) return status;
    } else if (count != -EINTR) {
      return ErrnoStatus("proxy write", static_cast<int>(-count));
    }
  }
  return absl::OkStatus();
}

// Appends what there is to `input`, at least one byte.
absl::Status ReceiveSome(Waiter& waiter, NetSocket& socket, std::string& input,
                         TimePoint deadline) {
  char block[4096];
  while (true) {
    absl::Status status = waiter.ForFd(socket.fd(), Interest::kRead, deadline);
    if (!status.ok()) return status;
    const ssize_t count = socket.Receive(block);
    if (count == 0) return absl::UnavailableError("the proxy has hung up");
    if (count > 0) {
      input.append(block, static_cast<size_t>(count));
      return absl::OkStatus();
    }
    if (count != -EAGAIN && count != -EINTR) {
      return ErrnoStatus("proxy read", static_cast<int>(-count));
    }
  }
}

class Attempt {
 public:
  Attempt(Waiter& waiter, const ProxyOptions& proxy, std::optional<std::string>& password)
      : waiter_(waiter), proxy_(proxy), password_(password) {}

  // kDone or kReconnect; then password_ is set.
  absl::StatusOr<ProxyStep> Run(NetSocket& socket, const ProxyTarget& target, TimePoint deadline,
                                std::string& input) {
    absl::StatusOr<std::unique_ptr<ProxyHandshake>> handshake =
        ProxyHandshake::Start(proxy_.kind, target, proxy_.user, password_);
    if (!handshake.ok()) return handshake.status();
    while (true) {
      const ProxyStep step = (*handshake)->Feed(input);
      absl::Status status = SendAll(waiter_, socket, (*handshake)->TakeOutput(), deadline);
      switch (step) {
        case ProxyStep::kDone:
          return step;
        case ProxyStep::kFailed:
          return absl::UnavailableError(ToAbsl((*handshake)->error()));
        case ProxyStep::kReconnect:
          if (status = Ask(); !status.ok()) return status;
          return step;
        case ProxyStep::kNeedsPassword:
          status = Ask();
          if (status.ok()) status = (*handshake)->SetPassword(*password_);
          break;
        case ProxyStep::kMore:
          if (status.ok()) status = ReceiveSome(waiter_, socket, input, deadline);
          break;
      }
      if (!status.ok()) return status;
    }
  }

 private:
  absl::Status Ask() {
    absl::StatusOr<std::string> password =
        AskPassword(waiter_, Concat("Proxy password for ", *proxy_.user, '@', proxy_.host, ": "));
    if (password.ok()) password_ = *std::move(password);
    return password.status();
  }

  Waiter& waiter_;
  const ProxyOptions& proxy_;
  std::optional<std::string>& password_;
};

}  // namespace

absl::StatusOr<ProxiedSocket> ConnectByProxy(
    Waiter& waiter, const ProxyOptions& proxy, std::span<const SocketAddress> addresses,
    const ProxyTarget& target, TimePoint deadline,
    absl::FunctionRef<absl::StatusOr<OwnedFd>(const SocketAddress&)> connect) {
  std::optional<std::string> password;
  while (true) {
    absl::StatusOr<OwnedFd> fd = ConnectFirst(addresses, connect);
    if (!fd.ok()) return fd.status();
    std::unique_ptr<NetSocket> socket = MakeStreamSocket(*std::move(fd));
    std::string input;
    const absl::StatusOr<ProxyStep> step =
        Attempt(waiter, proxy, password).Run(*socket, target, deadline, input);
    if (!step.ok()) return step.status();
    if (*step == ProxyStep::kDone) return ProxiedSocket{std::move(socket), std::move(input)};
  }
}

}  // namespace spindle::bench
