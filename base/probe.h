#ifndef SPINDLE_BASE_PROBE_H_
#define SPINDLE_BASE_PROBE_H_

#include <cstdint>

// SPINDLE_PROBE(name, a, b, c) and SPINDLE_PROBE1(name, a): a place where a tracer may look in,
// with numbers that it may read: a USDT probe "spindle:name" (bpftrace, perf, SystemTap). One no-op
// instruction while nobody traces; nothing at all where <sys/sdt.h> is not installed. The arguments
// are evaluated in any case: give what is at hand. As 64-bit variables, since bpftrace 0.17 does
// not read constants.
#if __has_include(<sys/sdt.h>)
#include <sys/sdt.h>
#define SPINDLE_PROBE(name, a, b, c)                         \
  do {                                                       \
    const uint64_t probe_a = static_cast<uint64_t>(a);       \
    const uint64_t probe_b = static_cast<uint64_t>(b);       \
    const uint64_t probe_c = static_cast<uint64_t>(c);       \
    DTRACE_PROBE3(spindle, name, probe_a, probe_b, probe_c); \
  } while (false)
#define SPINDLE_PROBE1(name, a)                        \
  do {                                                 \
    const uint64_t probe_a = static_cast<uint64_t>(a); \
    DTRACE_PROBE1(spindle, name, probe_a);             \
  } while (false)
#else
#define SPINDLE_PROBE1(name, a) static_cast<void>(a)
#define SPINDLE_PROBE(name, a, b, c) \
  do {                               \
    static_cast<void>(a);            \
    static_cast<void>(b);            \
    static_cast<void>(c);            \
  } while (false)
#endif

#endif  // SPINDLE_BASE_PROBE_H_
