#ifndef SPINDLE_BENCH_NETLAB_NETLAB_H_
#define SPINDLE_BENCH_NETLAB_NETLAB_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "bench/netlab/delay_box.h"
#include "bench/netlab/interface.h"
#include "bench/netlab/link_model.h"
#include "bench/netlab/link_stats.h"
#include "bench/netlab/net_namespace.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// What carries the packets of a lab.
enum class NetlabEngine : uint8_t {
  kAuto,   // kTbf if nothing but a rate is asked for and the machine has it, else kBox.
  kBox,    // A thread of this process (delay_box.h).
  kTbf,    // The kernel's token bucket: a rate and a queue, no delay.
  kNetem,  // The kernel's network emulator, where it has one: to compare with the box.
};

// "auto", "box", "tbf", "netem"
std::string_view NetlabEngineName(NetlabEngine engine);

struct NetlabOptions {
  // There and back without jitter and waiting: half of it each way. From 0 to an hour.
  Duration rtt{0};
  // The rest holds for each direction by itself, as in LinkOptions.
  uint64_t bits_per_second = 0;
  size_t queue_packets = 1000;
  double loss = 0;
  Duration jitter{0};
  Reordering reordering = Reordering::kNever;
  // Of loss and jitter. netem has its own.
  uint64_t seed = 1;
  NetlabEngine engine = NetlabEngine::kAuto;
};

struct NetlabStats {
  LinkStats to_server;
  LinkStats to_client;
  // The box's thread goes before all that have no such priority, so that a busy machine does not
  // make packets late.
  bool real_time = false;
};

// Two hosts, a client's and a server's, joined by a link: two network namespaces of this process,
// with an address each and a loopback of their own. All packets between them, those of handshakes
// included, have the delay, rate, queue, loss and jitter that was asked for.
//
//   auto lab = Netlab::Create({.rtt = std::chrono::milliseconds(10)});
//   { auto scope = (*lab)->EnterServer();  ... listen on (*lab)->server(port) ... }
//   { auto scope = (*lab)->EnterClient();  ... connect to it ... }
//
// There can be several in one process, with the same addresses: they do not see each other. Nothing
// of a lab is visible from the namespace that the process started in, and nothing outlives the
// process (NetNamespace).
//
// One thread at a time; EnterClient, EnterServer and Stats from any thread.
class Netlab {
 public:
  // Errors: kInvalidArgument for options out of range and for those that the engine cannot do;
  // kUnavailable, saying what is missing, where this machine or user cannot have a lab; EMFILE,
  // ENFILE and EAGAIN for want of descriptors and threads.
  static absl::StatusOr<std::unique_ptr<Netlab>> Create(const NetlabOptions& options);
  // Packets on their way are gone. Sockets of the lab stay valid, but reach nobody.
  ~Netlab();
  Netlab(const Netlab&) = delete;
  Netlab& operator=(const Netlab&) = delete;

  // The ends of the link: 10.77.0.1 and 10.77.0.2.
  SocketAddress client(uint16_t port = 0) const;
  SocketAddress server(uint16_t port = 0) const;
  // fd77::1 and fd77::2, if the machine has IPv6; else unspecified.
  SocketAddress client_v6(uint16_t port = 0) const;
  SocketAddress server_v6(uint16_t port = 0) const;

  // The calling thread is there until the scope ends.
  absl::StatusOr<NamespaceScope> EnterClient() const { return NamespaceScope::Enter(client_); }
  absl::StatusOr<NamespaceScope> EnterServer() const { return NamespaceScope::Enter(server_); }
  const NetNamespace& client_namespace() const { return client_; }
  const NetNamespace& server_namespace() const { return server_; }

  // What was chosen; never kAuto.
  NetlabEngine engine() const { return engine_; }
  // Errors: of reading the kernel's counters.
  absl::StatusOr<NetlabStats> Stats() const;

 private:
  Netlab(NetNamespace client, NetNamespace server)
      : client_(std::move(client)), server_(std::move(server)) {}
  static absl::StatusOr<std::unique_ptr<Netlab>> Build(const NetlabOptions& options,
                                                       NetlabEngine engine);
  absl::Status StartBox(const NetlabOptions& options);
  absl::Status StartKernelLink(const NetlabOptions& options);

  NetNamespace client_;
  NetNamespace server_;
  NetlabEngine engine_ = NetlabEngine::kBox;
  Ipv6 ipv6_ = Ipv6::kOff;
  std::unique_ptr<DelayBox> box_;  // Of kBox. From the client to the server is its a to b.
};

// Whether this process can have a lab with each engine, tried out: OK, or why not.
struct NetlabSupport {
  absl::Status box;
  absl::Status tbf;
  absl::Status netem;
};
NetlabSupport ProbeNetlab();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_NETLAB_H_
