#include "bench/netcat/proxy_handshake.h"

#include <arpa/inet.h>

#include <algorithm>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/escaping.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr size_t kMaxName = 255;        // RFC 1928, RFC 1929: lengths are one byte.
constexpr size_t kMaxHttpHead = 65536;  // Of an answer of an HTTP proxy.

absl::Status Bad(std::string_view what) { return absl::InvalidArgumentError(ToAbsl(what)); }

absl::Status CheckSocksPassword(std::string_view password) {
  if (password.size() > kMaxName) return Bad("SOCKS 5 takes passwords of up to 255 bytes");
  return absl::OkStatus();
}

uint8_t Byte(std::string_view text, size_t index) { return static_cast<uint8_t>(text[index]); }

void AppendPort(std::string& out, uint16_t port) {
  out += static_cast<char>(port >> 8);
  out += static_cast<char>(port & 0xff);
}

// The address in network order: 4 or 16 bytes; empty for a name.
std::string AddressBytes(const std::string& host) {
  unsigned char bytes[16];
  const char* const text = reinterpret_cast<const char*>(bytes);
  if (inet_pton(AF_INET, host.c_str(), bytes) == 1) return std::string(text, 4);
  if (inet_pton(AF_INET6, host.c_str(), bytes) == 1) return std::string(text, 16);
  return "";
}

bool HasControl(std::string_view text) {
  return std::any_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
}

// SOCKS 4, and 4a for names: "SOCKS: A protocol for TCP proxy across firewalls", Ying-Da Lee.
class Socks4 final : public ProxyHandshake {
 public:
  Socks4(const ProxyTarget& target, const std::string& user) {
    const std::string address = AddressBytes(target.host);
    output_ = std::string("\x04\x01", 2);
    AppendPort(output_, target.port);
    output_ += address.empty() ? std::string("\0\0\0\1", 4) : address;
    output_ += user;
    output_ += '\0';
    if (address.empty()) Append(output_, target.host, '\0');
  }

  ProxyStep Feed(std::string& input) override {
    if (input.size() < 8) return ProxyStep::kMore;
    const uint8_t version = Byte(input, 0);
    const uint8_t code = Byte(input, 1);
    input.erase(0, 8);
    if (version != 0) return Fail("the proxy does not speak SOCKS 4");
    switch (code) {
      case 90:
        return ProxyStep::kDone;
      case 91:
        return Fail("connection failed, SOCKS error 91: rejected or failed");
      case 92:
        return Fail("connection failed, SOCKS error 92: the proxy cannot reach identd here");
      case 93:
        return Fail("connection failed, SOCKS error 93: identd reports another user");
      default:
        return Fail(Concat("connection failed, SOCKS error ", uint32_t{code}));
    }
  }

  absl::Status SetPassword(std::string_view) override { return Bad("SOCKS 4 has no passwords"); }
};

// RFC 1928, with the names and passwords of RFC 1929.
class Socks5 final : public ProxyHandshake {
 public:
  Socks5(ProxyTarget target, std::optional<std::string> user, std::optional<std::string> password)
      : target_(std::move(target)), user_(std::move(user)), password_(std::move(password)) {
    output_ = user_ ? std::string("\x05\x02\x00\x02", 4) : std::string("\x05\x01\x00", 3);
  }

  ProxyStep Feed(std::string& input) override {
    while (true) {
      const State before = state_;
      const ProxyStep step = Next(input);
      if (step != ProxyStep::kMore || state_ == before) return step;
    }
  }

  absl::Status SetPassword(std::string_view password) override {
    absl::Status status = CheckSocksPassword(password);
    if (status.ok()) password_ = password;
    return status;
  }

 private:
  enum class State : uint8_t { kMethod, kPassword, kVerdict, kReply, kEnd };

  ProxyStep Next(std::string& input) {
    switch (state_) {
      case State::kMethod:
        return OnMethod(input);
      case State::kPassword:
        return SendPassword();
      case State::kVerdict:
        return OnVerdict(input);
      case State::kReply:
        return OnReply(input);
      case State::kEnd:
        break;
    }
    return error_.empty() ? ProxyStep::kDone : ProxyStep::kFailed;
  }

