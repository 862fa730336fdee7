#include "bench/load/http_responder.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/strings.h"
#include "net/http/http_text.h"

namespace spindle::bench {

// What matters of one request's header.
struct HttpResponder::Request {
  bool is_head = false;
  bool is_http_1_1 = false;
  bool keep_alive = false;
  bool close = false;
  bool expects_continue = false;
  int hosts = 0;
  std::optional<uint64_t> content_length = std::nullopt;

  // Each returns with what status to refuse the request, or the empty text.
  std::string_view Read(std::string_view header);
  std::string_view ReadRequestLine(std::string_view line);
  std::string_view ReadField(std::string_view line);
};

namespace {

static_assert(HttpResponder::kBody.size() == 14, "the replies say so");

constexpr std::string_view kBadRequest = "400 Bad Request";

bool IsTokenChar(char c) {
  // RFC 9110 5.6.2.
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
         (c != '\0' && std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos);
}

bool IsToken(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), IsTokenChar);
}

// Whether the list `value` ("a, b") has the token `lower`.
bool HasToken(std::string_view value, std::string_view lower) {
  while (!value.empty()) {
    const size_t comma = std::min(value.find(','), value.size());
    if (EqualHttpNames(TrimHttpBlanks(value.substr(0, comma)), lower)) return true;
    value.remove_prefix(std::min(comma + 1, value.size()));
  }
  return false;
}

std::optional<uint64_t> ParseLength(std::string_view text) {
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, error] = std::from_chars(text.data(), end, value);
  if (text.empty() || error != std::errc() || rest != end) return std::nullopt;
  return value;
}

}  // namespace

std::string_view HttpResponder::Request::ReadRequestLine(std::string_view line) {
  const size_t first = line.find(' ');
  const size_t second = line.find(' ', first + 1);
  if (first == std::string_view::npos || second == std::string_view::npos) return kBadRequest;
  const std::string_view method = line.substr(0, first);
  const std::string_view target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  const auto is_visible = [](char c) { return c > ' ' && c != '\x7f'; };
  if (!IsToken(method) || target.empty() ||
      !std::all_of(target.begin(), target.end(), is_visible)) {
    return kBadRequest;
  }
  const auto is_digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !is_digit(version[5]) ||
      version[6] != '.' || !is_digit(version[7])) {
    return kBadRequest;
  }
  if (version[5] != '1') return "505 HTTP Version Not Supported";
  is_head = method == "HEAD";
  is_http_1_1 = version[7] != '0';
  return {};
}

std::string_view HttpResponder::Request::ReadField(std::string_view line) {
  const size_t colon = line.find(':');
  // This also refuses a blank before the colon, and lines that continue the one before.
  if (colon == std::string_view::npos || !IsToken(line.substr(0, colon))) return kBadRequest;
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = TrimHttpBlanks(line.substr(colon + 1));
  if (value.find_first_of(std::string_view("\0\r", 2)) != std::string_view::npos) {
    return kBadRequest;
  }
  if (EqualHttpNames(name, "host")) {
    ++hosts;
  } else if (EqualHttpNames(name, "connection")) {
    close |= HasToken(value, "close");
    keep_alive |= HasToken(value, "keep-alive");
  } else if (EqualHttpNames(name, "content-length")) {
    const std::optional<uint64_t> length = ParseLength(value);
    if (!length.has_value() || (content_length.has_value() && content_length != length)) {
      return kBadRequest;
    }
    content_length = length;
  } else if (EqualHttpNames(name, "transfer-encoding")) {
    return "501 Not Implemented";
  } else if (EqualHttpNames(name, "expect")) {
    expects_continue |= EqualHttpNames(value, "100-continue");
  }
  return {};
}

std::string_view HttpResponder::Request::Read(std::string_view header) {
  std::string_view line;
  TakeHttpLine(header, &line);
  std::string_view refusal = ReadRequestLine(line);
  while (refusal.empty() && TakeHttpLine(header, &line) && !line.empty()) refusal = ReadField(line);
  // RFC 9112 3.2.
  if (refusal.empty() && (hosts > 1 || (hosts == 0 && is_http_1_1))) return kBadRequest;
  return refusal;
}

// Who sends something else than HTTP should not have to wait for an empty line.
std::string_view HttpResponder::RefusalOfStart(std::string_view text) {
  if (text.size() >= kMaxHeaderBytes) return "431 Request Header Fields Too Large";
  std::string_view line;
  if (TakeHttpLine(text, &line)) return Request().ReadRequestLine(line);
  return IsTokenChar(text.front()) || text == "\r" ? std::string_view() : kBadRequest;
}

bool HttpResponder::Answer(std::string_view header, std::string& replies, bool more_follows) {
  Request request;
  const std::string_view refusal = request.Read(header);
  if (!refusal.empty()) return Refuse(refusal, replies);
  body_left_ = request.content_length.value_or(0);
  if (request.expects_continue && request.is_http_1_1 && body_left_ > 0 && !more_follows) {
    replies += "HTTP/1.1 100 Continue\r\n\r\n";
  }
  const bool stays = !request.close && (request.is_http_1_1 || request.keep_alive);
  ++answered_;
  replies += "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 14\r\n";
  if (!stays) {
    replies += "Connection: close\r\n";
  } else if (!request.is_http_1_1) {
    replies += "Connection: keep-alive\r\n";
  }
  replies += "\r\n";
  if (!request.is_head) replies += kBody;
  return stays;
}

bool HttpResponder::Refuse(std::string_view status, std::string& replies) {
  Append(replies, "HTTP/1.1 ", status, "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  return false;
}

bool HttpResponder::Feed(Buffer& input, std::string& replies) {
  while (!ended_ && !input.empty()) {
    if (body_left_ > 0) {
      const size_t skipped = static_cast<size_t>(std::min<uint64_t>(body_left_, input.size()));
      input.Consume(skipped);
      body_left_ -= skipped;
      continue;
    }
    const std::string_view text = input.Peek(std::min(input.size(), kMaxHeaderBytes));
    // Empty lines before a request are a client's old habit (RFC 9112 2.2).
    const size_t empty_lines = text.starts_with("\r\n") ? 2 : text.starts_with('\n') ? 1 : 0;
    if (empty_lines > 0) {
      input.Consume(empty_lines);
      continue;
    }
    const size_t size = HttpHeaderSize(text);
    if (size == 0) {
      const std::string_view refusal = RefusalOfStart(text);
      if (!refusal.empty()) ended_ = !Refuse(refusal, replies);
      break;
    }
    ended_ = !Answer(text.substr(0, size), replies, input.size() > size);
    input.Consume(size);
  }
  if (ended_) input.Clear();
  return !ended_;
}

}  // namespace spindle::bench
