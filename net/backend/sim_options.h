#ifndef SPINDLE_NET_BACKEND_SIM_OPTIONS_H_
#define SPINDLE_NET_BACKEND_SIM_OPTIONS_H_

#include <chrono>
#include <cstddef>
#include <cstdint>

#include "base/clock.h"

namespace spindle {

// How often the simulated kernel misbehaves, each as the probability of one opportunity. Every
// fault stays within what a program may meet on Linux or is promised by POSIX: what a call leaves
// behind is announced by a later edge, so edge-triggered code that is right loses nothing.
//
// Plain data.
struct SimFaults {
  // A receive that takes 1 to n-1 of the bytes there; the rest "arrives" a moment later.
  double short_read = 0;
  // A send that takes 1 byte or a random part; there is room again a moment later.
  double short_write = 0;
  // EAGAIN from recv, send or accept although the descriptor was reported ready; it becomes ready
  // again a moment later.
  double eagain_after_ready = 0;
  // epoll_wait reports a registered descriptor that has nothing. Per call.
  double spurious_readiness = 0;
  // EINTR from epoll_wait, read, write, recv, send, accept and connect. A TCP connect goes on in
  // the background, as POSIX says; everything else has done nothing.
  double eintr = 0;
  // A TCP connection is reset at both ends: at a send, a receive or an arrival of bytes.
  double reset = 0;
  // epoll_wait reports in random order.
  double shuffle_ready = 0;
  // epoll_wait reports one event though there are more.
  double cut_ready = 0;
  // The first pending connection is reset and accept returns ECONNABORTED.
  double accept_aborted = 0;
  // accept returns EMFILE or ENOBUFS and leaves the connection pending.
  double accept_emfile = 0;
  double accept_enobufs = 0;
  // The first SYN is lost: the connection comes 1 s later.
  double connect_late = 0;
  // A listening port answers a SYN with RST.
  double connect_refused = 0;
  // A timer rings up to `timer_late_max` after its time.
  double timer_late = 0;
  Duration timer_late_max = std::chrono::milliseconds(20);
  // Now() and epoll_wait find that up to `clock_stall_max` have gone by. Per call.
  double clock_stall = 0;
  Duration clock_stall_max = std::chrono::seconds(10);

  // A well-behaved machine.
  static SimFaults None() { return SimFaults(); }
  // Each fault once in some hundred opportunities; no resets, refusals or stalls.
  static SimFaults Mild();
  // Every fault, most of them in a few per cent of all opportunities.
  static SimFaults Wild();
};

// How often each fault struck, and how much there was to strike. Plain data.
struct SimCounters {
  uint64_t calls = 0;
  uint64_t epoll_waits = 0;
  uint64_t events_reported = 0;

  uint64_t short_reads = 0;
  uint64_t short_writes = 0;
  uint64_t eagain_after_ready = 0;
  uint64_t spurious_readiness = 0;
  uint64_t eintr = 0;
  uint64_t resets = 0;
  uint64_t shuffled_ready = 0;
  uint64_t cut_ready = 0;
  uint64_t accept_aborted = 0;
  uint64_t accept_emfile = 0;  // Both by the fault and by fd_limit.
  uint64_t accept_enobufs = 0;
  uint64_t connect_late = 0;
  uint64_t connect_refused = 0;  // By the fault and for want of a listener.
  uint64_t timer_late = 0;
  uint64_t clock_stalls = 0;

  // Not faults, but situations that a gate may want to have been in.
  uint64_t delayed_arrivals = 0;  // Chunks that took virtual time to arrive.
  uint64_t window_full = 0;       // Sends cut short because the buffers were full.
  uint64_t rst_received = 0;
  uint64_t rst_on_unread = 0;  // Closed with input unread.
  uint64_t rdhup_reported = 0;
  uint64_t hup_reported = 0;
  uint64_t err_reported = 0;
  uint64_t syn_dropped = 0;  // The backlog was full.
  uint64_t self_connects = 0;
  uint64_t fd_limit_hits = 0;
  uint64_t timed_out = 0;  // ETIMEDOUT given to a socket.
};

// The machine that is simulated. Plain data.
struct SimOptions {
  uint64_t seed = 1;
  SimFaults faults;

  // Each chunk of bytes, FIN, RST and SYN travels this long, TCP only, in order within one
  // direction of one connection. With both at zero it is there before the call returns, as on the
  // loopback device.
  Duration delay_min = Duration::zero();
  Duration delay_max = Duration::zero();
  // At most so many bytes of TCP travel as one chunk.
  size_t max_segment = 65483;
  // Cuts TCP chunks at random lengths from 1 to max_segment.
  enum class Segments : uint8_t { kFull, kRandom } segments = Segments::kFull;

  // Payload bytes that a socket holds for sending and for reading, until SO_SNDBUF and SO_RCVBUF
  // change it; `max_buffer` caps those.
  size_t send_buffer = 64 * 1024;
  size_t receive_buffer = 64 * 1024;
  size_t max_buffer = 4 * 1024 * 1024;

  // Descriptors open at once, those not simulated (0 to 2) included.
  int fd_limit = 1024;
  // Ports for bind to port 0 and for connect, both ends included.
  uint16_t first_ephemeral_port = 32768;
  uint16_t last_ephemeral_port = 60999;

  TimePoint start = TimePoint(std::chrono::hours(1));
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_SIM_OPTIONS_H_
