// chat: what one member says goes to all. The first line of a member is its name.
//
//   chat [--loops=N] HOST PORT
//
// Teaches: talking to connections of other loops without locks. Each loop has a room that only its
// own thread touches; a message is one task for each loop and one chunk for everybody, so a line to
// a thousand members is copied once. What one member says arrives everywhere in its order. A member
// that does not read is cut off when output_limit is reached, instead of costing memory without
// end.

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/codec/line_codec.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/chunk.h"

namespace {

using spindle::CloseReason;
using spindle::Connection;
using spindle::ConnectionHandle;
using spindle::LineCodec;

// The members on one loop. That loop's thread only.
using Room = std::vector<ConnectionHandle>;

// What the server keeps for each connection.
struct Member {
  std::string name;  // Empty until the first line.
  LineCodec lines{{.max_line = 1000}};
};

// All rooms. Immutable once made, so any thread may use it.
class Chat {
 public:
  explicit Chat(const spindle::EventLoopThreadPool& pool) {
    for (const spindle::EventLoop* loop : pool.loops()) {
      places_[loop->index()] = Place{loop->ref(), std::make_shared<Room>()};
    }
  }

  void OnLine(Connection& connection, std::string_view line) const {
    Member& member = *connection.data<Member>();
    if (line == "/quit") {
      connection.Close();
    } else if (member.name.empty()) {
      if (line.empty()) return;
      member.name = line;
      RoomOf(connection).push_back(connection.handle());
      Say(spindle::Concat("* ", member.name, " joined\n"));
    } else {
      Say(spindle::Concat(member.name, ": ", line, "\n"));
    }
  }

  void OnClose(Connection& connection) const {
    const Member& member = *connection.data<Member>();
    if (member.name.empty()) return;
    std::erase(RoomOf(connection), connection.handle());
    Say(spindle::Concat("* ", member.name, " left\n"));
  }

 private:
  struct Place {
    spindle::LoopRef loop;
    std::shared_ptr<Room> room;  // Tasks under way hold it as well.
  };

  Room& RoomOf(const Connection& connection) const {
    return *places_.at(connection.id().loop).room;
  }

  void Say(std::string_view text) const {
    const spindle::ChunkRef chunk = spindle::Chunk::CopyOf(text);
    for (const auto& [index, place] : places_) {
      place.loop.Post([room = place.room, chunk, size = text.size()] {
        for (const ConnectionHandle& member : *room) {
          // Null: it has ended, and on_close is about to say so.
          if (Connection* connection = member.Get()) connection->WriteChunk(chunk, 0, size);
        }
      });
    }
  }

  std::map<uint32_t, Place> places_;  // By EventLoop::index().
};

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(line.Number("--loops", 2));
  const Chat chat(*loops.pool);

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_open = [](Connection& connection) { connection.EmplaceData<Member>(); };
  callbacks.on_bytes = spindle::OnLines(
      [](Connection& connection) -> LineCodec& { return connection.data<Member>()->lines; },
      [&chat](Connection& connection, std::string_view text) { chat.OnLine(connection, text); },
      [](Connection& connection) { connection.Write("* line too long, ignored\n"); });
  callbacks.on_close = [&chat](Connection& connection, const CloseReason& /*reason*/) {
    chat.OnClose(connection);
  };
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loops.pool, address, std::move(callbacks),
                                                    {.connection = {.high_water_mark = 256 * 1024,
                                                                    .low_water_mark = 64 * 1024,
                                                                    .output_limit = 1024 * 1024}}));
  return examples::ServeUntilSignal(*loops.main, *server);
}
