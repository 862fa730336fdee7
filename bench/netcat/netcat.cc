#include "bench/netcat/netcat.h"

#include <errno.h>
#include <signal.h>
#include <sys/socket.h>

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "base/parse.h"
#include "base/random.h"
#include "base/strings.h"
#include "bench/netcat/messages.h"
#include "bench/netcat/net_socket.h"
#include "bench/netcat/proxy_connect.h"
#include "bench/netcat/relay.h"
#include "bench/netcat/sockets.h"
#include "bench/netcat/waiter.h"
#include "net/loop/event_loop.h"
#include "net/loop/signal_watcher.h"
#include "net/stream/resolver.h"
#include "net/types/socket_address.h"

namespace spindle::bench {
namespace {

constexpr int kOk = 0;
constexpr int kFailed = 1;
constexpr int kInterrupted = 130;

// For a closed UDP port to say so.
constexpr Duration kUdpPatience = std::chrono::seconds(1);

absl::StatusOr<SocketAddress> UnixAddress(const std::string& name) {
  return name.starts_with('@') ? SocketAddress::UnixAbstract(name.substr(1))
                               : SocketAddress::UnixPath(name);
}

// The addresses of `host` that the options allow.
absl::StatusOr<std::vector<SocketAddress>> Resolve(const std::string& host, uint16_t port,
                                                   const NetcatOptions& options) {
  ResolveResult found;
  if (options.numeric) {
    const absl::StatusOr<SocketAddress> address = SocketAddress::FromIp(host, port);
    if (!address.ok()) {
      return absl::InvalidArgumentError(
          ToAbsl(Concat("\"", host, "\" is not an address, and -n looks no names up")));
    }
    found = std::vector<SocketAddress>{*address};
  } else {
    found = ResolveNow(host, port);
  }
  if (!found.ok() || options.family == AF_UNSPEC) return found;
  std::erase_if(*found, [&](const SocketAddress& a) { return a.family() != options.family; });
  if (!found->empty()) return found;
  return absl::NotFoundError(ToAbsl(
      Concat("\"", host, "\" has no ", options.family == AF_INET ? "IPv4" : "IPv6", " address")));
}

class Netcat {
 public:
  Netcat(Waiter& waiter, StandardStreams& streams, const NetcatOptions& options)
      : waiter_(waiter), streams_(streams), options_(options) {}

  // Looks names up, which may block.
  absl::Status Prepare();
  int Run();

 private:
  int RunClient();
  int RunUnixClient();
  int RunStreamServer();
  int RunDatagramServer();
  // True: connected, and all was well.
  bool TryPort(uint16_t port);
  bool TryProxy(uint16_t port);
  absl::StatusOr<OwnedFd> Connect(const SocketAddress& address, TimePoint deadline);
  absl::StatusOr<SocketAddress> LocalFor(const SocketAddress& remote) const;
  bool ProbeUdp(int fd, const SocketAddress& address);
  void ExplainConnect(const absl::Status& status, const SocketAddress& address, uint16_t port);
  bool RunRelay(NetSocket& socket, std::string early, bool* output_failed = nullptr);
  absl::StatusOr<BoundSocket> Bind(int type);
  TimePoint Deadline() const {
    return options_.timeout ? SaturatingAdd(waiter_.loop().Now(), *options_.timeout) : kNever;
  }
  bool Interrupted(const absl::Status& status) {
    interrupted_ = interrupted_ || absl::IsCancelled(status);
    return interrupted_;
  }
  int ExitCode(bool ok) const { return interrupted_ ? kInterrupted : ok ? kOk : kFailed; }

