// On Spindle, by its public headers.
//
//   spindle_server [--loops=N] [--mode=MODE] [--upstream=PORT] HOST PORT

#include <memory>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "base/strings.h"
#include "bench/rivals/server.h"
#include "net/loop/event_loop.h"
#include "net/loop/event_loop_thread_pool.h"
#include "net/stream/connection.h"
#include "net/stream/couple.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"
#include "net/types/chunk.h"

namespace {

using rivals::Mode;
using spindle::Buffer;
using spindle::Connection;
using spindle::ConnectionCallbacks;
using spindle::EventLoop;
using spindle::EventLoopThreadPool;
using spindle::SocketAddress;
using spindle::StreamClient;

// The value of `result`, or the end of the process.
template <typename T>
T OrDie(absl::StatusOr<T> result) {
  if (!result.ok()) rivals::Die(std::string(spindle::FromAbsl(result.status().message())));
  return *std::move(result);
}

ConnectionCallbacks Echo() {
  ConnectionCallbacks callbacks;
  callbacks.on_bytes = [](Connection& connection, Buffer& input) {
    connection.Write(std::move(input));
  };
  return callbacks;
}

ConnectionCallbacks Sink() {
  ConnectionCallbacks callbacks;
  callbacks.on_bytes = [](Connection&, Buffer& input) { input.Clear(); };
  return callbacks;
}

// The members on one loop. That loop's thread only.
class Room {
 public:
  void Join(Connection& connection) {
    connection.EmplaceData<size_t>(members_.size());
    members_.push_back(&connection);
  }
  void Leave(Connection& connection) {
    const size_t place = *connection.data<size_t>();
    members_[place] = members_.back();
    *members_[place]->data<size_t>() = place;
    members_.pop_back();
  }
  void Deliver(const spindle::ChunkRef& chunk, size_t size) const {
    for (Connection* const member : members_) member->WriteChunk(chunk, 0, size);
  }

 private:
  std::vector<Connection*> members_;
};

// The rooms of all loops; immutable once made.
class Rooms {
 public:
  explicit Rooms(const EventLoopThreadPool& pool) {
    for (const EventLoop* const loop : pool.loops()) {
      if (loop->index() >= places_.size()) places_.resize(loop->index() + 1);
      places_[loop->index()] = {loop->ref(), std::make_unique<Room>()};
    }
  }
  Room& Of(const Connection& connection) const { return *places_[connection.id().loop].room; }
  void Say(const Connection& from, Buffer& input) const {
    const size_t size = input.size();
    const spindle::ChunkRef chunk = spindle::Chunk::CopyOf(input.Linearize());
    input.Clear();
    for (const Place& place : places_) {
      if (place.room == nullptr) continue;
      if (place.room.get() == &Of(from)) {
        place.room->Deliver(chunk, size);
      } else {
        place.loop.Post([room = place.room.get(), chunk, size] { room->Deliver(chunk, size); });
      }
    }
  }

 private:
  struct Place {
    spindle::LoopRef loop = {};
    std::unique_ptr<Room> room = nullptr;
  };
  std::vector<Place> places_;  // By EventLoop::index().
};

ConnectionCallbacks Chat(const std::shared_ptr<const Rooms>& rooms) {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [rooms](Connection& connection) { rooms->Of(connection).Join(connection); };
  callbacks.on_bytes = [rooms](Connection& connection, Buffer& input) {
    rooms->Say(connection, input);
  };
  callbacks.on_close = [rooms](Connection& connection, const spindle::CloseReason&) {
    rooms->Of(connection).Leave(connection);
  };
  return callbacks;
}

// The client that connects onwards belongs to the connection that it serves.
ConnectionCallbacks Relay(const SocketAddress& upstream) {
  ConnectionCallbacks callbacks;
  callbacks.on_open = [upstream](Connection& connection) {
    connection.PauseReading();
    ConnectionCallbacks onwards;
    onwards.on_open = [client = connection.handle()](Connection& server) {
      Connection* const connection = client.Get();
      if (connection == nullptr) return;
      Couple(*connection, server);
      connection->ResumeReading();
    };
    connection
        .EmplaceData<std::unique_ptr<StreamClient>>(std::make_unique<StreamClient>(
            connection.loop(), upstream, std::move(onwards), spindle::StreamClientOptions{},
            [client = connection.handle()](const spindle::ConnectError&) { client.Abort(); }))
        ->Connect();
  };
  return callbacks;
}

SocketAddress AddressOf(const sockaddr_in& address) {
  return SocketAddress::FromSockaddr(reinterpret_cast<const sockaddr*>(&address), sizeof address);
}

ConnectionCallbacks CallbacksFor(const rivals::Options& options, const EventLoopThreadPool& pool) {
  switch (options.mode) {
    case Mode::kEcho:
      return Echo();
    case Mode::kSink:
      return Sink();
    case Mode::kRoom:
      return Chat(std::make_shared<const Rooms>(pool));
    case Mode::kRelay:
      return Relay(AddressOf(options.upstream));
  }
  return {};
}

}  // namespace

int main(int argc, char** argv) {
  rivals::PrepareProcess();
  const rivals::Options options = rivals::ParseOptions(argc, argv);
  const auto loop = OrDie(EventLoop::Create({.name = "main"}));
  const auto pool = OrDie(EventLoopThreadPool::Start(*loop, {.workers = options.loops}));
  const auto server = OrDie(spindle::StreamServer::Listen(*pool, AddressOf(options.address),
                                                          CallbacksFor(options, *pool)));
  std::fprintf(stderr, "listening on %s\n", server->address().ToString().c_str());
  return loop->Run().ok() ? 0 : 1;
}
