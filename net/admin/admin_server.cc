#include "net/admin/admin_server.h"

#include <netinet/tcp.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>
#include <vector>

#include "base/process_usage.h"
#include "base/strings.h"
#include "net/admin/internal/gather.h"
#include "net/admin/internal/http_request.h"
#include "net/admin/internal/pages.h"
#include "net/http/http_text.h"
#include "net/loop/event_loop.h"
#include "net/session/session.h"
#include "net/stream/connection.h"

namespace spindle {
namespace {

constexpr std::string_view kPlainText = "text/plain; charset=utf-8";
constexpr std::string_view kJson = "application/json";
constexpr size_t kMaxHeaderBytes = 8 * 1024;
constexpr size_t kMaxListed = 10'000;

constexpr std::string_view kIndex =
    "/metrics  counters for Prometheus\n"
    "/loops    the loops, a line each (?format=json)\n"
    "/conns    connections (?sort=id|bytes|queued|unread, ?limit=N, ?format=json)\n"
    "/conns/ID one connection\n"
    "/slow     callbacks that took long, if the loops measure them (?format=json)\n"
    "/healthz  ok, or why not\n";

// What a request is answered with.
struct Reply {
  std::string_view status = "200 OK";
  std::string_view type = kPlainText;
  std::string body = {};
};

ProcessReport ReportProcess(double started) {
  return ProcessReport{.started = started,
                       .processor_seconds = std::chrono::duration<double>(ProcessorTime()).count(),
                       .resident_bytes = ResidentBytes(),
                       .open_descriptors = OpenDescriptors()};
}

std::optional<SessionStats> ReportSession(const Connection& connection) {
  const Session* const session = connection.data<Session>();
  return session == nullptr ? std::nullopt : std::optional(session->stats());
}

ConnectionReport ReportConnection(const std::string& server, const Connection& connection) {
  return ConnectionReport{.server = server,
                          .id = connection.id(),
                          .peer = connection.peer_address(),
                          .ledger = connection.ledger(),
                          .output_queued = connection.output_queued(),
                          .input_unread = connection.unread_input().size(),
                          .paused = connection.pause_causes(),
                          .state = connection.state_name(),
                          .age = connection.age(),
                          .idle = connection.idle(),
                          .high_water_hits = connection.high_water_hits(),
                          .session = ReportSession(connection)};
}

// On the connection's loop's thread, as the one above.
ConnectionDetails ReportDetails(const std::string& server, const Connection& connection) {
  ConnectionDetails details{.summary = ReportConnection(server, connection),
                            .loop = connection.loop().name(),
                            .local = connection.local_address()};
  if (const absl::StatusOr<tcp_info> tcp = connection.TcpInfo(); tcp.ok()) details.tcp = *tcp;
  return details;
}

bool WantsJson(const HttpRequest& request) {
  const auto format = request.query.find("format");
  return format != request.query.end() && format->second == "json";
}

std::optional<size_t> ParseLimit(std::string_view text) {
  size_t limit = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), limit);
  if (error != std::errc() || end != text.data() + text.size() || limit == 0) return std::nullopt;
  return std::min(limit, kMaxListed);
}

}  // namespace

// Lives as long as an answer is under way. Main loop only.
class AdminServer::Core : public std::enable_shared_from_this<AdminServer::Core> {
 public:
  Core(EventLoopThreadPool& pool, AdminOptions options, bool check_host)
      : pool_(pool), home_(pool.main_loop()), options_(options), check_host_(check_host) {}

  void OnBytes(Connection& connection, Buffer& input);
  void Watch(std::string name, StreamServerProbe probe) {
    servers_.push_back({std::move(name), std::move(probe)});
  }
  void AddMetrics(std::function<void(MetricsText&)> write) { metrics_.push_back(std::move(write)); }
  void SetHealth(std::function<absl::Status()> check) { health_ = std::move(check); }

 private:
  struct Watched {
    std::string name;
    StreamServerProbe probe;
  };
  // Where the answer goes; nothing happens if the connection is gone by then.
  struct Asker {
    ConnectionHandle connection;
    bool head = false;
    void Answer(const Reply& reply) const;
  };

  struct Loops {
    std::vector<EventLoop*> loops;
    std::vector<LoopRef> refs;
    std::vector<std::string> names;
  };
  Loops AllLoops() const;

  // Every loop of every server: which loop, and which of which server's it is.
  struct Places {
    std::vector<LoopRef> loops;
    std::vector<std::pair<Watched, size_t>> servers;
  };
  Places AllPlaces() const;

  void Serve(const HttpRequest& request, const Asker& asker);
  void ServeReport(const HttpRequest& request, const Asker& asker);
  void ServeSlow(const HttpRequest& request, const Asker& asker);
  void ServeConnections(const HttpRequest& request, const Asker& asker);
  void ServeConnection(std::string_view id, const Asker& asker);
  void ServeHealth(const Asker& asker) const;

