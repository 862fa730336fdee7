#include "bench/netlab/net_namespace.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/errno_status.h"
#include "base/strings.h"

namespace spindle::bench {
namespace {

constexpr char kOwnNamespace[] = "/proc/thread-self/ns/net";

absl::StatusOr<OwnedFd> OpenOwnNamespace() {
  OwnedFd fd(open(kOwnNamespace, O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(Concat("open ", kOwnNamespace), errno);
  return fd;
}

absl::Status WriteFile(const char* path, std::string_view text) {
  const OwnedFd fd(open(path, O_WRONLY | O_CLOEXEC));
  if (!fd.valid()) return ErrnoStatus(Concat("open ", path), errno);
  if (write(fd.get(), text.data(), text.size()) < 0) {
    return ErrnoStatus(Concat("write ", path), errno);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<NetNamespace> NetNamespace::Create() {
  absl::StatusOr<OwnedFd> fd = absl::CancelledError("no thread");
  const auto make = [&fd] {
    if (unshare(CLONE_NEWNET) != 0) {
      fd = ErrnoStatus("make a network namespace", errno);
    } else {
      fd = OpenOwnNamespace();
    }
  };
  // A thread of its own, so that the caller's never leaves its namespace.
  try {
    std::thread(make).join();
  } catch (const std::system_error& error) {
    return ErrnoStatus("start a thread", error.code().value());
  }
  if (!fd.ok()) return fd.status();
  struct stat status = {};
  if (fstat(fd->get(), &status) != 0) return ErrnoStatus("fstat of a network namespace", errno);
  return NetNamespace(*std::move(fd), status.st_ino);
}

NamespaceScope::NamespaceScope(OwnedFd former) : former_(std::move(former)), thread_(gettid()) {}

absl::StatusOr<NamespaceScope> NamespaceScope::Enter(const NetNamespace& space) {
  absl::StatusOr<OwnedFd> former = OpenOwnNamespace();
  if (!former.ok()) return former.status();
  // From where it is to where it is: that shows whether it will be let back in.
  if (setns(former->get(), CLONE_NEWNET) != 0) {
    return ErrnoStatus("come back to this network namespace", errno);
  }
  if (setns(space.fd(), CLONE_NEWNET) != 0) return ErrnoStatus("enter a network namespace", errno);
  return NamespaceScope(*std::move(former));
}

NamespaceScope::~NamespaceScope() {
  if (!former_.valid()) return;
  SPINDLE_CHECK(gettid() == thread_) << "another thread ends the scope";
  // Going on in the wrong network would be worse than an end.
  SPINDLE_CHECK(setns(former_.get(), CLONE_NEWNET) == 0) << ErrnoText(errno);
}

bool MayMakeNamespaces() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct sets[2] = {};
  if (syscall(SYS_capget, &header, sets) != 0) return false;
  const auto has = [&](int capability) {
    return (sets[CAP_TO_INDEX(capability)].effective & CAP_TO_MASK(capability)) != 0;
  };
  if (!has(CAP_SYS_ADMIN) || !has(CAP_NET_ADMIN)) return false;
  const absl::StatusOr<OwnedFd> own = OpenOwnNamespace();
  return own.ok() && setns(own->get(), CLONE_NEWNET) == 0;
}

absl::Status EnterUserNamespace() {
  const std::string user_map = Concat("0 ", geteuid(), " 1");
  const std::string group_map = Concat("0 ", getegid(), " 1");
  if (unshare(CLONE_NEWUSER | CLONE_NEWNET) != 0) {
    return ErrnoStatus("make a user namespace", errno);
  }
  absl::Status status = WriteFile("/proc/self/setgroups", "deny");
  if (status.ok()) status = WriteFile("/proc/self/uid_map", user_map);
  if (status.ok()) status = WriteFile("/proc/self/gid_map", group_map);
  return status;
}

}  // namespace spindle::bench
