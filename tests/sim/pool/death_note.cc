#include "tests/sim/pool/death_note.h"

#include <signal.h>
#include <unistd.h>

#include <cstring>

// Of the sanitizers' runtime, if there is one.
extern "C" void __sanitizer_set_death_callback(void (*callback)()) __attribute__((weak));

namespace spindle {
namespace {

char death_note[128];

void TellNote() {
  // Nothing better can be done if this fails.
  [[maybe_unused]] const ssize_t written =
      write(STDERR_FILENO, death_note, std::strlen(death_note));
}

void OnDeadlySignal(int signal_number) {
  TellNote();
  signal(signal_number, SIG_DFL);
  raise(signal_number);
}

}  // namespace

void TellAtDeath(std::string_view note) {
  death_note[note.copy(death_note, sizeof death_note - 1)] = '\0';
  static const bool once = [] {
    if (__sanitizer_set_death_callback != nullptr) {
      __sanitizer_set_death_callback(TellNote);
      return true;
    }
    signal(SIGABRT, OnDeadlySignal);
    signal(SIGSEGV, OnDeadlySignal);
    return true;
  }();
  static_cast<void>(once);
}

}  // namespace spindle
