// Plays a random script on bufferevents of all kinds and prints the callbacks and what the buffers
// hold after each step. Linked to two libraries, the program must print the same twice.
//
//   bufferevent_script SEED STEPS

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/util.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cinttypes>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <random>
#include <string>

namespace {

// Two ends over a socket, two ends of a pair, and filters over one end of each.
constexpr int kEnds = 4;

class Script {
 public:
  explicit Script(uint64_t seed) : random_(seed), base_(event_base_new()) {
    OpenSockets();
    OpenPair();
  }

  ~Script() {
    for (int i = 0; i < kEnds; i += 2) Close(i);
    Settle();
    event_base_free(base_);
  }

  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  void Step();

 private:
  struct End {
    Script* script = nullptr;
    int index = 0;
    bufferevent* bev = nullptr;
    size_t high = 0;
    uint64_t received = 0;  // a hash of what the read callbacks took
  };

  static void OnRead(bufferevent* bev, void* arg) {
    auto* end = static_cast<End*>(arg);
    int& calls = end->script->calls_[std::to_string(end->index) + " read"];
    // How much one read takes from a socket differs.
    calls = end->index < 2 ? 1 : calls + 1;
    evbuffer* input = bufferevent_get_input(bev);
    const size_t length = evbuffer_get_length(input);
    // What has reached the high mark must go, or the callback would come for ever.
    const bool is_full = end->high != 0 && length >= end->high;
    if (!is_full && !end->script->takes_) return;
    std::string bytes(length, '\0');
    evbuffer_remove(input, bytes.data(), bytes.size());
    for (const char c : bytes) {
      end->received = (end->received ^ static_cast<unsigned char>(c)) * 1099511628211u;
    }
  }

  static void OnWrite(bufferevent*, void* arg) {
    auto* end = static_cast<End*>(arg);
    ++end->script->calls_[std::to_string(end->index) + " write"];
  }

  static void OnEvent(bufferevent*, short what, void* arg) {
    auto* end = static_cast<End*>(arg);
    char text[32];
    std::snprintf(text, sizeof(text), "%d event 0x%x", end->index, what);
    ++end->script->calls_[text];
  }

  // Takes bytes in threes, so that some wait.
  static bufferevent_filter_result Filter(evbuffer* from, evbuffer* to, ev_ssize_t limit,
                                          bufferevent_flush_mode mode, void*) {
    const size_t length = evbuffer_get_length(from);
    size_t size = mode == BEV_NORMAL ? length / 3 * 3 : length;
    if (limit >= 0) size = std::min(size, static_cast<size_t>(limit));
    if (size == 0) return BEV_NEED_MORE;
    std::string bytes(size, '\0');
    evbuffer_remove(from, bytes.data(), bytes.size());
    for (char& c : bytes) c = static_cast<char>(c ^ 0x20);
    evbuffer_add(to, bytes.data(), bytes.size());
    return BEV_OK;
  }

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  int Options() {
    int options = BEV_OPT_CLOSE_ON_FREE;
    if (Below(3) == 0) options |= BEV_OPT_DEFER_CALLBACKS;
    if ((options & BEV_OPT_DEFER_CALLBACKS) != 0 && Below(2) == 0) {
      options |= BEV_OPT_UNLOCK_CALLBACKS;
    }
    return options;
  }

  void Open(int index, bufferevent* bev) {
    End& end = ends_[index];
    end = {this, index, bev, 0, end.received};
    if (Below(3) == 0) {
      end.bev = bufferevent_filter_new(bev, Filter, Filter, Options(), nullptr, nullptr);
    }
    bufferevent_setcb(end.bev, OnRead, OnWrite, OnEvent, &end);
  }

  void OpenSockets() {
    int fds[2];
    if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) != 0) std::abort();
    for (int i = 0; i < 2; ++i) {
      evutil_make_socket_nonblocking(fds[i]);
      Open(i, bufferevent_socket_new(base_, fds[i], Options()));
    }
  }

  void OpenPair() {
    bufferevent* pair[2];
    if (bufferevent_pair_new(base_, Options(), pair) != 0) std::abort();
    for (int i = 0; i < 2; ++i) Open(2 + i, pair[i]);
  }

  // Both ends of the couple that begins at `first`.
  void Close(int first) {
    for (int i = first; i < first + 2; ++i) {
      if (ends_[i].bev != nullptr) bufferevent_free(ends_[i].bev);
      ends_[i].bev = nullptr;
      if (Below(2) == 0) Settle();
    }
  }

  void Settle() {
    for (int i = 0; i < 6; ++i) event_base_loop(base_, EVLOOP_ONCE | EVLOOP_NONBLOCK);
  }

  void Write(End& end);
  void Read(End& end);
  void SetMarks(End& end);
  void Trigger(End& end);
  void Reopen(End& end);
  void Print();

  std::mt19937_64 random_;
  event_base* const base_;
  End ends_[kEnds];
  std::map<std::string, int> calls_;
  bool takes_ = false;  // whether read callbacks take all they see
};

