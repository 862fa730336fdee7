#ifndef SPINDLE_NET_STREAM_INTERNAL_INHERITED_FDS_H_
#define SPINDLE_NET_STREAM_INTERNAL_INHERITED_FDS_H_

#include <cstddef>

namespace spindle {

// Where inherited descriptors begin: SD_LISTEN_FDS_START of sd_listen_fds(3).
inline constexpr int kFirstInheritedFd = 3;

// More would be a mistake of whoever passes them.
inline constexpr size_t kMostInheritedFds = 1024;

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_INTERNAL_INHERITED_FDS_H_
