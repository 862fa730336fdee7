#include "net/admin/internal/pages.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "base/parse.h"
#include "base/strings.h"
#include "base/text_table.h"
#include "net/admin/metrics_text.h"
#include "nlohmann/json.hpp"

namespace spindle {
namespace {

using Json = nlohmann::ordered_json;

constexpr MetricKind kCounter = MetricKind::kCounter;
constexpr MetricKind kGauge = MetricKind::kGauge;

double Seconds(Duration time) { return std::chrono::duration<double>(time).count(); }

// What there is of each loop, once for all pages.
struct LoopField {
  const char* name;  // In JSON; the metric is spindle_loop_NAME.
  const char* help;
  MetricKind kind;
  uint64_t (*count)(const LoopStats&);
  Duration LoopStats::*time;  // Instead of `count`, in seconds.
};

constexpr LoopField kLoopFields[] = {
    {"turns_total", "Turns of the loop.", kCounter, [](const LoopStats& s) { return s.turns; },
     nullptr},
    {"events_total", "I/O events.", kCounter, [](const LoopStats& s) { return s.events; }, nullptr},
    {"timers_fired_total", "Timers that rang.", kCounter,
     [](const LoopStats& s) { return s.timers_fired; }, nullptr},
    {"tasks_total", "Tasks of other threads and of callbacks.", kCounter,
     [](const LoopStats& s) { return s.tasks_run; }, nullptr},
    {"wait_seconds_total", "Time spent waiting for events.", kCounter, nullptr,
     &LoopStats::wait_time},
    {"busy_seconds_total", "Time spent in callbacks and in the loop's own work.", kCounter, nullptr,
     &LoopStats::busy_time},
    {"longest_turn_seconds", "The longest turn so far, waiting left out.", kGauge, nullptr,
     &LoopStats::max_busy_time},
    {"longest_task_wait_seconds", "The longest that a task has waited for its loop.", kGauge,
     nullptr, &LoopStats::max_task_wait},
    {"longest_timer_lag_seconds", "The longest between a timer's deadline and its callback.",
     kGauge, nullptr, &LoopStats::max_timer_lag},
    {"slow_callbacks_total", "Callbacks over the loop's limit, where callbacks are measured.",
     kCounter, [](const LoopStats& s) { return s.slow_callbacks; }, nullptr},
    {"connections", "Open connections.", kGauge,
     [](const LoopStats& s) { return s.connections_open(); }, nullptr},
    {"connections_opened_total", "Connections that began.", kCounter,
     [](const LoopStats& s) { return s.connections_opened; }, nullptr},
    {"connections_accepted_total", "Connections accepted by listeners on this loop.", kCounter,
     [](const LoopStats& s) { return s.connections_accepted; }, nullptr},
    {"accept_errors_total", "accept(2) calls that failed.", kCounter,
     [](const LoopStats& s) { return s.accept_errors; }, nullptr},
    {"reads_total", "System calls that read.", kCounter, [](const LoopStats& s) { return s.reads; },
     nullptr},
    {"writes_total", "System calls that write.", kCounter,
     [](const LoopStats& s) { return s.writes; }, nullptr},
    {"read_bytes_total", "Bytes read.", kCounter, [](const LoopStats& s) { return s.bytes_read; },
     nullptr},
    {"written_bytes_total", "Bytes that the kernel took.", kCounter,
     [](const LoopStats& s) { return s.bytes_written; }, nullptr},
};

void AppendLoops(MetricsText& text, const std::vector<LoopReport>& loops) {
  text.Begin("spindle_loop_answered", kGauge, "1 if the loop answered in time, else 0.");
  for (const LoopReport& loop : loops) {
    text.Sample({{"loop", loop.name}}, loop.stats.has_value() ? 1 : 0);
  }
  for (const LoopField& field : kLoopFields) {
    text.Begin(Concat("spindle_loop_", field.name), field.kind, field.help);
    for (const LoopReport& loop : loops) {
      if (!loop.stats.has_value()) continue;
      if (field.count != nullptr) {
        text.Sample({{"loop", loop.name}}, field.count(*loop.stats));
      } else {
        text.Sample({{"loop", loop.name}}, Seconds((*loop.stats).*field.time));
      }
    }
  }
}

void AppendCallbackTimes(MetricsText& text, const std::vector<LoopReport>& loops) {
  std::vector<double> bounds;
  for (size_t i = 0; i + 1 < CallbackTimes::kBuckets; ++i) {
    bounds.push_back(Seconds(CallbackTimes::Bound(i)));
  }
  text.Begin("spindle_loop_callback_seconds", MetricKind::kHistogram,
             "Time in each callback, where callbacks are measured.");
  for (const LoopReport& loop : loops) {
    if (!loop.stats.has_value()) continue;
    const CallbackTimes& times = loop.stats->callback_times;
    text.SampleHistogram({{"loop", loop.name}}, bounds, times.counts, Seconds(times.sum));
  }
}

struct ServerField {
  const char* name;
  const char* help;
  MetricKind kind;
  uint64_t (*value)(const StreamServerStats&);
};

constexpr ServerField kServerFields[] = {
    {"accepted_total", "Connections handed to a loop.", kCounter,
     [](const StreamServerStats& s) { return s.accepted; }},
    {"refused_total", "Connections refused over the maximum.", kCounter,
     [](const StreamServerStats& s) { return s.refused; }},
    {"refused_per_peer_total", "Connections refused over a peer's maximum.", kCounter,
     [](const StreamServerStats& s) { return s.refused_per_peer; }},
    {"failed_total", "Connections accepted that could not be registered.", kCounter,
     [](const StreamServerStats& s) { return s.failed; }},
    {"accept_waits_total", "Times that the accept rate made the kernel's queue wait.", kCounter,
     [](const StreamServerStats& s) { return s.accept_waits; }},
    {"buffered_bytes", "Queued output and unread input of all connections.", kGauge,
     [](const StreamServerStats& s) { return uint64_t{s.buffered_bytes}; }},
    {"buffered_peak_bytes", "The most of it so far.", kGauge,
     [](const StreamServerStats& s) { return uint64_t{s.buffered_peak}; }},
    {"budget_paused", "Connections not read from for the memory budget's sake.", kGauge,
     [](const StreamServerStats& s) { return uint64_t{s.paused_now}; }},
    {"budget_pauses_total", "Times that one was.", kCounter,
     [](const StreamServerStats& s) { return s.budget_pauses; }},
    {"budget_closed_total", "Connections ended for the memory budget's sake.", kCounter,
     [](const StreamServerStats& s) { return s.budget_closed; }},
    {"budget_refusals_total", "Writes refused for it.", kCounter,
     [](const StreamServerStats& s) { return s.budget_refusals; }},
};

void AppendServers(MetricsText& text, const std::vector<ServerReport>& servers) {
  for (const ServerField& field : kServerFields) {
    text.Begin(Concat("spindle_server_", field.name), field.kind, field.help);
    for (const ServerReport& server : servers) {
      text.Sample({{"server", server.name}}, field.value(server.stats));
    }
  }
}

void AppendProcess(MetricsText& text, const ProcessReport& process) {
  text.Begin("process_cpu_seconds_total", kCounter, "Processor time, user and system.");
  text.Sample({}, process.processor_seconds);
  text.Begin("process_resident_memory_bytes", kGauge, "Memory that is resident.");
  text.Sample({}, process.resident_bytes);
  text.Begin("process_open_fds", kGauge, "Open descriptors.");
  text.Sample({}, process.open_descriptors);
  text.Begin("process_start_time_seconds", kGauge, "When the process started, since 1970.");
  text.Sample({}, process.started);
}

// How much of its time the loop was busy.
std::string Utilization(const LoopStats& stats) {
  const double all = Seconds(stats.busy_time) + Seconds(stats.wait_time);
  char text[16];
  std::snprintf(text, sizeof text, "%.1f%%", all > 0 ? 100 * Seconds(stats.busy_time) / all : 0.0);
  return text;
}

// In one line; what is no UTF-8 is replaced.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', /*ensure_ascii=*/false, Json::error_handler_t::replace) + "\n";
}

std::string LoopsJson(const Report& report) {
  Json loops = Json::array();
  for (const LoopReport& loop : report.loops) {
    Json entry = {{"name", loop.name}, {"answered", loop.stats.has_value()}};
    for (const LoopField& field : kLoopFields) {
      if (!loop.stats.has_value()) break;
      if (field.count != nullptr) {
        entry[field.name] = field.count(*loop.stats);
      } else {
        entry[field.name] = Seconds((*loop.stats).*field.time);
      }
    }
    loops.push_back(std::move(entry));
  }
  return Dump({{"loops", std::move(loops)}});
}

// Nothing for no connection.
std::string IdText(const ConnectionId& id) {
  return id == ConnectionId() ? std::string() : id.ToString();
}

std::string SlowJson(const std::vector<SlowReport>& loops, TimePoint now) {
  Json all = Json::array();
  for (const SlowReport& loop : loops) {
    Json entry = {{"name", loop.loop}, {"answered", loop.answered}};
    entry["limit_seconds"] = Seconds(loop.limit);
    Json callbacks = Json::array();
    for (const SlowCallback& slow : loop.callbacks) {
      callbacks.push_back({{"seconds_ago", Seconds(now - slow.begin)},
                           {"seconds", Seconds(slow.took)},
                           {"waited", slow.waited},
                           {"kind", slow.origin.kind},
                           {"connection", IdText(slow.origin.connection)},
                           {"file", slow.origin.where.file_name()},
                           {"line", slow.origin.where.line()}});
    }
    entry["callbacks"] = std::move(callbacks);
    all.push_back(std::move(entry));
  }
  return Dump({{"loops", std::move(all)}});
}

std::string ConnectionsJson(const ConnectionsReport& report) {
  Json connections = Json::array();
  for (const ConnectionReport& c : report.connections) {
    Json entry = Json({{"id", c.id.ToString()},
                       {"server", c.server},
                       {"peer", c.peer.ToString()},
                       {"received", c.ledger.received},
                       {"sent", c.ledger.sent},
                       {"queued", c.output_queued},
                       {"unread", c.input_unread},
                       {"paused", c.paused != PauseCause::kNone},
                       {"paused_by", PauseCauseNames(c.paused)},
                       {"state", c.state},
                       {"age_seconds", Seconds(c.age)},
                       {"idle_seconds", Seconds(c.idle)},
                       {"high_water_hits", c.high_water_hits}});
    if (c.session.has_value()) {
      entry["messages_received"] = c.session->messages_received;
      entry["messages_sent"] = c.session->messages_sent;
      if (c.session->last_rtt >= Duration::zero()) {
        entry["heartbeat_rtt_seconds"] = Seconds(c.session->last_rtt);
      }
    }
    connections.push_back(std::move(entry));
  }
  return Dump({{"total", report.total},
               {"silent_loops", report.silent_loops},
               {"connections", std::move(connections)}});
}

// `prefix` and why reading is paused, if it is.
std::string Paused(const ConnectionReport& c, std::string_view prefix) {
  return c.paused == PauseCause::kNone ? "" : Concat(prefix, PauseCauseNames(c.paused));
}

// "-" where nothing is known: no session, no heartbeat yet.
std::string Rtt(const ConnectionReport& c) {
  const bool known = c.session.has_value() && c.session->last_rtt >= Duration::zero();
  return known ? FormatDuration(c.session->last_rtt) : "-";
}

// "received/sent" of a session.
std::string Messages(const ConnectionReport& c) {
  if (!c.session.has_value()) return "-";
  return Concat(c.session->messages_received, "/", c.session->messages_sent);
}

uint64_t Weight(const ConnectionReport& c, ConnectionOrder order) {
  switch (order) {
    case ConnectionOrder::kBytes:
      return c.ledger.received + c.ledger.sent;
    case ConnectionOrder::kQueued:
      return c.output_queued;
    case ConnectionOrder::kUnread:
      return c.input_unread;
    case ConnectionOrder::kId:
      break;
  }
  return 0;
}

}  // namespace

