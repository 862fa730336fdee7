#include "bench/netcat/parse_options.h"

#include <sys/socket.h>

#include <charconv>
#include <limits>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "base/parse.h"
#include "base/strings.h"
#include "bench/netcat/option_words.h"
#include "bench/netcat/ports.h"
#include "bench/netcat/traffic_class.h"

namespace spindle::bench {
namespace {

constexpr OptionSpec kSpecs[] = {
    {'4', "", nullptr, "IPv4 only"},
    {'6', "", nullptr, "IPv6 only"},
    {'b', "", nullptr, "may send to broadcast addresses"},
    {'C', "", nullptr, "sends CR LF for each LF of the input"},
    {'D', "", nullptr, "sets SO_DEBUG"},
    {'d', "", nullptr, "does not read stdin, and never shuts down its side"},
    {'h', "help", nullptr, "this text"},
    {'I', "", "BYTES", "size of the receive buffer"},
    {'i', "", "SECONDS", "waits between lines, and between ports"},
    {'k', "", nullptr, "takes the next connection after one has ended (with -l)"},
    {'l', "", nullptr, "listens"},
    {'M', "", "TTL", "time to live, or hop limit, of what is sent"},
    {'m', "", "TTL", "drops what comes with a smaller one"},
    {'N', "", nullptr, "shuts down its side at the end of stdin: the default, but for /dev/null"},
    {'n', "", nullptr, "no names: addresses in numbers only"},
    {'O', "", "BYTES", "size of the send buffer"},
    {'P', "", "USER", "name for the proxy; password: $SPINDLE_PROXY_PASSWORD, or asked for"},
    {'p', "", "PORT", "local port"},
    {'q', "", "SECONDS", "ends so long after the end of stdin; negative: never (default)"},
    {'r', "", nullptr, "tries the ports in random order"},
    {'s', "", "ADDRESS", "local address; with -uU the path to be answered at"},
    {'T', "", "CLASS", "traffic class: ef, af11, cs1, lowdelay, ..., or a number"},
    {'U', "", nullptr, "Unix sockets: a path, or @name for an abstract one"},
    {'u', "", nullptr, "UDP; with -U Unix datagrams"},
    {'v', "", nullptr, "says what happens"},
    {'W', "", "COUNT", "ends after so many packets have been received"},
    {'w', "", "SECONDS", "limit for connecting, and for silence afterwards"},
    {'X', "", "4|5|connect", "kind of the proxy: SOCKS 4(a), SOCKS 5 (default), HTTP"},
    {'x', "", "HOST[:PORT]", "goes through this proxy; port 1080, or 3128 for HTTP"},
    {'z', "", nullptr, "only tries whether the ports are open"},
    {0, "half-open", nullptr, "goes on sending stdin after the peer has ended its side"},
    {0, "keep-open-on-eof", nullptr, "does not shut down its side at the end of stdin"},
};

struct Refusal {
  char letter;
  const char* reason;
};

constexpr Refusal kRefusals[] = {
    {'S', "-S: TCP MD5 signatures need keys that only routing daemons have"},
    {'V', "-V: Linux has no alternate routing tables per socket; use ip-vrf(8)"},
    {'Z', "-Z: DCCP has left the kernel"},
    {'F', "-F: passing the socket on is not offered"},
    {'t', "-t: answering telnet negotiation is not offered"},
    {'e', "-e: programs are never started; redirect the descriptors in a shell"},
    {'c', "-c: programs are never started; redirect the descriptors in a shell"},
};

absl::Status Bad(std::string_view what) { return absl::InvalidArgumentError(ToAbsl(what)); }

// Seconds, with a fraction or not; or with a unit ("500ms").
absl::StatusOr<Duration> ParseSeconds(std::string_view what, std::string_view text) {
  absl::StatusOr<Duration> duration = ParseDuration(Concat(text, "s"));
  if (!duration.ok()) duration = ParseDuration(text);
  if (!duration.ok()) return Bad(Concat(what, " invalid: ", text));
  return duration;
}

absl::StatusOr<int> ParseInt(std::string_view what, std::string_view text, int min, int max) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
    return Bad(Concat(what, " invalid: ", text));
  }
  if (value < min) return Bad(Concat(what, " too small: ", text));
  if (error != std::errc() || value > max) return Bad(Concat(what, " too large: ", text));
  return static_cast<int>(value);
}

