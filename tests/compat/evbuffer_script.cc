// Plays a random script of evbuffer calls and prints all that can be seen of them. Linked to two
// libraries, the program must print the same twice. What differs between them by design, such as
// how data is cut into pieces, is not printed.
//
//   evbuffer_script SEED STEPS

#include <event2/buffer.h>
#include <unistd.h>

#include <algorithm>
#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <utility>
#include <vector>

extern "C" {
// Not every version of this header says so itself.
#include <event2/buffer_compat.h>
}

namespace {

constexpr int kBuffers = 3;

class Script {
 public:
  explicit Script(uint64_t seed) : random_(seed) {
    for (int i = 0; i < kBuffers; ++i) {
      buffers_[i] = evbuffer_new();
      contexts_[i] = {this, i};
      evbuffer_add_cb(buffers_[i], &Script::OnChange, &contexts_[i]);
    }
  }

  ~Script() {
    for (evbuffer* buffer : buffers_) evbuffer_free(buffer);
    // libevent 2.1.12 loses some when a referenced chain was shared by two buffers.
    if (!ever_shared_) std::printf("cleanups %d\n", cleanups);
  }

  Script(const Script&) = delete;
  Script& operator=(const Script&) = delete;

  void Step();

 private:
  struct Context {
    Script* script;
    int index;
  };

  // What callbacks of one buffer have been told in one step: the library may call them once for a
  // step, or once for each part of it.
  struct Change {
    int index;
    size_t orig_size;
    size_t added;
    size_t deleted;
  };

  static void OnChange(evbuffer*, const evbuffer_cb_info* info, void* arg) {
    auto* context = static_cast<Context*>(arg);
    for (Change& change : context->script->changes_) {
      if (change.index != context->index) continue;
      change.added += info->n_added;
      change.deleted += info->n_deleted;
      return;
    }
    context->script->changes_.push_back(
        {context->index, info->orig_size, info->n_added, info->n_deleted});
  }

  static void OnCleanup(const void*, size_t, void*) { ++cleanups; }

  uint64_t Below(uint64_t bound) { return random_() % bound; }

  // Mostly small, sometimes some pages.
  size_t Size() {
    switch (Below(8)) {
      case 0:
        return Below(3);
      case 1:
        return Below(20000);
      case 2:
        return Below(2000);
      default:
        return Below(100);
    }
  }

  // Letters, with line ends among them.
  std::string Text(size_t size) {
    static const char kAlphabet[] = "abcdab\r\n\n\rab\0xab\r\nd";
    std::string text(size, ' ');
    for (char& c : text) c = kAlphabet[Below(sizeof(kAlphabet) - 1)];
    return text;
  }

  evbuffer* Any() { return buffers_[Index()]; }
  int Index() { return static_cast<int>(Below(kBuffers)); }

  void Say(const char* what, int64_t result) { std::printf("%s = %" PRId64, what, result); }

  void Add();
  void Take();
  void Move();
  void Space();
  void Search();
  void Position();
  void Peek();
  void Descriptor();
  void File();
  void Freeze();
  void PrintState();

  static int cleanups;

