#include "net/stream/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <deque>
#include <optional>
#include <unordered_map>
#include <utility>

#include "absl/status/status.h"
#include "base/errno_status.h"
#include "base/live_counter.h"
#include "base/mutex.h"
#include "base/strings.h"
#include "net/loop/loop_ref.h"

namespace spindle {
namespace {

bool IsNumber(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

std::optional<uint16_t> ParsePort(std::string_view digits) {
  uint16_t port = 0;
  const auto [at, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (error != std::errc()) return std::nullopt;
  return port;
}

absl::Status BadName(std::string_view host, std::string_view service, std::string_view what) {
  return absl::InvalidArgumentError(ToAbsl(Concat("resolve ", host, ":", service, ": ", what)));
}

// The answer, if no one has to be asked for it.
std::optional<ResolveResult> ResolveNumeric(std::string_view host, std::string_view service) {
  for (const std::string_view text : {host, service}) {
    if (text.empty()) return BadName(host, service, "empty");
    if (text.find('\0') != text.npos) return BadName(host, service, "holds a NUL");
  }
  if (!IsNumber(service)) return std::nullopt;
  const std::optional<uint16_t> port = ParsePort(service);
  if (!port.has_value()) return BadName(host, service, "no such port");
  absl::StatusOr<SocketAddress> address = SocketAddress::FromIp(host, *port);
  if (!address.ok()) return std::nullopt;
  return std::vector<SocketAddress>{*std::move(address)};
}

// `error` is one of getaddrinfo's, `system_error` the errno that belongs to EAI_SYSTEM.
absl::Status ResolveError(std::string_view host, std::string_view service, int error,
                          int system_error) {
  std::string text = Concat("resolve ", host, ":", service);
  if (error == EAI_SYSTEM) return ErrnoStatus(text, system_error);
  Append(text, ": ", std::string_view(gai_strerror(error)));
  switch (error) {
    case EAI_NONAME:
    case EAI_NODATA:
    case EAI_ADDRFAMILY:
      return absl::NotFoundError(ToAbsl(text));
    case EAI_AGAIN:
      return absl::UnavailableError(ToAbsl(text));
    case EAI_SERVICE:
      return absl::InvalidArgumentError(ToAbsl(text));
    case EAI_MEMORY:
      return absl::ResourceExhaustedError(ToAbsl(text));
    default:
      return absl::UnknownError(ToAbsl(text));
  }
}

// Blocks all signals while alive: they belong to the program's own threads, and a thread inherits
// its mask.
class MaskForNewThread {
 public:
  MaskForNewThread() {
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  MaskForNewThread(const MaskForNewThread&) = delete;
  MaskForNewThread& operator=(const MaskForNewThread&) = delete;
  ~MaskForNewThread() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
  sigset_t before_;
};

}  // namespace

ResolveResult ResolveNow(std::string_view host, std::string_view service) {
  if (std::optional<ResolveResult> numeric = ResolveNumeric(host, service)) return *numeric;
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  const int error =
      getaddrinfo(std::string(host).c_str(), std::string(service).c_str(), &hints, &found);
  if (error != 0) return ResolveError(host, service, error, errno);
  std::vector<SocketAddress> addresses;
  for (const addrinfo* info = found; info != nullptr; info = info->ai_next) {
    SocketAddress address = SocketAddress::FromSockaddr(info->ai_addr, info->ai_addrlen);
    const bool known = std::find(addresses.begin(), addresses.end(), address) != addresses.end();
    if (address.is_ip() && !known) addresses.push_back(std::move(address));
  }
  freeaddrinfo(found);
  if (addresses.empty()) return ResolveError(host, service, EAI_NODATA, 0);
  return addresses;
}

ResolveResult ResolveNow(std::string_view host, uint16_t port) {
  return ResolveNow(host, std::to_string(port));
}

// What the resolver, its thread and the tasks under way share.
class SystemResolver::State : public std::enable_shared_from_this<State>,
                              private LiveCounted<SystemResolver> {
 public:
  State(EventLoop& loop, SystemResolverOptions options)
      : loop_(loop.ref()), lookup_(std::move(options.lookup)) {}

  ResolveId Resolve(std::string_view host, std::string_view service, Callback callback);
  bool Cancel(ResolveId id);
  void Stop();

 private:
  struct Request {
    uint64_t number;
    std::string host;
    std::string service;
  };

  static void* Main(void* self);
  int StartThread();
  void Work();
  // False when the thread is to end.
  bool WaitForRequest(Request& request);
  // Any thread. Runs the callback from the loop, if nobody cancels it before.
  void Answer(uint64_t number, ResolveResult result);
  void RunCallback(uint64_t number, ResolveResult result);

  const LoopRef loop_;
  absl::AnyInvocable<ResolveResult(const std::string&, const std::string&)> lookup_;  // Helper.
  // Loop thread: callbacks of open requests.
  std::unordered_map<uint64_t, Callback> open_;
  uint64_t last_number_ = 0;
  std::optional<pthread_t> thread_;

  Mutex mutex_;
  CondVar changed_;
  std::deque<Request> queue_ ABSL_GUARDED_BY(mutex_);
  bool stop_ ABSL_GUARDED_BY(mutex_) = false;
};

ResolveId SystemResolver::State::Resolve(std::string_view host, std::string_view service,
                                         Callback callback) {
  const uint64_t number = ++last_number_;
  open_.emplace(number, std::move(callback));
  if (std::optional<ResolveResult> numeric = ResolveNumeric(host, service)) {
    Answer(number, *std::move(numeric));
    return ResolveId{number};
  }
  if (!thread_.has_value()) {
    if (const int error = StartThread(); error != 0) {
      Answer(number, ErrnoStatus("start the resolver's thread", error));
      return ResolveId{number};
    }
  }
  MutexLock lock(mutex_);
  queue_.push_back(Request{number, std::string(host), std::string(service)});
  changed_.NotifyOne();
  return ResolveId{number};
}

bool SystemResolver::State::Cancel(ResolveId id) {
  const auto found = open_.find(id.number);
  if (found == open_.end()) return false;
  const Callback callback = std::move(found->second);  // Its end may call us.
  open_.erase(found);
  MutexLock lock(mutex_);
  std::erase_if(queue_, [&](const Request& request) { return request.number == id.number; });
  return true;
}

void SystemResolver::State::Stop() {
  {
    MutexLock lock(mutex_);
    stop_ = true;
    changed_.NotifyOne();
  }
  if (thread_.has_value()) pthread_join(*thread_, nullptr);
  const std::unordered_map<uint64_t, Callback> dropped = std::exchange(open_, {});
}

int SystemResolver::State::StartThread() {
  MaskForNewThread mask;
  pthread_t thread;
  const int error = pthread_create(&thread, nullptr, &State::Main, this);
  if (error == 0) thread_ = thread;
  return error;
}

void* SystemResolver::State::Main(void* self) {
  pthread_setname_np(pthread_self(), "resolver");
  // Stop joins the thread, so the object outlives it.
  static_cast<State*>(self)->Work();
  return nullptr;
}

void SystemResolver::State::Work() {
  Request request;
  while (WaitForRequest(request)) {
    Answer(request.number, lookup_ ? lookup_(request.host, request.service)
                                   : ResolveNow(request.host, request.service));
  }
}

bool SystemResolver::State::WaitForRequest(Request& request) {
  MutexLock lock(mutex_);
  while (!stop_ && queue_.empty()) changed_.Wait(mutex_);
  if (stop_) return false;
  request = std::move(queue_.front());
  queue_.pop_front();
  return true;
}

void SystemResolver::State::Answer(uint64_t number, ResolveResult result) {
  loop_.Post([self = shared_from_this(), number, result = std::move(result)]() mutable {
    self->RunCallback(number, std::move(result));
  });
}

void SystemResolver::State::RunCallback(uint64_t number, ResolveResult result) {
  const auto found = open_.find(number);
  if (found == open_.end()) return;
  Callback callback = std::move(found->second);
  open_.erase(found);
  callback(std::move(result));
}

SystemResolver::SystemResolver(EventLoop& loop, SystemResolverOptions options)
    : state_(std::make_shared<State>(loop, std::move(options))) {}

SystemResolver::~SystemResolver() { state_->Stop(); }

ResolveId SystemResolver::Resolve(std::string_view host, std::string_view service,
                                  Callback callback) {
  return state_->Resolve(host, service, std::move(callback));
}

bool SystemResolver::Cancel(ResolveId id) { return state_->Cancel(id); }

}  // namespace spindle