std::optional<ConnectionOrder> ParseConnectionOrder(std::string_view text) {
  if (text == "id") return ConnectionOrder::kId;
  if (text == "bytes") return ConnectionOrder::kBytes;
  if (text == "queued") return ConnectionOrder::kQueued;
  if (text == "unread") return ConnectionOrder::kUnread;
  return std::nullopt;
}

void KeepFirst(std::vector<ConnectionReport>& connections, ConnectionOrder order, size_t limit) {
  const auto before = [order](const ConnectionReport& a, const ConnectionReport& b) {
    const uint64_t of_a = Weight(a, order);
    const uint64_t of_b = Weight(b, order);
    if (of_a != of_b) return of_a > of_b;
    if (a.id.loop != b.id.loop) return a.id.loop < b.id.loop;
    return a.id.generation < b.id.generation;
  };
  limit = std::min(limit, connections.size());
  std::partial_sort(connections.begin(), connections.begin() + static_cast<ptrdiff_t>(limit),
                    connections.end(), before);
  connections.erase(connections.begin() + static_cast<ptrdiff_t>(limit), connections.end());
}

std::string MetricsPage(const Report& report) {
  MetricsText text;
  AppendProcess(text, report.process);
  AppendLoops(text, report.loops);
  AppendCallbackTimes(text, report.loops);
  AppendServers(text, report.servers);
  text.Begin("spindle_scrape_seconds", kGauge, "How long the loops took to answer this request.");
  text.Sample({}, Seconds(report.took));
  return text.text();
}

