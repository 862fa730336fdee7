#ifndef SPINDLE_NET_ADMIN_INTERNAL_HTTP_REQUEST_H_
#define SPINDLE_NET_ADMIN_INTERNAL_HTTP_REQUEST_H_

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace spindle {

// What an admin endpoint wants to know of a request: GET and HEAD without a body. RFC 9112.
struct HttpRequest {
  bool is_head = false;
  std::string path = {};                          // "/conns", its escapes undone.
  std::map<std::string, std::string> query = {};  // "sort" -> "bytes", likewise.
  std::optional<std::string> host = std::nullopt;
};

// Reads a whole header into `request`. Returns the status with which to refuse it, such as "400 Bad
// Request", or the empty text.
std::string_view ParseHttpRequest(std::string_view header, HttpRequest& request);

// Whether a browser on this machine that asks for `host` means this machine by it, and has not been
// led here by a stranger's name: an IP address or "localhost", with or without a port.
bool IsLocalHttpHost(std::string_view host);

// An answer after which the connection ends. `head`: without the body.
std::string HttpReply(std::string_view status, std::string_view content_type, std::string_view body,
                      bool head);

}  // namespace spindle

#endif  // SPINDLE_NET_ADMIN_INTERNAL_HTTP_REQUEST_H_
