#include "bench/sockets/tcp_details_text.h"

#include <cstdint>
#include <cstdio>

#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr uint32_t kNoThreshold = 0xffff;  // What the kernel begins with, or more.
constexpr uint32_t kUsualRto = 3'000'000;  // Before there is a measurement.
constexpr uint32_t kUsualReordering = 3;
constexpr uint32_t kUsualThreshold = 0x7fffffff;

std::string Short(const char* format, double value) {
  char text[48];
  std::snprintf(text, sizeof text, format, value);
  return text;
}

// "0.029" for 29 microseconds.
std::string Milliseconds(uint32_t microseconds) { return Short("%g", microseconds / 1000.0); }

// Bits per second, "291G"; `numeric`: "290909090909".
std::string Bits(double bytes_per_second, bool numeric) {
  const double bits = bytes_per_second * 8;
  if (numeric) return Short("%.0f", bits);
  constexpr struct {
    double unit;
    const char* format;
  } kUnits[] = {{1e12, "%.3gT"}, {1e9, "%.3gG"}, {1e6, "%.3gM"}, {1e3, "%.3gk"}};
  for (const auto& unit : kUnits) {
    if (bits >= unit.unit) return Short(unit.format, bits / unit.unit);
  }
  return Short("%g", bits);
}

// Words with one blank between them.
class Words {
 public:
  template <class... Parts>
  void Add(bool wanted, const Parts&... parts) {
    if (wanted) Append(text_, text_.empty() ? "" : " ", parts...);
  }
  std::string Take() { return std::move(text_); }

 private:
  std::string text_;
};

void AddPath(Words& words, const TcpDetails& tcp) {
  words.Add(tcp.window_scaling, "wscale:", tcp.send_scale, ",", tcp.receive_scale);
  words.Add(tcp.rto != 0 && tcp.rto != kUsualRto, "rto:", Milliseconds(tcp.rto));
  words.Add(tcp.backoff != 0, "backoff:", tcp.backoff);
  words.Add(tcp.rtt != 0, "rtt:", Milliseconds(tcp.rtt), "/", Milliseconds(tcp.rtt_variance));
  words.Add(tcp.ato != 0, "ato:", Milliseconds(tcp.ato));
  words.Add(tcp.mss != 0 && tcp.rtt != 0, "mss:", tcp.mss);
  words.Add(tcp.path_mtu != 0 && tcp.rtt != 0, "pmtu:", tcp.path_mtu);
  words.Add(tcp.receive_mss != 0 && tcp.rtt != 0, "rcvmss:", tcp.receive_mss);
  words.Add(tcp.advertised_mss != 0 && tcp.rtt != 0, "advmss:", tcp.advertised_mss);
  words.Add(tcp.congestion_window != 0, "cwnd:", tcp.congestion_window);
  words.Add(tcp.slow_start_threshold != 0 && tcp.slow_start_threshold < kNoThreshold,
            "ssthresh:", tcp.slow_start_threshold);
}

void AddAmounts(Words& words, const TcpDetails& tcp) {
  words.Add(tcp.bytes_sent != 0, "bytes_sent:", tcp.bytes_sent);
  words.Add(tcp.bytes_retransmitted != 0, "bytes_retrans:", tcp.bytes_retransmitted);
  words.Add(tcp.bytes_acked != 0, "bytes_acked:", tcp.bytes_acked);
  words.Add(tcp.bytes_received != 0, "bytes_received:", tcp.bytes_received);
  words.Add(tcp.segments_out != 0, "segs_out:", tcp.segments_out);
  words.Add(tcp.segments_in != 0, "segs_in:", tcp.segments_in);
  words.Add(tcp.data_segments_out != 0, "data_segs_out:", tcp.data_segments_out);
  words.Add(tcp.data_segments_in != 0, "data_segs_in:", tcp.data_segments_in);
}

