#ifndef SPINDLE_BENCH_REPORT_THIS_MACHINE_H_
#define SPINDLE_BENCH_REPORT_THIS_MACHINE_H_

#include "bench/report/run_record.h"

namespace spindle::bench {

// What this program and this machine are, as read now. What the machine does not tell is nullopt.
// Any thread. uname(2), /proc/cpuinfo, /proc/sys/net, /sys/devices/system/cpu.
ToolRecord ThisTool();
HostRecord ThisHost();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_THIS_MACHINE_H_
