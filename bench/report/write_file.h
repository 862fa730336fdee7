#ifndef SPINDLE_BENCH_REPORT_WRITE_FILE_H_
#define SPINDLE_BENCH_REPORT_WRITE_FILE_H_

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace spindle::bench {

// Writes `text` as the whole file `path`, or to stdout for "-". What was there before is gone even
// if it fails. Any thread. Errors: those of open(2), write(2) and close(2), naming the file, so
// that a full disk is never taken for success.
absl::Status WriteFile(std::string_view text, const std::string& path);

// Writes all of `text` to the descriptor `fd`, which errors call `name`.
absl::Status WriteTo(int fd, std::string_view text, const std::string& name);

// The whole file `path`, or stdin for "-". Errors: those of open(2) and read(2), naming the file;
// kInvalidArgument above `max_bytes`.
absl::StatusOr<std::string> ReadFile(const std::string& path, size_t max_bytes = size_t{1} << 28);

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_WRITE_FILE_H_
