#ifndef SPINDLE_TESTS_SIM_POOL_DEATH_NOTE_H_
#define SPINDLE_TESTS_SIM_POOL_DEATH_NOTE_H_

#include <string_view>

namespace spindle {

// If the process dies of SIGABRT, SIGSEGV or a sanitizer's report from now on, `note` (at most 127
// bytes, copied) is the last thing on stderr. One thread.
void TellAtDeath(std::string_view note);

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_POOL_DEATH_NOTE_H_
