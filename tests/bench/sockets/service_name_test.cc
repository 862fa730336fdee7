#include "bench/sockets/service_name.h"

#include <arpa/inet.h>
#include <netdb.h>

#include <cstdint>
#include <fstream>
#include <optional>
#include <string>
#include <utility>

#include "bench/sockets/socket_entry.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

constexpr std::pair<SocketKind, const char*> kKinds[] = {{SocketKind::kTcp, "tcp"},
                                                         {SocketKind::kUdp, "udp"}};

// The library's own look-up, which reads its table anew for each name.
TEST(ServiceNameTest, SaysWhatTheLibrarySays) {
  int low = 32768;
  int high = 60999;
  std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> low >> high;
  for (const auto& [kind, protocol] : kKinds) {
    for (int port = 0; port < 2048; ++port) {
      const servent* const entry = getservbyport(htons(static_cast<uint16_t>(port)), protocol);
      const bool named = entry != nullptr && (port < low || port > high);
      EXPECT_EQ(ServiceName(static_cast<uint16_t>(port), kind), named ? entry->s_name : "") << port;
    }
  }
}

TEST(ServiceNameTest, PortsByNameAndAlias) {
  for (const auto& [kind, protocol] : kKinds) {
    for (const char* const name : {"http", "www", "domain", "ntp", "snmp-trap", "ssh", "no such"}) {
      const servent* const entry = getservbyname(name, protocol);
      std::optional<uint16_t> port;
      if (entry != nullptr) port = ntohs(static_cast<uint16_t>(entry->s_port));
      EXPECT_EQ(ServicePort(name, kind), port) << name << '/' << protocol;
    }
  }
}

}  // namespace
}  // namespace spindle::bench
