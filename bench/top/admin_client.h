#ifndef SPINDLE_BENCH_TOP_ADMIN_CLIENT_H_
#define SPINDLE_BENCH_TOP_ADMIN_CLIENT_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "base/clock.h"
#include "net/loop/event_loop.h"
#include "net/loop/timer.h"
#include "net/stream/stream_client.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// The body of an HTTP/1 reply, which ended with its connection. Any thread. Errors: kUnavailable
// for a reply that is cut off or has another status than 200, kInvalidArgument for what is none.
absl::StatusOr<std::string> HttpReplyBody(std::string_view reply);

// Asks the admin endpoint of a server for pages, one at a time, over a connection of its own each.
// Loop thread only.
class AdminClient {
 public:
  using Callback = absl::AnyInvocable<void(absl::StatusOr<std::string> body)>;

  static constexpr size_t kMaxReply = size_t{64} << 20;

  // `timeout` is for each page, connecting included; `max_reply`, in bytes, for its reply, header
  // included.
  AdminClient(EventLoop& loop, SocketAddress address, Duration timeout,
              size_t max_reply = kMaxReply)
      : loop_(loop), address_(std::move(address)), timeout_(timeout), max_reply_(max_reply) {}
  // The callback of a page that is under way is dropped.
  ~AdminClient();
  AdminClient(const AdminClient&) = delete;
  AdminClient& operator=(const AdminClient&) = delete;

  // Calls `callback` once, from the loop, never inside this call; it may ask for the next page, or
  // destroy the client. Not while a page is under way (CHECKed). Errors: no connection, no whole
  // reply in time, more than `max_reply`, and those of HttpReplyBody.
  void Get(std::string_view path, Callback callback);

 private:
  void Finish(absl::StatusOr<std::string> body);

  EventLoop& loop_;
  const SocketAddress address_;
  const Duration timeout_;
  const size_t max_reply_;
  std::unique_ptr<StreamClient> client_;
  std::string reply_;
  Callback callback_;
  TimerId timer_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_TOP_ADMIN_CLIENT_H_