void AddRates(Words& words, const TcpDetails& tcp, bool numeric) {
  if (tcp.rtt > 0 && tcp.mss > 0 && tcp.congestion_window > 0) {
    const double window = double{1} * tcp.congestion_window * tcp.mss;
    words.Add(true, "send ", Bits(window * 1e6 / tcp.rtt, numeric), "bps");
  }
  words.Add(tcp.last_sent_ms != 0, "lastsnd:", tcp.last_sent_ms);
  words.Add(tcp.last_received_ms != 0, "lastrcv:", tcp.last_received_ms);
  words.Add(tcp.last_ack_ms != 0, "lastack:", tcp.last_ack_ms);
  if (tcp.pacing_rate != 0 && tcp.pacing_rate != UINT64_MAX) {
    words.Add(true, "pacing_rate ", Bits(static_cast<double>(tcp.pacing_rate), numeric), "bps",
              tcp.max_pacing_rate != 0 && tcp.max_pacing_rate != UINT64_MAX
                  ? Concat("/", Bits(static_cast<double>(tcp.max_pacing_rate), numeric), "bps")
                  : "");
  }
  words.Add(tcp.delivery_rate != 0, "delivery_rate ",
            Bits(static_cast<double>(tcp.delivery_rate), numeric), "bps");
  words.Add(tcp.delivered != 0, "delivered:", tcp.delivered);
  words.Add(tcp.delivered_ce != 0, "delivered_ce:", tcp.delivered_ce);
  words.Add(tcp.application_limited, "app_limited");
  if (tcp.busy_time == 0) return;
  const auto share = [&](uint64_t time) {
    return Short("(%.1f%%)",
                 100.0 * static_cast<double>(time) / static_cast<double>(tcp.busy_time));
  };
  words.Add(true, "busy:", tcp.busy_time / 1000, "ms");
  words.Add(tcp.window_limited_time != 0, "rwnd_limited:", tcp.window_limited_time / 1000, "ms",
            share(tcp.window_limited_time));
  words.Add(tcp.buffer_limited_time != 0, "sndbuf_limited:", tcp.buffer_limited_time / 1000, "ms",
            share(tcp.buffer_limited_time));
}

void AddTrouble(Words& words, const TcpDetails& tcp) {
  words.Add(tcp.unacknowledged != 0, "unacked:", tcp.unacknowledged);
  words.Add(tcp.retransmits != 0 || tcp.total_retransmits != 0, "retrans:", tcp.retransmits, "/",
            tcp.total_retransmits);
  words.Add(tcp.lost != 0, "lost:", tcp.lost);
  words.Add(tcp.sacked != 0, "sacked:", tcp.sacked);
  words.Add(tcp.dsack_duplicates != 0, "dsack_dups:", tcp.dsack_duplicates);
  words.Add(tcp.reordering != kUsualReordering && tcp.rtt != 0, "reordering:", tcp.reordering);
  words.Add(tcp.reorderings_seen != 0, "reord_seen:", tcp.reorderings_seen);
  words.Add(tcp.receive_rtt != 0, "rcv_rtt:", Milliseconds(tcp.receive_rtt));
  words.Add(tcp.receive_space != 0, "rcv_space:", tcp.receive_space);
  words.Add(tcp.receive_threshold != 0 && tcp.receive_threshold < kUsualThreshold,
            "rcv_ssthresh:", tcp.receive_threshold);
  words.Add(tcp.not_sent != 0, "notsent:", tcp.not_sent);
  words.Add(tcp.min_rtt != 0 && tcp.min_rtt != UINT32_MAX, "minrtt:", Milliseconds(tcp.min_rtt));
  words.Add(tcp.out_of_order != 0, "rcv_ooopack:", tcp.out_of_order);
  words.Add(tcp.send_window != 0, "snd_wnd:", tcp.send_window);
}

}  // namespace

std::string TcpDetailsLine(const TcpDetails& tcp, std::string_view congestion, bool numeric) {
  Words words;
  words.Add(!congestion.empty(), congestion);
  AddPath(words, tcp);
  AddAmounts(words, tcp);
  AddRates(words, tcp, numeric);
  AddTrouble(words, tcp);
  return words.Take();
}

nlohmann::ordered_json TcpDetailsJson(const TcpDetails& tcp) {
  return {{"rto", tcp.rto},
          {"rtt", tcp.rtt},
          {"rtt_variance", tcp.rtt_variance},
          {"min_rtt", tcp.min_rtt},
          {"mss", tcp.mss},
          {"path_mtu", tcp.path_mtu},
          {"congestion_window", tcp.congestion_window},
          {"slow_start_threshold", tcp.slow_start_threshold},
          {"bytes_sent", tcp.bytes_sent},
          {"bytes_retransmitted", tcp.bytes_retransmitted},
          {"bytes_acked", tcp.bytes_acked},
          {"bytes_received", tcp.bytes_received},
          {"segments_out", tcp.segments_out},
          {"segments_in", tcp.segments_in},
          {"last_sent_ms", tcp.last_sent_ms},
          {"last_received_ms", tcp.last_received_ms},
          {"last_ack_ms", tcp.last_ack_ms},
          {"pacing_rate", tcp.pacing_rate},
          {"delivery_rate", tcp.delivery_rate},
          {"unacknowledged", tcp.unacknowledged},
          {"retransmits", tcp.retransmits},
          {"total_retransmits", tcp.total_retransmits},
          {"lost", tcp.lost},
          {"sacked", tcp.sacked},
          {"reordering", tcp.reordering},
          {"receive_rtt", tcp.receive_rtt},
          {"receive_space", tcp.receive_space},
          {"not_sent", tcp.not_sent},
          {"send_window", tcp.send_window},
          {"application_limited", tcp.application_limited},
          {"timestamps", tcp.timestamps},
          {"sack", tcp.sack},
          {"ecn", tcp.ecn},
          {"fast_open", tcp.fast_open}};
}

}  // namespace spindle::bench