class Builder {
 public:
  absl::StatusOr<NetcatOptions> Build(const OptionWords& words) {
    for (const auto& [index, value] : words.options) {
      const OptionSpec& spec = kSpecs[index];
      if (spec.letter == 'h') {
        options_.help = true;
        return options_;
      }
      absl::Status status = absl::OkStatus();
      if (spec.letter == 0) {
        (std::string_view(spec.name) == "half-open" ? options_.half_open : keep_open_) = true;
      } else if (spec.value == nullptr) {
        SetFlag(spec.letter);
      } else {
        status = SetValue(spec.letter, value);
      }
      if (!status.ok()) return status;
    }
    for (const auto check : {&Builder::SettleTransport, &Builder::CheckTogether}) {
      if (absl::Status status = (this->*check)(); !status.ok()) return status;
    }
    if (absl::Status status = SetPlace(words.operands); !status.ok()) return status;
    return std::move(options_);
  }

 private:
  void SetFlag(char letter) {
    switch (letter) {
      case '4':
        options_.family = AF_INET;
        break;
      case '6':
        options_.family = AF_INET6;
        break;
      case 'b':
        options_.tuning.broadcast = true;
        break;
      case 'C':
        options_.crlf = true;
        break;
      case 'D':
        options_.tuning.debug = true;
        break;
      case 'd':
        options_.read_input = false;
        break;
      case 'k':
        options_.keep_listening = true;
        break;
      case 'l':
        options_.listen = true;
        break;
      case 'N':
        shutdown_ = true;
        break;
      case 'n':
        options_.numeric = true;
        break;
      case 'r':
        options_.random_order = true;
        break;
      case 'U':
        unix_ = true;
        break;
      case 'u':
        datagram_ = true;
        break;
      case 'v':
        options_.verbose = true;
        break;
      case 'z':
        options_.scan = true;
        break;
    }
  }

  absl::Status SetValue(char letter, const std::string& value) {
    switch (letter) {
      case 'I':
        return SetInt("TCP receive window", value, 1, INT32_MAX, options_.tuning.receive_buffer);
      case 'O':
        return SetInt("TCP send window", value, 1, INT32_MAX, options_.tuning.send_buffer);
      case 'M':
        return SetInt("ttl is", value, 0, 255, options_.tuning.ttl);
      case 'm':
        return SetInt("minttl is", value, 0, 255, options_.tuning.min_ttl);
      case 'i':
        return SetInterval(value);
      case 'P':
        user_ = value;
        return absl::OkStatus();
      case 'p':
        source_port_ = value;
        return absl::OkStatus();
      case 'q':
        return SetQuit(value);
      case 's':
        options_.source_host = value;
        return absl::OkStatus();
      case 'T':
        return SetTrafficClass(value);
      case 'W':
        return SetPacketLimit(value);
      case 'w':
        return SetTimeout(value);
      case 'X':
        return SetProxyKind(value);
      case 'x':
        proxy_ = value;
        return absl::OkStatus();
    }
    return absl::InternalError("an option without an effect");
  }

  static absl::Status SetInt(std::string_view what, const std::string& text, int min, int max,
                             std::optional<int>& target) {
    const absl::StatusOr<int> value = ParseInt(what, text, min, max);
    if (value.ok()) target = *value;
    return value.status();
  }

  absl::Status SetInterval(const std::string& text) {
    const absl::StatusOr<Duration> interval = ParseSeconds("interval", text);
    if (interval.ok()) options_.interval = *interval;
    return interval.status();
  }

  absl::Status SetTimeout(const std::string& text) {
    const absl::StatusOr<Duration> timeout = ParseSeconds("timeout", text);
    if (!timeout.ok()) return timeout.status();
    if (*timeout == Duration::zero()) return Bad(Concat("timeout too small: ", text));
    options_.timeout = *timeout;
    return absl::OkStatus();
  }

