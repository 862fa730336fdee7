#include "bench/report/json_cursor.h"

#include <cmath>

#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr double kExactBelow = 0x1p53;  // Whole numbers that a double holds.

}  // namespace

JsonCursor JsonCursor::At(std::string_view key) const {
  const Json* member = nullptr;
  if (value_ != nullptr && value_->is_object()) {
    const auto found = value_->find(std::string(key));
    if (found != value_->end()) member = &*found;
  }
  return {member, path_.empty() ? std::string(key) : Concat(path_, ".", key), *error_};
}

JsonCursor JsonCursor::Element(size_t index) const {
  return {&(*value_)[index], Concat(path_, "[", index, "]"), *error_};
}

void JsonCursor::Fail(std::string_view what) const {
  if (!error_->ok()) return;
  const std::string_view path = path_.empty() ? "the whole" : std::string_view(path_);
  *error_ = absl::InvalidArgumentError(ToAbsl(Concat(path, ": ", what)));
}

bool JsonCursor::Expect(Json::value_t type, std::string_view what) const {
  if (value_ != nullptr && value_->type() == type) return true;
  Fail(Concat(what, value_ == nullptr ? " is missing" : " is expected"));
  return false;
}

std::string JsonCursor::Text() const {
  if (!Expect(Json::value_t::string, "a text")) return {};
  return *value_->get_ptr<const std::string*>();
}

bool JsonCursor::Flag() const {
  return Expect(Json::value_t::boolean, "true or false") && *value_->get_ptr<const bool*>();
}

double JsonCursor::Number() const {
  if (value_ == nullptr || !value_->is_number()) {
    Fail(value_ == nullptr ? "a number is missing" : "a number is expected");
    return 0;
  }
  const double number = value_->get<double>();
  if (std::isfinite(number)) return number;
  Fail("the number is too large");
  return 0;
}

uint64_t JsonCursor::Count() const {
  if (is_count()) return value_->get<uint64_t>();
  const double number = Number();
  if (number >= 0 && number < kExactBelow && number == std::floor(number)) {
    return static_cast<uint64_t>(number);
  }
  Fail("a whole number of at least 0 is expected");
  return 0;
}

int64_t JsonCursor::Integer() const {
  const double number = Number();
  if (std::fabs(number) < kExactBelow && number == std::floor(number)) {
    return static_cast<int64_t>(number);
  }
  Fail("a whole number is expected");
  return 0;
}

Duration JsonCursor::Time(Duration unit) const {
  const double ns = Number() * static_cast<double>(unit.count());
  if (ns >= 0 && ns < 0x1p63) return Duration(std::llround(std::floor(ns + 0.5)));
  Fail("a time of at least 0 and below 292 years is expected");
  return Duration::zero();
}

}  // namespace spindle::bench
