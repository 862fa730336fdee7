#ifndef SPINDLE_BENCH_NETCAT_STANDARD_STREAMS_H_
#define SPINDLE_BENCH_NETCAT_STANDARD_STREAMS_H_

#include <sys/types.h>

#include <cstdint>
#include <span>
#include <string_view>

#include "absl/status/status.h"
#include "base/owned_fd.h"

namespace spindle::bench {

enum class StreamKind : uint8_t {
  kNone,  // Was closed when the program started.
  kFile,  // A regular file or a block device.
  kTerminal,
  kPipe,
  kSocket,
  kNull,   // /dev/null
  kOther,  // Other devices.
};

// stdin and stdout, so that neither blocks a loop, and without a change that other programs would
// see: O_NONBLOCK is a property of the open file, which a shell and its programs share. Pipes and
// devices are opened again, sockets are asked not to wait for each call; regular files block for as
// long as the disk takes. One thread at a time. One object in a process.
class StandardStreams {
 public:
  // Before any other descriptor is opened: those of 0, 1 and 2 that are closed become /dev/null, so
  // that no socket gets their numbers.
  StandardStreams();
  StandardStreams(const StandardStreams&) = delete;
  StandardStreams& operator=(const StandardStreams&) = delete;

  StreamKind input_kind() const { return input_kind_; }
  StreamKind output_kind() const { return output_kind_; }
  // To be watched.
  int input() const { return input_.valid() ? input_.get() : 0; }
  int output() const { return output_.valid() ? output_.get() : 1; }

  // As system calls of base/syscalls.h: a count or the negated errno. Read: 0 at the end. Write to
  // what was closed: -EBADF.
  ssize_t Read(std::span<char> block);
  ssize_t Write(std::string_view text);
  // Read has returned 0.
  bool input_ended() const { return input_ended_; }
  void set_input_ended() { input_ended_ = true; }

  // Whoever reads our output sees its end. Errors: those that only closing tells, such as of a full
  // disk on another machine. Again: does nothing.
  absl::Status CloseOutput();

 private:
  StreamKind input_kind_;
  StreamKind output_kind_;
  OwnedFd input_;   // If opened again.
  OwnedFd output_;  // Likewise.
  // A pipe or device that could not be opened again.
  bool input_waits_ = false;
  bool output_waits_ = false;
  bool input_ended_ = false;
  bool output_closed_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_STANDARD_STREAMS_H_