  absl::Status SetQuit(const std::string& text) {
    options_.quit_after.reset();
    if (text.starts_with('-')) {
      const absl::StatusOr<Duration> forever = ParseSeconds("quit timer", text.substr(1));
      return forever.ok() ? absl::OkStatus() : Bad(Concat("quit timer invalid: ", text));
    }
    const absl::StatusOr<Duration> after = ParseSeconds("quit timer", text);
    if (!after.ok()) return after.status();
    options_.quit_after = *after;
    return absl::OkStatus();
  }

  absl::Status SetTrafficClass(const std::string& text) {
    const absl::StatusOr<int> value = ParseTrafficClass(text);
    if (value.ok()) options_.tuning.traffic_class = *value;
    return value.status();
  }

  absl::Status SetPacketLimit(const std::string& text) {
    const absl::StatusOr<int> limit = ParseInt("receive limit", text, 1, INT32_MAX);
    if (limit.ok()) options_.packet_limit = static_cast<uint64_t>(*limit);
    return limit.status();
  }

  absl::Status SetProxyKind(const std::string& text) {
    if (text == "4") {
      proxy_kind_ = ProxyKind::kSocks4;
    } else if (text == "5") {
      proxy_kind_ = ProxyKind::kSocks5;
    } else if (text == "connect") {
      proxy_kind_ = ProxyKind::kHttpConnect;
    } else {
      return Bad("unsupported proxy protocol");
    }
    return absl::OkStatus();
  }

  absl::Status SettleTransport() {
    if (unix_) {
      options_.transport =
          datagram_ ? NetcatTransport::kUnixDatagram : NetcatTransport::kUnixStream;
    } else if (datagram_) {
      options_.transport = NetcatTransport::kUdp;
    }
    options_.end_null = shutdown_ || options_.quit_after.has_value();
    options_.half_close = !keep_open_ || options_.end_null;
    if (!proxy_) return absl::OkStatus();
    if (options_.listen) return Bad("no proxy support for listen");
    if (datagram_) return Bad("no proxy support for UDP mode");
    if (unix_) return Bad("no proxy support for unix sockets");
    if (!options_.source_host.empty()) return Bad("no proxy support for local source address");
    return SplitProxy();
  }

  absl::Status SplitProxy() {
    ProxyOptions proxy = {.kind = proxy_kind_, .user = user_};
    std::string_view rest = *proxy_;
    if (rest.starts_with('[')) {
      const size_t end = rest.find(']');
      if (end == std::string_view::npos) return Bad(Concat("proxy address invalid: ", *proxy_));
      proxy.host = rest.substr(1, end - 1);
      rest.remove_prefix(end + 1);
      if (!rest.empty() && rest[0] != ':') return Bad(Concat("proxy address invalid: ", *proxy_));
    } else if (const size_t colon = rest.rfind(':');
               colon != std::string_view::npos && rest.find(':') == colon) {
      proxy.host = rest.substr(0, colon);
      rest.remove_prefix(colon);
    } else {
      proxy.host = std::exchange(rest, "");  // A name, or an IPv6 address without a port.
    }
    if (proxy.host.empty()) return Bad(Concat("proxy address invalid: ", *proxy_));
    proxy.port = proxy_kind_ == ProxyKind::kHttpConnect ? 3128 : 1080;
    if (!rest.empty()) {
      const absl::StatusOr<uint16_t> port = ParsePort(rest.substr(1), options_.transport);
      if (!port.ok()) return port.status();
      proxy.port = *port;
    }
    options_.proxy = std::move(proxy);
    return absl::OkStatus();
  }

  absl::Status CheckTogether() {
    if (options_.scan && options_.listen) return Bad("cannot use -z and -l");
    if (options_.keep_listening && !options_.listen) return Bad("must use -l with -k");
    if (unix_ && options_.family != AF_UNSPEC) return Bad("cannot use -4 or -6 with -U");
    if (unix_ && !source_port_.empty()) return Bad("cannot use -p and -U");
    if (unix_ && !options_.source_host.empty() && (!datagram_ || options_.listen)) {
      return Bad("cannot use -s and -U, but for sending datagrams");
    }
    if (user_ && !proxy_) return Bad("must use -x with -P");
    return absl::OkStatus();
  }

