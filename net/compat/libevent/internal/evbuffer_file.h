#ifndef SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_FILE_H_
#define SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_FILE_H_

#include <event2/buffer.h>

#include "net/compat/libevent/internal/evbuffer_segments.h"

namespace spindle::compat {

// Any thread.
void RefFile(evbuffer_file_segment* file);

// Gives `segment`, whose bytes are still in a file, the bytes in memory. False, and unchanged, when
// the file cannot be read.
bool LoadFile(Segment* segment);

// Where to send the bytes of `segment` from: the descriptor, and the position in the file.
int FileOf(const Segment& segment);
int64_t FilePosition(const Segment& segment);

}  // namespace spindle::compat

#endif  // SPINDLE_NET_COMPAT_LIBEVENT_INTERNAL_EVBUFFER_FILE_H_
