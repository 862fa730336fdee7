#ifndef SPINDLE_BENCH_CLI_DESCRIPTOR_LIMIT_H_
#define SPINDLE_BENCH_CLI_DESCRIPTOR_LIMIT_H_

namespace spindle::bench {

// Raises this process's soft limit of open descriptors to the hard one, since many connections are
// what these commands are for. A failure changes nothing and is not reported: what then fails for
// want of descriptors is. getrlimit(2).
void RaiseDescriptorLimit();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_DESCRIPTOR_LIMIT_H_
