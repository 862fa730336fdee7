#ifndef SPINDLE_THIRD_PARTY_PRECOMPILED_SOURCE_HEADERS_H_
#define SPINDLE_THIRD_PARTY_PRECOMPILED_SOURCE_HEADERS_H_

// What many sources include and takes long to read. It stands for no include: a source names what
// it uses, which tests/layering checks.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#endif  // SPINDLE_THIRD_PARTY_PRECOMPILED_SOURCE_HEADERS_H_
