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

void CheckRange(const std::string& names, uint64_t value, SizeRange range) {
  if (value >= range.min && value <= range.max) return;
  RefuseOption(names, range.max == UINT64_MAX
                          ? Concat(value, " is below ", range.min)
                          : Concat(value, " is outside ", range.min, " to ", range.max));
}

void CheckRange(const std::string& names, Duration value, DurationRange range) {
  if (value >= range.min && value <= range.max) return;
  if (range.min == kAboveZero.min) RefuseOption(names, "has to be more than 0");
  RefuseOption(names, range.max == Duration::max()
                          ? Concat("has to be at least ", FormatDuration(range.min))
                          : Concat("has to be ", FormatDuration(range.min), " to ",
                                   FormatDuration(range.max)));
}

// `check` refuses values that `parse` takes.
template <typename T, typename Check>
Option AddValue(CLI::App& app, const std::string& names, T& target,
                absl::StatusOr<T> (*parse)(std::string_view), const std::string& description,
                Check check) {
  return AddParsed(
      app, names,
      [names, parse, check, &target](const std::string& text) {
        target = ValueOrRefuse(names, parse(text));
        check(target);
      },
      description);
}

}  // namespace

Option Option::Type(const std::string& name) {
  option_->type_name(name);
  return *this;
}

Option Option::Default(const std::string& text) {
  option_->default_str(text);
  return *this;
}

Option Option::Required() {
  option_->required();
  return *this;
}

Option Option::Times(int least, int most) {
  option_->expected(least, most);
  return *this;
}

Option Option::CommaSeparated() {
  option_->delimiter(',');
  return *this;
}

Option Option::Needs(const std::string& other) {
  option_->needs(other);
  return *this;
}

CLI::App& AddCommand(CLI::App& program, const std::string& name, const std::string& description) {
  return *program.add_subcommand(name, description);
}

void SetFooter(CLI::App& app, const std::string& text) { app.footer(text); }

// CLI11 learns of a bad value by exception; main catches it.
void RefuseOption(const std::string& name, const std::string& why) {
  throw CLI::ValidationError(name, why);
}

bool Given(const CLI::App& app, const std::string& name) {
  return app.get_option(name)->count() > 0;
}

void OnceParsed(CLI::App& app, std::function<void()> check) {
  app.final_callback(std::move(check));
}

Option AddSwitch(CLI::App& app, const std::string& names, bool& target,
                 const std::string& description) {
  return Option(app.add_flag(names, target, description));
}

Option AddText(CLI::App& app, const std::string& names, std::string& target,
               const std::string& description) {
  return Option(app.add_option(names, target, description));
}

Option AddText(CLI::App& app, const std::string& names, std::optional<std::string>& target,
               const std::string& description) {
  return Option(app.add_option(names, target, description));
}

Option AddText(CLI::App& app, const std::string& names, std::vector<std::string>& target,
               const std::string& description) {
  return Option(app.add_option(names, target, description));
}

Option AddParsed(CLI::App& app, const std::string& names,
                 std::function<void(const std::string&)> take, const std::string& description) {
  return Option(app.add_option_function<std::string>(names, take, description));
}

Option AddParsedList(CLI::App& app, const std::string& names,
                     std::function<void(const std::vector<std::string>&)> take,
                     const std::string& description) {
  return Option(app.add_option_function<std::vector<std::string>>(names, take, description));
}

Option AddDuration(CLI::App& app, const std::string& names, Duration& target,
                   const std::string& description, DurationRange range) {
  return AddValue(app, names, target, &ParseDuration, description,
                  [names, range](Duration value) { CheckRange(names, value, range); })
      .Type("TIME")
      .Default(FormatDuration(target));
}

Option AddSize(CLI::App& app, const std::string& names, uint64_t& target, SizeRange range,
               const std::string& description) {
  return AddValue(app, names, target, &ParseSize, description,
                  [names, range](uint64_t value) { CheckRange(names, value, range); })
      .Type("N")
      .Default(Concat(target));
}

Option AddList(CLI::App& app, const std::string& names, std::vector<uint64_t>& target,
               SizeRange range, const std::string& description) {
  return AddValue(app, names, target, &ParseNumberList, description,
                  [names, range](const std::vector<uint64_t>& values) {
                    for (const uint64_t value : values) CheckRange(names, value, range);
                  })
      .Type("LIST");
}

Option AddBitRate(CLI::App& app, const std::string& names, uint64_t& target,
                  const std::string& description) {
  return AddValue(app, names, target, &ParseBitRate, description, [](uint64_t) {}).Type("RATE");
}

Option AddPercent(CLI::App& app, const std::string& names, double& target,
                  const std::string& description) {
  return AddValue(app, names, target, &ParsePercent, description, [](double) {}).Type("PERCENT");
}

Option AddChoice(CLI::App& app, const std::string& names, std::vector<std::string> choices,
                 size_t& target, const std::string& description) {
  std::string all;
  for (const std::string& choice : choices) Append(all, all.empty() ? "" : ", ", choice);
  const std::string initial = choices[target];
  return AddParsed(
             app, names,
             [names, all, choices = std::move(choices), &target](const std::string& text) {
               const auto found = std::find(choices.begin(), choices.end(), text);
               if (found == choices.end())
                 RefuseOption(names, Concat("\"", text, "\" is none of ", all));
               target = static_cast<size_t>(found - choices.begin());
             },
             description)
      .Type("NAME")
      .Default(initial);
}

Option AddJson(CLI::App& app, std::optional<std::string>& target) {
  return AddParsed(
             app, "--json", [&target](const std::string& text) { target = text; },
             "JSON instead of the table; =FILE: JSON into FILE, besides the table")
      .Type("[=FILE]");
}

Option AddEndpoint(CLI::App& app, std::vector<std::string>& target,
                   const std::string& description) {
  return AddText(app, "endpoint", target, description).Type("HOST PORT").Times(1, 2);
}

std::vector<std::string> WithExplicitJson(std::vector<std::string> arguments) {
  for (std::string& argument : arguments) {
    if (argument == "--") break;
    if (argument == "--json" || argument == "--jsonl") argument += "=-";
  }
  return arguments;
}

}  // namespace spindle::bench
