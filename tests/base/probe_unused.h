#ifndef SPINDLE_TESTS_BASE_PROBE_UNUSED_H_
#define SPINDLE_TESTS_BASE_PROBE_UNUSED_H_

// Two functions in one file, each with a probe. A program calls the first alone.
int UsedWithProbe(int value);
int UnusedWithProbe(int value);

#endif  // SPINDLE_TESTS_BASE_PROBE_UNUSED_H_