  EventLoopThreadPool& pool_;  // Not for answers, which may be late.
  EventLoop& home_;
  const AdminOptions options_;
  const bool check_host_;
  const double started_ =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  std::vector<Watched> servers_;
  std::vector<std::function<void(MetricsText&)>> metrics_;
  std::function<absl::Status()> health_;
};

void AdminServer::Core::Asker::Answer(const Reply& reply) const {
  Connection* const target = connection.Get();
  if (target == nullptr) return;
  static_cast<void>(target->Write(HttpReply(reply.status, reply.type, reply.body, head)));
  target->Close();
}

void AdminServer::Core::OnBytes(Connection& connection, Buffer& input) {
  const std::string text = input.ToString();
  const size_t size = HttpHeaderSize(text);
  const Asker stranger{connection.handle()};
  if (size == 0) {
    if (text.size() > kMaxHeaderBytes) {
      stranger.Answer({.status = "431 Request Header Fields Too Large"});
    }
    return;
  }
  input.Clear();
  connection.PauseReading();  // One request, one answer.
  HttpRequest request;
  const std::string_view refusal =
      ParseHttpRequest(std::string_view(text).substr(0, size), request);
  if (!refusal.empty()) return stranger.Answer({.status = refusal});
  const Asker asker{connection.handle(), request.is_head};
  if (check_host_ && request.host.has_value() && !IsLocalHttpHost(*request.host)) {
    return asker.Answer({.status = "403 Forbidden", .body = "this host goes by another name\n"});
  }
  Serve(request, asker);
}

void AdminServer::Core::Serve(const HttpRequest& request, const Asker& asker) {
  constexpr std::string_view kOne = "/conns/";
  if (request.path == "/") return asker.Answer({.body = std::string(kIndex)});
  if (request.path == "/metrics" || request.path == "/loops") return ServeReport(request, asker);
  if (request.path == "/slow") return ServeSlow(request, asker);
  if (request.path == "/conns") return ServeConnections(request, asker);
  if (request.path.starts_with(kOne)) {
    return ServeConnection(std::string_view(request.path).substr(kOne.size()), asker);
  }
  if (request.path == "/healthz") return ServeHealth(asker);
  asker.Answer({.status = "404 Not Found", .body = std::string(kIndex)});
}

void AdminServer::Core::ServeHealth(const Asker& asker) const {
  const absl::Status status = health_ ? health_() : absl::OkStatus();
  if (status.ok()) return asker.Answer({.body = "ok\n"});
  asker.Answer({.status = "503 Service Unavailable", .body = Concat(status.message(), "\n")});
}

// The main loop, then the workers.
AdminServer::Core::Loops AdminServer::Core::AllLoops() const {
  Loops all;
  all.loops = {pool_.loops().begin(), pool_.loops().end()};
  if (pool_.size() > 0) all.loops.insert(all.loops.begin(), &pool_.main_loop());
  for (const EventLoop* loop : all.loops) {
    all.refs.push_back(loop->ref());
    all.names.push_back(loop->name().empty() ? Concat("loop-", loop->index()) : loop->name());
  }
  return all;
}

void AdminServer::Core::ServeSlow(const HttpRequest& request, const Asker& asker) {
  Loops all = AllLoops();
  Gather<SlowReport>(
      home_, all.refs, options_.answer_deadline,
      [loops = all.loops](size_t i) {
        return SlowReport{.answered = true,
                          .limit = loops[i]->slow_callback_limit(),
                          .callbacks = loops[i]->SlowCallbacks()};
      },
      [self = shared_from_this(), names = std::move(all.names), asker,
       json = WantsJson(request)](std::vector<std::optional<SlowReport>> parts) {
        if (asker.connection.Get() == nullptr) return;
        std::vector<SlowReport> reports;
        for (size_t i = 0; i < parts.size(); ++i) {
          reports.push_back(std::move(parts[i]).value_or(SlowReport()));
          reports.back().loop = names[i];
        }
        asker.Answer({.type = json ? kJson : kPlainText,
                      .body = SlowPage(reports, self->home_.Now(), json)});
      });
}

void AdminServer::Core::ServeReport(const HttpRequest& request, const Asker& asker) {
  Loops all = AllLoops();
  const TimePoint began = home_.Now();
  const bool json = WantsJson(request);
  Gather<LoopStats>(
      home_, all.refs, options_.answer_deadline,
      [loops = all.loops](size_t i) { return loops[i]->Stats(); },
      [self = shared_from_this(), names = std::move(all.names), asker, began, json,
       metrics = request.path == "/metrics"](std::vector<std::optional<LoopStats>> stats) {
        if (asker.connection.Get() == nullptr) return;
        Report report;
        report.took = self->home_.Now() - began;
        for (size_t i = 0; i < names.size(); ++i) report.loops.push_back({names[i], stats[i]});
        if (!metrics) {
          return asker.Answer({.type = json ? kJson : kPlainText, .body = LoopsPage(report, json)});
        }
        report.process = ReportProcess(self->started_);
        for (const Watched& server : self->servers_) {
          report.servers.push_back({server.name, server.probe.stats()});
        }
        MetricsText own;
        for (const auto& write : self->metrics_) write(own);
        asker.Answer({.type = MetricsText::kContentType, .body = MetricsPage(report) + own.text()});
      });
}

