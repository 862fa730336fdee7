#ifndef SPINDLE_BENCH_REPORT_RUN_FORMAT_H_
#define SPINDLE_BENCH_REPORT_RUN_FORMAT_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bench/report/run_record.h"

namespace spindle::bench {

inline constexpr std::string_view kRunSchema = "spindle.run/1";

// How much of a record the file holds.
enum class JsonDetail : uint8_t {
  kAll,
  kWithoutBuckets,  // `hdr` of each latency is null: a tenth of the size.
};

// The names of enumerators in the file, by value.
inline constexpr std::array<std::string_view, 3> kNetKindNames = {"loopback", "netlab", "remote"};
inline constexpr std::array<std::string_view, 6> kPhaseNames = {"connect", "write", "in flight",
                                                                "think",   "ack",   "close"};
inline constexpr std::array<Verdict, 4> kVerdicts = {Verdict::kFaster, Verdict::kSlower,
                                                     Verdict::kSame, Verdict::kCannotTell};

constexpr std::string_view NetKindName(NetRecord::Kind kind) {
  return kNetKindNames[static_cast<size_t>(kind)];
}
constexpr std::string_view PhaseName(TimelineSpan::Phase phase) {
  return kPhaseNames[static_cast<size_t>(phase)];
}

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_RUN_FORMAT_H_
