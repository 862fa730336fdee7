// evutil_*.

#include <arpa/inet.h>
#include <event2/util.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstring>
#include <string>
#include <utility>

namespace spindle::compat_test {
namespace {

std::string Text(int family, const void* address) {
  char text[64];
  return evutil_inet_ntop(family, address, text, sizeof text) == nullptr ? "" : text;
}

// "-" if it is no address, else its bytes.
std::string Bytes(int family, const char* text) {
  unsigned char bytes[16];
  if (evutil_inet_pton(family, text, bytes) != 1) return "-";
  std::string hex;
  for (int i = 0; i < (family == AF_INET ? 4 : 16); ++i) {
    char digits[3];
    snprintf(digits, sizeof digits, "%02x", bytes[i]);
    hex += digits;
  }
  return hex;
}

TEST(UtilAddressTest, Ipv4) {
  EXPECT_EQ(Bytes(AF_INET, "1.2.3.4"), "01020304");
  EXPECT_EQ(Bytes(AF_INET, "255.255.255.255"), "ffffffff");
  EXPECT_EQ(Bytes(AF_INET, "001.02.3.004"), "01020304");
  for (const char* text : {"", "1.2.3", "1.2.3.4.5", "1.2.3.256", "1.2.3.4x", "1.2.3.4 ", "a.b.c.d",
                           "1..2.3", "1.2.3.", ".1.2.3"}) {
    EXPECT_EQ(Bytes(AF_INET, text), "-") << text;
  }
  EXPECT_EQ(Text(AF_INET, "\x01\x02\x03\xff"), "1.2.3.255");
}

TEST(UtilAddressTest, Ipv6) {
  EXPECT_EQ(Bytes(AF_INET6, "::"), std::string(32, '0'));
  EXPECT_EQ(Bytes(AF_INET6, "::1"), std::string(31, '0') + "1");
  EXPECT_EQ(Bytes(AF_INET6, "1:2:3:4:5:6:7:8"), "00010002000300040005000600070008");
  EXPECT_EQ(Bytes(AF_INET6, "::ffff:1.2.3.4"), "00000000000000000000ffff01020304");
  EXPECT_EQ(Bytes(AF_INET6, "1:2:3:4:5:6:1.2.3.004"), "00010002000300040005000601020304");
  EXPECT_EQ(Bytes(AF_INET6, "abcd:EF01::"), "abcdef01" + std::string(24, '0'));
  for (const char* text : {"", ":", ":::", "1:", ":1", "1::2::3", "12345::", "1.2.3.4::", "::1.2.3",
                           "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7:1.2.3.4", "g::", "::1%lo", " ::1",
                           "1:2:3:4:5:6:7", "::a1.2.3.4"}) {
    EXPECT_EQ(Bytes(AF_INET6, text), "-") << text;
  }
  unsigned char other[16];
  EXPECT_EQ(evutil_inet_pton(AF_UNIX, "x", other), -1);
}

TEST(UtilAddressTest, ShortestFormsOfIpv6) {
  const std::pair<const char*, const char*> kForms[] = {
      {"0:0:0:0:0:0:0:0", "::"},
      {"1:0:0:0:0:0:0:0", "1::"},
      {"1:0:0:2:0:0:0:3", "1:0:0:2::3"},
      {"1:0:2:3:4:5:6:7", "1:0:2:3:4:5:6:7"},
      {"0:0:0:0:0:ffff:102:304", "::ffff:1.2.3.4"},
      {"0:0:0:0:0:ffff:0:0", "::ffff:0.0.0.0"},
      {"0:0:0:0:0:0:102:304", "::1.2.3.4"},
      {"0:0:0:0:0:0:0:304", "::304"},
      {"0:0:0:0:0:0:304:0", "::304:0"},
      {"0:0:0:0:0:1:102:304", "::1:102:304"},
      {"FE80:0:0:0:1:0:0:1", "fe80::1:0:0:1"},
  };
  for (const auto& [full, shortest] : kForms) {
    unsigned char bytes[16];
    ASSERT_EQ(evutil_inet_pton(AF_INET6, full, bytes), 1) << full;
    EXPECT_EQ(Text(AF_INET6, bytes), shortest) << full;
  }
}

TEST(UtilAddressTest, TooLittleRoom) {
  char text[64];
  EXPECT_EQ(evutil_inet_ntop(AF_INET, "\1\1\1\1", text, 7), nullptr);
  EXPECT_STREQ(evutil_inet_ntop(AF_INET, "\1\1\1\1", text, 8), "1.1.1.1");
  EXPECT_EQ(evutil_inet_ntop(AF_UNIX, "", text, sizeof text), nullptr);
}

TEST(UtilAddressTest, Scopes) {
  unsigned char bytes[16];
  unsigned index = 99;
  EXPECT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%lo", bytes, &index), 1);
  EXPECT_EQ(index, 1u);
  EXPECT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%17", bytes, &index), 1);
  EXPECT_EQ(index, 17u);
  EXPECT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1", bytes, &index), 1);
  EXPECT_EQ(index, 0u);
  EXPECT_EQ(evutil_inet_pton_scope(AF_INET6, "fe80::1%no such thing", bytes, &index), 0);
  EXPECT_EQ(evutil_inet_pton_scope(AF_INET, "1.2.3.4", bytes, &index), 1);
}

// "-" if it is no address with a port, else the address and the port.
std::string Parsed(const char* text) {
  sockaddr_storage storage;
  int length = sizeof storage;
  auto* address = reinterpret_cast<sockaddr*>(&storage);
  if (evutil_parse_sockaddr_port(text, address, &length) != 0) return "-";
  if (address->sa_family == AF_INET) {
    EXPECT_EQ(length, static_cast<int>(sizeof(sockaddr_in)));
    const auto* v4 = reinterpret_cast<sockaddr_in*>(address);
    return Text(AF_INET, &v4->sin_addr) + " " + std::to_string(ntohs(v4->sin_port));
  }
  EXPECT_EQ(length, static_cast<int>(sizeof(sockaddr_in6)));
  const auto* v6 = reinterpret_cast<sockaddr_in6*>(address);
  return Text(AF_INET6, &v6->sin6_addr) + " " + std::to_string(ntohs(v6->sin6_port));
}

TEST(UtilAddressTest, AddressesWithPorts) {
  EXPECT_EQ(Parsed("1.2.3.4"), "1.2.3.4 0");
  EXPECT_EQ(Parsed("1.2.3.4:80"), "1.2.3.4 80");
  EXPECT_EQ(Parsed("1.2.3.4:65535"), "1.2.3.4 65535");
  EXPECT_EQ(Parsed("::1"), "::1 0");
  EXPECT_EQ(Parsed("[::1]"), "::1 0");
  EXPECT_EQ(Parsed("[::1]:80"), "::1 80");
  EXPECT_EQ(Parsed("::1:2:80"), "::1:2:80 0");
  EXPECT_EQ(Parsed("[fe80::1%lo]:80"), "fe80::1 80");
  for (const char* text :
       {"", ":80", "1.2.3", "1.2.3.4:", "1.2.3.4:0", "1.2.3.4:65536", "1.2.3.4:x", "1.2.3.4:-1",
        "[::1", "::1]", "[]", "[1.2.3.4]:80", "[::1]:", "1.2.3.4:80:90"}) {
    EXPECT_EQ(Parsed(text), "-") << text;
  }
  sockaddr_in small;
  int length = sizeof small;
  EXPECT_EQ(evutil_parse_sockaddr_port("::1", reinterpret_cast<sockaddr*>(&small), &length), -1);
}

TEST(UtilAddressTest, Comparing) {
  sockaddr_in a = {};
  a.sin_family = AF_INET;
  a.sin_port = htons(1);
  sockaddr_in b = a;
  const auto compare = [](const sockaddr_in& x, const sockaddr_in& y, int port) {
    return evutil_sockaddr_cmp(reinterpret_cast<const sockaddr*>(&x),
                               reinterpret_cast<const sockaddr*>(&y), port);
  };
  EXPECT_EQ(compare(a, b, 1), 0);
  b.sin_port = htons(2);
  EXPECT_NE(compare(a, b, 1), 0);
  EXPECT_EQ(compare(a, b, 0), 0);
  b.sin_addr.s_addr = htonl(7);
  EXPECT_LT(compare(a, b, 0), 0);
  EXPECT_GT(compare(b, a, 0), 0);
  sockaddr_in6 c = {};
  c.sin6_family = AF_INET6;
  EXPECT_NE(
      evutil_sockaddr_cmp(reinterpret_cast<sockaddr*>(&a), reinterpret_cast<sockaddr*>(&c), 1), 0);
}

TEST(UtilAddressTest, Getaddrinfo) {
  evutil_addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = EVUTIL_AI_NUMERICHOST;
  evutil_addrinfo* found = nullptr;
  ASSERT_EQ(evutil_getaddrinfo("1.2.3.4", "80", &hints, &found), 0);
  ASSERT_NE(found, nullptr);
  EXPECT_EQ(found->ai_family, AF_INET);
  EXPECT_EQ(ntohs(reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_port), 80);
  EXPECT_EQ(found->ai_next, nullptr);
  evutil_freeaddrinfo(found);
  EXPECT_EQ(evutil_getaddrinfo("no.such.name", "80", &hints, &found), EVUTIL_EAI_NONAME);
  EXPECT_EQ(evutil_getaddrinfo(nullptr, nullptr, &hints, &found), EVUTIL_EAI_NONAME);
  EXPECT_STRNE(evutil_gai_strerror(EVUTIL_EAI_CANCEL), evutil_gai_strerror(EVUTIL_EAI_AGAIN));
}

TEST(UtilSocketTest, Options) {
  const int sock = socket(AF_INET, SOCK_STREAM, 0);
  EXPECT_EQ(fcntl(sock, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(evutil_make_socket_nonblocking(sock), 0);
  EXPECT_NE(fcntl(sock, F_GETFL) & O_NONBLOCK, 0);
  EXPECT_EQ(evutil_make_socket_nonblocking(sock), 0);
  EXPECT_EQ(evutil_make_socket_closeonexec(sock), 0);
  EXPECT_NE(fcntl(sock, F_GETFD) & FD_CLOEXEC, 0);
  EXPECT_EQ(evutil_make_listen_socket_reuseable(sock), 0);
  EXPECT_EQ(evutil_make_listen_socket_reuseable_port(sock), 0);
  EXPECT_EQ(evutil_make_tcp_listen_socket_deferred(sock), 0);
  for (const int option : {SO_REUSEADDR, SO_REUSEPORT}) {
    int value = 0;
    socklen_t length = sizeof value;
    getsockopt(sock, SOL_SOCKET, option, &value, &length);
    EXPECT_EQ(value, 1);
  }
  EXPECT_EQ(evutil_closesocket(sock), 0);
  EXPECT_EQ(evutil_closesocket(sock), -1);
}

TEST(UtilSocketTest, Pairs) {
  evutil_socket_t pair[2];
  ASSERT_EQ(evutil_socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  EXPECT_EQ(write(pair[0], "x", 1), 1);
  char byte = 0;
  EXPECT_EQ(read(pair[1], &byte, 1), 1);
  EXPECT_EQ(byte, 'x');
  evutil_closesocket(pair[0]);
  evutil_closesocket(pair[1]);
}

TEST(UtilTextTest, Snprintf) {
  char buffer[8] = "zzzzzzz";
  EXPECT_EQ(evutil_snprintf(buffer, 5, "%s %d", "hello", 3), 7);
  EXPECT_STREQ(buffer, "hell");
  EXPECT_EQ(evutil_snprintf(buffer, 0, "hello"), 0);
  EXPECT_STREQ(buffer, "hell");
}

TEST(UtilTextTest, ComparingWithoutCase) {
  EXPECT_EQ(evutil_ascii_strcasecmp("abC", "ABc"), 0);
  EXPECT_LT(evutil_ascii_strcasecmp("a", "B"), 0);
  EXPECT_GT(evutil_ascii_strcasecmp("b", "A"), 0);
  EXPECT_LT(evutil_ascii_strcasecmp("ab", "abc"), 0);
  EXPECT_NE(evutil_ascii_strcasecmp("\xe4", "\xc4"), 0);
  EXPECT_EQ(evutil_ascii_strncasecmp("abX", "ABy", 2), 0);
  EXPECT_LT(evutil_ascii_strncasecmp("ab", "abc", 9), 0);
  EXPECT_EQ(evutil_ascii_strncasecmp("a", "b", 0), 0);
}

TEST(UtilTextTest, Strtoll) {
  char* end = nullptr;
  EXPECT_EQ(evutil_strtoll("-1234567890123z", &end, 10), -1234567890123);
  EXPECT_EQ(*end, 'z');
  EXPECT_EQ(evutil_strtoll("ff", nullptr, 16), 255);
}

TEST(UtilTextTest, Dates) {
  tm time = {};
  time.tm_year = 94;
  time.tm_mon = 10;
  time.tm_mday = 6;
  time.tm_hour = 8;
  time.tm_min = 49;
  time.tm_sec = 37;
  char date[40];
  EXPECT_EQ(evutil_date_rfc1123(date, sizeof date, &time), 29);
  EXPECT_STREQ(date, "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(evutil_date_rfc1123(date, sizeof date, nullptr), 29);
  EXPECT_EQ(evutil_date_rfc1123(date, 10, &time), 29);
  EXPECT_STREQ(date, "Sun, 06 N");
}

TEST(UtilTimeTest, MonotonicTimers) {
  for (const int flags : {0, EV_MONOT_PRECISE, EV_MONOT_FALLBACK}) {
    evutil_monotonic_timer* timer = evutil_monotonic_timer_new();
    ASSERT_NE(timer, nullptr);
    EXPECT_EQ(evutil_configure_monotonic_time(timer, flags), 0);
    timeval before;
    timeval after;
    for (int i = 0; i < 1000; ++i) {
      EXPECT_EQ(evutil_gettime_monotonic(timer, &before), 0);
      EXPECT_EQ(evutil_gettime_monotonic(timer, &after), 0);
      EXPECT_TRUE(evutil_timercmp(&before, &after, <=));
    }
    evutil_monotonic_timer_free(timer);
  }
}

TEST(UtilTimeTest, Macros) {
  timeval a = {.tv_sec = 1, .tv_usec = 700000};
  timeval b = {.tv_sec = 2, .tv_usec = 600000};
  timeval c;
  evutil_timeradd(&a, &b, &c);
  EXPECT_EQ(c.tv_sec, 4);
  EXPECT_EQ(c.tv_usec, 300000);
  evutil_timersub(&b, &a, &c);
  EXPECT_EQ(c.tv_sec, 0);
  EXPECT_EQ(c.tv_usec, 900000);
  EXPECT_TRUE(evutil_timercmp(&a, &b, <));
  evutil_timerclear(&c);
  EXPECT_FALSE(evutil_timerisset(&c));
}

TEST(UtilRandomTest, FillsAllBytesDifferently) {
  EXPECT_EQ(evutil_secure_rng_init(), 0);
  unsigned char one[1000];
  unsigned char two[1000];
  evutil_secure_rng_get_bytes(one, sizeof one);
  evutil_secure_rng_get_bytes(two, sizeof two);
  EXPECT_NE(std::memcmp(one, two, sizeof one), 0);
  bool seen[256] = {};
  for (const unsigned char byte : one) seen[byte] = true;
  int values = 0;
  for (const bool value : seen) values += value ? 1 : 0;
  EXPECT_GT(values, 200);
  evutil_secure_rng_add_bytes("x", 1);
  evutil_secure_rng_get_bytes(one, 0);
}

}  // namespace
}  // namespace spindle::compat_test
