#include "net/backend/sim_kernel.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <string>
#include <utility>

#include "net/backend/internal/sim_epoll.h"
#include "net/backend/internal/sim_socket.h"
#include "net/backend/internal/sim_tcp.h"
#include "net/backend/internal/sim_tcp_connection.h"
#include "net/backend/internal/sim_unix.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {
namespace {

// For the trace. The order is part of no promise.
enum class Call : uint64_t {
  kSocket = 1,
  kBind,
  kListen,
  kAccept,
  kConnect,
  kShutdown,
  kClose,
  kRecv,
  kSend,
  kSendFile,
  kRead,
  kWrite,
  kGetSockOpt,
  kSetSockOpt,
  kGetSockName,
  kGetPeerName,
  kEpollCreate,
  kEpollCtl,
  kEpollWait,
  kEventFd,
  kTimerFd,
  kTimerFdSet,
  kSignalFd,
  kNow,
};

// Counts the call, and records it and its result.
template <typename Result>
Result Traced(SimWorld& world, Call call, int fd, Result result) {
  ++world.counters().calls;
  world.Trace(static_cast<uint64_t>(call) << 32 | static_cast<uint32_t>(fd),
              static_cast<uint64_t>(static_cast<int64_t>(result)));
  world.Trace(0, static_cast<uint64_t>(world.now().time_since_epoch().count()));
  return result;
}

bool IsSocket(const SimFile& file) {
  return file.kind() == SimFdKind::kTcp || file.kind() == SimFdKind::kUnix;
}

// Runs `call` on the socket `fd`.
template <typename Do>
auto OnSocket(SimWorld& world, int fd, Do call) -> decltype(call(std::declval<SimSocket&>())) {
  // A reset may come in the middle of the call; the descriptor keeps the socket all the same.
  const std::shared_ptr<SimFile> file = world.SharedFile(fd);
  if (file == nullptr) return -EBADF;
  if (!IsSocket(*file)) return -ENOTSOCK;
  return call(static_cast<SimSocket&>(*file));
}

bool Interrupted(SimWorld& world) {
  return world.Roll(world.options().faults.eintr, world.counters().eintr);
}

void MaybeStall(SimWorld& world) {
  const SimFaults& faults = world.options().faults;
  if (faults.clock_stall_max <= Duration::zero()) return;
  if (!world.Roll(faults.clock_stall, world.counters().clock_stalls)) return;
  world.AdvanceTo(SaturatingAdd(world.now(), world.UpTo(faults.clock_stall_max)));
}

int InstallNew(SimWorld& world, std::shared_ptr<SimFile> file) {
  if (!world.HasRoom()) return -EMFILE;
  return world.Install(std::move(file));
}

SimTcpConnection* ConnectionOf(SimWorld& world, int fd) {
  SimFile* const file = world.File(fd);
  if (file == nullptr || file->kind() != SimFdKind::kTcp) return nullptr;
  return static_cast<SimTcpSocket*>(file)->connection();
}

int NewSocket(SimWorld& world, int domain, int type, int protocol) {
  constexpr int kFlags = SOCK_NONBLOCK | SOCK_CLOEXEC;
  constexpr int kTypes = 0xf;
  if (type & ~(kFlags | kTypes)) return -EINVAL;
  if ((type & kTypes) != SOCK_STREAM) return -ESOCKTNOSUPPORT;
  if (domain == AF_UNIX) {
    if (protocol != 0 && protocol != AF_UNIX) return -EPROTONOSUPPORT;
    return InstallNew(world, std::make_shared<SimUnixSocket>(world));
  }
  if (domain != AF_INET && domain != AF_INET6) return -EAFNOSUPPORT;
  if (protocol != 0 && protocol != IPPROTO_TCP) return -EPROTONOSUPPORT;
  return InstallNew(world, std::make_shared<SimTcpSocket>(world, domain));
}

int AcceptOn(SimWorld& world, SimSocket& listener, sockaddr* address, socklen_t* length) {
  // The kernel takes a descriptor before it looks for a connection.
  if (!world.HasRoom()) {
    ++world.counters().accept_emfile;
    return -EMFILE;
  }
  if (Interrupted(world)) return -EINTR;
  std::shared_ptr<SimSocket> accepted;
  if (const int error = listener.Accept(&accepted); error != 0) return error;
  if (address != nullptr) {
    if (const int error = accepted->GetAcceptedName(address, length); error != 0) {
      accepted->OnClose();
      return error;
    }
  }
  return world.Install(std::move(accepted));
}

int ConnectSocket(SimWorld& world, SimSocket& socket, const sockaddr* address, socklen_t length) {
  if (socket.domain() == AF_UNIX && Interrupted(world)) return -EINTR;
  const int result = socket.Connect(address, length);
  // Interrupted or not, a TCP connect goes on.
  if (result == -EINPROGRESS && Interrupted(world)) return -EINTR;
  return result;
}

int ControlEpoll(SimWorld& world, int epoll_fd, int operation, int fd, const epoll_event* event) {
  if (operation != EPOLL_CTL_DEL && event == nullptr) return -EFAULT;
  SimFile* const set = world.File(epoll_fd);
  SimFile* const file = world.File(fd);
  if (set == nullptr || file == nullptr) return -EBADF;
  if (fd == epoll_fd || set->kind() != SimFdKind::kEpoll) return -EINVAL;
  if (file->kind() == SimFdKind::kEpoll) return -EPERM;
  return static_cast<SimEpoll*>(set)->Control(operation, fd, *file, event);
}

int WaitEpoll(SimWorld& world, int epoll_fd, std::span<epoll_event> events) {
  ++world.counters().epoll_waits;
  if (events.empty()) return -EINVAL;
  SimFile* const set = world.File(epoll_fd);
  if (set == nullptr) return -EBADF;
  if (set->kind() != SimFdKind::kEpoll) return -EINVAL;
  if (Interrupted(world)) return -EINTR;
  MaybeStall(world);
  return static_cast<SimEpoll*>(set)->Wait(events);
}

}  // namespace

