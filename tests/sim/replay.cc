#include "tests/sim/replay.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/parse.h"

// Of the sanitizers' runtime, if there is one.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace spindle {
namespace {

char replay_command[100];

void TellReplay() {
  // Nothing better can be done if this fails.
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, replay_command, std::strlen(replay_command));
}

void OnDeadlySignal(int signal_number) {
  TellReplay();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

void TellReplayAtDeath(uint64_t seed) {
  const std::string text = absl::StrCat("replay: ", ReplayCommand(seed), "\n");
  replay_command[text.copy(replay_command, sizeof replay_command - 1)] = '\0';
  static const bool once = [] {
    if (__sanitizer_set_death_callback != nullptr) {
      __sanitizer_set_death_callback(TellReplay);
      return true;
    }
    signal(SIGABRT, OnDeadlySignal);
    signal(SIGSEGV, OnDeadlySignal);
    return true;
  }();
  static_cast<void>(once);
}

void Add(SimCounters& sum, const SimCounters& one) {
  sum.calls += one.calls;
  sum.short_reads += one.short_reads;
  sum.short_writes += one.short_writes;
  sum.eagain_after_ready += one.eagain_after_ready;
  sum.spurious_readiness += one.spurious_readiness;
  sum.eintr += one.eintr;
  sum.resets += one.resets;
  sum.shuffled_ready += one.shuffled_ready;
  sum.cut_ready += one.cut_ready;
  sum.accept_aborted += one.accept_aborted;
  sum.accept_emfile += one.accept_emfile;
  sum.accept_enobufs += one.accept_enobufs;
  sum.connect_late += one.connect_late;
  sum.connect_refused += one.connect_refused;
  sum.timer_late += one.timer_late;
  sum.clock_stalls += one.clock_stalls;
  sum.window_full += one.window_full;
  sum.rst_on_unread += one.rst_on_unread;
  sum.self_connects += one.self_connects;
  sum.fd_limit_hits += one.fd_limit_hits;
  sum.timed_out += one.timed_out;
}

void Add(StreamScenarioResult& sum, const StreamScenarioResult& one) {
  if (sum.failure.empty()) sum.failure = one.failure;
  sum.operations += one.operations;
  sum.callbacks += one.callbacks;
  sum.connections += one.connections;
  sum.bytes_received += one.bytes_received;
  sum.drains += one.drains;
  sum.tasks += one.tasks;
  sum.virtual_time += one.virtual_time;
  Add(sum.counters, one.counters);
}

}  // namespace

std::string ReplayCommand(uint64_t seed) {
  return absl::StrCat("bazel run //tests/sim:stream_simulation -- --seed=", seed);
}

std::string SimulationTotals::ToString() const {
  const SimCounters& c = sum.counters;
  return absl::StrCat(
      seeds, " seeds, ", failures, " failures; ", sum.operations, " operations, ", sum.callbacks,
      " callbacks, ", sum.connections, " connections, ", FormatSize(sum.bytes_received),
      " received, ", sum.drains, " drains, ", sum.tasks, " tasks; ",
      FormatDuration(sum.virtual_time), " of virtual time, ", c.calls,
      " system calls\nfaults:", " short_reads ", c.short_reads, " short_writes ", c.short_writes,
      " eagain ", c.eagain_after_ready, " spurious ", c.spurious_readiness, " eintr ", c.eintr,
      " resets ", c.resets, " shuffled ", c.shuffled_ready, " cut ", c.cut_ready,
      " accept_aborted ", c.accept_aborted, " accept_emfile ", c.accept_emfile, " accept_enobufs ",
      c.accept_enobufs, " connect_late ", c.connect_late, " connect_refused ", c.connect_refused,
      " timer_late ", c.timer_late, " clock_stalls ", c.clock_stalls, " window_full ",
      c.window_full, " rst_on_unread ", c.rst_on_unread, " self_connects ", c.self_connects,
      " fd_limit_hits ", c.fd_limit_hits, " timed_out ", c.timed_out);
}

SimulationTotals RunSeeds(uint64_t first, uint64_t count, uint64_t stride,
                          const std::function<void(const std::string&)>& report) {
  SimulationTotals totals;
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t seed = first + i * stride;
    TellReplayAtDeath(seed);
    StreamScenarioResult result = RunStreamScenario(seed);
    if (result.failure.empty() && i % 100 == 0 &&
        RunStreamScenario(seed).trace_hash != result.trace_hash) {
      result.failure = "two runs differ";
    }
    ++totals.seeds;
    Add(totals.sum, result);
    if (result.failure.empty()) continue;
    ++totals.failures;
    report(absl::StrCat("seed ", seed, ": ", result.failure, "\nreplay: ", ReplayCommand(seed)));
  }
  return totals;
}

}  // namespace spindle
