#ifndef SPINDLE_BENCH_REPORT_JSON_CURSOR_H_
#define SPINDLE_BENCH_REPORT_JSON_CURSOR_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "absl/status/status.h"
#include "base/clock.h"
#include "nlohmann/json.hpp"

namespace spindle::bench {

// Where in a JSON text the reader is, with the path for errors: "points[3].speedup". Reading never
// fails on the spot: the first error is kept in one status for the whole text, and a value of no
// meaning comes back. So a reader is straight code, and one look at the status at its end.
//
// One thread at a time. The JSON and the status must outlive the cursor.
class JsonCursor {
 public:
  using Json = nlohmann::ordered_json;

  JsonCursor(const Json& root, absl::Status& error) : JsonCursor(&root, "", error) {}

  // The member `key`. If there is none, or this is no object: a cursor on nothing, whose path is
  // what is missing.
  JsonCursor At(std::string_view key) const;
  // There is a value here, and it is not null.
  bool has() const { return value_ != nullptr && !value_->is_null(); }

  // Errors: nothing here, or something else.
  std::string Text() const;
  bool Flag() const;
  uint64_t Count() const;   // A whole number, not negative.
  int64_t Integer() const;  // A whole number.
  double Number() const;    // Finite.
  // A number of so many units of time, not negative and below 292 years.
  Duration Time(Duration unit) const;
  // The place among `names` of the text that is here.
  template <typename Names>
  size_t OneOf(const Names& names) const {
    const std::string text = Text();
    for (size_t i = 0; i < names.size(); ++i) {
      if (names[i] == text) return i;
    }
    if (value_ != nullptr && value_->is_string()) Fail("\"" + text + "\" is not known");
    return 0;
  }

  // Calls `visit(JsonCursor)` for each element of the list that is here.
  template <typename Visit>
  void ForEach(Visit visit) const {
    if (!Expect(Json::value_t::array, "a list")) return;
    for (size_t i = 0; i < value_->size(); ++i) visit(Element(i));
  }
  // Calls `visit(key, JsonCursor)` for each member of the object that is here.
  template <typename Visit>
  void ForEachMember(Visit visit) const {
    if (!Expect(Json::value_t::object, "an object")) return;
    for (const auto& item : value_->items()) visit(item.key(), At(item.key()));
  }

  bool is_text() const { return value_ != nullptr && value_->is_string(); }
  bool is_flag() const { return value_ != nullptr && value_->is_boolean(); }
  bool is_count() const { return value_ != nullptr && value_->is_number_unsigned(); }

  // Says that what is here is wrong: "PATH: what".
  void Fail(std::string_view what) const;

 private:
  JsonCursor(const Json* value, std::string path, absl::Status& error)
      : value_(value), path_(std::move(path)), error_(&error) {}

  JsonCursor Element(size_t index) const;
  bool Expect(Json::value_t type, std::string_view what) const;

  const Json* value_;  // Null: nothing there.
  std::string path_;
  absl::Status* error_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_REPORT_JSON_CURSOR_H_