  Waiter& waiter_;
  StandardStreams& streams_;
  const NetcatOptions& options_;
  std::vector<SocketAddress> targets_;  // Or the proxy's addresses, or the one to listen at.
  std::vector<SocketAddress> sources_;  // -s
  bool interrupted_ = false;
  bool relay_failed_ = false;
};

absl::Status Netcat::Prepare() {
  const uint16_t port = options_.ports.empty() ? 0 : options_.ports[0];
  absl::StatusOr<std::vector<SocketAddress>> found;
  if (options_.is_unix()) {
    const absl::StatusOr<SocketAddress> address = UnixAddress(options_.host);
    if (!address.ok()) return address.status();
    found = std::vector<SocketAddress>{*address};
  } else if (options_.listen && (options_.host.empty() || options_.host == "*")) {
    found = std::vector<SocketAddress>{options_.family == AF_INET6 ? SocketAddress::AnyV6(port)
                                                                   : SocketAddress::AnyV4(port)};
  } else if (options_.proxy) {
    found = Resolve(options_.proxy->host, options_.proxy->port, options_);
  } else {
    found = Resolve(options_.host, port, options_);
  }
  if (!found.ok()) return found.status();
  targets_ = *std::move(found);
  if (options_.source_host.empty()) return absl::OkStatus();
  if (options_.is_unix()) {
    const absl::StatusOr<SocketAddress> address = UnixAddress(options_.source_host);
    if (!address.ok()) return address.status();
    sources_ = {*address};
    return absl::OkStatus();
  }
  found = Resolve(options_.source_host, options_.source_port, options_);
  if (found.ok()) sources_ = *std::move(found);
  return found.status();
}

int Netcat::Run() {
  if (options_.listen) return options_.is_datagram() ? RunDatagramServer() : RunStreamServer();
  return options_.is_unix() ? RunUnixClient() : RunClient();
}

int Netcat::RunClient() {
  std::vector<uint16_t> ports = options_.ports;
  if (options_.random_order) Random(std::random_device()()).Shuffle(ports);
  bool any = false;
  for (size_t i = 0; i < ports.size() && !interrupted_; ++i) {
    if (i > 0 && options_.interval > Duration::zero() &&
        Interrupted(waiter_.Pause(options_.interval))) {
      break;
    }
    any = (options_.proxy ? TryProxy(ports[i]) : TryPort(ports[i])) || any;
  }
  // A port of many that is closed is no error, and a transfer that failed is one.
  return ExitCode(any && !relay_failed_);
}

bool Netcat::TryPort(uint16_t port) {
  for (const SocketAddress& target : targets_) {
    const SocketAddress address = target.WithPort(port);
    absl::StatusOr<OwnedFd> fd = Connect(address, Deadline());
    if (!fd.ok()) {
      if (Interrupted(fd.status())) return false;
      ExplainConnect(fd.status(), address, port);
      continue;
    }
    if (options_.scan && options_.is_datagram()) return ProbeUdp(fd->get(), address);
    if (options_.verbose) Say(SucceededText(options_, address, port));
    if (options_.scan) return true;
    const std::unique_ptr<NetSocket> socket =
        options_.is_datagram() ? MakeDatagramSocket(*std::move(fd), ReplyTo::kPeer)
                               : MakeStreamSocket(*std::move(fd));
    return RunRelay(*socket, "");
  }
  return false;
}

bool Netcat::TryProxy(uint16_t port) {
  const TimePoint deadline = Deadline();
  absl::StatusOr<ProxiedSocket> proxied = ConnectByProxy(
      waiter_, *options_.proxy, targets_, {.host = options_.host, .port = port}, deadline,
      [&](const SocketAddress& address) { return Connect(address, deadline); });
  if (!proxied.ok()) {
    if (!Interrupted(proxied.status())) {
      Complain(Concat("proxy ", options_.proxy->host, " port ", options_.proxy->port, ": ",
                      FromAbsl(proxied.status().message())));
    }
    return false;
  }
  if (options_.verbose) Say(SucceededText(options_, SocketAddress(), port));
  return options_.scan || RunRelay(*proxied->socket, std::move(proxied->early));
}

int Netcat::RunUnixClient() {
  const SocketAddress& address = targets_.front();
  absl::StatusOr<BoundSocket> source = absl::UnavailableError("none");
  absl::StatusOr<OwnedFd> fd = absl::UnavailableError("none");
  if (sources_.empty()) {
    fd = Connect(address, Deadline());
  } else {
    // Its path goes when this ends.
    source = BoundSocket::Bind(sources_.front(), SOCK_DGRAM, options_.tuning);
    if (!source.ok()) {
      Complain(source.status());
      return kFailed;
    }
    const int error = ConnectTo(source->fd(), address);
    fd = error < 0 ? absl::StatusOr<OwnedFd>(ErrnoStatus("connect", -error)) : source->TakeFd();
  }
  if (!fd.ok()) {
    if (!Interrupted(fd.status())) {
      Complain(Concat(options_.host, ": ", ErrnoText(ErrnoOf(fd.status()))));
    }
    return ExitCode(false);
  }
  if (options_.scan) return kOk;
  const std::unique_ptr<NetSocket> socket = options_.is_datagram()
                                                ? MakeDatagramSocket(*std::move(fd), ReplyTo::kPeer)
                                                : MakeStreamSocket(*std::move(fd));
  return ExitCode(RunRelay(*socket, ""));
}

absl::StatusOr<OwnedFd> Netcat::Connect(const SocketAddress& address, TimePoint deadline) {
  ConnectOptions connect = {.type = options_.is_datagram() ? SOCK_DGRAM : SOCK_STREAM,
                            .tuning = options_.tuning,
                            .deadline = deadline};
  if (!sources_.empty() || options_.source_port != 0) {
    const absl::StatusOr<SocketAddress> local = LocalFor(address);
    if (!local.ok()) return local.status();
    connect.local = *local;
  }
  return ConnectSocket(waiter_, address, connect);
}

absl::StatusOr<SocketAddress> Netcat::LocalFor(const SocketAddress& remote) const {
  if (sources_.empty()) {
    return remote.family() == AF_INET6 ? SocketAddress::AnyV6(options_.source_port)
                                       : SocketAddress::AnyV4(options_.source_port);
  }
  for (const SocketAddress& source : sources_) {
    if (source.family() == remote.family()) return source.WithPort(options_.source_port);
  }
  return absl::InvalidArgumentError(ToAbsl(
      Concat("bind failed: ", options_.source_host, " is of another family than ", remote.ip())));
}

bool Netcat::ProbeUdp(int fd, const SocketAddress& address) {
  // An empty datagram: a closed port answers by ICMP, an open one if it likes.
  ssize_t result = send(fd, "", 0, MSG_DONTWAIT | MSG_NOSIGNAL);
  if (result == 0) {
    const TimePoint deadline =
        SaturatingAdd(waiter_.loop().Now(), options_.timeout.value_or(kUdpPatience));
    const absl::Status status = waiter_.ForFd(fd, Interest::kRead, deadline);
    if (Interrupted(status)) return false;
    if (ErrnoOf(status) == ETIMEDOUT) {
      if (options_.verbose) Say(SilentText(options_, address, address.port()));
      return true;
    }
    char byte;
    result = recv(fd, &byte, 1, MSG_DONTWAIT);
  }
  if (result < 0) {
    ExplainConnect(ErrnoStatus("connect", errno), address, address.port());
    return false;
  }
  if (options_.verbose) Say(SucceededText(options_, address, address.port()));
  return true;
}

void Netcat::ExplainConnect(const absl::Status& status, const SocketAddress& address,
                            uint16_t port) {
  if (options_.scan && !options_.verbose) return;
  if (FromAbsl(status.message()).starts_with("connect: ")) {
    Complain(FailedText(options_, address, port, ErrnoText(ErrnoOf(status))));
  } else {
    Complain(status);
  }
}

bool Netcat::RunRelay(NetSocket& socket, std::string early, bool* output_failed) {
  Relay relay(waiter_, socket, streams_, options_, std::move(early));
  const absl::Status status = relay.Run();
  if (output_failed != nullptr) *output_failed = relay.output_failed();
  if (Interrupted(status)) return false;
  if (!status.ok()) {
    relay_failed_ = true;
    Complain(status);
    return false;
  }
  if (options_.verbose && relay.end() == RelayEnd::kIdle) {
    Complain(Concat("ended: no byte for ", FormatDuration(*options_.timeout)));
  }
  return true;
}

absl::StatusOr<BoundSocket> Netcat::Bind(int type) {
  absl::StatusOr<BoundSocket> bound = absl::UnavailableError("no address");
  for (const SocketAddress& target : targets_) {
    bound = BoundSocket::Bind(target, type, options_.tuning);
    if (bound.ok()) break;
  }
  if (!bound.ok()) {
    Complain(bound.status());
    return bound;
  }
  if (!options_.verbose) return bound;
  const std::string place = PlaceText(bound->address(), options_);
  if (type == SOCK_DGRAM || options_.is_unix()) Say(Concat("Bound on ", place));
  if (type == SOCK_STREAM) Say(Concat("Listening on ", place));
  return bound;
}

int Netcat::RunStreamServer() {
  absl::StatusOr<BoundSocket> listener = Bind(SOCK_STREAM);
  if (!listener.ok()) return kFailed;
  while (true) {
    SocketAddress peer;
    absl::StatusOr<OwnedFd> fd = AcceptSocket(waiter_, listener->fd(), &peer);
    if (!fd.ok()) {
      if (!Interrupted(fd.status())) Complain(fd.status());
      return ExitCode(false);
    }
    // Others are refused, rather than left to wait.
    if (!options_.keep_listening) listener->Close();
    if (options_.verbose) {
      const SocketAddress& place = peer.is_ip() ? peer : targets_.front();
      Say(Concat("Connection received on ", PlaceText(place, options_)));
    }
    const std::unique_ptr<NetSocket> socket = MakeStreamSocket(*std::move(fd));
    bool output_failed = false;
    const bool ok = RunRelay(*socket, "", &output_failed);
    if (!options_.keep_listening || output_failed || interrupted_) return ExitCode(ok);
  }
}

int Netcat::RunDatagramServer() {
  absl::StatusOr<BoundSocket> bound = Bind(SOCK_DGRAM);
  if (!bound.ok()) return kFailed;
  std::unique_ptr<NetSocket> socket;
  while (true) {
    const int fd = socket != nullptr ? socket->fd() : bound->fd();
    const absl::Status status = waiter_.ForFd(fd, Interest::kRead);
    if (!status.ok()) {
      if (!Interrupted(status)) Complain(status);
      return ExitCode(false);
    }
    const SocketAddress peer = PeekSender(fd);
    // One whom nothing can be sent to, or who is gone, is heard all the same.
    bool connected = false;
    if (!options_.keep_listening && !peer.is_unspecified()) {
      connected = ConnectTo(fd, peer) == 0;
      const SocketAddress& place = peer.is_ip() ? peer : targets_.front();
      if (options_.verbose) Say(Concat("Connection received on ", PlaceText(place, options_)));
    }
    if (socket == nullptr) {
      socket =
          MakeDatagramSocket(bound->TakeFd(), connected ? ReplyTo::kPeer : ReplyTo::kLastSender);
    }
    bool output_failed = false;
    const bool ok = RunRelay(*socket, "", &output_failed);
    if (!options_.keep_listening || output_failed || interrupted_) return ExitCode(ok);
  }
}

}  // namespace

int RunNetcat(const NetcatOptions& options, StandardStreams& streams) {
  signal(SIGPIPE, SIG_IGN);
  const absl::StatusOr<std::unique_ptr<EventLoop>> loop = EventLoop::Create({.name = "nc"});
  if (!loop.ok()) {
    Complain(loop.status());
    return kFailed;
  }
  bool interrupted = false;
  const auto is_interrupted = [&interrupted] { return interrupted; };
  Waiter waiter(**loop, is_interrupted);
  Netcat netcat(waiter, streams, options);
  // Until the names are known, signals end the process by themselves.
  if (const absl::Status status = netcat.Prepare(); !status.ok()) {
    Complain(status);
    return kFailed;
  }
  std::unique_ptr<SignalWatcher> watcher;
  absl::StatusOr<std::unique_ptr<SignalWatcher>> created =
      SignalWatcher::Create(**loop, {SIGINT, SIGTERM, SIGHUP}, [&](int, const signalfd_siginfo&) {
        interrupted = true;
        watcher.reset();  // The next one has its default effect.
      });
  if (!created.ok()) {
    Complain(created.status());
    return kFailed;
  }
  watcher = *std::move(created);
  const int code = netcat.Run();
  const absl::Status closed = streams.CloseOutput();
  if (closed.ok()) return code;
  Complain(closed);
  return code == kOk ? kFailed : code;
}

}  // namespace spindle::bench