  std::mt19937_64 random_;
  evbuffer* buffers_[kBuffers];
  Context contexts_[kBuffers];
  bool shared_[kBuffers] = {};  // holds bytes that add_buffer_reference may refuse to share again
  bool ever_shared_ = false;
  std::vector<Change> changes_;
};

int Script::cleanups = 0;

uint64_t Hash(const void* data, size_t size, uint64_t hash = 14695981039346656037u) {
  const auto* bytes = static_cast<const unsigned char*>(data);
  for (size_t i = 0; i < size; ++i) hash = (hash ^ bytes[i]) * 1099511628211u;
  return hash;
}

void Script::Add() {
  evbuffer* buffer = Any();
  const std::string text = Text(Size());
  switch (Below(7)) {
    case 0:
    case 1:
      Say("add", evbuffer_add(buffer, text.data(), text.size()));
      break;
    case 2:
      Say("prepend", evbuffer_prepend(buffer, text.data(), text.size()));
      break;
    case 3:
      Say("printf",
          evbuffer_add_printf(buffer, "%s-%d", text.c_str(), static_cast<int>(Below(99))));
      break;
    case 4: {
      static const char kShared[] = "a text that stays for ever\r\nand is shared\n";
      const size_t size = 1 + Below(sizeof(kShared) - 1);
      const int result = evbuffer_add_reference(buffer, kShared, size, OnCleanup, nullptr);
      if (result != 0) ++cleanups;  // none will come
      Say("reference", result);
      break;
    }
    case 5: {
      std::string parts[3] = {Text(Below(50)), Text(Below(5000)), Text(Below(50))};
      evbuffer_iovec vec[3];
      for (int i = 0; i < 3; ++i) vec[i] = {parts[i].data(), parts[i].size()};
      Say("iovec",
          static_cast<int64_t>(evbuffer_add_iovec(buffer, vec, static_cast<int>(Below(4)))));
      break;
    }
    default:
      Say("expand", evbuffer_expand(buffer, Size()));
  }
}

void Script::Take() {
  evbuffer* buffer = Any();
  std::string out(Size(), '\0');
  switch (Below(6)) {
    case 0:
      Say("drain", evbuffer_drain(buffer, out.size()));
      return;
    case 1:
      Say("remove", evbuffer_remove(buffer, out.data(), out.size()));
      break;
    case 2:
      Say("copyout", evbuffer_copyout(buffer, out.data(), out.size()));
      break;
    case 3: {
      const ev_ssize_t size = Below(3) == 0 ? -1 : static_cast<ev_ssize_t>(out.size());
      const unsigned char* bytes = evbuffer_pullup(buffer, size);
      const size_t length = evbuffer_get_length(buffer);
      Say("pullup", bytes != nullptr);
      if (bytes != nullptr) {
        std::printf(" %016" PRIx64, Hash(bytes, size < 0 ? length : static_cast<size_t>(size)));
      }
      return;
    }
    default: {
      size_t size = 77;
      const auto style = static_cast<evbuffer_eol_style>(Below(5));
      char* line =
          Below(8) == 0 ? evbuffer_readline(buffer) : evbuffer_readln(buffer, &size, style);
      Say("readln", line != nullptr);
      std::printf(" style %d size %zu", style, size);
      if (line != nullptr && size != 77) std::printf(" %016" PRIx64, Hash(line, size + 1));
      std::free(line);
      return;
    }
  }
  std::printf(" %016" PRIx64, Hash(out.data(), out.size()));
}

void Script::Move() {
  const int from = Index();
  const int to = Index();
  bool shares = shared_[from];
  switch (Below(4)) {
    case 0:
      Say("add_buffer", evbuffer_add_buffer(buffers_[to], buffers_[from]));
      break;
    case 1:
      Say("prepend_buffer", evbuffer_prepend_buffer(buffers_[to], buffers_[from]));
      break;
    case 2:
      Say("remove_buffer", evbuffer_remove_buffer(buffers_[from], buffers_[to], Size()));
      break;
    default:
      if (shared_[from]) return;
      Say("add_buffer_reference", evbuffer_add_buffer_reference(buffers_[to], buffers_[from]));
      shares = ever_shared_ = true;
  }
  shared_[to] = shared_[to] || shares;
}

void Script::Space() {
  evbuffer* buffer = Any();
  evbuffer_iovec vec[2];
  const ev_ssize_t wanted = static_cast<ev_ssize_t>(1 + Size());
  const int most = 1 + static_cast<int>(Below(2));
  const int count = evbuffer_reserve_space(buffer, wanted, vec, most);
  Say("reserve", count > 0);
  if (count <= 0) return;
  size_t room = 0;
  for (int i = 0; i < count; ++i) room += vec[i].iov_len;
  std::printf(" enough %d", room >= static_cast<size_t>(wanted));
  size_t left = Below(static_cast<uint64_t>(wanted) + 1);
  const std::string text = Text(left);
  for (int i = 0; i < count; ++i) {
    vec[i].iov_len = std::min(vec[i].iov_len, left);
    std::memcpy(vec[i].iov_base, text.data() + (text.size() - left), vec[i].iov_len);
    left -= vec[i].iov_len;
  }
  if (Below(10) == 0) return;  // never committed
  if (most == 1 && Below(10) == 0) {
    vec[0].iov_base = static_cast<char*>(vec[0].iov_base) + 1;
    Say(" wrong commit", evbuffer_commit_space(buffer, vec, 1));
    return;
  }
  Say(" commit", evbuffer_commit_space(buffer, vec, count));
}

void Script::Search() {
  evbuffer* buffer = Any();
  const size_t length = evbuffer_get_length(buffer);
  const std::string what = Text(Below(5));
  evbuffer_ptr start;
  evbuffer_ptr end;
  const int set = evbuffer_ptr_set(buffer, &start, Below(length + 2), EVBUFFER_PTR_SET);
  const int set_end = evbuffer_ptr_set(buffer, &end, Below(length + 1), EVBUFFER_PTR_SET);
  if (set != 0 || set_end != 0) return;
  switch (Below(5)) {
    case 0:
      Say("search", evbuffer_search(buffer, what.data(), what.size(), nullptr).pos);
      break;
    case 1:
      Say("search from", evbuffer_search(buffer, what.data(), what.size(), &start).pos);
      break;
    case 2:
      Say("range", evbuffer_search_range(buffer, what.data(), what.size(), &start, &end).pos);
      break;
    case 3: {
      if (what.empty()) return;
      const auto* bytes = reinterpret_cast<const unsigned char*>(what.data());
      const unsigned char* hit = evbuffer_find(buffer, bytes, what.size());
      Say("find", hit != nullptr && std::memcmp(hit, what.data(), what.size()) == 0);
      break;
    }
    default: {
      size_t size = 77;
      const auto style = static_cast<evbuffer_eol_style>(Below(5));
      evbuffer_ptr* from = Below(3) == 0 ? nullptr : &start;
      Say("eol", evbuffer_search_eol(buffer, from, &size, style).pos);
      std::printf(" style %d size %zu from %zd", style, size, from != nullptr ? from->pos : 0);
    }
  }
}

void Script::Position() {
  evbuffer* buffer = Any();
  evbuffer_ptr ptr;
  const size_t length = evbuffer_get_length(buffer);
  Say("set", evbuffer_ptr_set(buffer, &ptr, Below(length + 3), EVBUFFER_PTR_SET));
  std::printf(" pos %zd", ptr.pos);
  if (ptr.pos < 0) return;
  std::string out(Size(), '\0');
  std::printf(" from %zd", evbuffer_copyout_from(buffer, &ptr, out.data(), out.size()));
  std::printf(" %016" PRIx64, Hash(out.data(), out.size()));
  std::printf(" add %d", evbuffer_ptr_set(buffer, &ptr, Below(length + 3), EVBUFFER_PTR_ADD));
  std::printf(" pos %zd", ptr.pos);
}

void Script::Peek() {
  evbuffer* buffer = Any();
  const size_t length = evbuffer_get_length(buffer);
  evbuffer_ptr start;
  evbuffer_ptr_set(buffer, &start, Below(length + 1), EVBUFFER_PTR_SET);
  const ev_ssize_t len = Below(3) == 0 ? -1 : static_cast<ev_ssize_t>(Below(length + 5));
  const int count = evbuffer_peek(buffer, len, &start, nullptr, 0);
  std::vector<evbuffer_iovec> vec(static_cast<size_t>(count) + 1);
  const int filled = evbuffer_peek(buffer, len, &start, vec.data(), count);
  std::string bytes;
  for (int i = 0; i < filled; ++i) {
    bytes.append(static_cast<const char*>(vec[i].iov_base), vec[i].iov_len);
  }
  if (len >= 0) bytes.resize(std::min(bytes.size(), static_cast<size_t>(len)));
  Say("peek", static_cast<int64_t>(bytes.size()));
  std::printf(" same %d %016" PRIx64, count == filled, Hash(bytes.data(), bytes.size()));
}

void Script::Descriptor() {
  evbuffer* buffer = Any();
  int fds[2];
  if (pipe(fds) != 0) std::abort();
  const std::string text = Text(Below(4000));
  switch (Below(4)) {
    case 0: {
      const int64_t written = write(fds[1], text.data(), text.size());
      if (written != static_cast<int64_t>(text.size())) std::abort();
      close(std::exchange(fds[1], -1));
      Say("read",
          evbuffer_read(buffer, fds[0], Below(2) == 0 ? -1 : static_cast<int>(1 + Size() % 4096)));
      break;
    }
    case 1:
    case 2: {
      const ev_ssize_t most = Below(2) == 0 ? -1 : static_cast<ev_ssize_t>(Size());
      if (evbuffer_get_length(buffer) > 30000) break;
      Say("write", evbuffer_write_atmost(buffer, fds[1], most));
      break;
    }
    default:
      Say("bad read", evbuffer_read(buffer, -1, 10));
      std::printf(" bad write %d", evbuffer_write(buffer, -1));
  }
  close(fds[0]);
  if (fds[1] >= 0) close(fds[1]);
}

void Script::File() {
  const int index = Index();
  char name[] = "/tmp/evbuffer_script_XXXXXX";
  const int fd = mkstemp(name);
  unlink(name);
  const std::string text = Text(Size());
  if (fd < 0 || write(fd, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    std::abort();
  }
  const ev_off_t offset = static_cast<ev_off_t>(Below(text.size() + 1));
  const ev_off_t rest = static_cast<ev_off_t>(text.size()) - offset;
  const ev_off_t length = offset == 0 && Below(2) == 0
                              ? -1
                              : static_cast<ev_off_t>(Below(static_cast<uint64_t>(rest) + 1));
  // libevent 2.1.12 reads beyond the file if -1 follows an offset, and maps nothing wrongly.
  if (rest == 0 || length == 0) {
    close(fd);
    return;
  }
  evbuffer_unfreeze(buffers_[index], 0);  // libevent leaks what it cannot add
  if (Below(2) == 0) {
    Say("add_file", evbuffer_add_file(buffers_[index], fd, offset, length));
  } else {
    const auto flags = static_cast<unsigned>(Below(8)) << 1;
    evbuffer_file_segment* segment =
        evbuffer_file_segment_new(fd, offset, length, EVBUF_FS_CLOSE_ON_FREE | flags);
    const ev_off_t whole = length < 0 ? rest : length;
    const auto from = static_cast<ev_off_t>(Below(static_cast<uint64_t>(whole)));
    Say("segment", evbuffer_add_file_segment(buffers_[index], segment, from, -1));
    const int other = Index();
    evbuffer_unfreeze(buffers_[other], 0);
    std::printf(" %d", evbuffer_add_file_segment(buffers_[other], segment, 0, whole - from));
    shared_[other] = true;
    evbuffer_file_segment_free(segment);
  }
  shared_[index] = true;
}

void Script::Freeze() {
  evbuffer* buffer = Any();
  const int front = static_cast<int>(Below(2));
  // Thawed oftener, so that something happens.
  if (Below(4) == 0) {
    Say("freeze", evbuffer_freeze(buffer, front));
  } else {
    Say("unfreeze", evbuffer_unfreeze(buffer, front));
  }
}

void Script::PrintState() {
  for (const Change& change : changes_) {
    std::printf(" [%d: %zu +%zu -%zu]", change.index, change.orig_size, change.added,
                change.deleted);
  }
  changes_.clear();
  std::printf(" |");
  for (int i = 0; i < kBuffers; ++i) {
    const size_t length = evbuffer_get_length(buffers_[i]);
    if (length == 0) shared_[i] = false;
    uint64_t hash = Hash(nullptr, 0);
    std::vector<evbuffer_iovec> vec(
        static_cast<size_t>(evbuffer_peek(buffers_[i], -1, nullptr, nullptr, 0)));
    const int count =
        evbuffer_peek(buffers_[i], -1, nullptr, vec.data(), static_cast<int>(vec.size()));
    for (int k = 0; k < count; ++k) hash = Hash(vec[k].iov_base, vec[k].iov_len, hash);
    std::printf(" %zu:%08" PRIx64, length, hash & 0xffffffff);
  }
  std::printf("\n");
}

void Script::Step() {
  using Call = void (Script::*)();
  static constexpr Call kCalls[] = {
      &Script::Add,        &Script::Add,    &Script::Take,   &Script::Take,     &Script::Move,
      &Script::Space,      &Script::Search, &Script::Search, &Script::Position, &Script::Peek,
      &Script::Descriptor, &Script::Freeze, &Script::Take,   &Script::File};
  (this->*kCalls[Below(std::size(kCalls))])();
  PrintState();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: evbuffer_script SEED STEPS\n");
    return 2;
  }
  const int steps = std::atoi(argv[2]);
  Script script(std::strtoull(argv[1], nullptr, 10));
  for (int i = 0; i < steps; ++i) {
    std::printf("%d ", i);
    script.Step();
  }
  return 0;
}
