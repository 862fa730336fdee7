#ifndef SPINDLE_NET_STREAM_COUPLE_H_
#define SPINDLE_NET_STREAM_COUPLE_H_

#include "net/stream/connection.h"

namespace spindle {

// Makes a relay of two connections: from now on what comes on one goes out on the other, without
// being copied, and on_bytes is not called for either any more. What on_bytes had left goes first.
// Who connects onwards first calls PauseReading on the accepted connection, and ResumeReading here.
//
// - Backpressure: while one's queue is above its high water mark, the other is not read from.
// - A FIN on one is a FIN on the other, after what was queued; the other direction goes on.
// - The end of one closes the other after its queued output, or aborts it if the first one was
//   reset, aborted or failed. Each has its on_close; the other callbacks are as before, but for
//   on_read_closed.
//
// Both must be on the same loop and not coupled yet (CHECKed). If one of them is closed, the other
// is closed. Loop thread only.
void Couple(Connection& a, Connection& b);

}  // namespace spindle

#endif  // SPINDLE_NET_STREAM_COUPLE_H_
