// The input as the text of an address and as a sockaddr: whatever is accepted must survive the way
// to text and to the kernel's form and back. Run by libFuzzer, or by replay_main.cc as a test.

#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "net/types/socket_address.h"

namespace {

using spindle::SocketAddress;

void RoundTrip(const SocketAddress& address) {
  sockaddr_storage storage;
  const socklen_t len = address.ToSockaddr(&storage);
  SPINDLE_CHECK(SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&storage), len) ==
                address)
      << address;
  const absl::StatusOr<SocketAddress> parsed = SocketAddress::Parse(address.ToString());
  if (address.is_unspecified() || address.kind() == SocketAddress::Kind::kUnixUnnamed) {
    SPINDLE_CHECK(!parsed.ok()) << address;
  } else {
    SPINDLE_CHECK(parsed.ok() && *parsed == address) << address;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const absl::StatusOr<SocketAddress> parsed = SocketAddress::Parse(text);
  if (parsed.ok()) RoundTrip(*parsed);
  if (size <= sizeof(sockaddr_storage)) {
    RoundTrip(SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(data),
                                          static_cast<socklen_t>(size)));
  }
  return 0;
}
