#ifndef SPINDLE_NET_DATAGRAM_UDP_HANDLE_H_
#define SPINDLE_NET_DATAGRAM_UDP_HANDLE_H_

#include <source_location>
#include <string>
#include <utility>

#include "absl/functional/any_invocable.h"
#include "net/backend/slot_token.h"
#include "net/datagram/datagram.h"
#include "net/loop/loop_ref.h"
#include "net/types/io_error.h"
#include "net/types/socket_address.h"

namespace spindle {

class IoHost;
class UdpSocket;

// A socket as other threads, or later callbacks, may keep it: copyable, usable on any thread, and
// harmless when the socket or its loop is gone. A default-made one names none.
//
// Calls are tasks of the socket's loop, in order with everything else that the calling thread posts
// there. They return false when it is certain at once that nothing will happen. True does not mean
// that the socket still lives by the time the task runs; who must know asks for `done`. `where`
// names the task if it is slow (EventLoopOptions::slow_callback).
class UdpHandle {
 public:
  UdpHandle() = default;

  explicit operator bool() const { return token_.valid(); }
  friend bool operator==(const UdpHandle& a, const UdpHandle& b) { return a.token_ == b.token_; }

  // See UdpSocket::SendTo. `done`, if given, runs on the loop's thread with its result; EBADF if
  // the socket is gone.
  bool SendTo(std::string data, const SocketAddress& to, const LocalEnd& from = {},
              absl::AnyInvocable<void(IoError)> done = nullptr,
              std::source_location where = std::source_location::current()) const;

  // Runs `function` with the socket on its loop's thread, if it still lives then; otherwise
  // `function` is destroyed unrun.
  bool Run(absl::AnyInvocable<void(UdpSocket&)> function,
           std::source_location where = std::source_location::current()) const;

  // The socket, or null if it is gone. Loop thread only; valid until the callback returns or
  // destroys it.
  UdpSocket* Get() const;

  const LoopRef& loop() const { return loop_; }

 private:
  friend class UdpCore;
  UdpHandle(LoopRef loop, IoHost* host, SlotToken token)
      : loop_(std::move(loop)), host_(host), token_(token) {}

  LoopRef loop_;
  IoHost* host_ = nullptr;  // Touched on the loop's thread only.
  SlotToken token_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_DATAGRAM_UDP_HANDLE_H_