std::string LoopsPage(const Report& report, bool json) {
  if (json) return LoopsJson(report);
  TextTable table({"LOOP", "BUSY", "CONNECTIONS", "OPENED", "TURNS", "EVENTS/TURN", "TASKS", "READ",
                   "WRITTEN", "LONGEST TURN", "TASK WAIT", "TIMER LAG"});
  for (const LoopReport& loop : report.loops) {
    if (!loop.stats.has_value()) {
      table.AddRow({loop.name, "no answer"});
      continue;
    }
    const LoopStats& s = *loop.stats;
    char per_turn[16];
    std::snprintf(
        per_turn, sizeof per_turn, "%.2f",
        static_cast<double>(s.events) / static_cast<double>(std::max<uint64_t>(s.turns, 1)));
    table.AddRow({loop.name, Utilization(s), Concat(s.connections_open()),
                  Concat(s.connections_opened), Concat(s.turns), per_turn, Concat(s.tasks_run),
                  FormatSize(s.bytes_read), FormatSize(s.bytes_written),
                  FormatDuration(s.max_busy_time), FormatDuration(s.max_task_wait),
                  FormatDuration(s.max_timer_lag)});
  }
  return table.ToString();
}

std::string SlowPage(const std::vector<SlowReport>& loops, TimePoint now, bool json) {
  if (json) return SlowJson(loops, now);
  TextTable table({"LOOP", "AGO", "TOOK", "WAITED", "WHOSE"});
  std::string notes;
  for (const SlowReport& loop : loops) {
    if (!loop.answered) {
      Append(notes, loop.loop, ": no answer\n");
    } else if (loop.limit <= Duration::zero()) {
      Append(notes, loop.loop, ": callbacks are not measured\n");
    } else if (loop.callbacks.empty()) {
      Append(notes, loop.loop, ": none over ", FormatDuration(loop.limit), "\n");
    }
    for (const SlowCallback& slow : loop.callbacks) {
      table.AddRow({loop.loop, FormatDuration(now - slow.begin), FormatDuration(slow.took),
                    Concat(slow.waited), slow.origin.ToString()});
    }
  }
  return Concat(table.ToString(), notes);
}

