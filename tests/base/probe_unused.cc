#include "tests/base/probe_unused.h"

#include "base/probe.h"

int UsedWithProbe(int value) {
  SPINDLE_PROBE1(used, value);
  return value;
}

int UnusedWithProbe(int value) {
  SPINDLE_PROBE1(unused, value);
  return value;
}
