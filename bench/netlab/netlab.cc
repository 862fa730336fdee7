#include "bench/netlab/netlab.h"

#include <errno.h>

#include <chrono>
#include <string>
#include <utility>

#include "base/errno_status.h"
#include "base/strings.h"
#include "bench/netlab/kernel_link.h"
#include "bench/netlab/tool.h"

namespace spindle::bench {
namespace {

constexpr char kDevice[] = "lab0";
constexpr char kClientV4[] = "10.77.0.1";
constexpr char kServerV4[] = "10.77.0.2";
constexpr char kClientV6[] = "fd77::1";
constexpr char kServerV6[] = "fd77::2";
constexpr int kMtu = 1500;
constexpr Duration kMaxTime = std::chrono::hours(1);

SocketAddress Address(const char* ip, uint16_t port) { return *SocketAddress::FromIp(ip, port); }

// Rights and devices that this machine or user does not have become kUnavailable; other errors
// stay.
absl::Status Explain(const absl::Status& status) {
  switch (ErrnoOf(status)) {
    case EPERM:
    case EACCES:
    case ENOENT:
    case ENODEV:
    case ENXIO:
    case ENOSYS:
    case ENOSPC:
    case EINVAL:
    case EOPNOTSUPP:
    case EAFNOSUPPORT:
      return absl::UnavailableError(status.message());
    default:
      return absl::IsNotFound(status) ? absl::UnavailableError(status.message()) : status;
  }
}

bool OnlyRate(const NetlabOptions& options) {
  return options.rtt == Duration::zero() && options.jitter == Duration::zero() &&
         options.loss == 0 && options.bits_per_second > 0;
}

absl::Status CheckOptions(const NetlabOptions& options) {
  const auto bad = [](std::string_view why) { return absl::InvalidArgumentError(ToAbsl(why)); };
  const auto is_time = [](Duration time) { return time >= Duration::zero() && time <= kMaxTime; };
  if (!is_time(options.rtt)) return bad("the RTT must be from 0 to an hour");
  if (!is_time(options.jitter)) return bad("the jitter must be from 0 to an hour");
  if (!(options.loss >= 0 && options.loss <= 1)) return bad("the loss must be from 0 to 100 %");
  if (options.queue_packets < 1 || options.queue_packets > 10'000'000) {
    return bad("the queue must hold 1 to 10000000 packets");
  }
  if (options.engine == NetlabEngine::kTbf && !OnlyRate(options)) {
    return bad("tbf gives a rate, and no delay, loss or jitter");
  }
  if (options.engine == NetlabEngine::kNetem && options.jitter > Duration::zero() &&
      options.reordering == Reordering::kNever) {
    return bad("netem's jitter reorders packets: allow that, or use the box");
  }
  return absl::OkStatus();
}

// From the client to the server; of an odd RTT the other way gets the last nanosecond.
LinkOptions ToServer(const NetlabOptions& options) {
  return {.delay = options.rtt / 2,
          .bits_per_second = options.bits_per_second,
          .queue_packets = options.queue_packets,
          .loss = options.loss,
          .jitter = options.jitter,
          .reordering = options.reordering};
}

LinkOptions ToClient(const NetlabOptions& options) {
  LinkOptions link = ToServer(options);
  link.delay = options.rtt - link.delay;
  return link;
}

InterfaceOptions ClientInterface() { return {.ipv4 = kClientV4, .ipv6 = kClientV6, .mtu = kMtu}; }
InterfaceOptions ServerInterface() { return {.ipv4 = kServerV4, .ipv6 = kServerV6, .mtu = kMtu}; }

struct TunEnd {
  OwnedFd fd;
  Ipv6 ipv6 = Ipv6::kOff;
};

absl::StatusOr<TunEnd> MakeTunEnd(const NetNamespace& space, const InterfaceOptions& options) {
  const absl::StatusOr<NamespaceScope> scope = NamespaceScope::Enter(space);
  if (!scope.ok()) return scope.status();
  absl::StatusOr<OwnedFd> fd = OpenTun(kDevice);
  if (!fd.ok()) return fd.status();
  const absl::StatusOr<Ipv6> ipv6 = ConfigureInterface(kDevice, options);
  if (!ipv6.ok()) return ipv6.status();
  return TunEnd{*std::move(fd), *ipv6};
}

absl::StatusOr<Ipv6> MakeVethEnd(const NetNamespace& space, const InterfaceOptions& options,
                                 const std::vector<std::string>& discipline) {
  const absl::StatusOr<NamespaceScope> scope = NamespaceScope::Enter(space);
  if (!scope.ok()) return scope.status();
  const absl::StatusOr<std::string> said = RunTool(discipline);
  if (!said.ok()) return said.status();
  return ConfigureInterface(kDevice, options);
}

absl::Status BringUpLoopback(const NetNamespace& space) {
  const absl::StatusOr<NamespaceScope> scope = NamespaceScope::Enter(space);
  return scope.ok() ? BringUp("lo") : scope.status();
}

}  // namespace

std::string_view NetlabEngineName(NetlabEngine engine) {
  switch (engine) {
    case NetlabEngine::kAuto:
      return "auto";
    case NetlabEngine::kBox:
      return "box";
    case NetlabEngine::kTbf:
      return "tbf";
    case NetlabEngine::kNetem:
      return "netem";
  }
  return "unknown";
}

Netlab::~Netlab() = default;

absl::StatusOr<std::unique_ptr<Netlab>> Netlab::Create(const NetlabOptions& options) {
  const absl::Status status = CheckOptions(options);
  if (!status.ok()) return status;
  if (options.engine != NetlabEngine::kAuto) return Build(options, options.engine);
  if (OnlyRate(options)) {
    absl::StatusOr<std::unique_ptr<Netlab>> lab = Build(options, NetlabEngine::kTbf);
    if (lab.ok() || !absl::IsUnavailable(lab.status())) return lab;
  }
  return Build(options, NetlabEngine::kBox);
}

absl::StatusOr<std::unique_ptr<Netlab>> Netlab::Build(const NetlabOptions& options,
                                                      NetlabEngine engine) {
  absl::StatusOr<NetNamespace> client = NetNamespace::Create();
  if (!client.ok()) return Explain(client.status());
  absl::StatusOr<NetNamespace> server = NetNamespace::Create();
  if (!server.ok()) return Explain(server.status());
  std::unique_ptr<Netlab> lab(new Netlab(*std::move(client), *std::move(server)));
  lab->engine_ = engine;
  absl::Status status = BringUpLoopback(lab->client_);
  if (status.ok()) status = BringUpLoopback(lab->server_);
  if (status.ok()) {
    status = engine == NetlabEngine::kBox ? lab->StartBox(options) : lab->StartKernelLink(options);
  }
  if (!status.ok()) return Explain(status);
  return lab;
}

absl::Status Netlab::StartBox(const NetlabOptions& options) {
  absl::StatusOr<TunEnd> client = MakeTunEnd(client_, ClientInterface());
  if (!client.ok()) return client.status();
  absl::StatusOr<TunEnd> server = MakeTunEnd(server_, ServerInterface());
  if (!server.ok()) return server.status();
  ipv6_ = client->ipv6 == Ipv6::kOn ? server->ipv6 : Ipv6::kOff;
  absl::StatusOr<std::unique_ptr<DelayBox>> box =
      DelayBox::Start(std::move(client->fd), std::move(server->fd),
                      {.a_to_b = ToServer(options),
                       .b_to_a = ToClient(options),
                       .seed = options.seed,
                       .packet_bytes = kMtu});
  if (!box.ok()) return box.status();
  box_ = *std::move(box);
  return absl::OkStatus();
}

absl::Status Netlab::StartKernelLink(const NetlabOptions& options) {
  const absl::Status status = MakeVethPair(client_, server_, kDevice);
  if (!status.ok()) return status;
  const auto discipline = [&](const LinkOptions& link) {
    return engine_ == NetlabEngine::kTbf ? TbfWords(kDevice, link, kMtu)
                                         : NetemWords(kDevice, link);
  };
  const absl::StatusOr<Ipv6> client =
      MakeVethEnd(client_, ClientInterface(), discipline(ToServer(options)));
  if (!client.ok()) return client.status();
  const absl::StatusOr<Ipv6> server =
      MakeVethEnd(server_, ServerInterface(), discipline(ToClient(options)));
  if (!server.ok()) return server.status();
  ipv6_ = *client == Ipv6::kOn ? *server : Ipv6::kOff;
  return absl::OkStatus();
}

SocketAddress Netlab::client(uint16_t port) const { return Address(kClientV4, port); }
SocketAddress Netlab::server(uint16_t port) const { return Address(kServerV4, port); }

SocketAddress Netlab::client_v6(uint16_t port) const {
  return ipv6_ == Ipv6::kOn ? Address(kClientV6, port) : SocketAddress();
}
SocketAddress Netlab::server_v6(uint16_t port) const {
  return ipv6_ == Ipv6::kOn ? Address(kServerV6, port) : SocketAddress();
}

absl::StatusOr<NetlabStats> Netlab::Stats() const {
  NetlabStats stats;
  if (box_ != nullptr) {
    DelayBox::Stats of_box = box_->stats();
    stats = {std::move(of_box.a_to_b), std::move(of_box.b_to_a), of_box.real_time};
  }
  // What a direction lets through is decided, and counted, where it begins.
  const auto add = [&](const NetNamespace& from, LinkStats& direction) -> absl::Status {
    const absl::StatusOr<NamespaceScope> scope = NamespaceScope::Enter(from);
    if (!scope.ok()) return scope.status();
    if (box_ != nullptr) {
      const absl::StatusOr<uint64_t> dropped = DroppedBefore(kDevice);
      if (!dropped.ok()) return dropped.status();
      direction.lab_dropped += *dropped;
      return absl::OkStatus();
    }
    absl::StatusOr<LinkStats> of_kernel = ReadDisciplineStats(kDevice);
    if (!of_kernel.ok()) return of_kernel.status();
    direction = *std::move(of_kernel);
    return absl::OkStatus();
  };
  absl::Status status = add(client_, stats.to_server);
  if (status.ok()) status = add(server_, stats.to_client);
  if (!status.ok()) return status;
  return stats;
}

NetlabSupport ProbeNetlab() {
  NetlabSupport support;
  const auto probe = [](NetlabOptions options) { return Netlab::Create(options).status(); };
  support.box = probe({.engine = NetlabEngine::kBox});
  support.tbf = probe({.bits_per_second = 1'000'000, .engine = NetlabEngine::kTbf});
  support.netem = probe({.rtt = std::chrono::milliseconds(1), .engine = NetlabEngine::kNetem});
  return support;
}

}  // namespace spindle::bench
