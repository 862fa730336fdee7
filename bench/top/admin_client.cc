#include "bench/top/admin_client.h"

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <utility>

#include "absl/status/status.h"
#include "base/check.h"
#include "base/strings.h"
#include "net/http/http_text.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/types/buffer.h"

namespace spindle::bench {
namespace {

constexpr std::string_view kVersion = "HTTP/1.";

// As far as can be told from what is there.
bool IsHttp(std::string_view reply) { return reply.starts_with(kVersion.substr(0, reply.size())); }

absl::Status Unavailable(std::string_view text) { return absl::UnavailableError(ToAbsl(text)); }

// The value of Content-Length; nothing if there is none.
std::optional<size_t> ContentLength(std::string_view header) {
  std::string_view line;
  while (TakeHttpLine(header, &line)) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    if (!EqualHttpNames(line.substr(0, colon), "Content-Length")) continue;
    const std::string_view text = TrimHttpBlanks(line.substr(colon + 1));
    size_t length = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), length);
    if (error == std::errc() && end == text.data() + text.size()) return length;
  }
  return std::nullopt;
}

}  // namespace

absl::StatusOr<std::string> HttpReplyBody(std::string_view reply) {
  if (!IsHttp(reply)) return absl::InvalidArgumentError("this is no HTTP server");
  const size_t header_size = HttpHeaderSize(reply);
  if (header_size == 0) return Unavailable("the reply is cut off");
  std::string_view header = reply.substr(0, header_size);
  std::string_view status;
  TakeHttpLine(header, &status);
  const std::string_view code = status.substr(std::min(status.size(), kVersion.size() + 2));
  if (!code.starts_with("200")) return Unavailable(Concat("answers \"", code, "\""));
  const std::string_view body = reply.substr(header_size);
  const std::optional<size_t> length = ContentLength(header);
  if (length.has_value() && *length > body.size()) return Unavailable("the reply is cut off");
  return std::string(body.substr(0, length.value_or(body.size())));
}

AdminClient::~AdminClient() {
  loop_.Cancel(timer_);
  // Its connection tells its end now, while there is somebody to hear it.
  callback_ = nullptr;
  client_.reset();
}

void AdminClient::Get(std::string_view path, Callback callback) {
  SPINDLE_CHECK(!callback_);
  client_.reset();  // It may still have an end to tell.
  callback_ = std::move(callback);
  reply_.clear();
  ConnectionCallbacks callbacks;
  callbacks.on_open = [request = Concat("GET ", path,
                                        " HTTP/1.1\r\nHost: localhost\r\n"
                                        "Connection: close\r\n\r\n")](Connection& connection) {
    static_cast<void>(connection.Write(request));
  };
  callbacks.on_bytes = [this](Connection& connection, Buffer& input) {
    reply_ += input.ToString();
    input.Clear();
    if (reply_.size() > max_reply_ || !IsHttp(reply_)) connection.Abort();
  };
  callbacks.on_close = [this](Connection&, const CloseReason&) {
    Finish(reply_.size() > max_reply_ ? Unavailable("the reply is too long")
                                      : HttpReplyBody(reply_));
  };
  StreamClientOptions options;
  options.connect_timeout = timeout_;
  client_ = std::make_unique<StreamClient>(
      loop_, address_, std::move(callbacks), options,
      [this](const ConnectError& error) { Finish(Unavailable(error.error.ToString())); });
  timer_ = loop_.RunAfter(timeout_, [this] { Finish(Unavailable("no answer in time")); });
  client_->Connect();
}

void AdminClient::Finish(absl::StatusOr<std::string> body) {
  // Not the client: this may be its callback. The next page replaces it.
  loop_.Cancel(timer_);
  if (!callback_) return;
  std::exchange(callback_, nullptr)(std::move(body));  // May destroy this.
}

}  // namespace spindle::bench