std::string ConnectionPage(const ConnectionDetails& details) {
  const ConnectionReport& c = details.summary;
  std::string out =
      Concat("id ", c.id.ToString(), "\nserver ", c.server, "\nloop ", details.loop, "\npeer ",
             c.peer.ToString(), "\nlocal ", details.local.ToString(), "\nstate ", c.state,
             Paused(c, ", reading paused by: "), "\nage ", FormatDuration(c.age), "\nidle ",
             FormatDuration(c.idle), "\nhigh_water_hits ", c.high_water_hits, "\nreceived ",
             c.ledger.received, "\nunread ", c.input_unread, "\naccepted ", c.ledger.accepted,
             "\nsent ", c.ledger.sent, "\nqueued ", c.output_queued, "\n");
  if (c.session.has_value()) {
    Append(out, "messages_received ", c.session->messages_received, "\nmessages_sent ",
           c.session->messages_sent, "\nheartbeat_rtt ", Rtt(c), "\nmissed_beats ",
           c.session->missed_beats, "\n");
  }
  if (!details.tcp.has_value()) return out;
  const tcp_info& tcp = *details.tcp;
  Append(out, "tcp_rtt_us ", tcp.tcpi_rtt, "\ntcp_rtt_variance_us ", tcp.tcpi_rttvar,
         "\ntcp_congestion_window ", tcp.tcpi_snd_cwnd, "\ntcp_unacknowledged ", tcp.tcpi_unacked,
         "\ntcp_retransmits ", tcp.tcpi_total_retrans, "\ntcp_last_sent_ms ",
         tcp.tcpi_last_data_sent, "\ntcp_last_received_ms ", tcp.tcpi_last_data_recv, "\n");
  return out;
}

std::string ConnectionsPage(const ConnectionsReport& report, bool json) {
  if (json) return ConnectionsJson(report);
  TextTable table({"ID", "SERVER", "PEER", "RECEIVED", "SENT", "MESSAGES", "QUEUED", "HIGH WATER",
                   "UNREAD", "AGE", "IDLE", "RTT", "STATE"});
  for (const ConnectionReport& c : report.connections) {
    table.AddRow({c.id.ToString(), c.server, c.peer.ToString(), FormatSize(c.ledger.received),
                  FormatSize(c.ledger.sent), Messages(c), FormatSize(c.output_queued),
                  Concat(c.high_water_hits), FormatSize(c.input_unread), FormatDuration(c.age),
                  FormatDuration(c.idle), Rtt(c), Concat(c.state, Paused(c, ", paused: "))});
  }
  std::string out = Concat(report.connections.size(), " of ", report.total, " connections");
  if (report.silent_loops > 0) Append(out, "; ", report.silent_loops, " loops did not answer");
  return Concat(out, '\n', table.ToString());
}

}  // namespace spindle