  ProxyStep OnMethod(std::string& input) {
    if (input.size() < 2) return ProxyStep::kMore;
    const uint8_t version = Byte(input, 0);
    const uint8_t method = Byte(input, 1);
    input.erase(0, 2);
    if (version != 5) return End("the proxy does not speak SOCKS 5");
    if (method == 0) return SendRequest();
    if (method == 2 && user_) {
      state_ = State::kPassword;
      return ProxyStep::kMore;
    }
    return End(user_ ? "authentication method negotiation failed"
                     : "the proxy wants a user: give -P");
  }

  ProxyStep SendPassword() {
    if (!password_) return ProxyStep::kNeedsPassword;
    output_ += '\x01';
    for (const std::string_view text : {std::string_view(*user_), std::string_view(*password_)}) {
      output_ += static_cast<char>(text.size());
      output_ += text;
    }
    state_ = State::kVerdict;
    return ProxyStep::kMore;
  }

  ProxyStep OnVerdict(std::string& input) {
    if (input.size() < 2) return ProxyStep::kMore;
    const uint8_t status = Byte(input, 1);
    input.erase(0, 2);
    return status == 0 ? SendRequest() : End("Proxy authentication failed");
  }

  ProxyStep SendRequest() {
    const std::string address = AddressBytes(target_.host);
    output_ += std::string("\x05\x01\x00", 3);
    if (address.empty()) {
      output_ += '\x03';
      output_ += static_cast<char>(target_.host.size());
      output_ += target_.host;
    } else {
      output_ += address.size() == 4 ? '\x01' : '\x04';
      output_ += address;
    }
    AppendPort(output_, target_.port);
    state_ = State::kReply;
    return ProxyStep::kMore;
  }

  // Version, reply, 0, kind of address, address, port: only as long as it says it is.
  ProxyStep OnReply(std::string& input) {
    if (input.size() < 2) return ProxyStep::kMore;
    if (Byte(input, 0) != 5) return End("the proxy does not speak SOCKS 5");
    if (Byte(input, 1) != 0) return End(ReplyText(Byte(input, 1)));
    if (input.size() < 5) return ProxyStep::kMore;
    size_t address = 0;
    switch (Byte(input, 3)) {
      case 1:
        address = 4;
        break;
      case 3:
        address = size_t{1} + Byte(input, 4);
        break;
      case 4:
        address = 16;
        break;
      default:
        return End("connection failed, the proxy's address is of no known kind");
    }
    if (input.size() < 4 + address + 2) return ProxyStep::kMore;
    input.erase(0, 4 + address + 2);
    state_ = State::kEnd;
    return ProxyStep::kDone;
  }

  static std::string ReplyText(uint8_t code) {
    static constexpr const char* kTexts[] = {"",
                                             "general failure",
                                             "not allowed by the proxy's rules",
                                             "Network unreachable",
                                             "Host unreachable",
                                             "Connection refused",
                                             "TTL expired",
                                             "Command not supported",
                                             "Address type not supported"};
    std::string text = Concat("connection failed, SOCKS error ", uint32_t{code});
    if (code < std::size(kTexts)) Append(text, ": ", kTexts[code]);
    return text;
  }

  ProxyStep End(std::string error) {
    state_ = State::kEnd;
    return Fail(std::move(error));
  }

  const ProxyTarget target_;
  const std::optional<std::string> user_;
  std::optional<std::string> password_;
  State state_ = State::kMethod;
};

