#include "bench/scan/scan_targets.h"

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "gtest/gtest.h"

namespace spindle::bench {
namespace {

using Ports = std::vector<uint16_t>;

TEST(ParsePortsTest, NumbersRangesAndServicesInTheirOrderAndOnce) {
  EXPECT_EQ(ParsePorts("22").value(), Ports{22});
  EXPECT_EQ(ParsePorts("443,80-82,81,1").value(), (Ports{443, 80, 81, 82, 1}));
  EXPECT_EQ(ParsePorts("1-65535").value().size(), 65535u);
  EXPECT_EQ(ParsePorts("65535-65535").value(), Ports{65535});
}

TEST(ParsePortsTest, WhatIsNoPortIsRefusedAndQuoted) {
  for (const char* text : {"", ",", "22,", "0", "0-3", "65536", "1-65536", "-5", "5-", "1-2-3",
                           "3-1", "0x10", " 22", "no-such-service-here"}) {
    const auto ports = ParsePorts(text);
    EXPECT_TRUE(absl::IsInvalidArgument(ports.status())) << text;
  }
  EXPECT_NE(std::string(ParsePorts("1,77-7").status().message()).find("\"77-7\""),
            std::string::npos);
}

std::vector<std::string> Hosts(const std::string& text, IpFamily family = IpFamily::kAny) {
  const auto hosts = ResolveHosts(text, family, 1000);
  EXPECT_TRUE(hosts.ok()) << hosts.status();
  std::vector<std::string> ips;
  if (hosts.ok()) {
    for (const ScanHost& host : *hosts) ips.push_back(host.address.ip());
  }
  return ips;
}

TEST(ResolveHostsTest, AddressesAndNetworksEachOnce) {
  using Ips = std::vector<std::string>;
  EXPECT_EQ(Hosts("127.0.0.1,::1,127.0.0.1"), (Ips{"127.0.0.1", "::1"}));
  EXPECT_EQ(Hosts("10.1.2.7/30"), (Ips{"10.1.2.5", "10.1.2.6"})) << "not its edges";
  EXPECT_EQ(Hosts("10.1.2.7/31"), (Ips{"10.1.2.6", "10.1.2.7"}));
  EXPECT_EQ(Hosts("10.1.2.7/32"), (Ips{"10.1.2.7"}));
  EXPECT_EQ(Hosts("fd00::1:ffff/127"), (Ips{"fd00::1:fffe", "fd00::1:ffff"}));
  EXPECT_EQ(Hosts("192.168.0.0/24").size(), 254u);
  EXPECT_EQ(Hosts("localhost", IpFamily::kV4), (Ips{"127.0.0.1"}));
}

TEST(ResolveHostsTest, WhatIsNoHostOrTooManyIsRefused) {
  for (const char* text : {"", "127.0.0.1,", "10.0.0.0/33", "10.0.0.0/", "x/8", "::/129", "::/64",
                           "10.0.0.0/8", "10.0.0.0/-1"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ResolveHosts(text, IpFamily::kAny, 1000).status())) << text;
  }
  EXPECT_FALSE(ResolveHosts("127.0.0.1", IpFamily::kV6, 1000).ok());
  EXPECT_FALSE(ResolveHosts("127.0.0.0/30", IpFamily::kV6, 1000).ok());
}

}  // namespace
}  // namespace spindle::bench
