#include "net/backend/internal/sim_tcp_connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <utility>

#include "net/backend/internal/sim_tcp.h"

namespace spindle {

SimTcpConnection::SimTcpConnection(SimWorld& world, SimTcpSocket* first, SimTcpSocket* second)
    : SimByteHolder(world), world_(world), self_(first == second), ends_{first, second} {
  if (self_) ends_[1] = nullptr;
}

SimTcpConnection::~SimTcpConnection() { world_.bytes().discarded += held_bytes(); }

uint64_t SimTcpConnection::held_bytes() const {
  return pipes_[0].bytes.size() + pipes_[1].bytes.size();
}

void SimTcpConnection::Travel(int from, std::function<void()> arrive) {
  Pipe& pipe = OutOf(from);
  const TimePoint when = std::max(SaturatingAdd(world_.now(), world_.Delay()), pipe.last_arrival);
  pipe.last_arrival = when;
  if (when <= world_.now() && pipe.travelling == 0) {
    if (!blackhole_) arrive();
    return;
  }
  ++pipe.travelling;
  ++world_.counters().delayed_arrivals;
  world_.events().Schedule(when,
                           [this, self = shared_from_this(), from, arrive = std::move(arrive)] {
                             --OutOf(from).travelling;
                             if (!blackhole_) arrive();
                           });
}

void SimTcpConnection::Transmit(int from) {
  Pipe& pipe = OutOf(from);
  const size_t largest = world_.options().max_segment;
  while (!pipe.stopped && pipe.unsent() > 0) {
    const size_t used = pipe.arrived + pipe.in_flight;
    const size_t window = pipe.capacity - std::min(pipe.capacity, used);
    // No silly windows: RFC 9293 3.8.6.2. A reader that reads until EAGAIN always opens it.
    if (window < std::min({pipe.unsent(), largest, pipe.capacity / 2 + 1})) break;
    size_t length = std::min({pipe.unsent(), largest, window});
    if (world_.options().segments == SimOptions::Segments::kRandom) {
      length = 1 + world_.random().Uniform(length);
    }
    pipe.in_flight += length;
    Travel(from, [this, from, length] { ArriveBytes(from, length); });
  }
  if (pipe.fin_queued && !pipe.fin_sent && !pipe.stopped && pipe.unsent() == 0) {
    pipe.fin_sent = true;
    Travel(from, [this, from] { ArriveFin(from); });
  }
}

void SimTcpConnection::QueueFin(int from) {
  OutOf(from).fin_queued = true;
  Transmit(from);
}

void SimTcpConnection::ArriveBytes(int from, size_t length) {
  Pipe& pipe = OutOf(from);
  const int to = Other(from);
  SimTcpSocket* const reader = end(to);
  pipe.in_flight -= length;
  if (reader == nullptr || !reader->accepts_data()) {
    world_.bytes().discarded += length;
    pipe.bytes.DropAt(pipe.arrived, length);
    // It was closed, or shut down for reading with a FIN sent: what comes now is answered by RST.
    SendReset(to);
    if (reader != nullptr) reader->OnReset();
    return;
  }
  pipe.arrived += length;
  pipe.visible = pipe.arrived;
  reader->Wake(EPOLLIN);
  if (end(from) != nullptr) end(from)->OnAcknowledged();
  if (world_.RollOnly(world_.options().faults.reset)) {
    ++world_.counters().resets;
    ResetBoth();
  }
}

void SimTcpConnection::ArriveFin(int from) {
  Pipe& pipe = OutOf(from);
  pipe.fin_arrived = true;
  pipe.visible = pipe.arrived;
  if (SimTcpSocket* const reader = end(Other(from))) reader->OnFin();
  if (SimTcpSocket* const writer = end(from)) writer->OnFinAcknowledged();
}

void SimTcpConnection::SendReset(int from) {
  Pipe& pipe = OutOf(from);
  if (pipe.stopped) return;
  DropUnsent(from);
  Travel(from, [this, from] { ArriveReset(from); });
}

void SimTcpConnection::ArriveReset(int from) {
  const int to = Other(from);
  if (SimTcpSocket* const reader = end(to)) {
    reader->OnReset();
  } else {
    DropUnsent(to);
    EndTimeWait(to);
  }
}

void SimTcpConnection::DropUnsent(int side) {
  Pipe& pipe = OutOf(side);
  pipe.stopped = true;
  world_.bytes().discarded += pipe.unsent();
  pipe.bytes.DropBack(pipe.unsent());
}

void SimTcpConnection::ResetBoth() {
  for (const int side : {0, 1}) {
    if (SimTcpSocket* const socket = end(side)) {
      socket->OnReset();
    } else if (!self_) {
      DropUnsent(side);
      EndTimeWait(side);
    }
  }
}

void SimTcpConnection::EndTimeWait(int side) {
  world_.ports().ForgetTimeWait(std::exchange(time_wait_[static_cast<size_t>(side)], 0));
}

size_t SimTcpConnection::DropUnread(int side) {
  Pipe& pipe = Into(side);
  const size_t unread = std::exchange(pipe.arrived, 0);
  pipe.visible = 0;
  pipe.bytes.TakeFront(nullptr, unread);
  world_.bytes().discarded += unread;
  return unread;
}

size_t SimTcpConnection::Take(int side, char* into, size_t length) {
  Pipe& pipe = Into(side);
  length = std::min(length, pipe.visible);
  pipe.bytes.TakeFront(into, length);
  pipe.arrived -= length;
  pipe.visible -= length;
  world_.bytes().received += length;
  Transmit(Other(side));
  return length;
}

void SimTcpConnection::HoldBack(int side) {
  Pipe& pipe = Into(side);
  if (pipe.arrived == 0) return;
  pipe.visible = 0;
  world_.events().Schedule(world_.now() + world_.Moment(), [self = shared_from_this(), side] {
    Pipe& pipe = self->Into(side);
    if (pipe.visible == pipe.arrived) return;
    pipe.visible = pipe.arrived;
    if (SimTcpSocket* const reader = self->end(side)) reader->Wake(EPOLLIN);
  });
}

}  // namespace spindle
