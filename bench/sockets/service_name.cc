#include "bench/sockets/service_name.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <map>
#include <unordered_map>
#include <utility>
#include <vector>

namespace spindle::bench {
namespace {

// Of one protocol.
struct Services {
  std::unordered_map<uint16_t, std::string> names;
  std::map<std::string, uint16_t, std::less<>> ports;  // Aliases, too.
};

struct AllServices {
  Services tcp;
  Services udp;
};

// Names reach the terminal.
bool IsPrintable(std::string_view name) {
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
}

void AddService(const servent& entry, AllServices& all) {
  const std::string_view protocol = entry.s_proto;
  if (protocol != "tcp" && protocol != "udp") return;
  Services& services = protocol == "tcp" ? all.tcp : all.udp;
  const uint16_t port = ntohs(static_cast<uint16_t>(entry.s_port));
  if (IsPrintable(entry.s_name)) services.names.try_emplace(port, entry.s_name);
  services.ports.try_emplace(entry.s_name, port);
  for (char** alias = entry.s_aliases; *alias != nullptr; ++alias) {
    services.ports.try_emplace(*alias, port);
  }
}

AllServices ReadServices() {
  AllServices all;
  std::vector<char> block(1024);
  servent entry = {};
  servent* found = nullptr;
  setservent(/*stayopen=*/1);
  while (true) {
    const int error = getservent_r(&entry, block.data(), block.size(), &found);
    if (error == ERANGE) {
      block.resize(block.size() * 2);  // The same entry comes again.
    } else if (error != 0 || found == nullptr) {
      break;
    } else {
      AddService(entry, all);
    }
  }
  endservent();
  return all;
}

const Services& ServicesOf(SocketKind kind) {
  static const AllServices all = ReadServices();
  return kind == SocketKind::kUdp ? all.udp : all.tcp;
}

// Whether the kernel picks this port for those who name none: its number means nothing then.
bool IsEphemeral(uint16_t port) {
  static const std::pair<int, int> range = [] {
    std::pair<int, int> ports = {32768, 60999};
    std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> ports.first >> ports.second;
    return ports;
  }();
  return port >= range.first && port <= range.second;
}

}  // namespace

std::string RegisteredName(uint16_t port, SocketKind kind) {
  const Services& services = ServicesOf(kind);
  const auto found = services.names.find(port);
  return found == services.names.end() ? "" : found->second;
}

std::string ServiceName(uint16_t port, SocketKind kind) {
  return IsEphemeral(port) ? "" : RegisteredName(port, kind);
}

std::optional<uint16_t> ServicePort(std::string_view name, SocketKind kind) {
  const Services& services = ServicesOf(kind);
  const auto found = services.ports.find(name);
  if (found == services.ports.end()) return std::nullopt;
  return found->second;
}

}  // namespace spindle::bench