  // The host and the ports.
  absl::Status SetPlace(const std::vector<std::string>& operands) {
    if (unix_) {
      if (operands.empty()) return Bad("missing path");
      if (operands.size() > 1) return Bad("too many operands: a Unix socket has no port");
      options_.host = operands[0];
      return absl::OkStatus();
    }
    return options_.listen ? SetListenPlace(operands) : SetTarget(operands);
  }

  absl::Status SetListenPlace(const std::vector<std::string>& operands) {
    std::vector<std::string> words = operands;
    if (!source_port_.empty()) words.push_back(source_port_);
    if (words.empty()) return Bad("missing port number");
    if (words.size() > 2) return Bad("too many operands: give one address and one port");
    const absl::StatusOr<uint16_t> port =
        ParsePort(words.back(), options_.transport, PortZero::kAllowed);
    if (!port.ok()) return port.status();
    options_.ports = {*port};
    if (words.size() == 2 && !options_.source_host.empty()) {
      return Bad("give the address once: as operand, or by -s");
    }
    options_.host = words.size() == 2 ? words[0] : std::exchange(options_.source_host, "");
    return absl::OkStatus();
  }

  absl::Status SetTarget(const std::vector<std::string>& operands) {
    if (operands.empty()) return Bad("missing destination");
    if (operands.size() == 1) return Bad("missing port number");
    options_.host = operands[0];
    for (size_t i = 1; i < operands.size(); ++i) {
      const absl::StatusOr<std::vector<uint16_t>> ports =
          ParsePorts(operands[i], options_.transport);
      if (!ports.ok()) return ports.status();
      options_.ports.insert(options_.ports.end(), ports->begin(), ports->end());
    }
    if (source_port_.empty()) return absl::OkStatus();
    const absl::StatusOr<uint16_t> port = ParsePort(source_port_, options_.transport);
    if (port.ok()) options_.source_port = *port;
    return port.status();
  }

  NetcatOptions options_;
  bool unix_ = false;
  bool datagram_ = false;
  bool shutdown_ = false;
  bool keep_open_ = false;
  std::string source_port_;
  std::optional<std::string> proxy_;
  std::optional<std::string> user_;
  ProxyKind proxy_kind_ = ProxyKind::kSocks5;
};

// So that a refusal has its reason: letters that others' netcats have.
std::vector<OptionSpec> AllSpecs() {
  std::vector<OptionSpec> specs(std::begin(kSpecs), std::end(kSpecs));
  for (const Refusal& refusal : kRefusals) specs.push_back({.letter = refusal.letter});
  return specs;
}

}  // namespace

absl::StatusOr<NetcatOptions> ParseNetcatOptions(std::span<const std::string> words) {
  const absl::StatusOr<OptionWords> parsed = ParseOptionWords(AllSpecs(), words);
  if (!parsed.ok()) return parsed.status();
  for (const auto& [index, value] : parsed->options) {
    if (index >= std::size(kSpecs)) return Bad(kRefusals[index - std::size(kSpecs)].reason);
  }
  return Builder().Build(*parsed);
}

std::string NetcatHelp() {
  return Concat(
      "usage: spindle nc [OPTION]... HOST PORT...      connects; PORT may be a range, lo-hi\n"
      "       spindle nc -l [OPTION]... [ADDRESS] PORT listens; port 0: any, -v says which\n"
      "       spindle nc -U [-l] [OPTION]... PATH      Unix sockets\n\n"
      "stdin goes to the peer, and what the peer sends to stdout, until both have ended.\n\n",
      OptionHelp(kSpecs),
      "\nSECONDS may have a fraction or a unit: 0.5, 500ms, 2m.\n"
      "Exit: 0 ok, for -z one port was open   1 an error, or something was not delivered\n"
      "      2 wrong use                      130 interrupted\n");
}

}  // namespace spindle::bench
