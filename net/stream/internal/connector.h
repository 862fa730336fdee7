#ifndef SPINDLE_NET_STREAM_INTERNAL_CONNECTOR_H_
#define SPINDLE_NET_STREAM_INTERNAL_CONNECTOR_H_

#include "absl/functional/any_invocable.h"
#include "base/clock.h"
#include "net/backend/owned_socket.h"
#include "net/loop/io_host.h"
#include "net/stream/stream_options.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

// One attempt to connect. The socket is registered as its connection will need it, so that success
// costs no second registration.
//
// Loop thread only. Destroying it abandons the attempt; then `done` is never called.
class Connector final : private IoSlot, private TimerEntry {
 public:
  struct Result {
    IoError error = {};  // ETIMEDOUT with IoOp::kNone: the deadline passed.
    bool self_connect = false;
    // On success: the registration, which is the taker's from now on, and what its event said.
    SlotToken token = {};
    uint32_t event_flags = 0;
  };
  // Called exactly once, from the loop, never inside Start; may destroy the connector.
  using Done = absl::AnyInvocable<void(const Result&)>;

  Connector(IoHost& host, const SocketAddress& remote, Done done)
      : host_(host), remote_(remote), done_(std::move(done)) {}
  ~Connector();

  // `local` is bound first unless it is unspecified. A `timeout` of zero means the kernel's (some
  // two minutes for TCP).
  void Start(const SocketAddress& local, const ConnectionOptions& options, Duration timeout);

 private:
  IoError Begin(const SocketAddress& local, const ConnectionOptions& options);
  void OnIoEvent(const IoEvent& event) override;
  void OnLoopGone() override;
  void OnTimer() override;
  CallbackOrigin origin() const override { return {.kind = "connector"}; }
  bool IsSelfConnect() const;
  void Finish(const Result& result);

  IoHost& host_;
  const SocketAddress remote_;
  Done done_;
  OwnedSocket socket_;
  IoError failed_;  // Found in Start, to be reported from the loop.
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_CONNECTOR_H_
