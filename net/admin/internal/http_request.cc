#include "net/admin/internal/http_request.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <string>

#include "base/strings.h"
#include "net/http/http_text.h"

namespace spindle {
namespace {

constexpr std::string_view kBadRequest = "400 Bad Request";

// Undoes %HH (RFC 3986 2.1); nothing for what is no such escape, or hides a control character.
std::optional<std::string> Unescape(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    unsigned char c = static_cast<unsigned char>(text[i]);
    if (c == '%') {
      const std::string_view digits = text.substr(i + 1, 2);
      const auto [end, error] =
          std::from_chars(digits.data(), digits.data() + digits.size(), c, 16);
      if (error != std::errc() || digits.size() != 2 || end != digits.data() + 2)
        return std::nullopt;
      i += 2;
    }
    if (c < 0x20 || c == 0x7f) return std::nullopt;
    out += static_cast<char>(c);
  }
  return out;
}

bool ParseTarget(std::string_view target, HttpRequest& request) {
  const size_t mark = std::min(target.find('?'), target.size());
  const std::optional<std::string> path = Unescape(target.substr(0, mark));
  if (!path.has_value() || !path->starts_with('/')) return false;
  request.path = *path;
  std::string_view rest = target.substr(std::min(mark + 1, target.size()));
  while (!rest.empty()) {
    const size_t end = std::min(rest.find('&'), rest.size());
    const std::string_view pair = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    const size_t equals = std::min(pair.find('='), pair.size());
    const std::optional<std::string> name = Unescape(pair.substr(0, equals));
    const std::optional<std::string> value =
        Unescape(pair.substr(std::min(equals + 1, pair.size())));
    if (!name.has_value() || !value.has_value()) return false;
    request.query[*name] = *value;
  }
  return true;
}

}  // namespace

std::string_view ParseHttpRequest(std::string_view header, HttpRequest& request) {
  std::string_view line;
  TakeHttpLine(header, &line);
  const size_t first = line.find(' ');
  const size_t last = line.rfind(' ');
  if (first == std::string_view::npos || first == last) return kBadRequest;
  const std::string_view method = line.substr(0, first);
  const std::string_view version = line.substr(last + 1);
  if (!version.starts_with("HTTP/")) return kBadRequest;
  if (version != "HTTP/1.1" && version != "HTTP/1.0") return "505 HTTP Version Not Supported";
  if (method != "GET" && method != "HEAD") return "405 Method Not Allowed";
  request.is_head = method == "HEAD";
  if (!ParseTarget(line.substr(first + 1, last - first - 1), request)) return kBadRequest;
  std::string_view field;
  while (TakeHttpLine(header, &field) && !field.empty()) {
    const size_t colon = field.find(':');
    if (colon == std::string_view::npos || colon == 0) return kBadRequest;
    if (!EqualHttpNames(field.substr(0, colon), "host")) continue;
    if (request.host.has_value()) return kBadRequest;  // RFC 9112 3.2.
    request.host = std::string(TrimHttpBlanks(field.substr(colon + 1)));
  }
  if (version == "HTTP/1.1" && !request.host.has_value()) return kBadRequest;
  return {};
}

bool IsLocalHttpHost(std::string_view host) {
  in6_addr scratch;
  if (host.starts_with('[')) {
    const size_t end = host.find(']');
    if (end == std::string_view::npos) return false;
    return inet_pton(AF_INET6, std::string(host.substr(1, end - 1)).c_str(), &scratch) == 1;
  }
  host = host.substr(0, host.find(':'));
  return EqualHttpNames(host, "localhost") ||
         inet_pton(AF_INET, std::string(host).c_str(), &scratch) == 1;
}

std::string HttpReply(std::string_view status, std::string_view content_type, std::string_view body,
                      bool head) {
  return Concat(
      "HTTP/1.1 ", status, "\r\nContent-Type: ", content_type, "\r\nContent-Length: ", body.size(),
      "\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nConnection: close"
      "\r\n\r\n",
      head ? std::string_view() : body);
}

}  // namespace spindle
