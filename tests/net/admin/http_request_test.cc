#include "net/admin/internal/http_request.h"

#include <string>

#include "gtest/gtest.h"

namespace spindle {
namespace {

std::string_view Refusal(std::string_view header) {
  HttpRequest request;
  return ParseHttpRequest(header, request);
}

TEST(HttpRequestTest, ReadsTargetAndHost) {
  HttpRequest request;
  EXPECT_EQ(ParseHttpRequest("GET /conns?sort=bytes&limit=10&x&y=a%20b HTTP/1.1\r\n"
                             "User-Agent: test\r\nHOST:  127.0.0.1:80 \r\n\r\n",
                             request),
            "");
  EXPECT_FALSE(request.is_head);
  EXPECT_EQ(request.path, "/conns");
  EXPECT_EQ(request.query["sort"], "bytes");
  EXPECT_EQ(request.query["limit"], "10");
  EXPECT_EQ(request.query["x"], "");
  EXPECT_EQ(request.query["y"], "a b");
  EXPECT_EQ(request.host, "127.0.0.1:80");
}

TEST(HttpRequestTest, Http10NeedsNoHost) {
  HttpRequest request;
  EXPECT_EQ(ParseHttpRequest("HEAD /conns/1.2.3 HTTP/1.0\n\n", request), "");
  EXPECT_TRUE(request.is_head);
  EXPECT_EQ(request.path, "/conns/1.2.3");
  EXPECT_FALSE(request.host.has_value());
}

TEST(HttpRequestTest, RefusesWhatItCannotServe) {
  EXPECT_EQ(Refusal("POST / HTTP/1.1\r\nHost: x\r\n\r\n"), "405 Method Not Allowed");
  EXPECT_EQ(Refusal("GET / HTTP/2.0\r\nHost: x\r\n\r\n"), "505 HTTP Version Not Supported");
  for (const std::string_view header :
       {"GET / HTTP/1.1\r\n\r\n", "GET /\r\n\r\n", "\r\n\r\n", "GET  \r\n\r\n", "hello\r\n\r\n",
        "GET x HTTP/1.0\r\n\r\n", "GET /%0a HTTP/1.0\r\n\r\n", "GET /%4 HTTP/1.0\r\n\r\n",
        "GET /%zz HTTP/1.0\r\n\r\n", "GET /?a=%00 HTTP/1.0\r\n\r\n",
        "GET / HTTP/1.0\r\nno colon\r\n\r\n", "GET / HTTP/1.0\r\n: x\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n"}) {
    EXPECT_EQ(Refusal(header), "400 Bad Request") << header;
  }
}

TEST(HttpRequestTest, LocalHostsAreNoNamesButOne) {
  for (const std::string_view host :
       {"localhost", "LocalHost:80", "127.0.0.1", "127.0.0.1:9", "[::1]", "[::1]:80"}) {
    EXPECT_TRUE(IsLocalHttpHost(host)) << host;
  }
  for (const std::string_view host :
       {"", "evil.example", "evil.example:80", "localhost.evil.example", "127.0.0.1.nip.io",
        "[evil]", "[::1", "1.2.3"}) {
    EXPECT_FALSE(IsLocalHttpHost(host)) << host;
  }
}

TEST(HttpRequestTest, ReplySaysHowLongItIs) {
  const std::string whole = HttpReply("200 OK", "text/plain", "body\n", /*head=*/false);
  EXPECT_TRUE(
      whole.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"
                        "Content-Length: 5\r\n"));
  EXPECT_TRUE(whole.ends_with("Connection: close\r\n\r\nbody\n"));
  const std::string head = HttpReply("200 OK", "text/plain", "body\n", /*head=*/true);
  EXPECT_EQ(head + "body\n", whole);
}

}  // namespace
}  // namespace spindle
