#ifndef SPINDLE_TESTS_TESTING_OWN_NETWORK_H_
#define SPINDLE_TESTS_TESTING_OWN_NETWORK_H_

#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "absl/functional/function_ref.h"
#include "gtest/gtest.h"

namespace spindle {

// What a process in a network namespace says where it may have none, or not what it needs there.
inline constexpr int kNoOwnNetwork = 77;

// Runs `body` in a child process with a network namespace of its own, in which it may do all, and
// returns what that ends with: what `body` returns, 1 after a failure of gtest (its text is on the
// child's standard error), kNoOwnNetwork, or 1000 and the signal that killed it. Not after threads
// have been started: a process that has some gets no user namespace.
inline int RunInOwnNetwork(absl::FunctionRef<int()> body) {
  const pid_t child = fork();
  if (child == 0) {
    if (unshare(CLONE_NEWNET) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
      _exit(kNoOwnNetwork);
    }
    const int result = body();
    _exit(result == 0 && testing::Test::HasFailure() ? 1 : result);
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

// Brings up "lo" in the network that this process has for itself; it has 127.0.0.1 and ::1 then.
// False if it may not.
inline bool BringUpLoopback() {
  const int control = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  ifreq request = {};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  const bool up = ioctl(control, SIOCSIFFLAGS, &request) == 0;
  close(control);
  return up;
}

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_OWN_NETWORK_H_
