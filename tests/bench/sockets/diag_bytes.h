#ifndef SPINDLE_TESTS_BENCH_SOCKETS_DIAG_BYTES_H_
#define SPINDLE_TESTS_BENCH_SOCKETS_DIAG_BYTES_H_

#include <linux/netlink.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace spindle::bench {

// Answers of the kernel, made by hand.

template <class T>
std::string Bytes(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

inline std::string Padded(std::string bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4);
  return bytes;
}

// `claimed`: the length that it claims to have, if not its own.
inline std::string Attribute(uint16_t type, std::string_view value, int claimed = -1) {
  nlattr header = {};
  header.nla_len = static_cast<uint16_t>(claimed >= 0 ? claimed : sizeof header + value.size());
  header.nla_type = type;
  return Padded(Bytes(header) + std::string(value));
}

inline std::string NetlinkMessage(uint16_t type, uint32_t sequence, std::string_view body,
                                  uint16_t flags = NLM_F_MULTI, int64_t claimed = -1) {
  nlmsghdr header = {};
  header.nlmsg_len = static_cast<uint32_t>(claimed >= 0 ? claimed : sizeof header + body.size());
  header.nlmsg_type = type;
  header.nlmsg_flags = flags;
  header.nlmsg_seq = sequence;
  return Padded(Bytes(header) + std::string(body));
}

}  // namespace spindle::bench

#endif  // SPINDLE_TESTS_BENCH_SOCKETS_DIAG_BYTES_H_
