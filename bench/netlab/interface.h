#ifndef SPINDLE_BENCH_NETLAB_INTERFACE_H_
#define SPINDLE_BENCH_NETLAB_INTERFACE_H_

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"

namespace spindle::bench {

// Network devices of the namespace that the calling thread is in. Any thread.

struct InterfaceOptions {
  std::string ipv4 = {};  // "10.0.0.1"
  int ipv4_prefix = 30;
  std::string ipv6 = {};  // Left out if empty.
  int ipv6_prefix = 64;
  int mtu = 1500;
  // Packets that wait for the device in the kernel.
  int queue_packets = 10000;
};

enum class Ipv6 : uint8_t { kOff, kOn };

// Makes a TUN device, which lives until the descriptor is closed: each read(2) takes one IP packet
// that the namespace sends there, each write(2) brings one in. Non-blocking. Errors: ENOENT, EACCES
// or ENODEV if /dev/net/tun is missing, not allowed or not supported; EPERM without CAP_NET_ADMIN.
absl::StatusOr<OwnedFd> OpenTun(std::string_view name);

// Gives a device its addresses and brings it up. Returns whether it has the IPv6 address, too: a
// kernel without IPv6 is no error. Errors: EPERM; ENODEV; EINVAL for addresses that are none.
absl::StatusOr<Ipv6> ConfigureInterface(std::string_view name, const InterfaceOptions& options);

// Brings the device up as it is, such as "lo".
absl::Status BringUp(std::string_view name);

// Packets that the kernel dropped instead of queueing them for the device. Errors: those of open(2)
// on /proc; kNotFound if there is no such device.
absl::StatusOr<uint64_t> DroppedBefore(std::string_view name);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_INTERFACE_H_
