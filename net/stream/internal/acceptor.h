#ifndef SPINDLE_NET_STREAM_INTERNAL_ACCEPTOR_H_
#define SPINDLE_NET_STREAM_INTERNAL_ACCEPTOR_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"
#include "net/backend/io_slot.h"
#include "net/backend/owned_socket.h"
#include "net/backend/unix_path.h"
#include "net/loop/io_host.h"
#include "net/stream/stream_options.h"
#include "net/types/socket_address.h"

namespace spindle {

struct ListenOptions {
  int backlog = 4096;  // Capped by the kernel at net.core.somaxconn.
  // Most connections accepted in one turn; then others have theirs.
  size_t accepts_per_turn = 64;
  // Several sockets, one per loop, share the port and the kernel spreads the connections.
  bool reuse_port = false;
  // An IPv6 socket takes IPv4 connections too.
  bool dual_stack = true;
  ConnectionOptions connection = {};
};

// One listening socket on one loop. A shortage (EMFILE, ENFILE, ENOBUFS, ENOMEM) is not the end: it
// looks again every kRetryDelay, and meanwhile connections wait in the kernel's queue.
//
// The registration is level-triggered. How many connections it tries to take at a wake-up follows
// what it found before, so that a lone connection costs one accept(2) and a burst one wake-up.
//
// Loop thread only, but for address().
class Acceptor final : private IoSlot, private TimerEntry {
 public:
  static constexpr Duration kRetryDelay = std::chrono::milliseconds(20);

  enum class Verdict : uint8_t {
    kGoOn,
    kWait,  // No more for now: look again after kRetryDelay.
  };
  struct Callbacks {
    // Asked before each accept.
    absl::AnyInvocable<Verdict()> may_accept = nullptr;
    // Takes a connection; may destroy the acceptor.
    absl::AnyInvocable<void(OwnedSocket socket, const SocketAddress& peer)> on_accept = nullptr;
    // accept(2) failed with `error`. May destroy the acceptor.
    absl::AnyInvocable<void(IoError error)> on_error = nullptr;
  };

  // Errors: those of socket, bind and listen, naming the address. A Unix path that a dead process
  // left behind is taken over; one that is in use, also by a socket that does not listen yet, or is
  // not a socket, is not.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Listen(IoHost& host,
                                                          const SocketAddress& address,
                                                          const ListenOptions& options,
                                                          Callbacks callbacks);
  // Accepts from `socket`, which listens already: another process made it (inherited_sockets.h). A
  // Unix path stays that process's: it is not removed at the end. Errors: not a listening stream
  // socket; those of fcntl, naming the descriptor.
  static absl::StatusOr<std::unique_ptr<Acceptor>> Take(IoHost& host, OwnedFd socket,
                                                        const ListenOptions& options,
                                                        Callbacks callbacks);
  ~Acceptor();

  // Another descriptor of the same socket, for another process, which from now on is in charge of a
  // Unix path. Errors: those of fcntl(2), F_DUPFD_CLOEXEC; EBADF once it does not listen any more.
  absl::StatusOr<OwnedFd> Duplicate();

  // The address bound to, its port never 0.
  const SocketAddress& address() const { return address_; }

  // Takes what is in the kernel's queue now, then stops listening for good.
  void Finish();

 private:
  enum class Outcome : uint8_t { kTaken, kEmpty, kSkipped, kShortage, kBroken };

  Acceptor(IoHost& host, const ListenOptions& options, Callbacks callbacks)
      : host_(host), options_(options), callbacks_(std::move(callbacks)) {}
  absl::Status Open(const SocketAddress& address);
  absl::Status OpenInherited(OwnedFd socket);
  absl::Status StartListening(const std::string& name);

  void OnIoEvent(const IoEvent& event) override;
  void OnLoopGone() override;
  void OnTimer() override;
  CallbackOrigin origin() const override { return {.kind = "listener"}; }
  // Accepts up to `limit`. False if the acceptor was destroyed meanwhile.
  bool AcceptUpTo(size_t limit);
  Outcome AcceptOne();
  Outcome OnAcceptError(int error);
  void Wait();
  void StopListening();

  IoHost& host_;
  const ListenOptions options_;
  Callbacks callbacks_;
  OwnedSocket fd_;
  SocketAddress address_;
  size_t limit_ = 1;       // For the next wake-up.
  bool waiting_ = false;   // For kRetryDelay; the registration watches nothing.
  bool shortage_ = false;  // Found by the latest attempt.
  bool* destroyed_ = nullptr;
  BoundUnixPath path_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_ACCEPTOR_H_
