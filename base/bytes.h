#ifndef SPINDLE_BASE_BYTES_H_
#define SPINDLE_BASE_BYTES_H_

#include <bit>
#include <cstdint>
#include <cstring>

namespace spindle {

// Integers in network order (big-endian, RFC 791 appendix B) in raw memory. Any thread. `p` points
// to at least as many bytes as the name says, at any alignment.

inline uint16_t LoadBig16(const void* p) noexcept {
  uint16_t v;
  std::memcpy(&v, p, sizeof(v));
  return std::endian::native == std::endian::little ? __builtin_bswap16(v) : v;
}

inline uint32_t LoadBig32(const void* p) noexcept {
  uint32_t v;
  std::memcpy(&v, p, sizeof(v));
  return std::endian::native == std::endian::little ? __builtin_bswap32(v) : v;
}

inline uint64_t LoadBig64(const void* p) noexcept {
  uint64_t v;
  std::memcpy(&v, p, sizeof(v));
  return std::endian::native == std::endian::little ? __builtin_bswap64(v) : v;
}

inline void StoreBig16(void* p, uint16_t v) noexcept {
  if constexpr (std::endian::native == std::endian::little) v = __builtin_bswap16(v);
  std::memcpy(p, &v, sizeof(v));
}

inline void StoreBig32(void* p, uint32_t v) noexcept {
  if constexpr (std::endian::native == std::endian::little) v = __builtin_bswap32(v);
  std::memcpy(p, &v, sizeof(v));
}

inline void StoreBig64(void* p, uint64_t v) noexcept {
  if constexpr (std::endian::native == std::endian::little) v = __builtin_bswap64(v);
  std::memcpy(p, &v, sizeof(v));
}

}  // namespace spindle

#endif  // SPINDLE_BASE_BYTES_H_
