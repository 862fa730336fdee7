#include "bench/top/top_screen.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/parse.h"
#include "base/strings.h"
#include "bench/top/styled_line.h"

namespace spindle::bench {
namespace {

constexpr size_t kHeadRows = 4;        // Title, totals, imbalance, an empty one.
constexpr size_t kMinConnections = 3;  // For these, loops are left out.
constexpr size_t kWide = 110;
// For the connections: their wide columns leave a peer with an IPv4 address and a port its room.
constexpr size_t kWideConnections = 120;

std::string Format(const char* format, double value) {
  char text[32];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// "1234", "56.7k", "1.23M"; "-" for nothing.
std::string ShortNumber(std::optional<double> value) {
  if (!value.has_value()) return "-";
  const double v = *value;
  if (v < 0.05) return "0";
  if (v < 9.95) return Format("%.1f", v);
  if (v < 9999.5) return Format("%.0f", v);
  if (v < 999'500) return Format("%.3gk", v / 1e3);
  if (v < 999'500'000) return Format("%.3gM", v / 1e6);
  return Format("%.3gG", v / 1e9);
}

// Counts are exact as long as there is room.
std::string ShortNumber(uint64_t value) {
  return value < 10'000 ? Concat(value) : ShortNumber(std::optional(static_cast<double>(value)));
}

// "0", "512", "1.5K", "23M": bytes in powers of 1024.
std::string ShortBytes(std::optional<double> value) {
  if (!value.has_value()) return "-";
  constexpr char kUnits[] = {'K', 'M', 'G', 'T', 'P', 'E'};
  double v = *value;
  if (v < 1023.5) return Format("%.0f", v);
  size_t unit = 0;
  for (v /= 1024; v >= 1023.5 && unit + 1 < std::size(kUnits); v /= 1024) ++unit;
  return Format(v < 9.995 ? "%.2f" : v < 99.95 ? "%.1f" : "%.0f", v) + kUnits[unit];
}

std::string ShortBytes(uint64_t value) {
  return ShortBytes(std::optional(static_cast<double>(value)));
}

// "45s", "12m03", "5h07m", "3d04h".
std::string Age(double seconds) {
  const auto s = static_cast<uint64_t>(std::max(0.0, seconds));
  char text[32];
  if (s < 60) {
    std::snprintf(text, sizeof text, "%us", static_cast<unsigned>(s));
  } else if (s < 3600) {
    std::snprintf(text, sizeof text, "%um%02u", static_cast<unsigned>(s / 60),
                  static_cast<unsigned>(s % 60));
  } else if (s < 86400) {
    std::snprintf(text, sizeof text, "%uh%02um", static_cast<unsigned>(s / 3600),
                  static_cast<unsigned>(s / 60 % 60));
  } else {
    std::snprintf(text, sizeof text, "%llud%02uh", static_cast<unsigned long long>(s / 86400),
                  static_cast<unsigned>(s / 3600 % 24));
  }
  return text;
}

std::string Percent(std::optional<double> share) {
  return share.has_value() ? Format("%.1f%%", 100 * *share) : "-";
}

std::string Ratio(std::optional<double> value) {
  return value.has_value() ? Format("%.2f", *value) : "-";
}

std::string Seconds(double seconds) {
  if (seconds <= 0) return "0";
  if (seconds < 1e-3) return Format("%.0fus", seconds * 1e6);
  if (seconds < 1) return Format(seconds < 0.1 ? "%.1fms" : "%.0fms", seconds * 1e3);
  return Format(seconds < 100 ? "%.1fs" : "%.0fs", seconds);
}

Style BusyStyle(std::optional<double> share) {
  if (!share.has_value()) return Style::kPlain;
  return *share >= 0.9 ? Style::kBad : *share >= 0.6 ? Style::kWarn : Style::kGood;
}

// 1 is even; the number of loops is the worst.
Style ImbalanceStyle(std::optional<double> value) {
  if (!value.has_value()) return Style::kPlain;
  return *value >= 1.75 ? Style::kBad : *value >= 1.25 ? Style::kWarn : Style::kGood;
}

template <class Row>
std::optional<double> Sum(const std::vector<Row>& rows, std::optional<double> Row::*value) {
  std::optional<double> sum;
  for (const Row& row : rows) {
    if ((row.*value).has_value()) sum = sum.value_or(0) + *(row.*value);
  }
  return sum;
}

// ---- The head.

StyledLine Title(const ScreenState& state, ScreenSize size) {
  StyledLine line(size.columns);
  line.Add("spindle top", Style::kTitle);
  line.Add("  ");
  line.Add(state.server, Style::kBold);
  std::string right = state.paused ? "paused" : Concat("every ", FormatDuration(state.interval));
  if (state.live) right += "  h help  q quit";
  line.AddRight(right, Style::kDim);
  return line;
}

StyledLine Totals(const TopView& view, ScreenSize size) {
  uint64_t connections = 0;
  for (const LoopRow& row : view.loops) connections += row.now.connections;
  StyledLine line(size.columns);
  const auto add = [&line](std::string_view name, const std::string& value) {
    line.Add(name, Style::kDim);
    line.Add(Concat(" ", value, "  "), Style::kBold);
  };
  add("loops", Concat(view.loops.size()));
  add("conns", ShortNumber(connections));
  add("new/s", ShortNumber(Sum(view.loops, &LoopRow::opened)));
  add("events/s", ShortNumber(Sum(view.loops, &LoopRow::events)));
  add("read/s", ShortBytes(Sum(view.loops, &LoopRow::read_bytes)));
  add("write/s", ShortBytes(Sum(view.loops, &LoopRow::written_bytes)));
  return line;
}

StyledLine ImbalanceLine(const TopView& view, ScreenSize size) {
  StyledLine line(size.columns);
  line.Add("imbalance", Style::kDim);
  line.Add(" conns ");
  line.Add(Ratio(view.imbalance.connections), ImbalanceStyle(view.imbalance.connections));
  line.Add("  busy ");
  line.Add(Ratio(view.imbalance.busy), ImbalanceStyle(view.imbalance.busy));
  line.Add("  (most of a loop / mean; 1 is even)", Style::kDim);
  return line;
}

// ---- Loops.

// The loops that are shown: all, or the busiest if there is no room.
std::vector<const LoopRow*> ShownLoops(const TopView& view, size_t room) {
  std::vector<const LoopRow*> rows;
  for (const LoopRow& row : view.loops) rows.push_back(&row);
  if (rows.size() <= room) return rows;
  std::stable_sort(rows.begin(), rows.end(), [](const LoopRow* a, const LoopRow* b) {
    if (a->now.answered != b->now.answered) return !a->now.answered;
    return a->busy.value_or(0) > b->busy.value_or(0);
  });
  rows.resize(room);
  return rows;
}

size_t LoopRoom(const TopView& view, ScreenSize size) {
  // Headings of both lists, the empty line between them, and the line that counts.
  const size_t others = kHeadRows + 4 + kMinConnections;
  const size_t room = size.rows > others ? size.rows - others : 1;
  return std::min(view.loops.size(), room);
}

size_t NameWidth(const std::vector<const LoopRow*>& rows, ScreenSize size) {
  size_t width = 4;
  for (const LoopRow* row : rows) width = std::max(width, row->now.name.size());
  return std::min<size_t>(width, size.columns >= kWide ? 24 : 12);
}

size_t BarWidth(ScreenSize size) {
  return size.columns >= kWide ? std::min<size_t>(30, 10 + (size.columns - kWide) / 3) : 8;
}

StyledLine LoopHeadings(size_t name_width, size_t bar, ScreenSize size) {
  StyledLine line(size.columns);
  line.AddLeft("LOOP", name_width, Style::kHeading);
  line.AddCell("BUSY", 7, Style::kHeading);
  line.AddLeft("", bar + 3, Style::kHeading);
  line.AddCell("CONNS", 7, Style::kHeading);
  line.AddCell("NEW/S", 7, Style::kHeading);
  line.AddCell("TURNS/S", 8, Style::kHeading);
  line.AddCell("READ/S", 8, Style::kHeading);
  line.AddCell("WRITE/S", 8, Style::kHeading);
  line.AddCell("LONGEST", 8, Style::kHeading);
  if (size.columns >= kWide) {
    line.AddCell("EVENTS/S", 10, Style::kHeading);
    line.AddCell("TASKS/S", 9, Style::kHeading);
    line.AddCell("LAG", 8, Style::kHeading);
    line.AddCell("SLOW", 7, Style::kHeading);
  }
  line.Fill(Style::kHeading);
  return line;
}

void AddBar(StyledLine& line, std::optional<double> share, size_t width) {
  const auto full =
      static_cast<size_t>(std::lround(share.value_or(0) * static_cast<double>(width)));
  line.Add(" [", Style::kDim);
  line.Add(std::string(full, '|'), BusyStyle(share));
  line.Add(std::string(width - std::min(width, full), ' '));
  line.Add("]", Style::kDim);
}

StyledLine LoopLine(const LoopRow& row, size_t name_width, size_t bar, ScreenSize size) {
  StyledLine line(size.columns);
  line.AddLeft(row.now.name, name_width, Style::kPlain);
  if (!row.now.answered) {
    line.Add("  does not answer", Style::kBad);
    return line;
  }
  line.AddCell(Percent(row.busy), 7, BusyStyle(row.busy));
  AddBar(line, row.busy, bar);
  line.AddCell(ShortNumber(row.now.connections), 7);
  line.AddCell(ShortNumber(row.opened), 7);
  line.AddCell(ShortNumber(row.turns), 8);
  line.AddCell(ShortBytes(row.read_bytes), 8);
  line.AddCell(ShortBytes(row.written_bytes), 8);
  line.AddCell(Seconds(row.now.longest_turn_seconds), 8);
  if (size.columns >= kWide) {
    line.AddCell(ShortNumber(row.events), 10);
    line.AddCell(ShortNumber(row.tasks), 9);
    line.AddCell(Seconds(row.now.longest_timer_lag_seconds), 8);
    line.AddCell(ShortNumber(row.now.slow_callbacks), 7,
                 row.now.slow_callbacks > 0 ? Style::kWarn : Style::kPlain);
  }
  return line;
}

// ---- Connections.

struct ConnectionColumn {
  const char* heading;
  size_t width;
  std::optional<TopSort> sort;
  std::string (*text)(const ConnectionRow&);
  bool wide = false;  // Only where there is room, or if it is what they are sorted by.

  bool shown(const ScreenState& state, ScreenSize size) const {
    return !wide || size.columns >= kWideConnections || sort == state.sort;
  }
};

const std::vector<ConnectionColumn>& ConnectionColumns() {
  static const std::vector<ConnectionColumn> columns = {
      {"AGE", 7, TopSort::kAge, [](const ConnectionRow& r) { return Age(r.now.age_seconds); }},
      {"READ/S", 8, TopSort::kRead, [](const ConnectionRow& r) { return ShortBytes(r.received); }},
      {"WRITE/S", 8, TopSort::kWrite, [](const ConnectionRow& r) { return ShortBytes(r.sent); }},
      {"READ", 8, std::nullopt, [](const ConnectionRow& r) { return ShortBytes(r.now.received); },
       true},
      {"WRITTEN", 8, std::nullopt, [](const ConnectionRow& r) { return ShortBytes(r.now.sent); },
       true},
      {"BYTES", 8, TopSort::kBytes,
       [](const ConnectionRow& r) { return ShortBytes(r.now.received + r.now.sent); }, true},
      {"QUEUED", 8, TopSort::kQueued,
       [](const ConnectionRow& r) { return ShortBytes(r.now.queued); }},
      {"UNREAD", 8, TopSort::kUnread,
       [](const ConnectionRow& r) { return ShortBytes(r.now.unread); }, true},
  };
  return columns;
}

// What is left for the peer's address after all else; the state is last and takes what it needs.
size_t PeerWidth(const ScreenState& state, ScreenSize size) {
  size_t others = 11 + 1 + 2 + (size.columns >= kWideConnections ? 20 : 6);
  for (const ConnectionColumn& column : ConnectionColumns()) {
    if (column.shown(state, size)) others += column.width;
  }
  const size_t left = size.columns > others ? size.columns - others : 0;
  return std::clamp<size_t>(left, 9, 44);
}

Style HeadingStyle(bool sorted) { return sorted ? Style::kSorted : Style::kHeading; }

StyledLine ConnectionHeadings(const ScreenState& state, ScreenSize size) {
  StyledLine line(size.columns);
  line.AddLeft("ID", 11, HeadingStyle(state.sort == TopSort::kId));
  line.Add(" ", Style::kHeading);
  line.AddLeft("PEER", PeerWidth(state, size), Style::kHeading);
  for (const ConnectionColumn& column : ConnectionColumns()) {
    if (!column.shown(state, size)) continue;
    const bool both = state.sort == TopSort::kRate &&
                      (column.sort == TopSort::kRead || column.sort == TopSort::kWrite);
    line.AddCell(column.heading, column.width, HeadingStyle(both || column.sort == state.sort));
  }
  line.Add("  STATE", Style::kHeading);
  line.Fill(Style::kHeading);
  return line;
}

StyledLine ConnectionLine(const ConnectionRow& row, const ScreenState& state, ScreenSize size) {
  StyledLine line(size.columns);
  line.AddLeft(row.now.id, 11, Style::kPlain);
  line.Add(" ");
  line.AddLeft(row.now.peer, PeerWidth(state, size), Style::kPlain);
  for (const ConnectionColumn& column : ConnectionColumns()) {
    if (!column.shown(state, size)) continue;
    const bool queue = column.sort == TopSort::kQueued || column.sort == TopSort::kUnread;
    const std::string text = column.text(row);
    line.AddCell(text, column.width, queue && text != "0" ? Style::kWarn : Style::kPlain);
  }
  const bool open = row.now.state == "open";
  line.Add(Concat("  ", row.now.state), open ? Style::kDim : Style::kWarn);
  if (row.now.paused) line.Add(open ? " paused" : ", paused", Style::kWarn);
  return line;
}

StyledLine CountLine(const TopView& view, const ScreenState& state, size_t shown, ScreenSize size) {
  StyledLine line(size.columns);
  const size_t first = std::min(state.first, view.connections.size());
  if (view.connections.empty()) {
    line.Add("no connections", Style::kDim);
  } else {
    line.Add(Concat("connections ", first + 1, "-", first + shown, " of ", view.connections_total),
             Style::kBold);
  }
  if (view.silent_loops > 0) {
    line.Add(Concat("  ", view.silent_loops, view.silent_loops == 1 ? " loop" : " loops",
                    " did not answer"),
             Style::kBad);
  }
  line.AddRight(Concat("by ", TopSortNames()[static_cast<size_t>(state.sort)],
                       state.reversed ? ", least first" : ", most first"),
                Style::kDim);
  return line;
}

// ---- Help.

std::vector<std::string> Help(ScreenSize size, Colours colours) {
  constexpr const char* kLines[] = {
      "Sort connections by",
      "  t  read/s + write/s      b  bytes in all",
      "  r  read/s                w  write/s",
      "  u  queued output         n  unread input",
      "  a  age                   i  id",
      "  R  the other way round",
      "",
      "  arrows, PgUp, PgDn, Home   scroll the connections",
      "  space                      pause; the next one goes on",
      "  + -                        twice or half as often",
      "  h                          this page",
      "  q, ^C                      quit",
      "",
      "BUSY     of its time, what a loop spends in callbacks and its own work",
      "LONGEST  the longest turn since the server started",
      "LAG      the latest that a timer has ever been; SLOW: slow callbacks",
      "         (serve --slow-callback, and /slow of the admin endpoint)",
  };
  std::vector<std::string> lines;
  for (const char* text : kLines) {
    StyledLine line(size.columns);
    line.Add(text);
    lines.push_back(line.Take(colours));
  }
  return lines;
}

}  // namespace

size_t ConnectionRoom(const TopView& view, ScreenSize size) {
  const size_t above = kHeadRows + 1 + LoopRoom(view, size) + 3;
  return size.rows > above ? size.rows - above : 0;
}

std::string AsText(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) Append(text, line, "\n");
  return text;
}

std::vector<std::string> DrawScreen(const TopView* view, const ScreenState& state, ScreenSize size,
                                    Colours colours) {
  std::vector<std::string> lines;
  const auto add = [&](StyledLine line) { lines.push_back(line.Take(colours)); };
  const auto add_empty = [&] { lines.emplace_back(); };
  add(Title(state, size));
  if (!state.trouble.empty()) {
    StyledLine trouble(size.columns);
    trouble.Add(state.trouble, Style::kBad);
    add(std::move(trouble));
  } else if (view != nullptr) {
    add(Totals(*view, size));
  }
  if (state.help) {
    add_empty();
    for (std::string& line : Help(size, colours)) lines.push_back(std::move(line));
  } else if (view != nullptr) {
    add(ImbalanceLine(*view, size));
    add_empty();
    const std::vector<const LoopRow*> loops = ShownLoops(*view, LoopRoom(*view, size));
    const size_t name_width = NameWidth(loops, size);
    const size_t bar = BarWidth(size);
    add(LoopHeadings(name_width, bar, size));
    for (const LoopRow* row : loops) add(LoopLine(*row, name_width, bar, size));
    add_empty();
    const size_t first = std::min(state.first, view->connections.size());
    const size_t shown = std::min(ConnectionRoom(*view, size), view->connections.size() - first);
    add(CountLine(*view, state, shown, size));
    add(ConnectionHeadings(state, size));
    for (size_t i = first; i < first + shown; ++i) {
      add(ConnectionLine(view->connections[i], state, size));
    }
  }
  if (lines.size() > size.rows) lines.resize(size.rows);
  return lines;
}

}  // namespace spindle::bench
