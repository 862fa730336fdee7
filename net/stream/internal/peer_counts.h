#ifndef SPINDLE_NET_STREAM_INTERNAL_PEER_COUNTS_H_
#define SPINDLE_NET_STREAM_INTERNAL_PEER_COUNTS_H_

#include <netinet/in.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "base/bytes.h"
#include "base/mutex.h"
#include "net/types/socket_address.h"

namespace spindle {

// How many connections each peer has: an IPv4 address, also one mapped into IPv6 (RFC
// 4291 2.5.5.2), or the first 64 bits of an IPv6 address. Other peers are not counted. Any thread.
class PeerCounts {
 public:
  explicit PeerCounts(size_t most) : most_(most) {}
  PeerCounts(const PeerCounts&) = delete;
  PeerCounts& operator=(const PeerCounts&) = delete;

  // False if the peer has as many as it may; then nothing is counted.
  bool Add(const SocketAddress& peer) {
    const Key key = KeyOf(peer);
    if (key.kind == Key::kOther) return true;
    MutexLock lock(mutex_);
    size_t& count = counts_[key.kind][key.bits];
    if (count >= most_) return false;
    ++count;
    return true;
  }
  // One that was added has ended.
  void Remove(const SocketAddress& peer) {
    const Key key = KeyOf(peer);
    if (key.kind == Key::kOther) return;
    MutexLock lock(mutex_);
    const auto found = counts_[key.kind].find(key.bits);
    if (found != counts_[key.kind].end() && --found->second == 0) counts_[key.kind].erase(found);
  }
  // Peers that have connections.
  size_t peers() const {
    MutexLock lock(mutex_);
    return counts_[Key::kV4].size() + counts_[Key::kV6].size();
  }

 private:
  struct Key {
    enum Kind { kV4, kV6, kOther };
    Kind kind = kOther;
    uint64_t bits = 0;
  };
  static Key KeyOf(const SocketAddress& peer) {
    if (!peer.is_ip()) return Key{};
    sockaddr_storage storage;
    peer.ToSockaddr(&storage);
    if (peer.kind() == SocketAddress::Kind::kV4) {
      return Key{Key::kV4, reinterpret_cast<const sockaddr_in&>(storage).sin_addr.s_addr};
    }
    const in6_addr& address = reinterpret_cast<const sockaddr_in6&>(storage).sin6_addr;
    if (IN6_IS_ADDR_V4MAPPED(&address)) {
      uint32_t v4;
      std::memcpy(&v4, address.s6_addr + 12, sizeof v4);
      return Key{Key::kV4, v4};
    }
    return Key{Key::kV6, LoadBig64(reinterpret_cast<const char*>(address.s6_addr))};
  }

  const size_t most_;
  mutable Mutex mutex_;
  absl::flat_hash_map<uint64_t, size_t> counts_[2] ABSL_GUARDED_BY(mutex_);
};

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_PEER_COUNTS_H_
