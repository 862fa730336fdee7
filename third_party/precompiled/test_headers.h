#ifndef SPINDLE_THIRD_PARTY_PRECOMPILED_TEST_HEADERS_H_
#define SPINDLE_THIRD_PARTY_PRECOMPILED_TEST_HEADERS_H_

// What nearly every test includes and takes long to read. It stands for no include: a test names
// what it uses.

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#endif  // SPINDLE_THIRD_PARTY_PRECOMPILED_TEST_HEADERS_H_
