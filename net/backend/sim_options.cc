#include "net/backend/sim_options.h"

namespace spindle {

SimFaults SimFaults::Mild() {
  SimFaults faults;
  faults.short_read = 0.01;
  faults.short_write = 0.01;
  faults.eagain_after_ready = 0.005;
  faults.spurious_readiness = 0.005;
  faults.eintr = 0.005;
  faults.shuffle_ready = 0.1;
  faults.cut_ready = 0.05;
  faults.accept_aborted = 0.002;
  faults.accept_emfile = 0.002;
  faults.accept_enobufs = 0.002;
  faults.connect_late = 0.005;
  faults.timer_late = 0.05;
  faults.timer_late_max = std::chrono::milliseconds(2);
  return faults;
}

SimFaults SimFaults::Wild() {
  SimFaults faults;
  faults.short_read = 0.2;
  faults.short_write = 0.2;
  faults.eagain_after_ready = 0.05;
  faults.spurious_readiness = 0.05;
  faults.eintr = 0.05;
  faults.reset = 0.005;
  faults.shuffle_ready = 0.5;
  faults.cut_ready = 0.3;
  faults.accept_aborted = 0.03;
  faults.accept_emfile = 0.03;
  faults.accept_enobufs = 0.03;
  faults.connect_late = 0.05;
  faults.connect_refused = 0.03;
  faults.timer_late = 0.3;
  faults.clock_stall = 0.001;
  return faults;
}

}  // namespace spindle
