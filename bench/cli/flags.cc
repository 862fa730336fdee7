#include "bench/cli/flags.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "CLI/CLI.hpp"
#include "absl/status/statusor.h"
#include "base/parse.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

// CLI11 learns of a bad value by exception; main catches it.
[[noreturn]] void Refuse(const std::string& names, std::string_view why) {
  throw CLI::ValidationError(names, std::string(why));
}

template <typename T>
T ValueOrRefuse(const std::string& names, absl::StatusOr<T> value) {
  if (!value.ok()) Refuse(names, FromAbsl(value.status().message()));
  return *std::move(value);
}

void CheckRange(const std::string& names, uint64_t value, SizeRange range) {
  if (value >= range.min && value <= range.max) return;
  Refuse(names, range.max == UINT64_MAX
                    ? Concat(value, " is below ", range.min)
                    : Concat(value, " is outside ", range.min, " to ", range.max));
}

void CheckRange(const std::string& names, Duration value, DurationRange range) {
  if (value >= range.min && value <= range.max) return;
  if (range.min == kAboveZero.min) Refuse(names, "has to be more than 0");
  Refuse(names,
         range.max == Duration::max()
             ? Concat("has to be at least ", FormatDuration(range.min))
             : Concat("has to be ", FormatDuration(range.min), " to ", FormatDuration(range.max)));
}

}  // namespace

CLI::Option* AddDuration(CLI::App& app, const std::string& names, Duration& target,
                         const std::string& description, DurationRange range) {
  return app
      .add_option_function<std::string>(
          names,
          [names, range, &target](const std::string& text) {
            target = ValueOrRefuse(names, ParseDuration(text));
            CheckRange(names, target, range);
          },
          description)
      ->type_name("TIME")
      ->default_str(FormatDuration(target));
}

CLI::Option* AddSize(CLI::App& app, const std::string& names, uint64_t& target, SizeRange range,
                     const std::string& description) {
  return app
      .add_option_function<std::string>(
          names,
          [names, range, &target](const std::string& text) {
            target = ValueOrRefuse(names, ParseSize(text));
            CheckRange(names, target, range);
          },
          description)
      ->type_name("N")
      ->default_str(Concat(target));
}

CLI::Option* AddList(CLI::App& app, const std::string& names, std::vector<uint64_t>& target,
                     SizeRange range, const std::string& description) {
  return app
      .add_option_function<std::string>(
          names,
          [names, range, &target](const std::string& text) {
            target = ValueOrRefuse(names, ParseNumberList(text));
            for (const uint64_t value : target) CheckRange(names, value, range);
          },
          description)
      ->type_name("LIST");
}

CLI::Option* AddBitRate(CLI::App& app, const std::string& names, uint64_t& target,
                        const std::string& description) {
  return app
      .add_option_function<std::string>(
          names,
          [names, &target](const std::string& text) {
            target = ValueOrRefuse(names, ParseBitRate(text));
          },
          description)
      ->type_name("RATE");
}

CLI::Option* AddPercent(CLI::App& app, const std::string& names, double& target,
                        const std::string& description) {
  return app
      .add_option_function<std::string>(
          names,
          [names, &target](const std::string& text) {
            target = ValueOrRefuse(names, ParsePercent(text));
          },
          description)
      ->type_name("PERCENT");
}

CLI::Option* AddChoice(CLI::App& app, const std::string& names, std::vector<std::string> choices,
                       size_t& target, const std::string& description) {
  std::string all;
  for (const std::string& choice : choices) Append(all, all.empty() ? "" : ", ", choice);
  const std::string initial = choices[target];
  return app
      .add_option_function<std::string>(
          names,
          [names, all, choices = std::move(choices), &target](const std::string& text) {
            const auto found = std::find(choices.begin(), choices.end(), text);
            if (found == choices.end()) Refuse(names, Concat("\"", text, "\" is none of ", all));
            target = static_cast<size_t>(found - choices.begin());
          },
          description)
      ->type_name("NAME")
      ->default_str(initial);
}

CLI::Option* AddJson(CLI::App& app, std::optional<std::string>& target) {
  return app
      .add_option_function<std::string>(
          "--json", [&target](const std::string& text) { target = text; },
          "JSON instead of the table; =FILE: JSON into FILE, besides the table")
      ->type_name("[=FILE]");
}

CLI::Option* AddEndpoint(CLI::App& app, std::vector<std::string>& target,
                         const std::string& description) {
  return app.add_option("endpoint", target, description)->type_name("HOST PORT")->expected(1, 2);
}

std::vector<std::string> WithExplicitJson(std::vector<std::string> arguments) {
  for (std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument == "--json" || argument == "--jsonl") argument += "=-";
  }
  return arguments;
}

}  // namespace spindle::bench
