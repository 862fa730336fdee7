#include "net/stream/stream_client.h"

#include <errno.h>

#include <algorithm>
#include <random>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/backoff.h"
#include "base/parse.h"
#include "base/random.h"
#include "net/loop/io_host.h"
#include "net/stream/internal/connection_group.h"
#include "net/stream/internal/connector.h"

namespace spindle {
namespace {

ConnectFailure FailureOf(const Connector::Result& result) {
  if (result.self_connect) return ConnectFailure::kSelfConnect;
  switch (result.error.op()) {
    case IoOp::kSocket:
    case IoOp::kBind:
    case IoOp::kSetOption:
    case IoOp::kPoll:
      return ConnectFailure::kLocal;
    default:
      break;
  }
  switch (result.error.code()) {
    case ECONNREFUSED:
    case ENOENT:
      return ConnectFailure::kRefused;
    case ENETUNREACH:
    case EHOSTUNREACH:
    case ENETDOWN:
    case EHOSTDOWN:
      return ConnectFailure::kUnreachable;
    case ETIMEDOUT:
      return ConnectFailure::kTimeout;
    case EADDRNOTAVAIL:
    case EACCES:
    case EPERM:
    case EMFILE:
    case ENFILE:
      return ConnectFailure::kLocal;
    default:
      return ConnectFailure::kOther;
  }
}

}  // namespace

std::string_view ConnectFailureName(ConnectFailure failure) {
  switch (failure) {
    case ConnectFailure::kRefused:
      return "refused";
    case ConnectFailure::kUnreachable:
      return "unreachable";
    case ConnectFailure::kTimeout:
      return "timeout";
    case ConnectFailure::kSelfConnect:
      return "self-connect";
    case ConnectFailure::kLocal:
      return "local";
    case ConnectFailure::kOther:
      break;
  }
  return "other";
}

std::string ConnectError::ToString(const SocketAddress& server) const {
  std::string text = absl::StrCat("connect ", server.ToString(), ": ");
  if (failure == ConnectFailure::kSelfConnect) {
    absl::StrAppend(&text, "connected to itself, nobody listens there");
  } else if (failure == ConnectFailure::kTimeout && error.op() == IoOp::kNone) {
    absl::StrAppend(&text, "no answer within the connect timeout");
  } else {
    absl::StrAppend(&text, error.ToString());
  }
  absl::StrAppend(&text, ", attempt ", attempt);
  if (will_retry) absl::StrAppend(&text, ", again in ", FormatDuration(retry_in));
  return text;
}

// The client proper; shared with callbacks under way, which find `destroyed_` set when they return.
class StreamClient::Core final : public std::enable_shared_from_this<StreamClient::Core>,
                                 private TimerEntry {
 public:
  Core(EventLoop& loop, const SocketAddress& server, StreamClientOptions options,
       absl::AnyInvocable<void(const ConnectError&)> on_connect_error)
      : host_(IoHost::Of(loop)),
        loop_(loop.ref()),
        server_(server),
        options_(std::move(options)),
        on_connect_error_(std::move(on_connect_error)),
        random_(options_.random_seed != 0 ? options_.random_seed : std::random_device{}()) {}

  // Second half of the construction, which needs shared_from_this.
  void Init(ConnectionCallbacks callbacks, std::source_location where);
  void Connect();
  void Stop();
  void Destroy();

  const LoopRef& loop() const { return loop_; }
  Connection* connection() { return group_ == nullptr ? nullptr : group_->first(); }
  bool connecting() const { return connector_ != nullptr || scheduled(); }
  const SocketAddress& server() const { return server_; }

 private:
  void Attempt();
  void OnResult(const Connector::Result& result);
  void OnFailure(const Connector::Result& result);
  void OnClosed(const CloseReason& reason);
  void OnTimer() override { Attempt(); }
  CallbackOrigin origin() const override {
    return {.kind = "reconnect", .where = group_->config().where};
  }
  Duration NextBackoff();

  IoHost& host_;
  const LoopRef loop_;
  const SocketAddress server_;
  const StreamClientOptions options_;
  absl::AnyInvocable<void(const ConnectError&)> on_connect_error_;
  std::unique_ptr<ConnectionGroup> group_;
  std::unique_ptr<Connector> connector_;
  Random random_;
  uint32_t attempts_ = 0;  // In a row.
  bool wanted_ = false;    // Between Connect and Stop.
  bool destroyed_ = false;
};

void StreamClient::Core::Init(ConnectionCallbacks callbacks, std::source_location where) {
  auto on_close = std::move(callbacks.on_close);
  callbacks.on_close = [weak = weak_from_this(), on_close = std::move(on_close)](
                           Connection& connection, const CloseReason& reason) {
    if (on_close) on_close(connection, reason);
    const std::shared_ptr<Core> core = weak.lock();
    if (core != nullptr && !core->destroyed_) core->OnClosed(reason);
  };
  group_ = std::make_unique<ConnectionGroup>(
      host_, std::make_shared<const ConnectionConfig>(
                 ConnectionConfig{std::move(callbacks), options_.connection, where}));
}

void StreamClient::Core::Connect() {
  host_.AssertInLoop();
  wanted_ = true;
  if (connecting() || group_->count() > 0) return;
  attempts_ = 0;
  Attempt();
}

void StreamClient::Core::Attempt() {
  ++attempts_;
  connector_ = std::make_unique<Connector>(
      host_, server_, [weak = weak_from_this()](const Connector::Result& result) {
        // Holds the client's core, whatever the callbacks below do to the client.
        if (const std::shared_ptr<Core> core = weak.lock()) core->OnResult(result);
      });
  connector_->Start(options_.local, options_.connection, options_.connect_timeout);
}

void StreamClient::Core::OnResult(const Connector::Result& result) {
  connector_.reset();
  if (!result.error.ok()) {
    OnFailure(result);
    return;
  }
  attempts_ = 0;
  group_->Expect();
  group_->AdoptConnected(result.token, server_, result.event_flags);
}

void StreamClient::Core::OnFailure(const Connector::Result& result) {
  const RetryPolicy& retry = options_.retry;
  ConnectError error{.failure = FailureOf(result), .error = result.error, .attempt = attempts_};
  if (wanted_ && (retry.max_attempts == 0 || attempts_ < retry.max_attempts)) {
    error.will_retry = true;
    error.retry_in = NextBackoff();
    host_.timers().Add(*this, SaturatingAdd(host_.Now(), error.retry_in));
  }
  if (on_connect_error_) on_connect_error_(error);
}

void StreamClient::Core::OnClosed(const CloseReason& reason) {
  const bool ours = reason.kind == CloseKind::kLocalClose ||
                    reason.kind == CloseKind::kLocalAbort || reason.kind == CloseKind::kLoopStopped;
  if (!wanted_ || ours || !options_.retry.reconnect_after_close || connecting()) return;
  if (host_.closing() || group_->count() > 0) return;
  attempts_ = 0;
  host_.timers().Add(*this, SaturatingAdd(host_.Now(), NextBackoff()));
}

Duration StreamClient::Core::NextBackoff() {
  const RetryPolicy& retry = options_.retry;
  const Duration full = BackoffCeiling(retry.initial_backoff, retry.max_backoff, retry.multiplier,
                                       std::max(attempts_, 1u));
  const double jitter = std::clamp(retry.jitter, 0.0, 1.0) * random_.NextDouble();
  return Duration(static_cast<int64_t>(static_cast<double>(full.count()) * (1.0 - jitter)));
}

void StreamClient::Core::Stop() {
  host_.AssertInLoop();
  wanted_ = false;
  connector_.reset();
  host_.timers().Remove(*this);
  if (Connection* open = connection()) open->Close();
}

void StreamClient::Core::Destroy() {
  destroyed_ = true;
  wanted_ = false;
  connector_.reset();
  if (scheduled()) host_.timers().Remove(*this);
  group_.reset();
}

StreamClient::StreamClient(EventLoop& loop, const SocketAddress& server,
                           ConnectionCallbacks callbacks, StreamClientOptions options,
                           absl::AnyInvocable<void(const ConnectError&)> on_connect_error,
                           std::source_location where)
    : core_(std::make_shared<Core>(loop, server, std::move(options), std::move(on_connect_error))) {
  core_->Init(std::move(callbacks), where);
}

StreamClient::~StreamClient() {
  // A loop that is gone has closed the connection and let go of the rest.
  if (!core_->loop().CallAndWait([&] { core_->Destroy(); })) core_->Destroy();
}

void StreamClient::Connect() { core_->Connect(); }

void StreamClient::Stop() { core_->Stop(); }

Connection* StreamClient::connection() { return core_->connection(); }

bool StreamClient::connecting() const { return core_->connecting(); }

const SocketAddress& StreamClient::server() const { return core_->server(); }

}  // namespace spindle
