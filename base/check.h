#ifndef SPINDLE_BASE_CHECK_H_
#define SPINDLE_BASE_CHECK_H_

#include <ostream>
#include <sstream>
#include <string>
#include <string_view>

#include "absl/base/attributes.h"
#include "absl/base/optimization.h"
#include "base/logging.h"

// Ends the process when `condition` is false: SPINDLE_CHECK(fd >= 0) << "fd " << fd;
// Any thread. The record (file:line, condition, message) goes to the log sink as kFatal, then
// abort(3). When true the cost is one branch and the message is not evaluated. For our own bugs and
// for misuse by the caller, never for what peers, kernels or limits do.
#define SPINDLE_CHECK(condition)             \
  ABSL_PREDICT_TRUE(condition)               \
  ? (void)0                                  \
  : ::spindle::internal_logging::Voidify() & \
          ::spindle::internal_check::CheckFailure(__FILE__, __LINE__, #condition).stream()

// SPINDLE_CHECK in debug builds; with NDEBUG the condition is compiled but never evaluated.
#ifdef NDEBUG
#define SPINDLE_DCHECK(condition) SPINDLE_CHECK(true || (condition))
#else
#define SPINDLE_DCHECK(condition) SPINDLE_CHECK(condition)
#endif

// SPINDLE_CHECK for an absl::Status or absl::StatusOr, which is evaluated once; prints the status.
#define SPINDLE_CHECK_OK(expression)                                      \
  while (const std::string* spindle_not_ok =                              \
             ::spindle::internal_check::NotOk((expression), #expression)) \
  ::spindle::internal_check::CheckFailure(__FILE__, __LINE__, *spindle_not_ok).stream()

namespace spindle::internal_check {

// Collects the message of one failed check; its destructor does not return.
class CheckFailure {
 public:
  CheckFailure(const char* file, int line, std::string_view condition) ABSL_ATTRIBUTE_COLD;
  CheckFailure(const CheckFailure&) = delete;
  CheckFailure& operator=(const CheckFailure&) = delete;
  [[noreturn]] ~CheckFailure();
  std::ostream& stream() { return stream_; }

 private:
  const char* const file_;
  const int line_;
  const std::string condition_;
  std::ostringstream stream_;
};

// Null when `status` is OK, else the text for CheckFailure, leaked since the process ends.
template <class StatusLike>
const std::string* NotOk(const StatusLike& status, std::string_view expression) {
  if (ABSL_PREDICT_TRUE(status.ok())) return nullptr;
  auto* text = new std::string(expression);
  text->append(" is ");
  if constexpr (requires { status.status(); }) {
    text->append(status.status().ToString());
  } else {
    text->append(status.ToString());
  }
  return text;
}

}  // namespace spindle::internal_check

#endif  // SPINDLE_BASE_CHECK_H_