// RFC 9110 9.3.6, RFC 7617.
class HttpConnect final : public ProxyHandshake {
 public:
  HttpConnect(const ProxyTarget& target, const std::optional<std::string>& user,
              const std::optional<std::string>& password)
      : may_ask_(user && !password) {
    const bool v6 = target.host.find(':') != std::string::npos;
    const std::string authority =
        v6 ? Concat('[', target.host, "]:", target.port) : Concat(target.host, ':', target.port);
    output_ = Concat("CONNECT ", authority, " HTTP/1.1\r\nHost: ", authority, "\r\n");
    if (user && password) {
      const std::string secret = absl::Base64Escape(ToAbsl(Concat(*user, ':', *password)));
      Append(output_, "Proxy-Authorization: Basic ", secret, "\r\n");
    }
    output_ += "\r\n";
  }

  ProxyStep Feed(std::string& input) override {
    // Line by line, so that no byte after the empty line is touched; LF alone ends a line too.
    while (true) {
      const size_t end = input.find('\n');
      if (end == std::string::npos) {
        return input.size() + head_ > kMaxHttpHead ? TooLong() : ProxyStep::kMore;
      }
      std::string line = input.substr(0, end);
      input.erase(0, end + 1);
      head_ += end + 1;
      if (head_ > kMaxHttpHead) return TooLong();
      if (!line.empty() && line.back() == '\r') line.pop_back();
      if (status_ == 0) {
        if (!ReadStatus(line)) return Fail(Concat("Proxy error: \"", line, "\""));
      } else if (line.empty()) {
        // 1xx: the answer is yet to come.
        if (status_ / 100 == 1) {
          status_ = 0;
        } else {
          return Verdict();
        }
      }
    }
  }

  absl::Status SetPassword(std::string_view) override {
    return Bad("needs a new connection to the proxy");
  }

 private:
  ProxyStep TooLong() { return Fail("Proxy error: its answer is too long"); }

  bool ReadStatus(const std::string& line) {
    const bool is_http = line.starts_with("HTTP/1.") && line.size() >= 12 && line[8] == ' ';
    if (!is_http) return false;
    for (size_t i = 9; i < 12; ++i) {
      if (line[i] < '0' || line[i] > '9') return false;
      status_ = status_ * 10 + (line[i] - '0');
    }
    status_line_ = line;
    return status_ >= 100;
  }

  ProxyStep Verdict() {
    if (status_ / 100 == 2) return ProxyStep::kDone;
    if (status_ == 407 && may_ask_) return ProxyStep::kReconnect;
    return Fail(status_ == 407 ? "Proxy authentication failed"
                               : Concat("Proxy error: \"", status_line_, "\""));
  }

  const bool may_ask_;
  int status_ = 0;  // 0: its line is yet to come.
  size_t head_ = 0;
  std::string status_line_;
};

absl::Status CheckSocks(ProxyKind kind, const ProxyTarget& target,
                        const std::optional<std::string>& user,
                        const std::optional<std::string>& password) {
  if (target.host.size() > kMaxName) return Bad("SOCKS takes host names of up to 255 bytes");
  if (user && (user->empty() || user->size() > kMaxName)) {
    return Bad("SOCKS takes user names of 1 to 255 bytes");
  }
  if (kind == ProxyKind::kSocks4 && AddressBytes(target.host).size() == 16) {
    return Bad("SOCKS 4 has no IPv6 addresses");
  }
  return CheckSocksPassword(password.value_or(""));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ProxyHandshake>> ProxyHandshake::Start(
    ProxyKind kind, const ProxyTarget& target, const std::optional<std::string>& user,
    const std::optional<std::string>& password) {
  if (target.host.empty() || HasControl(target.host)) {
    return Bad("the host has characters that no host has");
  }
  if (user && user->find('\0') != std::string::npos) return Bad("the proxy's user has a NUL");
  if (kind == ProxyKind::kHttpConnect) {
    if (user && user->find(':') != std::string::npos) {
      return Bad("HTTP takes no user names with a colon");
    }
    return std::make_unique<HttpConnect>(target, user, password);
  }
  if (absl::Status status = CheckSocks(kind, target, user, password); !status.ok()) return status;
  if (kind == ProxyKind::kSocks4) return std::make_unique<Socks4>(target, user.value_or(""));
  return std::make_unique<Socks5>(target, user, password);
}

}  // namespace spindle::bench
