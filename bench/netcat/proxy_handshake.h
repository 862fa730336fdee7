#ifndef SPINDLE_BENCH_NETCAT_PROXY_HANDSHAKE_H_
#define SPINDLE_BENCH_NETCAT_PROXY_HANDSHAKE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/statusor.h"
#include "bench/netcat/options.h"

namespace spindle::bench {

// What a handshake waits for.
enum class ProxyStep : uint8_t {
  kMore,           // Bytes of the proxy.
  kNeedsPassword,  // SetPassword, then goes on.
  kReconnect,      // A new connection with a new handshake that has the password from the start.
  kDone,           // Nothing: what follows is the target's.
  kFailed,         // Nothing; error() says why.
};

struct ProxyTarget {
  std::string host;  // A name, for the proxy to look up, or an address.
  uint16_t port = 0;
};

// What a client and a proxy say to each other before the bytes of the target flow. Makes no system
// call. One thread at a time.
//
//   send(TakeOutput()); while (Feed(input) == kMore) { send(TakeOutput()); input += recv(); }
class ProxyHandshake {
 public:
  // `password`: one that is known already; without, it is asked for if the proxy wants it. Errors:
  // kInvalidArgument for what cannot be said to a proxy of this kind: names or passwords too long,
  // control characters, an IPv6 address to SOCKS 4.
  static absl::StatusOr<std::unique_ptr<ProxyHandshake>> Start(
      ProxyKind kind, const ProxyTarget& target, const std::optional<std::string>& user,
      const std::optional<std::string>& password);
  virtual ~ProxyHandshake() = default;

  // Takes from the front of `input` what belongs to the handshake, and no byte more: what a target
  // sends may come with the proxy's last answer. `input` may hold any part of an answer.
  virtual ProxyStep Feed(std::string& input) = 0;

  // After kNeedsPassword; Feed goes on. Errors: as Start.
  virtual absl::Status SetPassword(std::string_view password) = 0;

  // What is to be sent now.
  std::string TakeOutput() { return std::exchange(output_, std::string()); }
  const std::string& error() const { return error_; }

 protected:
  ProxyStep Fail(std::string error) {
    error_ = std::move(error);
    return ProxyStep::kFailed;
  }

  std::string output_;
  std::string error_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_PROXY_HANDSHAKE_H_
