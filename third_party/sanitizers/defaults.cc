// What the sanitizers' run-time libraries ask a program for. Options given in ASAN_OPTIONS,
// UBSAN_OPTIONS, LSAN_OPTIONS or TSAN_OPTIONS win over these.

#if defined(__has_feature)  // clang's way of saying what g++ says by a macro.
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#elif __has_feature(thread_sanitizer)
#define __SANITIZE_THREAD__ 1
#endif
#endif

extern "C" {

#if defined(__SANITIZE_ADDRESS__)

const char* __asan_default_options() {
  return "detect_leaks=1:detect_stack_use_after_return=1:check_initialization_order=1:"
         "strict_init_order=1:strict_string_checks=1";
}

const char* __ubsan_default_options() { return "print_stacktrace=1:halt_on_error=1"; }

#endif

#if defined(__SANITIZE_THREAD__)

const char* __tsan_default_options() { return "halt_on_error=1:second_deadlock_stack=1"; }

// Only for reports that are wrong because the installed Abseil is not instrumented.
const char* __tsan_default_suppressions() {
  // The last owner of a Status frees its payload after an atomic decrement inside libabsl_status.a,
  // which the sanitizer cannot see, so the free looks unordered with the other owners' increments.
  return "race:absl::*Status::Unref\n";
}

#endif

}  // extern "C"
