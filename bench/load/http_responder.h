#ifndef SPINDLE_BENCH_LOAD_HTTP_RESPONDER_H_
#define SPINDLE_BENCH_LOAD_HTTP_RESPONDER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "net/types/buffer.h"

namespace spindle::bench {

// The server's side of HTTP/1.0 and 1.1 on one connection, with the same small reply to every
// request, whatever its method and target: something for HTTP load generators to talk to. One
// thread at a time, one per connection.
//
// Requests may come in any pieces, and several at once; replies are in their order. Bodies with a
// Content-Length are skipped. HEAD gets the header alone. The connection stays unless the request
// says "Connection: close", or is HTTP/1.0 and does not say "keep-alive". "Expect: 100-continue" is
// answered. RFC 9110, RFC 9112.
//
// Refused, after which the connection ends: what is no request (400), a header above
// kMaxHeaderBytes (431), Transfer-Encoding (501), other major versions (505). Not there: a Date
// field, dates and ranges, any look at the target.
class HttpResponder {
 public:
  static constexpr size_t kMaxHeaderBytes = 16 * 1024;
  static constexpr std::string_view kBody = "Hello, world!\n";

  // Answers what is complete in `input` and consumes it; a header that is not complete yet stays,
  // and must come again with more behind it. Appends to `replies`. False: no more requests are
  // read, and the connection is to be closed behind the replies; all input is then consumed.
  bool Feed(Buffer& input, std::string& replies);

  // Between two requests: the peer may end here.
  bool at_boundary() const { return body_left_ == 0; }

  // Requests that got the reply.
  uint64_t answered() const { return answered_; }

 private:
  struct Request;

  bool Answer(std::string_view header, std::string& replies, bool more_follows);
  // With what status to refuse a header of which `text` is the start; empty: go on reading.
  static std::string_view RefusalOfStart(std::string_view text);
  // Appends a reply of `status` that ends the connection. Returns false.
  bool Refuse(std::string_view status, std::string& replies);

  uint64_t body_left_ = 0;  // Bytes of the request's body still to be skipped.
  uint64_t answered_ = 0;
  bool ended_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_HTTP_RESPONDER_H_
