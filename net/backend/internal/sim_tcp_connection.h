#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_TCP_CONNECTION_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_TCP_CONNECTION_H_

#include <array>
#include <cstddef>
#include <functional>
#include <memory>

#include "base/clock.h"
#include "net/backend/internal/sim_byte_queue.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {

class SimTcpSocket;

// What is between two TCP sockets, or between one and itself: the bytes, FIN and RST that travel in
// each direction. Outlives a socket that was closed, so what it had sent still arrives.
//
// Owned by its sockets and by what is on the way. One thread at a time.
class SimTcpConnection final : public std::enable_shared_from_this<SimTcpConnection>,
                               public SimByteHolder {
 public:
  // One direction. In the order in which the reader will get them, its bytes have arrived, are on
  // the way, or wait at the sender: [arrived | in_flight | unsent].
  struct Pipe {
    SimByteQueue bytes;
    size_t arrived = 0;
    size_t visible = 0;  // Of those arrived; a fault holds the others back.
    size_t in_flight = 0;
    size_t capacity = 0;  // The reader's buffer.
    bool fin_queued = false;
    bool fin_sent = false;
    bool fin_arrived = false;
    bool stopped = false;  // Nothing more will be sent: an RST was sent or received.
    TimePoint last_arrival = TimePoint::min();
    size_t travelling = 0;  // Chunks, FIN and RST on the way.

    size_t unacknowledged() const { return bytes.size() - arrived; }
    size_t unsent() const { return bytes.size() - arrived - in_flight; }
  };

  SimTcpConnection(SimWorld& world, SimTcpSocket* first, SimTcpSocket* second);
  ~SimTcpConnection();

  // The side that reads what `side` sends. 0 for a socket connected to itself.
  int Other(int side) const { return self_ ? 0 : 1 - side; }
  Pipe& OutOf(int side) { return pipes_[static_cast<size_t>(side)]; }
  Pipe& Into(int side) { return pipes_[static_cast<size_t>(Other(side))]; }
  SimTcpSocket*& end(int side) { return ends_[static_cast<size_t>(side)]; }

  // Sends what the window lets through, and then a FIN that is due.
  void Transmit(int from);
  void QueueFin(int from);
  // What was not sent is lost; what was sent arrives first.
  void SendReset(int from);
  // `side` got a reset or gave up: what it had to send is lost.
  void DropUnsent(int side);
  // Both ends get an RST now.
  void ResetBoth();
  // Drops what arrived at `side` and was not read. Returns how much.
  size_t DropUnread(int side);
  // Takes visible bytes of what arrived at `side`.
  size_t Take(int side, char* into, size_t length);
  // Holds back what arrived at `side`, for a moment.
  void HoldBack(int side);

  // Nothing arrives any more.
  void Blackhole() { blackhole_ = true; }
  bool blackhole() const { return blackhole_; }

  // The orphan's port is kept until this is told: see SimPorts::AddTimeWait.
  void SetTimeWait(int side, uint64_t id) { time_wait_[static_cast<size_t>(side)] = id; }

  uint64_t held_bytes() const override;

 private:
  void Travel(int from, std::function<void()> arrive);
  void ArriveBytes(int from, size_t length);
  void ArriveFin(int from);
  void ArriveReset(int from);
  void Discard(Pipe& pipe, size_t front);
  void EndTimeWait(int side);

  SimWorld& world_;
  const bool self_;
  bool blackhole_ = false;
  std::array<SimTcpSocket*, 2> ends_;  // Null once closed.
  std::array<Pipe, 2> pipes_;          // By sender.
  std::array<uint64_t, 2> time_wait_ = {0, 0};
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_TCP_CONNECTION_H_