SimKernel::SimKernel(const SimOptions& options) : world_(std::make_unique<SimWorld>(options)) {}
SimKernel::~SimKernel() = default;

int SimKernel::Socket(int domain, int type, int protocol) {
  return Traced(*world_, Call::kSocket, domain, NewSocket(*world_, domain, type, protocol));
}

int SimKernel::Bind(int fd, const sockaddr* address, socklen_t length) {
  return Traced(*world_, Call::kBind, fd, OnSocket(*world_, fd, [&](SimSocket& socket) {
    return socket.Bind(address, length);
  }));
}

int SimKernel::Listen(int fd, int backlog) {
  return Traced(*world_, Call::kListen, fd,
                OnSocket(*world_, fd, [&](SimSocket& socket) { return socket.Listen(backlog); }));
}

int SimKernel::Accept(int fd, sockaddr* address, socklen_t* length) {
  return Traced(*world_, Call::kAccept, fd, OnSocket(*world_, fd, [&](SimSocket& socket) {
    return AcceptOn(*world_, socket, address, length);
  }));
}

int SimKernel::Connect(int fd, const sockaddr* address, socklen_t length) {
  return Traced(*world_, Call::kConnect, fd, OnSocket(*world_, fd, [&](SimSocket& socket) {
    return ConnectSocket(*world_, socket, address, length);
  }));
}

int SimKernel::Shutdown(int fd, int how) {
  return Traced(*world_, Call::kShutdown, fd,
                OnSocket(*world_, fd, [&](SimSocket& socket) { return socket.Shutdown(how); }));
}

int SimKernel::Close(int fd) {
  const std::shared_ptr<SimFile> file = world_->Take(fd);
  if (file != nullptr) {
    SimEpoll::Detach(*file);
    file->OnClose();
  }
  return Traced(*world_, Call::kClose, fd, file == nullptr ? -EBADF : 0);
}

ssize_t SimKernel::Recv(int fd, void* data, size_t length) {
  return Traced(*world_, Call::kRecv, fd, OnSocket(*world_, fd, [&](SimSocket& socket) -> ssize_t {
    if (Interrupted(*world_)) return -EINTR;
    return socket.Recv(data, length);
  }));
}

ssize_t SimKernel::Send(int fd, std::span<const iovec> iovecs) {
  return Traced(*world_, Call::kSend, fd, OnSocket(*world_, fd, [&](SimSocket& socket) -> ssize_t {
    if (Interrupted(*world_)) return -EINTR;
    return socket.Send(iovecs);
  }));
}

ssize_t SimKernel::SendFile(int socket, int file, off_t* offset, size_t length) {
  // The number of a real file differs from run to run, so it is no part of the trace.
  return Traced(*world_, Call::kSendFile, socket,
                OnSocket(*world_, socket, [&](SimSocket& target) -> ssize_t {
                  if (Interrupted(*world_)) return -EINTR;
                  return target.SendFile(file, offset, length);
                }));
}

int SimKernel::RecvMany(int /*fd*/, std::span<mmsghdr> /*messages*/, int /*flags*/) {
  return -EOPNOTSUPP;
}

int SimKernel::SendMany(int /*fd*/, std::span<mmsghdr> /*messages*/) { return -EOPNOTSUPP; }

ssize_t SimKernel::RecvError(int /*fd*/, msghdr* /*message*/) { return -EOPNOTSUPP; }

ssize_t SimKernel::Read(int fd, void* data, size_t length) {
  const std::shared_ptr<SimFile> file = world_->SharedFile(fd);
  ssize_t result = -EBADF;
  if (file != nullptr) result = Interrupted(*world_) ? -EINTR : file->Read(data, length);
  return Traced(*world_, Call::kRead, fd, result);
}

ssize_t SimKernel::Write(int fd, const void* data, size_t length) {
  const std::shared_ptr<SimFile> file = world_->SharedFile(fd);
  ssize_t result = -EBADF;
  if (file != nullptr) result = Interrupted(*world_) ? -EINTR : file->Write(data, length);
  return Traced(*world_, Call::kWrite, fd, result);
}

