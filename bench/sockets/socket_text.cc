#include "bench/sockets/socket_text.h"

#include <sys/socket.h>

#include <algorithm>
#include <cstdio>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "bench/report/json_text.h"
#include "bench/sockets/tcp_details_text.h"

namespace spindle::bench {
namespace {

bool IsUnix(SocketKind kind) { return kind != SocketKind::kTcp && kind != SocketKind::kUdp; }

// Names come from anybody: nothing in them may reach the terminal as a command. The NULs of
// abstract names are shown as '@'.
std::string Printable(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\0') {
      out += '@';
    } else if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') {
      char hex[8];
      std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned char>(c));
      out += hex;
    } else {
      out += c;
    }
  }
  return out;
}

std::string UnixName(const SocketAddress& address) {
  const bool abstract = address.kind() == SocketAddress::Kind::kUnixAbstract;
  return Concat(abstract ? "@" : "", Printable(address.unix_path()));
}

// As ss has it: an IPv6 socket that takes IPv4, too, is at "*", not at "[::]".
std::string Host(const SocketAddress& address, bool v6_only) {
  const std::string ip = address.ip();
  if (address.family() != AF_INET6) return ip;
  if (ip == "::" && !v6_only) return "*";
  return Concat("[", ip, "]");
}

std::string PortText(uint16_t port, SocketKind kind, const SocketTextOptions& options) {
  if (port == 0) return "*";
  std::string name = options.service ? options.service(port, kind) : "";
  return name.empty() ? Concat(port) : name;
}

std::string OwnersText(const std::vector<SocketOwner>& owners) {
  if (owners.empty()) return "";
  std::string text = " users:(";
  for (const SocketOwner& owner : owners) {
    Append(text, text.back() == '(' ? "" : ",", "(\"", Printable(owner.name), "\",pid=", owner.pid,
           ",fd=", owner.fd, ")");
  }
  return text + ")";
}

struct Column {
  const char* heading;
  bool right = false;
  bool glued = false;    // To the column before it.
  size_t min_width = 0;  // Also without a heading.
};

constexpr Column kColumns[] = {{.heading = "Netid"},
                               {.heading = "State"},
                               {.heading = "Recv-Q", .min_width = 6},
                               {.heading = "Send-Q", .min_width = 6},
                               {.heading = "Local Address:", .right = true},
                               {.heading = "Port", .glued = true},
                               {.heading = "Peer Address:", .right = true},
                               {.heading = "Port", .glued = true},
                               {.heading = "Process", .glued = true}};
constexpr size_t kColumnCount = std::size(kColumns);
using Row = std::vector<std::string>;

Row MakeRow(const SocketEntry& entry, const SocketTextOptions& options) {
  Row row = {std::string(SocketKindName(entry.kind)), std::string(SocketStateName(entry.state)),
             Concat(entry.receive_queue), Concat(entry.send_queue)};
  if (IsUnix(entry.kind)) {
    const std::string name = UnixName(entry.local);
    row.insert(row.end(), {Concat(name.empty() ? "*" : name, " "), Concat(entry.inode), "* ",
                           Concat(entry.peer_inode)});
  } else {
    std::string local = Host(entry.local, entry.v6_only);
    if (!entry.interface.empty()) Append(local, "%", Printable(entry.interface));
    row.insert(row.end(), {local + ":", PortText(entry.local.port(), entry.kind, options),
                           Host(entry.peer, entry.v6_only) + ":",
                           PortText(entry.peer.port(), entry.kind, options)});
  }
  row.push_back(options.owners ? OwnersText(entry.owners) : "");
  return row;
}

std::string Line(const Row& row, const std::vector<size_t>& widths,
                 const bool (&shown)[kColumnCount]) {
  std::string line;
  for (size_t i = 0; i < kColumnCount; ++i) {
    if (!shown[i]) continue;
    if (!line.empty() && !kColumns[i].glued) line += ' ';
    const std::string blanks(widths[i] - std::min(widths[i], row[i].size()), ' ');
    line += kColumns[i].right ? blanks + row[i] : row[i] + blanks;
  }
  line.erase(line.find_last_not_of(' ') + 1);
  return line + "\n";
}

Json EndJson(const SocketAddress& address) {
  return {{"address", address.ip()}, {"port", address.port()}};
}

Json EntryJson(const SocketEntry& entry, const SocketTextOptions& options) {
  Json json = {{"netid", SocketKindName(entry.kind)},
               {"state", SocketStateName(entry.state)},
               {"recv_q", entry.receive_queue},
               {"send_q", entry.send_queue}};
  if (IsUnix(entry.kind)) {
    json["path"] = UnixName(entry.local);
    json["peer_inode"] = entry.peer_inode;
  } else {
    json["local"] = EndJson(entry.local);
    if (!entry.interface.empty()) json["local"]["interface"] = entry.interface;
    json["peer"] = EndJson(entry.peer);
    if (entry.local.family() == AF_INET6) json["v6only"] = entry.v6_only;
    json["uid"] = entry.uid;
  }
  json["inode"] = entry.inode;
  if (options.owners) {
    Json processes = Json::array();
    for (const SocketOwner& owner : entry.owners) {
      processes.push_back({{"name", owner.name}, {"pid", owner.pid}, {"fd", owner.fd}});
    }
    json["processes"] = std::move(processes);
  }
  if (options.details && !entry.congestion.empty()) json["congestion"] = entry.congestion;
  if (options.details && entry.tcp.has_value()) json["tcp"] = TcpDetailsJson(*entry.tcp);
  return json;
}

}  // namespace

std::string SocketTable(const std::vector<SocketEntry>& sockets, const SocketTextOptions& options) {
  std::vector<Row> rows;
  for (const SocketEntry& entry : sockets) rows.push_back(MakeRow(entry, options));
  std::vector<size_t> widths;
  Row headings;
  for (size_t i = 0; i < kColumnCount; ++i) {
    headings.push_back(kColumns[i].heading);
    size_t width = options.heading ? headings.back().size() : 0;
    width = std::max(width, kColumns[i].min_width);
    for (const Row& row : rows) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  bool shown[kColumnCount];
  std::fill(std::begin(shown), std::end(shown), true);
  shown[0] = options.kind;
  shown[1] = options.state;
  std::string text = options.heading ? Line(headings, widths, shown) : "";
  for (size_t i = 0; i < rows.size(); ++i) {
    text += Line(rows[i], widths, shown);
    if (options.details && sockets[i].tcp.has_value()) {
      text += Concat("\t ", TcpDetailsLine(*sockets[i].tcp, sockets[i].congestion, options.numeric),
                     "\n");
    }
  }
  return text;
}

std::string SocketJson(const std::vector<SocketEntry>& sockets, const SocketTextOptions& options) {
  Json all = Json::array();
  for (const SocketEntry& entry : sockets) all.push_back(EntryJson(entry, options));
  const Json json = {{"schema", "spindle.stat/1"}, {"sockets", std::move(all)}};
  return IndentedLines(json);
}

}  // namespace spindle::bench
