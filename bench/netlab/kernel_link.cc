#include "bench/netlab/kernel_link.h"

#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <string>
#include <utility>

#include "absl/strings/str_format.h"
#include "base/clock.h"
#include "base/strings.h"
#include "bench/netlab/tool.h"

namespace spindle::bench {
namespace {

constexpr int kEthernetHeader = 14;

std::vector<std::string> AddRoot(std::string_view device, std::string_view discipline) {
  return {"tc", "qdisc", "add", "dev", std::string(device), "root", std::string(discipline)};
}

void Add(std::vector<std::string>& words, std::vector<std::string> more) {
  for (std::string& word : more) words.push_back(std::move(word));
}

std::string Microseconds(Duration duration) {
  const int64_t ns = duration.count();
  return absl::StrFormat("%d.%03dus", ns / 1000, ns % 1000);
}

// The packets of full size that are between the ends at the same time. Without a rate only the
// senders' windows limit them.
uint64_t PacketsOnTheWay(const LinkOptions& link) {
  if (link.bits_per_second == 0) return 100'000;
  const double seconds = std::chrono::duration<double>(link.delay + link.jitter).count();
  constexpr double kPacketBits = 1500 * 8;
  return static_cast<uint64_t>(static_cast<double>(link.bits_per_second) * seconds / kPacketBits) +
         1;
}

}  // namespace

uint64_t TbfBurstBytes(uint64_t bits_per_second) {
  return std::max<uint64_t>(32 * 1024, bits_per_second / 8 / 200);
}

std::vector<std::string> TbfWords(std::string_view device, const LinkOptions& link, int mtu) {
  std::vector<std::string> words = AddRoot(device, "tbf");
  const uint64_t packet = static_cast<uint64_t>(mtu + kEthernetHeader);
  Add(words,
      {"rate", Concat(link.bits_per_second, "bit"), "burst",
       Concat(TbfBurstBytes(link.bits_per_second)), "limit", Concat(link.queue_packets * packet)});
  return words;
}

std::vector<std::string> NetemWords(std::string_view device, const LinkOptions& link) {
  std::vector<std::string> words = AddRoot(device, "netem");
  Add(words, {"limit", Concat(link.queue_packets + PacketsOnTheWay(link))});
  if (link.jitter > Duration::zero()) {
    // Uniform around a middle, there.
    Add(words,
        {"delay", Microseconds(link.delay + link.jitter / 2), Microseconds(link.jitter / 2)});
  } else if (link.delay > Duration::zero()) {
    Add(words, {"delay", Microseconds(link.delay)});
  }
  if (link.loss > 0) Add(words, {"loss", absl::StrFormat("%.6f%%", link.loss * 100)});
  if (link.bits_per_second > 0) Add(words, {"rate", Concat(link.bits_per_second, "bit")});
  return words;
}

absl::Status MakeVethPair(const NetNamespace& one, const NetNamespace& other,
                          std::string_view device) {
  const absl::StatusOr<NamespaceScope> scope = NamespaceScope::Enter(one);
  if (!scope.ok()) return scope.status();
  const std::string name(device);
  return RunTool({"ip", "link", "add", name, "type", "veth", "peer", "name", name, "netns",
                  Concat("/proc/", getpid(), "/fd/", other.fd())})
      .status();
}

absl::StatusOr<LinkStats> ReadDisciplineStats(std::string_view device) {
  const absl::StatusOr<std::string> text =
      RunTool({"tc", "-s", "qdisc", "show", "dev", std::string(device), "root"});
  if (!text.ok()) return text.status();
  return ParseDisciplineStats(*text);
}

absl::StatusOr<LinkStats> ParseDisciplineStats(std::string_view text) {
  // " Sent 84 bytes 1 pkt (dropped 0, overlimits 0 requeues 0)"
  const size_t sent = text.find(" Sent ");
  unsigned long long bytes = 0, packets = 0, dropped = 0;
  if (sent == std::string_view::npos ||
      std::sscanf(std::string(text.substr(sent)).c_str(), " Sent %llu bytes %llu pkt (dropped %llu",
                  &bytes, &packets, &dropped) != 3) {
    return absl::InternalError(Concat("tc has no counts: ", text.substr(0, text.find('\n'))));
  }
  LinkStats stats;
  stats.bytes = bytes;
  stats.packets = packets;
  stats.queue_full = dropped;
  return stats;
}

}  // namespace spindle::bench