AdminServer::Core::Places AdminServer::Core::AllPlaces() const {
  Places places;
  for (const Watched& server : servers_) {
    const std::vector<LoopRef> loops = server.probe.loops();
    for (size_t i = 0; i < loops.size(); ++i) {
      places.loops.push_back(loops[i]);
      places.servers.emplace_back(server, i);
    }
  }
  return places;
}

void AdminServer::Core::ServeConnections(const HttpRequest& request, const Asker& asker) {
  const auto value = [&](const char* name, std::string_view otherwise) -> std::string_view {
    const auto found = request.query.find(name);
    return found == request.query.end() ? otherwise : std::string_view(found->second);
  };
  const auto order = ParseConnectionOrder(value("sort", "id"));
  const auto limit = ParseLimit(value("limit", "50"));
  if (!order.has_value() || !limit.has_value()) {
    return asker.Answer({.status = "400 Bad Request", .body = std::string(kIndex)});
  }
  const Places places = AllPlaces();
  Gather<ConnectionsReport>(
      home_, places.loops, options_.answer_deadline,
      [servers = places.servers, order = *order, limit = *limit](size_t place) {
        const auto& [server, index] = servers[place];
        ConnectionsReport report;
        server.probe.ForEachConnection(index, [&](const Connection& connection) {
          report.connections.push_back(ReportConnection(server.name, connection));
        });
        report.total = report.connections.size();
        KeepFirst(report.connections, order, limit);
        return report;
      },
      [asker, order = *order, limit = *limit,
       json = WantsJson(request)](std::vector<std::optional<ConnectionsReport>> parts) {
        ConnectionsReport all;
        for (std::optional<ConnectionsReport>& part : parts) {
          if (!part.has_value()) {
            ++all.silent_loops;
            continue;
          }
          all.total += part->total;
          std::move(part->connections.begin(), part->connections.end(),
                    std::back_inserter(all.connections));
        }
        KeepFirst(all.connections, order, limit);
        asker.Answer({.type = json ? kJson : kPlainText, .body = ConnectionsPage(all, json)});
      });
}

void AdminServer::Core::ServeConnection(std::string_view id, const Asker& asker) {
  const Places places = AllPlaces();
  using Found = std::optional<ConnectionDetails>;
  Gather<Found>(
      home_, places.loops, options_.answer_deadline,
      [servers = places.servers, id = std::string(id)](size_t place) {
        const auto& [server, index] = servers[place];
        Found found;
        server.probe.ForEachConnection(index, [&](const Connection& connection) {
          if (connection.id().ToString() == id) found = ReportDetails(server.name, connection);
        });
        return found;
      },
      [asker](std::vector<std::optional<Found>> parts) {
        bool all_answered = true;
        for (const std::optional<Found>& part : parts) {
          if (part.has_value() && part->has_value()) {
            return asker.Answer({.body = ConnectionPage(**part)});
          }
          all_answered = all_answered && part.has_value();
        }
        if (all_answered) {
          return asker.Answer({.status = "404 Not Found", .body = "no such connection is open\n"});
        }
        asker.Answer({.status = "504 Gateway Timeout", .body = "its loop may not have answered\n"});
      });
}

absl::StatusOr<std::unique_ptr<AdminServer>> AdminServer::Listen(EventLoopThreadPool& pool,
                                                                 const SocketAddress& address,
                                                                 AdminOptions options) {
  if (address.is_ip() && !address.is_loopback()) {
    return absl::InvalidArgumentError(
        ToAbsl(Concat("an admin endpoint tells all to whoever connects: not at ",
                      address.ToString(), ", only at a loopback address or a Unix socket")));
  }
  const auto core = std::make_shared<Core>(pool, options, /*check_host=*/address.is_ip());
  auto server = StreamServer::Listen(
      pool.main_loop(), address,
      {.on_bytes = [core](Connection& c, Buffer& input) { core->OnBytes(c, input); }},
      {.connection = {.idle_timeout = std::chrono::seconds(10) + options.answer_deadline},
       .max_connections = 16,
       .over_limit = OverLimit::kRefuse,
       .refusal_message = HttpReply("503 Service Unavailable", kPlainText, "too many ask\n",
                                    /*head=*/false)});
  if (!server.ok()) return server.status();
  std::unique_ptr<AdminServer> admin(new AdminServer(core));
  admin->server_ = *std::move(server);
  return admin;
}

AdminServer::AdminServer(std::shared_ptr<Core> core) : core_(std::move(core)) {}

AdminServer::~AdminServer() = default;

void AdminServer::Watch(std::string name, StreamServerProbe server) {
  core_->Watch(std::move(name), std::move(server));
}

void AdminServer::AddMetrics(std::function<void(MetricsText&)> write) {
  core_->AddMetrics(std::move(write));
}

void AdminServer::SetHealth(std::function<absl::Status()> check) {
  core_->SetHealth(std::move(check));
}

const SocketAddress& AdminServer::address() const { return server_->address(); }

}  // namespace spindle
