#ifndef SPINDLE_BENCH_RIVALS_SERVER_H_
#define SPINDLE_BENCH_RIVALS_SERVER_H_

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

// What all rivals share and none is about: command line, listeners, threads, signals, and messages
// between the loops of a room. It includes nothing of Spindle.

namespace rivals {

// What comes on a connection ...
enum class Mode {
  kEcho,   // ... goes back.
  kSink,   // ... is dropped.
  kRoom,   // ... goes to all connections, the one that it came on among them.
  kRelay,  // ... goes to the server at --upstream and back, on a connection for each.
};

struct Options {
  Mode mode = Mode::kEcho;
  size_t loops = 0;  // Worker loops; 0: one that does everything.
  sockaddr_in address = {};
  sockaddr_in upstream = {};  // kRelay.
};

// What is read at once. Each loop has one such buffer where the library lets it.
inline constexpr size_t kReadBytes = 64 * 1024;
// Reads of one connection in a row, while they fill the buffer.
inline constexpr int kReadsInARow = 16;

[[noreturn]] inline void Die(const std::string& what, int exit_code = 3) {
  std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
  std::exit(exit_code);
}

[[noreturn]] inline void DieOfErrno(const char* what) {
  Die(std::string(what) + ": " + std::strerror(errno));
}

[[noreturn]] inline void DieOfMisuse() {
  Die("usage: [--loops=N] [--mode=echo|sink|room|relay] [--upstream=PORT] HOST PORT", 2);
}

inline unsigned long ParseNumber(const std::string& text, unsigned long most) {
  char* end = nullptr;
  const unsigned long value = std::strtoul(text.c_str(), &end, 10);
  if (text.empty() || *end != '\0' || value > most) DieOfMisuse();
  return value;
}

inline Mode ParseMode(const std::string& text) {
  if (text == "echo") return Mode::kEcho;
  if (text == "sink") return Mode::kSink;
  if (text == "room") return Mode::kRoom;
  if (text == "relay") return Mode::kRelay;
  DieOfMisuse();
}

inline sockaddr_in AddressOf(const std::string& host, const std::string& port) {
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(ParseNumber(port, 65535)));
  if (inet_pton(AF_INET, host.c_str(), &address.sin_addr) != 1) DieOfMisuse();
  return address;
}

// Options as "--loops=2" or "--loops 2", anywhere.
inline Options ParseOptions(int argc, char** argv) {
  Options options;
  std::vector<std::string> rest;
  for (int i = 1; i < argc; ++i) {
    std::string name = argv[i];
    if (name.rfind("--", 0) != 0) {
      rest.push_back(name);
      continue;
    }
    std::string value;
    if (const size_t equals = name.find('='); equals != std::string::npos) {
      value = name.substr(equals + 1);
      name.resize(equals);
    } else if (++i < argc) {
      value = argv[i];
    }
    if (name == "--loops") {
      options.loops = ParseNumber(value, 1024);
    } else if (name == "--mode") {
      options.mode = ParseMode(value);
    } else if (name == "--upstream") {
      options.upstream = AddressOf("127.0.0.1", value);
    } else {
      DieOfMisuse();
    }
  }
  if (rest.size() != 2) DieOfMisuse();
  options.address = AddressOf(rest[0], rest[1]);
  if ((options.mode == Mode::kRelay) != (options.upstream.sin_port != 0)) DieOfMisuse();
  return options;
}

// To be called before anything else: no SIGPIPE, many descriptors, and SIGTERM ends the process
// with 0.
inline void PrepareProcess() {
  signal(SIGPIPE, SIG_IGN);
  signal(SIGTERM, [](int) { _exit(0); });
  signal(SIGINT, [](int) { _exit(0); });
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

[[noreturn]] inline void SleepForEver() {
  for (;;) pause();
}

inline void SetNoDelay(int fd) {
  const int on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

enum class Share { kAlone, kReusePort };

// A listening socket that does not block. Accepted connections inherit TCP_NODELAY from it, tcp(7),
// so that nobody needs a system call for it. Port 0 becomes the one that the kernel has chosen.
inline int Listen(sockaddr_in& address, Share share) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  const int on = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (share == Share::kReusePort) setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
  SetNoDelay(fd);
  socklen_t length = sizeof address;
  if (bind(fd, reinterpret_cast<sockaddr*>(&address), length) != 0) DieOfErrno("bind");
  if (listen(fd, 4096) != 0) DieOfErrno("listen");
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
  return fd;
}

inline void SayListening(const sockaddr_in& address) {
  char host[INET_ADDRSTRLEN] = {};
  inet_ntop(AF_INET, &address.sin_addr, host, sizeof host);
  std::fprintf(stderr, "listening on %s:%d\n", host, ntohs(address.sin_port));
}

// `serve(options, listener)` for ever: in this thread, or in one for each worker loop. With more
// than one, each has a listener of its own at the same port and the kernel spreads the connections.
// A process of one thread has cheaper system calls and shared pointers in the C and C++ libraries.
inline void RunLoops(Options options, void (*serve)(const Options&, int listener)) {
  std::vector<int> listeners;
  do {
    listeners.push_back(
        Listen(options.address, options.loops > 1 ? Share::kReusePort : Share::kAlone));
  } while (listeners.size() < options.loops);
  if (options.loops == 0) {
    SayListening(options.address);
    return serve(options, listeners.front());
  }
  for (const int listener : listeners) std::thread(serve, options, listener).detach();
  SayListening(options.address);
  SleepForEver();
}

// What rivals whose loops share nothing do in main().
inline int Main(int argc, char** argv, void (*serve)(const Options&, int listener)) {
  PrepareProcess();
  RunLoops(ParseOptions(argc, argv), serve);
  return 0;
}

// ---- kRoom on several loops: what came on one is posted to the others.

using Message = std::shared_ptr<const std::string>;

// What other loops have posted to one. Any thread.
class Mailbox {
 public:
  // `wake` makes the loop call Take() soon, and is called for the first message since then.
  explicit Mailbox(std::function<void()> wake) : wake_(std::move(wake)) {}

  void Post(const Message& message) {
    bool first = false;
    {
      const std::lock_guard lock(mutex_);
      first = messages_.empty();
      messages_.push_back(message);
    }
    if (first) wake_();
  }
  std::vector<Message> Take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(messages_, {});
  }

 private:
  const std::function<void()> wake_;
  std::mutex mutex_;
  std::vector<Message> messages_;
};

// The mailboxes of all loops, which live as long as the process. Any thread.
class Loops {
 public:
  static void Join(Mailbox* mailbox) {
    const std::lock_guard lock(mutex_);
    mailboxes_.push_back(mailbox);
  }
  static void PostToOthers(const Mailbox* own, std::string_view text) {
    const std::lock_guard lock(mutex_);
    if (mailboxes_.size() < 2) return;
    const Message message = std::make_shared<const std::string>(text);
    for (Mailbox* const mailbox : mailboxes_) {
      if (mailbox != own) mailbox->Post(message);
    }
  }

 private:
  static inline std::mutex mutex_;
  static inline std::vector<Mailbox*> mailboxes_;
};

}  // namespace rivals

#endif  // SPINDLE_BENCH_RIVALS_SERVER_H_
