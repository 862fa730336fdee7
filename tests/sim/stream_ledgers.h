#ifndef SPINDLE_TESTS_SIM_STREAM_LEDGERS_H_
#define SPINDLE_TESTS_SIM_STREAM_LEDGERS_H_

#include <cstdint>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "net/stream/connection.h"
#include "tests/sim/stream_pattern.h"

namespace spindle {

// A server or client, as its callbacks know it.
struct StreamOwner {
  enum class Side : uint8_t { kServer, kClient };
  Side side = Side::kServer;
  bool tells_open = true;  // Has on_open.
  bool hears_bytes = true;
  bool keeps_writing = false;  // PeerFinPolicy::kKeepWriting
  bool gone = false;           // Its destructor has returned.
};

// Every connection of a run: which callbacks it had, and what they may see. Notes the first rule
// that is broken; never aborts. One thread.
class StreamLedgers {
 public:
  struct Entry {
    std::shared_ptr<const StreamOwner> owner;
    ConnectionHandle handle;
    uint32_t send_key = 0;
    uint32_t receive_key = 0;
    uint64_t consumed = 0;
    bool in_bytes = false;
    bool above_high = false;
    bool read_closed = false;
    bool drained_asked = false;  // on_drain has come.
  };

  // `echo`: servers send what they receive.
  StreamLedgers(const StreamPattern& pattern, bool echo) : pattern_(pattern), echo_(echo) {}

  // At the beginning of each callback.
  void OnOpen(const std::shared_ptr<const StreamOwner>& owner, Connection& connection);
  void OnBytes(const std::shared_ptr<const StreamOwner>& owner, Connection& connection,
               const Buffer& input);
  void OnReadClosed(const std::shared_ptr<const StreamOwner>& owner, Connection& connection);
  void OnPause(const std::shared_ptr<const StreamOwner>& owner, Connection& connection);
  void OnResume(const std::shared_ptr<const StreamOwner>& owner, Connection& connection);
  void OnDrained(const std::shared_ptr<const StreamOwner>& owner, Connection& connection);
  void OnDrain(const std::shared_ptr<const StreamOwner>& owner, Connection& connection);
  void OnClose(const std::shared_ptr<const StreamOwner>& owner, Connection& connection,
               const CloseReason& reason);
  // At the end of on_bytes; the connection may have been closed inside.
  void OnBytesDone(uint64_t generation, size_t consumed);

  // Null if it is closed, or has had no callback yet.
  const Entry* Find(uint64_t generation) const;
  // Those open, in the order in which they were made.
  const std::map<uint64_t, Entry>& open() const { return open_; }

  void Fail(std::string what) {
    if (failure_.empty()) failure_ = std::move(what);
  }
  const std::string& failure() const { return failure_; }

  uint64_t connections() const { return connections_; }
  uint64_t sent() const { return sent_; }
  uint64_t received() const { return received_; }
  uint64_t callbacks() const { return callbacks_; }

 private:
  Entry* Enter(const char* callback, const std::shared_ptr<const StreamOwner>& owner,
               Connection& connection);
  Entry* Add(const std::shared_ptr<const StreamOwner>& owner, Connection& connection);

  const StreamPattern& pattern_;
  const bool echo_;
  std::map<uint64_t, Entry> open_;  // By generation.
  std::set<uint64_t> closed_;
  std::string failure_;
  uint64_t connections_ = 0;
  uint64_t sent_ = 0;
  uint64_t received_ = 0;
  uint64_t callbacks_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_SIM_STREAM_LEDGERS_H_
