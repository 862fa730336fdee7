#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <vector>

extern "C" {
// Not every version of this header says so itself.
#include <event2/buffer_compat.h>
}

namespace {

struct Free {
  void operator()(evbuffer* buffer) const { evbuffer_free(buffer); }
  void operator()(event_base* base) const { event_base_free(base); }
};
using Buffer = std::unique_ptr<evbuffer, Free>;
using Base = std::unique_ptr<event_base, Free>;

Buffer With(const std::string& text) {
  Buffer buffer(evbuffer_new());
  evbuffer_add(buffer.get(), text.data(), text.size());
  return buffer;
}

std::string Text(const Buffer& buffer) {
  std::string text(evbuffer_get_length(buffer.get()), '\0');
  evbuffer_copyout(buffer.get(), text.data(), text.size());
  return text;
}

std::string Line(const Buffer& buffer, evbuffer_eol_style style) {
  size_t size = 0;
  char* line = evbuffer_readln(buffer.get(), &size, style);
  if (line == nullptr) return "(none)";
  std::string text(line, size);
  std::free(line);
  return text;
}

// A file without a name that holds `text`.
int FileWith(const std::string& text) {
  char name[] = "/tmp/evbuffer_test_XXXXXX";
  const int fd = mkstemp(name);
  unlink(name);
  EXPECT_EQ(write(fd, text.data(), text.size()), static_cast<ssize_t>(text.size()));
  return fd;
}

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

void CountCall(const void*, size_t, void* count) { ++*static_cast<int*>(count); }

struct Seen {
  std::vector<evbuffer_cb_info> infos;
  static void Note(evbuffer*, const evbuffer_cb_info* info, void* arg) {
    static_cast<Seen*>(arg)->infos.push_back(*info);
  }
};

TEST(EvbufferTest, LinesEndAsTheStyleSays) {
  const std::string text = "a\r\nb\n\rc\r\n\r\nd";
  Buffer any = With(text);
  EXPECT_EQ(Line(any, EVBUFFER_EOL_ANY), "a");
  EXPECT_EQ(Line(any, EVBUFFER_EOL_ANY), "b");
  EXPECT_EQ(Line(any, EVBUFFER_EOL_ANY), "c");
  EXPECT_EQ(Line(any, EVBUFFER_EOL_ANY), "(none)");
  Buffer crlf = With(text);
  EXPECT_EQ(Line(crlf, EVBUFFER_EOL_CRLF), "a");
  EXPECT_EQ(Line(crlf, EVBUFFER_EOL_CRLF), "b");
  EXPECT_EQ(Line(crlf, EVBUFFER_EOL_CRLF), "\rc");
  Buffer strict = With(text);
  EXPECT_EQ(Line(strict, EVBUFFER_EOL_CRLF_STRICT), "a");
  EXPECT_EQ(Line(strict, EVBUFFER_EOL_CRLF_STRICT), "b\n\rc");
  Buffer lf = With(text);
  EXPECT_EQ(Line(lf, EVBUFFER_EOL_LF), "a\r");
  Buffer nul = With(std::string("x\0y", 3));
  EXPECT_EQ(Line(nul, EVBUFFER_EOL_NUL), "x");
  EXPECT_EQ(Line(nul, EVBUFFER_EOL_NUL), "(none)");
  EXPECT_EQ(Text(nul), "y");
}

TEST(EvbufferTest, AReferenceIsCleanedUpWithItsLastByte) {
  int cleanups = 0;
  Buffer buffer(evbuffer_new());
  EXPECT_EQ(evbuffer_add_reference(buffer.get(), "shared", 6, CountCall, &cleanups), 0);
  evbuffer_drain(buffer.get(), 5);
  EXPECT_EQ(cleanups, 0);
  evbuffer_drain(buffer.get(), 1);
  EXPECT_EQ(cleanups, 1);
}

TEST(EvbufferTest, AReferenceMovesWithItsBuffer) {
  int cleanups = 0;
  Buffer from(evbuffer_new());
  Buffer to = With("own");
  evbuffer_add_reference(from.get(), "shared", 6, CountCall, &cleanups);
  EXPECT_EQ(evbuffer_add_buffer(to.get(), from.get()), 0);
  from.reset();
  EXPECT_EQ(cleanups, 0);
  EXPECT_EQ(Text(to), "ownshared");
  to.reset();
  EXPECT_EQ(cleanups, 1);
}

TEST(EvbufferTest, SharedBytesOutliveTheirSource) {
  Buffer from = With("first");
  Buffer to(evbuffer_new());
  EXPECT_EQ(evbuffer_add_buffer_reference(to.get(), from.get()), 0);
  evbuffer_add(from.get(), " more", 5);
  evbuffer_add(to.get(), " other", 6);
  EXPECT_EQ(Text(from), "first more");
  from.reset();
  EXPECT_EQ(Text(to), "first other");
}

TEST(EvbufferTest, AFrozenEndRefusesChanges) {
  Buffer buffer = With("abc");
  Buffer other = With("x");
  evbuffer_freeze(buffer.get(), 1);
  char byte;
  EXPECT_EQ(evbuffer_drain(buffer.get(), 1), -1);
  EXPECT_EQ(evbuffer_prepend(buffer.get(), "x", 1), -1);
  EXPECT_EQ(evbuffer_remove(buffer.get(), &byte, 1), -1);
  EXPECT_EQ(evbuffer_add_buffer(other.get(), buffer.get()), -1);
  EXPECT_EQ(evbuffer_add(buffer.get(), "d", 1), 0);
  evbuffer_unfreeze(buffer.get(), 1);
  evbuffer_freeze(buffer.get(), 0);
  evbuffer_iovec vec;
  EXPECT_EQ(evbuffer_add(buffer.get(), "e", 1), -1);
  EXPECT_EQ(evbuffer_add_printf(buffer.get(), "e"), -1);
  EXPECT_EQ(evbuffer_add_buffer(buffer.get(), other.get()), -1);
  EXPECT_EQ(evbuffer_add_reference(buffer.get(), "e", 1, nullptr, nullptr), -1);
  EXPECT_EQ(evbuffer_reserve_space(buffer.get(), 1, &vec, 1), -1);
  EXPECT_EQ(evbuffer_drain(buffer.get(), 1), 0);
  evbuffer_unfreeze(buffer.get(), 0);
  EXPECT_EQ(evbuffer_drain(buffer.get(), 2), 0);
  EXPECT_EQ(Line(With(Text(buffer) + "\n"), EVBUFFER_EOL_LF), "d");
}

TEST(EvbufferTest, TheSameRoomIsReservedUntilItIsCommitted) {
  Buffer buffer(evbuffer_new());
  evbuffer_iovec first;
  evbuffer_iovec second;
  ASSERT_EQ(evbuffer_reserve_space(buffer.get(), 100, &first, 1), 1);
  ASSERT_EQ(evbuffer_reserve_space(buffer.get(), 100, &second, 1), 1);
  EXPECT_EQ(first.iov_base, second.iov_base);
  EXPECT_GE(second.iov_len, 100u);
  std::fill_n(static_cast<char*>(second.iov_base), 5, 'r');
  second.iov_len = 5;
  EXPECT_EQ(evbuffer_commit_space(buffer.get(), &second, 1), 0);
  EXPECT_EQ(Text(buffer), "rrrrr");
  EXPECT_EQ(evbuffer_commit_space(buffer.get(), &first, 1), -1);  // no longer free
}

TEST(EvbufferTest, PulledUpMemoryStaysWhereItIs) {
  Buffer buffer = With("front ");
  evbuffer_add_reference(buffer.get(), "back", 4, nullptr, nullptr);
  const unsigned char* bytes = evbuffer_pullup(buffer.get(), -1);
  ASSERT_NE(bytes, nullptr);
  EXPECT_EQ(std::string(reinterpret_cast<const char*>(bytes), 10), "front back");
  EXPECT_EQ(evbuffer_pullup(buffer.get(), 4), bytes);
  EXPECT_EQ(evbuffer_get_contiguous_space(buffer.get()), 10u);
  EXPECT_EQ(evbuffer_pullup(buffer.get(), 11), nullptr);
  EXPECT_EQ(evbuffer_pullup(buffer.get(), 0), nullptr);
  EXPECT_EQ(Text(buffer), "front back");
}

TEST(EvbufferTest, CallbacksRunTheNewestFirstAndMayRemoveThemselves) {
  static std::string order;
  order.clear();
  static evbuffer_cb_entry* own;
  Buffer buffer(evbuffer_new());
  const auto note = [](evbuffer*, const evbuffer_cb_info*, void* arg) {
    order += static_cast<const char*>(arg);
  };
  evbuffer_add_cb(buffer.get(), note, const_cast<char*>("1"));
  own = evbuffer_add_cb(
      buffer.get(),
      [](evbuffer* changed, const evbuffer_cb_info*, void*) {
        order += "2";
        evbuffer_remove_cb_entry(changed, own);
      },
      nullptr);
  evbuffer_cb_entry* third = evbuffer_add_cb(buffer.get(), note, const_cast<char*>("3"));
  evbuffer_add(buffer.get(), "x", 1);
  EXPECT_EQ(order, "321");
  evbuffer_cb_clear_flags(buffer.get(), third, EVBUFFER_CB_ENABLED);
  evbuffer_add(buffer.get(), "x", 1);
  EXPECT_EQ(order, "3211");
  evbuffer_cb_set_flags(buffer.get(), third, EVBUFFER_CB_ENABLED);
  EXPECT_EQ(evbuffer_remove_cb(buffer.get(), note, const_cast<char*>("no such")), -1);
  evbuffer_add(buffer.get(), "x", 1);
  EXPECT_EQ(order, "321131");
}

TEST(EvbufferTest, ACallbackMayChangeTheBuffer) {
  Buffer buffer(evbuffer_new());
  evbuffer_add_cb(
      buffer.get(),
      [](evbuffer* changed, const evbuffer_cb_info* info, void*) {
        if (info->n_added > 0) evbuffer_drain(changed, info->n_added);
      },
      nullptr);
  Seen seen;
  evbuffer_add_cb(buffer.get(), &Seen::Note, &seen);
  evbuffer_add(buffer.get(), "abc", 3);
  EXPECT_EQ(evbuffer_get_length(buffer.get()), 0u);
  ASSERT_EQ(seen.infos.size(), 2u);
  EXPECT_EQ(seen.infos[1].orig_size, 3u);
  EXPECT_EQ(seen.infos[1].n_deleted, 3u);
}

TEST(EvbufferTest, OldCallbacksSeeLengths) {
  static std::string log;
  log.clear();
  Buffer buffer = With("12345");
  evbuffer_setcb(
      buffer.get(),
      [](evbuffer*, size_t before, size_t after, void*) {
        log += std::to_string(before) + ">" + std::to_string(after) + " ";
      },
      nullptr);
  evbuffer_add(buffer.get(), "678", 3);
  evbuffer_drain(buffer.get(), 100);
  evbuffer_setcb(buffer.get(), nullptr, nullptr);
  evbuffer_add(buffer.get(), "9", 1);
  EXPECT_EQ(log, "5>8 8>0 ");
}

TEST(EvbufferTest, DeferredCallbacksSeeTheWholeChangeOnce) {
  Base base(event_base_new());
  Buffer buffer(evbuffer_new());
  Seen seen;
  evbuffer_add_cb(buffer.get(), &Seen::Note, &seen);
  EXPECT_EQ(evbuffer_defer_callbacks(buffer.get(), base.get()), 0);
  evbuffer_add(buffer.get(), "abc", 3);
  evbuffer_add(buffer.get(), "de", 2);
  evbuffer_drain(buffer.get(), 1);
  EXPECT_TRUE(seen.infos.empty());
  event_base_loop(base.get(), EVLOOP_NONBLOCK);
  ASSERT_EQ(seen.infos.size(), 1u);
  EXPECT_EQ(seen.infos[0].orig_size, 0u);
  EXPECT_EQ(seen.infos[0].n_added, 5u);
  EXPECT_EQ(seen.infos[0].n_deleted, 1u);
}

TEST(EvbufferTest, AFileIsClosedWithItsLastByte) {
  const int fd = FileWith("0123456789");
  Buffer buffer = With("<");
  EXPECT_EQ(evbuffer_add_file(buffer.get(), fd, 2, 5), 0);
  evbuffer_add(buffer.get(), ">", 1);
  EXPECT_EQ(Text(buffer), "<23456>");
  EXPECT_TRUE(IsOpen(fd));
  evbuffer_drain(buffer.get(), 6);
  EXPECT_FALSE(IsOpen(fd));
}

TEST(EvbufferTest, AFileIsSentAlone) {
  std::string text(100000, 'f');
  text += "end";
  const int fd = FileWith(text);
  int pair[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  Buffer buffer(evbuffer_new());
  evbuffer_set_flags(buffer.get(), EVBUFFER_FLAG_DRAINS_TO_FD);
  evbuffer_add(buffer.get(), "head", 4);
  EXPECT_EQ(evbuffer_add_file(buffer.get(), fd, 0, -1), 0);
  evbuffer_add(buffer.get(), "tail", 4);
  std::string received;
  std::thread reader([&] {
    char block[4096];
    ssize_t n;
    while ((n = read(pair[1], block, sizeof(block))) > 0) {
      received.append(block, static_cast<size_t>(n));
    }
  });
  while (evbuffer_get_length(buffer.get()) > 0) ASSERT_GT(evbuffer_write(buffer.get(), pair[0]), 0);
  close(pair[0]);
  reader.join();
  close(pair[1]);
  EXPECT_EQ(received, "head" + text + "tail");
  EXPECT_FALSE(IsOpen(fd));
}

TEST(EvbufferTest, ASegmentServesManyBuffers) {
  static int cleanups;
  cleanups = 0;
  for (const unsigned flags :
       {0u, 0u + EVBUF_FS_DISABLE_MMAP, 0u + EVBUF_FS_DISABLE_SENDFILE,
        0u + EVBUF_FS_DISABLE_MMAP + EVBUF_FS_DISABLE_SENDFILE + EVBUF_FS_DISABLE_LOCKING}) {
    const int fd = FileWith("0123456789");
    evbuffer_file_segment* segment =
        evbuffer_file_segment_new(fd, 1, 8, flags | EVBUF_FS_CLOSE_ON_FREE);
    ASSERT_NE(segment, nullptr);
    evbuffer_file_segment_add_cleanup_cb(
        segment, [](const evbuffer_file_segment*, int, void* arg) { ++*static_cast<int*>(arg); },
        &cleanups);
    Buffer a(evbuffer_new());
    Buffer b(evbuffer_new());
    EXPECT_EQ(evbuffer_add_file_segment(a.get(), segment, 0, -1), 0);
    EXPECT_EQ(evbuffer_add_file_segment(b.get(), segment, 3, 2), 0);
    evbuffer_file_segment_free(segment);
    const int before = cleanups;
    EXPECT_EQ(Text(a), "12345678");
    EXPECT_EQ(Text(b), "45");
    a.reset();
    EXPECT_EQ(cleanups, before);
    EXPECT_TRUE(IsOpen(fd));
    b.reset();
    EXPECT_EQ(cleanups, before + 1);
    EXPECT_FALSE(IsOpen(fd));
  }
}

TEST(EvbufferTest, WhatIsNoFileCannotBecomeASegmentOfUnknownLength) {
  EXPECT_EQ(evbuffer_file_segment_new(-1, 0, -1, 0), nullptr);
}

TEST(EvbufferTest, AFinishedPipeReadsAsZero) {
  int fds[2];
  ASSERT_EQ(pipe(fds), 0);
  ASSERT_EQ(write(fds[1], "piped", 5), 5);
  close(fds[1]);
  Buffer buffer = With(">");
  EXPECT_EQ(evbuffer_read(buffer.get(), fds[0], 2), 2);
  EXPECT_EQ(evbuffer_read(buffer.get(), fds[0], -1), 3);
  EXPECT_EQ(evbuffer_read(buffer.get(), fds[0], -1), 0);
  EXPECT_EQ(Text(buffer), ">piped");
  close(fds[0]);
}

TEST(EvbufferTest, TheBoundsOfASearchHold) {
  Buffer buffer = With("abcabc");
  evbuffer_add_reference(buffer.get(), "abc", 3, nullptr, nullptr);
  evbuffer_ptr start;
  evbuffer_ptr end;
  ASSERT_EQ(evbuffer_ptr_set(buffer.get(), &start, 4, EVBUFFER_PTR_SET), 0);
  ASSERT_EQ(evbuffer_ptr_set(buffer.get(), &end, 8, EVBUFFER_PTR_SET), 0);
  EXPECT_EQ(evbuffer_search(buffer.get(), "ca", 2, &start).pos, 5);
  EXPECT_EQ(evbuffer_search(buffer.get(), "abc", 3, &start).pos, 6);
  EXPECT_EQ(evbuffer_search_range(buffer.get(), "abc", 3, &start, &end).pos, -1);
  EXPECT_EQ(evbuffer_search_range(buffer.get(), "ab", 2, &start, &end).pos, 6);
  EXPECT_EQ(evbuffer_ptr_set(buffer.get(), &start, 6, EVBUFFER_PTR_ADD), -1);
  EXPECT_EQ(start.pos, -1);
}

TEST(EvbufferLockTest, ThreadsShareALockedBuffer) {
  ASSERT_EQ(evthread_use_pthreads(), 0);
  Buffer buffer(evbuffer_new());
  ASSERT_EQ(evbuffer_enable_locking(buffer.get(), nullptr), 0);
  EXPECT_EQ(evbuffer_enable_locking(buffer.get(), nullptr), -1);
  constexpr int kThreads = 4;
  constexpr int kRounds = 2000;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&] {
      Buffer own = With("12");
      evbuffer_enable_locking(own.get(), nullptr);
      for (int round = 0; round < kRounds; ++round) {
        evbuffer_add(buffer.get(), "abc", 3);
        evbuffer_remove_buffer(buffer.get(), own.get(), 2);
        evbuffer_add_buffer(buffer.get(), own.get());
        evbuffer_lock(buffer.get());
        evbuffer_drain(buffer.get(), 2);
        evbuffer_unlock(buffer.get());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(evbuffer_get_length(buffer.get()), kThreads * (kRounds * (3u - 2u) + 2u));
}

}  // namespace