int SimKernel::GetSockOpt(int fd, int level, int name, void* value, socklen_t* length) {
  return Traced(*world_, Call::kGetSockOpt, fd, OnSocket(*world_, fd, [&](SimSocket& socket) {
    return socket.GetSockOpt(level, name, value, length);
  }));
}

int SimKernel::SetSockOpt(int fd, int level, int name, const void* value, socklen_t length) {
  return Traced(*world_, Call::kSetSockOpt, fd, OnSocket(*world_, fd, [&](SimSocket& socket) {
    return socket.SetSockOpt(level, name, value, length);
  }));
}

int SimKernel::GetSockName(int fd, sockaddr* address, socklen_t* length) {
  return Traced(*world_, Call::kGetSockName, fd, OnSocket(*world_, fd, [&](SimSocket& socket) {
    return socket.GetSockName(address, length);
  }));
}

int SimKernel::GetPeerName(int fd, sockaddr* address, socklen_t* length) {
  return Traced(*world_, Call::kGetPeerName, fd, OnSocket(*world_, fd, [&](SimSocket& socket) {
    return socket.GetPeerName(address, length);
  }));
}

int SimKernel::EpollCreate() {
  return Traced(*world_, Call::kEpollCreate, 0,
                InstallNew(*world_, std::make_shared<SimEpoll>(*world_)));
}

int SimKernel::EpollCtl(int epoll_fd, int operation, int fd, epoll_event* event) {
  return Traced(*world_, Call::kEpollCtl, fd,
                ControlEpoll(*world_, epoll_fd, operation, fd, event));
}

int SimKernel::EpollWait(int epoll_fd, std::span<epoll_event> events, int) {
  return Traced(*world_, Call::kEpollWait, epoll_fd, WaitEpoll(*world_, epoll_fd, events));
}

int SimKernel::EventFd() {
  return Traced(*world_, Call::kEventFd, 0,
                InstallNew(*world_, std::make_shared<SimEventFd>(*world_)));
}

int SimKernel::TimerFd() {
  return Traced(*world_, Call::kTimerFd, 0,
                InstallNew(*world_, std::make_shared<SimTimerFd>(*world_)));
}

int SimKernel::TimerFdSet(int fd, TimePoint when) {
  SimFile* const file = world_->File(fd);
  int result = -EBADF;
  if (file != nullptr) {
    result = file->kind() == SimFdKind::kTimer ? 0 : -EINVAL;
    if (result == 0) static_cast<SimTimerFd*>(file)->Set(when);
  }
  return Traced(*world_, Call::kTimerFdSet, fd, result);
}

int SimKernel::SignalFd(int fd, const sigset_t*) {
  return Traced(*world_, Call::kSignalFd, fd, -ENOSYS);
}

TimePoint SimKernel::Now() {
  MaybeStall(*world_);
  Traced(*world_, Call::kNow, 0, 0);
  return world_->now();
}

TimePoint SimKernel::now() const { return world_->now(); }

TimePoint SimKernel::NextEventTime() const { return world_->events().next_time(); }

bool SimKernel::AdvanceToNextEvent() {
  if (NextEventTime() == kNever) return false;
  world_->AdvanceTo(NextEventTime());
  return true;
}

void SimKernel::Advance(Duration duration) {
  world_->AdvanceTo(SaturatingAdd(world_->now(), duration));
}

bool SimKernel::AnythingReady(int epoll_fd) const {
  SimFile* const set = world_->File(epoll_fd);
  return set != nullptr && set->kind() == SimFdKind::kEpoll &&
         static_cast<SimEpoll*>(set)->AnythingReady();
}

void SimKernel::SetFaults(const SimFaults& faults) { world_->options().faults = faults; }

void SimKernel::KillConnection(int fd) {
  SimTcpConnection* const connection = ConnectionOf(*world_, fd);
  if (connection == nullptr) return;
  connection->Blackhole();
  for (const int side : {0, 1}) {
    if (SimTcpSocket* const socket = connection->end(side)) socket->ArmDeath();
  }
}

void SimKernel::ResetConnection(int fd) {
  if (SimTcpConnection* const connection = ConnectionOf(*world_, fd)) connection->ResetBoth();
}

bool SimKernel::UnlinkPath(std::string_view path) {
  return world_->names().Unlink(std::string(path));
}

SimCounters SimKernel::counters() const { return world_->counters(); }

SimBytes SimKernel::bytes() const {
  SimBytes bytes = world_->bytes();
  bytes.in_flight = world_->CountHeldBytes();
  return bytes;
}

uint64_t SimKernel::TraceHash() const { return world_->trace_hash(); }

std::vector<SimOpenFd> SimKernel::OpenFds() const {
  std::vector<SimOpenFd> open;
  const auto& files = world_->files();
  for (size_t fd = 0; fd < files.size(); ++fd) {
    if (files[fd] != nullptr) open.push_back({static_cast<int>(fd), files[fd]->kind()});
  }
  return open;
}

size_t SimKernel::open_fds() const { return world_->open_files(); }

}  // namespace spindle
