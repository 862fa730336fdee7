#ifndef SPINDLE_BENCH_NETCAT_FLOW_H_
#define SPINDLE_BENCH_NETCAT_FLOW_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "absl/functional/any_invocable.h"
#include "bench/netcat/crlf.h"

namespace spindle::bench {

struct FlowOptions {
  size_t block = 256 * 1024;  // The most that is held in memory, in bytes (with crlf twice that).
  bool packets = false;       // Reading nothing is an empty packet, not the end.
  bool crlf = false;
  bool by_line = false;     // Stops after each line, until Resume.
  uint64_t read_limit = 0;  // Ends after so many reads; 0: none.
};

// One direction: reads a block, writes all of it, reads the next. So the slower side sets the pace,
// and no more than one block waits in memory. One thread at a time.
class Flow {
 public:
  // Both return as system calls of base/syscalls.h do: a count, or the negated errno. -EAGAIN: not
  // now. Reading 0: the end.
  using Read = absl::AnyInvocable<ssize_t(std::span<char>)>;
  using Write = absl::AnyInvocable<ssize_t(std::string_view)>;
  // Moves bytes from the one to the other without showing them. Returns the count, 0 at the end,
  // -EAGAIN and which side it was, or -EINVAL: not between these two, read and write instead.
  struct MoveResult {
    ssize_t count = 0;
    bool sink_is_full = false;
    bool source_failed = false;  // With an error: not the sink.
  };
  using Move = absl::AnyInvocable<MoveResult()>;

  enum class State : uint8_t {
    kReading,      // Waits for the source.
    kWriting,      // Waits for the sink.
    kPaused,       // A line has been written: waits for Resume.
    kEnded,        // The source has ended, and everything has been written.
    kReadFailed,   // error() is the errno.
    kWriteFailed,  // Likewise; pending() bytes were not written.
  };

  Flow(FlowOptions options, Read read, Write write, Move move = nullptr);

  // Goes on until one side is not ready, or for a few blocks, so that the other direction has its
  // turn; then again says kReading or kWriting.
  State Step();
  void Resume();

  // Written before what is read.
  void Prepend(std::string text);

  State state() const { return state_; }
  // It holds bytes that the sink has not taken.
  bool is_writing() const { return pending() > 0 || state_ == State::kWriting; }
  bool is_over() const { return state_ >= State::kEnded; }
  int error() const { return error_; }
  // The source has ended, or the limit of reads is reached; writing may still go on.
  bool source_ended() const { return source_ended_; }
  bool limit_reached() const { return options_.read_limit > 0 && reads_ >= options_.read_limit; }
  // Read, and not written yet.
  size_t pending() const { return pending_.size(); }
  uint64_t bytes_read() const { return bytes_read_; }
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  // False: nothing more for now; state_ says why.
  bool Fill();
  bool Flush();
  bool MoveOn();
  bool Set(State state) {
    state_ = state;
    return false;
  }
  bool Fail(State state, ssize_t result) {
    error_ = static_cast<int>(-result);
    return Set(state);
  }

  const FlowOptions options_;
  Read read_;
  Write write_;
  Move move_;
  std::string block_;
  std::string converted_;
  CrlfWriter crlf_;
  std::string_view pending_;  // Of one of the two above.
  State state_ = State::kReading;
  int error_ = 0;
  bool source_ended_ = false;
  uint64_t reads_ = 0;
  uint64_t bytes_read_ = 0;
  uint64_t bytes_written_ = 0;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_NETCAT_FLOW_H_