void Script::Write(End& end) {
  std::string text(Below(700), ' ');
  for (char& c : text) c = static_cast<char>('a' + Below(26));
  if (Below(4) == 0) {
    evbuffer* source = evbuffer_new();
    evbuffer_add(source, text.data(), text.size());
    std::printf(" write_buffer %d", bufferevent_write_buffer(end.bev, source));
    evbuffer_free(source);
  } else {
    std::printf(" write %d", bufferevent_write(end.bev, text.data(), text.size()));
  }
}

void Script::Read(End& end) {
  std::string bytes(Below(900), '\0');
  std::printf(" read %zu", bufferevent_read(end.bev, bytes.data(), bytes.size()));
}

void Script::SetMarks(End& end) {
  const size_t low = Below(3) == 0 ? Below(300) : 0;
  size_t high = Below(2) == 0 ? low + 1 + Below(300) : 0;
  // A filter of libevent 2.1.12 whose input was full forgets what waits in the bufferevent below.
  if (bufferevent_get_underlying(end.bev) != nullptr) high = 0;
  if (Below(3) == 0) {
    bufferevent_setwatermark(end.bev, EV_WRITE, low, 0);
    return;
  }
  // A mark below what is there already would start the endless callbacks.
  if (high != 0 && evbuffer_get_length(bufferevent_get_input(end.bev)) >= high) return;
  end.high = high;
  bufferevent_setwatermark(end.bev, EV_READ, low, high);
  size_t low_now = 0;
  size_t high_now = 0;
  std::printf(" mark %d", bufferevent_getwatermark(end.bev, EV_READ, &low_now, &high_now));
  std::printf(" %zu %zu", low_now, high_now);
}

void Script::Trigger(End& end) {
  const int options = static_cast<int>(Below(2) == 0 ? 0 : BEV_TRIG_IGNORE_WATERMARKS) |
                      static_cast<int>(Below(2) == 0 ? 0 : BEV_TRIG_DEFER_CALLBACKS);
  const short what = static_cast<short>(1 + Below(3));
  if (Below(2) == 0) {
    bufferevent_trigger(end.bev, static_cast<short>(what << 1), options);
  } else {
    bufferevent_trigger_event(end.bev, static_cast<short>(what << 4), options);
  }
}

void Script::Reopen(End& end) {
  const int first = end.index / 2 * 2;
  if (first == 0 && Below(3) == 0) {
    // The peer alone sees the end.
    bufferevent_free(end.bev);
    end.bev = nullptr;
    Settle();
  }
  Close(first);
  if (first == 0) {
    OpenSockets();
  } else {
    OpenPair();
  }
}

void Script::Print() {
  for (const auto& [call, count] : calls_) std::printf(" [%s x%d]", call.c_str(), count);
  calls_.clear();
  std::printf(" |");
  for (const End& end : ends_) {
    std::printf(" %zu/%zu/%d/%08" PRIx64, evbuffer_get_length(bufferevent_get_input(end.bev)),
                evbuffer_get_length(bufferevent_get_output(end.bev)),
                bufferevent_get_enabled(end.bev), end.received & 0xffffffff);
  }
  std::printf("\n");
}

void Script::Step() {
  End& end = ends_[Below(kEnds)];
  takes_ = Below(2) == 0;
  std::printf("%d", end.index);
  switch (Below(14)) {
    case 0:
    case 1:
    case 2:
    case 3:
    case 4:
      Write(end);
      break;
    case 5:
      Read(end);
      break;
    case 6:
    case 7:
      std::printf(" enable %d",
                  bufferevent_enable(end.bev, static_cast<short>((1 + Below(3)) << 1)));
      break;
    case 8:
      std::printf(" disable %d",
                  bufferevent_disable(end.bev, static_cast<short>((1 + Below(3)) << 1)));
      break;
    case 9:
    case 10:
      SetMarks(end);
      break;
    case 11:
      std::printf(" flush %d", bufferevent_flush(end.bev, static_cast<short>((1 + Below(3)) << 1),
                                                 static_cast<bufferevent_flush_mode>(Below(3))));
      break;
    case 12:
      Trigger(end);
      break;
    default:
      if (Below(3) == 0) Reopen(end);
  }
  Settle();
  Print();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: bufferevent_script SEED STEPS\n");
    return 2;
  }
  std::signal(SIGPIPE, SIG_IGN);
  const int steps = std::atoi(argv[2]);
  Script script(std::strtoull(argv[1], nullptr, 10));
  for (int i = 0; i < steps; ++i) {
    std::printf("%d: ", i);
    script.Step();
  }
  return 0;
}
