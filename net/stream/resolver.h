#ifndef SPINDLE_NET_STREAM_RESOLVER_H_
#define SPINDLE_NET_STREAM_RESOLVER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "net/loop/event_loop.h"
#include "net/types/socket_address.h"

namespace spindle {

// The addresses of one name, best first. OK results are never empty and hold no address twice.
using ResolveResult = absl::StatusOr<std::vector<SocketAddress>>;

// Names one request of one resolver, never given twice by it. A default-made one names none.
// Immutable value.
struct ResolveId {
  uint64_t number = 0;

  bool valid() const { return number != 0; }
  friend bool operator==(ResolveId, ResolveId) = default;
};

// Turns host names into addresses, on one loop. Loop thread only, the destructor too.
class Resolver {
 public:
  using Callback = absl::AnyInvocable<void(ResolveResult)>;

  // Requests that are still open are dropped: their callbacks are destroyed, unrun.
  virtual ~Resolver() = default;

  // Calls `callback` once, from the loop, never inside this call. `host` is a name or a numeric
  // address (IPv6 without brackets), `service` a number or a name such as "http". Both are copied.
  // Errors, as the callback's argument: kNotFound if there is no such host, kUnavailable if the
  // answer may be another one later, kInvalidArgument for texts that cannot be names, kUnknown and
  // those of the operating system. Each names the host.
  virtual ResolveId Resolve(std::string_view host, std::string_view service, Callback callback) = 0;
  ResolveId Resolve(std::string_view host, uint16_t port, Callback callback) {
    return Resolve(host, std::to_string(port), std::move(callback));
  }

  // True if `id` was open: its callback is destroyed and will not run. At any stage, also in a
  // callback.
  virtual bool Cancel(ResolveId id) = 0;
};

struct SystemResolverOptions {
  // Does the work, on the helper thread; may block. Null: ResolveNow.
  absl::AnyInvocable<ResolveResult(const std::string& host, const std::string& service)> lookup =
      nullptr;
};

// Asks the system (getaddrinfo(3), and with it /etc/hosts and nsswitch.conf) on one helper thread,
// which starts with the first request that needs it; so requests are answered one after the other,
// and a slow one delays those behind it. Numeric addresses are answered without the thread, ahead
// of them.
//
// Requests that are cancelled before their turn are not asked for. A call of getaddrinfo that runs
// cannot be interrupted: after Cancel it goes on, its result is dropped, and the destructor waits
// for its end, some 30 seconds at worst with the usual resolv.conf(5). It waits for nothing else.
// If the thread cannot be started, requests fail with the error of pthread_create(3).
class SystemResolver final : public Resolver {
 public:
  // `loop` may end before this does; then open requests are never answered.
  explicit SystemResolver(EventLoop& loop, SystemResolverOptions options = {});
  ~SystemResolver() override;

  using Resolver::Resolve;
  ResolveId Resolve(std::string_view host, std::string_view service, Callback callback) override;
  bool Cancel(ResolveId id) override;

 private:
  class State;
  const std::shared_ptr<State> state_;
};

// The addresses of `host`, now: blocks for as long as getaddrinfo(3) does, so not for loops but for
// command lines. Any thread. Numeric addresses take no system call. Errors: those of Resolver.
ResolveResult ResolveNow(std::string_view host, std::string_view service);
ResolveResult ResolveNow(std::string_view host, uint16_t port);

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_RESOLVER_H_
