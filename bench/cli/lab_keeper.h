#ifndef SPINDLE_BENCH_CLI_LAB_KEEPER_H_
#define SPINDLE_BENCH_CLI_LAB_KEEPER_H_

#include <sys/types.h>

#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"

namespace spindle::bench {

// Kills every process whose main thread is in one of the network namespaces (NetNamespace::inode),
// but for the calling one, until none is left. The caller keeps the namespaces alive meanwhile.
// Processes of other users, where those may not be looked at, stay.
void KillProcessesIn(std::span<const ino_t> namespaces);

// "SPINDLE_NETLAB_ID=...": an environment entry that names this process among all that ever ran
// since the machine started.
std::string LabMark();

// Kills processes that bear the mark of a process which is gone: left over from a lab that was
// killed together with its keeper. Returns how many.
int KillLeftovers();

// A process that waits for the end of this one, however it ends, and then kills what is left in the
// namespaces: not only the programs that the lab has started, which the kernel ends with it, but
// theirs, too. No signal for the lab's process group or terminal reaches it.
class LabKeeper {
 public:
  // While this process has one thread only. Errors: those of socketpair(2) and fork(2).
  static absl::StatusOr<std::unique_ptr<LabKeeper>> Start();
  // The keeper does its work now, and has ended on return.
  ~LabKeeper();
  LabKeeper(const LabKeeper&) = delete;
  LabKeeper& operator=(const LabKeeper&) = delete;

  // It is to look after this namespace, too. Errors: EPIPE if it has been killed.
  absl::Status Guard(int namespace_fd);

 private:
  LabKeeper(OwnedFd socket, pid_t pid) : socket_(std::move(socket)), pid_(pid) {}

  OwnedFd socket_;
  const pid_t pid_;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_CLI_LAB_KEEPER_H_
