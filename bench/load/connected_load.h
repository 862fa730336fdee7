#ifndef SPINDLE_BENCH_LOAD_CONNECTED_LOAD_H_
#define SPINDLE_BENCH_LOAD_CONNECTED_LOAD_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "bench/load/load.h"
#include "net/loop/event_loop.h"
#include "net/stream/connection.h"
#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_client.h"
#include "net/types/close_reason.h"
#include "net/types/socket_address.h"

namespace spindle::bench {

// One connection of a ConnectedLoad; what a load itself knows of it is in a struct that derives
// from this.
struct LoadPeer {
  std::unique_ptr<StreamClient> client;
  Connection* connection = nullptr;  // While it is open.
  bool wrong = false;                // An error was counted already.
};

// A load over connections that stay open. This opens them, a part of them at a time, and counts
// them. A connection that fails or ends is counted as an error and not opened again. Loop thread
// only.
class ConnectedLoad : public Load {
 public:
  void Connect() override;
  bool connected() const override { return settled_ == peers_.size(); }
  size_t open() const override { return open_; }
  uint64_t opened() const override { return opened_; }
  bool dead() const override { return open_ == 0; }

 protected:
  ConnectedLoad(EventLoop& loop, const SocketAddress& server, Duration connect_timeout)
      : loop_(loop), server_(server), connect_timeout_(connect_timeout) {}

  EventLoop& loop() const { return loop_; }

  // One more, for Connect to open. `peer` lives until EndAll. `callbacks` need no on_open; their
  // on_close comes when `peer` has no connection any more, and not for EndAll.
  void Add(LoadPeer& peer, ConnectionCallbacks callbacks);
  // Ends all of them, with nothing counted. Whoever derives from this calls it before its peers go.
  void EndAll();

  // All of them are open or have failed.
  virtual void OnConnected() {}

  // Counts an error of the bytes, and ends the connection.
  void CountWrong(LoadPeer& peer, std::string_view what);
  // For on_close, unless it was to be: counts it, if no error was.
  void CountEnd(const LoadPeer& peer, const CloseReason& reason);

 private:
  void ConnectNext();
  void OnSettled();

  EventLoop& loop_;
  const SocketAddress server_;
  const Duration connect_timeout_;
  std::vector<LoadPeer*> peers_;
  size_t next_to_connect_ = 0;
  size_t settled_ = 0;  // Connections that were opened, or failed.
  size_t open_ = 0;
  uint64_t opened_ = 0;
  bool ending_ = false;
};

}  // namespace spindle::bench

#endif  // SPINDLE_BENCH_LOAD_CONNECTED_LOAD_H_
