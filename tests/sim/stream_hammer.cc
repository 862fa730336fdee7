#include "tests/sim/stream_hammer.h"

#include <chrono>
#include <iterator>
#include <utility>
#include <vector>

#include "tests/sim/stream_options_dice.h"
#include "tests/sim/stream_world.h"

namespace spindle {

using std::chrono::milliseconds;
using std::chrono::seconds;

void StreamHammer::Act() {
  switch (world_.random().Uniform(16)) {
    default:
      if (self_ != nullptr) return ActOn(*self_);
      return ActOnSibling();
    case 8:
    case 9:
    case 10:
      return ActOnSibling();
    case 11:
      return ActOnServer();
    case 12:
    case 13:
      return ActOnClient();
    case 14:
      return ActOnTimer();
    case 15:
      return ActOnLoop();
  }
}

// ---- One connection, on its own loop.

void StreamHammer::ActOn(Connection& connection) {
  Random& random = world_.random();
  switch (random.Uniform(20)) {
    default:
      return WriteSome(connection);
    case 10:
      return connection.PauseReading();
    case 11:
    case 12:
      return connection.ResumeReading();
    case 13:
    case 14:
      return EndSomehow(connection);
    case 15:
    case 16:
      return SetSomething(connection);
    case 17:
      return SetSocketOption(connection);
    case 18:
      connection.EmplaceData<std::vector<int>>(3, 4);
      if (connection.data<int>() != nullptr) world_.ledgers().Fail("data of another type");
      return;
  }
}

void StreamHammer::WriteSome(Connection& connection) {
  const StreamLedgers::Entry* entry = world_.ledgers().Find(connection.id().generation);
  if (entry == nullptr) return;  // Without a callback so far: its key is not known.
  const bool server = entry->owner->side == StreamOwner::Side::kServer;
  if (server && world_.talk() == StreamTalk::kEcho) return;
  Random& random = world_.random();
  const size_t size = random.OneIn(6) ? random.Uniform(40000) : random.Uniform(1500);
  const std::string bytes =
      world_.pattern().Make(entry->send_key, connection.ledger().accepted, size);
  const std::string_view view = bytes;
  const size_t cut = random.Uniform(view.size() + 1);
  switch (random.Uniform(4)) {
    case 0:
      static_cast<void>(connection.Write(view));
      return;
    case 1:
      static_cast<void>(connection.Writev({view.substr(0, cut), view.substr(cut)}));
      return;
    case 2:
      static_cast<void>(connection.WriteChunk(Chunk::CopyOf(view), 0, cut));
      return;
    default: {
      Buffer buffer;
      buffer.Append(view.substr(0, cut));
      buffer.Append(Chunk::CopyOf(view), cut, view.size());
      static_cast<void>(connection.Write(std::move(buffer)));
      return;
    }
  }
}

void StreamHammer::EndSomehow(Connection& connection) {
  Random& random = world_.random();
  switch (random.Uniform(5)) {
    case 0:
      return connection.ShutdownWrite();
    case 1:
      return connection.CloseAfterFlush(RollDuration(random, seconds(3)));
    case 2:
      return connection.Abort();
    default:
      return connection.Close();
  }
}

void StreamHammer::SetSomething(Connection& connection) {
  Random& random = world_.random();
  const Duration timeout = random.OneIn(2) ? Duration::zero() : RollDuration(random, seconds(3));
  switch (random.Uniform(4)) {
    case 0:
      return connection.SetIdleTimeout(timeout);
    case 1:
      return connection.SetReadTimeout(timeout);
    case 2:
      return connection.SetWriteTimeout(timeout);
    default: {
      const size_t low = random.Uniform(4000);
      return connection.SetWaterMarks(low, low + random.Uniform(8000));
    }
  }
}

void StreamHammer::SetSocketOption(Connection& connection) {
  Random& random = world_.random();
  switch (random.Uniform(6)) {
    case 0:
      static_cast<void>(connection.SetNoDelay(random.OneIn(2) ? Toggle::kOn : Toggle::kOff));
      return;
    case 1:
      static_cast<void>(connection.SetKeepAlive(KeepAlive{}));
      return;
    case 2:
      static_cast<void>(connection.SetUserTimeout(RollDuration(random, seconds(3))));
      return;
    case 3:
      static_cast<void>(connection.SetSendBuffer(1024 << random.Uniform(6)));
      return;
    case 4:
      static_cast<void>(connection.SetReceiveBuffer(1024 << random.Uniform(6)));
      return;
    default:
      static_cast<void>(connection.TcpInfo());
      static_cast<void>(connection.local_address());
      return;
  }
}

// ---- Another connection, by its handle.

ConnectionHandle StreamHammer::AnyHandle() {
  const auto& open = world_.ledgers().open();
  if (open.empty()) return ConnectionHandle();
  const auto chosen =
      std::next(open.begin(), static_cast<std::ptrdiff_t>(world_.random().Uniform(open.size())));
  return chosen->second.handle;
}

void StreamHammer::ActOnSibling() {
  const ConnectionHandle handle = AnyHandle();
  if (!handle) return;
  const uint64_t generation = handle.id().generation;
  const StreamLedgers::Entry* entry = world_.ledgers().Find(generation);
  // On its own loop directly.
  if (world_.current() != nullptr && world_.random().OneIn(2) &&
      handle.loop() == world_.current()->ref()) {
    if (Connection* sibling = handle.Get()) return ActOn(*sibling);
    return;
  }
  if (world_.talk() == StreamTalk::kConstant && world_.random().OneIn(3)) {
    std::string bytes = world_.pattern().Make(entry->send_key, 0, world_.random().Uniform(3000));
    if (world_.random().OneIn(2)) {
      handle.Write(std::move(bytes), [&world = world_](IoError) { world.Hammer(nullptr); });
    } else {
      Buffer buffer;
      buffer.Append(bytes);
      handle.Write(std::move(buffer));
    }
    return;
  }
  CallHandle(handle);
}

void StreamHammer::CallHandle(const ConnectionHandle& handle) {
  Random& random = world_.random();
  switch (random.Uniform(10)) {
    case 0:
      handle.ShutdownWrite();
      return;
    case 1:
      handle.Close();
      return;
    case 2:
      handle.CloseAfterFlush(RollDuration(random, seconds(2)));
      return;
    case 3:
      handle.Abort();
      return;
    case 4:
      handle.PauseReading();
      return;
    case 5:
      handle.ResumeReading();
      return;
    case 6:
      return BreakSomething();
    default:
      handle.Run([&world = world_](Connection& connection) {
        const StreamWorld::Turn turn(world, &connection.loop());
        if (connection.closed()) world.ledgers().Fail("Run with a closed connection");
        StreamHammer(world, &connection).WriteSome(connection);
        world.Hammer(&connection);
      });
      return;
  }
}

// The network does something.
void StreamHammer::BreakSomething() {
  const ConnectionHandle handle = AnyHandle();
  if (!handle) return;
  const int fd = static_cast<int>(handle.id().slot);
  if (world_.random().OneIn(4)) {
    world_.cut_off = true;
    world_.sim().kernel().KillConnection(fd);
  } else {
    world_.sim().kernel().ResetConnection(fd);
  }
}

// ---- Owners.

void StreamHammer::ActOnServer() {
  Random& random = world_.random();
  StreamWorld& world = world_;
  if (world.server() == nullptr) {
    if (world.current() == &world.main_loop()) return world.StartServer();
    return world.PostTo(world.main_loop(), [&world] { world.StartServer(); });
  }
  switch (random.Uniform(10)) {
    case 0:
      return world.DestroyServer();
    case 1:
      world.DestroyServer();
      return world.PostTo(world.main_loop(), [&world] { world.StartServer(); });
    case 2:
      if (random.OneIn(2)) world.server()->server->StopAccepting();
      return;
    case 3:
      return world.StartDrain(RollDuration(random, seconds(3)));
    case 4:
      if (random.OneIn(20)) world.RequestStop();
      return;
    default: {
      const StreamServerStats stats = world.server()->server->stats();
      size_t open = 0;
      for (const size_t count : stats.open_per_loop) open += count;
      if (open != world.server()->server->connections()) world.ledgers().Fail("stats differ");
      return;
    }
  }
}

void StreamHammer::ActOnClient() {
  Random& random = world_.random();
  StreamWorld& world = world_;
  if (world.clients().empty() || random.OneIn(4)) {
    EventLoop& loop = world.AnyLoop();
    const StreamClientOptions options = RollClient(random);
    if (world.current() == &loop) return world.StartClient(loop, options);
    return world.PostTo(loop, [&world, &loop, options] { world.StartClient(loop, options); });
  }
  const size_t index = random.Uniform(world.clients().size());
  const uint64_t choice = random.Uniform(8);
  if (choice == 0) return world.DestroyClient(index);
  if (world.clients()[index]->loop != world.current()) return;
  StreamClient& client = *world.clients()[index]->client;
  if (choice == 1) return client.Stop();
  if (choice == 2) {
    if (Connection* connection = client.connection()) return ActOn(*connection);
  }
  client.Connect();
}

// ---- Timers and loops.

void StreamHammer::ActOnTimer() {
  EventLoop* const loop = world_.current();
  if (loop == nullptr) return;
  Random& random = world_.random();
  std::vector<TimerId>& timers = world_.timers()[world_.IndexOf(*loop)];
  if (!timers.empty() && random.OneIn(3)) {
    loop->Cancel(timers[random.Uniform(timers.size())]);
    return;
  }
  auto act = [&world = world_, loop] {
    const StreamWorld::Turn turn(world, loop);
    world.Hammer(nullptr);
  };
  if (random.OneIn(4)) {
    timers.push_back(loop->RunEvery(RollDuration(random, seconds(1)),
                                    world_.tasks().Count(act, TaskCounts::Times::kMany)));
  } else {
    timers.push_back(loop->RunAfter(RollDuration(random, seconds(1)), world_.tasks().Count(act)));
  }
}

void StreamHammer::ActOnLoop() {
  world_.PostTo(world_.AnyLoop(), [&world = world_] { world.Hammer(nullptr); });
}

}  // namespace spindle
