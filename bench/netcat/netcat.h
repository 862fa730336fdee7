#ifndef SPINDLE_BENCH_NETCAT_NETCAT_H_
#define SPINDLE_BENCH_NETCAT_NETCAT_H_

#include "bench/netcat/options.h"
#include "bench/netcat/standard_streams.h"

namespace spindle::bench {

// What `nc` does with these options, from the first socket to the last byte. Says what happens, and
// what is wrong, on stderr. Returns the exit code: 0, 1, or 130 if SIGINT or SIGTERM ended it.
// Ignores SIGPIPE from here on, in the whole process. The main thread, once.
int RunNetcat(const NetcatOptions& options, StandardStreams& streams);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_NETCAT_H_
