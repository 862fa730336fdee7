#ifndef SPINDLE_BENCH_NETLAB_NET_NAMESPACE_H_
#define SPINDLE_BENCH_NETLAB_NET_NAMESPACE_H_

#include <sys/types.h>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/owned_fd.h"

namespace spindle::bench {

// A network namespace without a name: it lives for as long as this object, a thread or process in
// it, or a socket of it, and the kernel removes it with all its devices. So nothing is left after
// the end of the process, however it ends. Movable; after that any thread may read it.
// network_namespaces(7).
class NetNamespace {
 public:
  // A new one, in which nothing is up. The calling thread stays where it is. Errors: EPERM without
  // CAP_SYS_ADMIN; ENOSPC beyond the limit of namespaces.
  static absl::StatusOr<NetNamespace> Create();

  int fd() const { return fd_.get(); }
  // What the link /proc/PID/ns/net of its processes shows. Unique while the namespace lives.
  ino_t inode() const { return inode_; }

 private:
  NetNamespace(OwnedFd fd, ino_t inode) : fd_(std::move(fd)), inode_(inode) {}

  OwnedFd fd_;
  ino_t inode_;
};

// The calling thread is in a network namespace until this object is destroyed, by the same thread
// (CHECKed), and then again where it was before. Scopes end in the opposite order of their
// beginning.
//
// What is made meanwhile stays in the namespace for good: sockets, and threads that this one
// starts. setns(2).
class NamespaceScope {
 public:
  // `space` may be destroyed before the scope. Errors, with the thread where it was: EPERM without
  // CAP_SYS_ADMIN here and where the former namespace belongs: without it there is no way back.
  static absl::StatusOr<NamespaceScope> Enter(const NetNamespace& space);

  NamespaceScope(NamespaceScope&&) = default;
  NamespaceScope& operator=(NamespaceScope&&) = delete;
  ~NamespaceScope();

 private:
  explicit NamespaceScope(OwnedFd former);

  OwnedFd former_;  // Invalid once moved from.
  pid_t thread_;
};

// True if the calling thread may make namespaces and devices, and come back from there: it has
// CAP_SYS_ADMIN and CAP_NET_ADMIN, in the user namespace that its network belongs to.
bool MayMakeNamespaces();

// Gives those rights to a process that lacks them: brings it into a user namespace in which it
// appears as root, and into a network namespace of its own, since it must not touch the one it came
// from. For good, and only while the process has one thread. Errors: EPERM and EACCES where the
// machine does not let users do so; EINVAL with more threads. user_namespaces(7).
absl::Status EnterUserNamespace();

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETLAB_NET_NAMESPACE_H_
