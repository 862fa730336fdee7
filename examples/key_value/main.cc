// key_value: a small database in memory, spoken to in lines.
//
//   key_value HOST PORT
//
//   SET key value...  -> OK                GET key -> VALUE value... | NONE
//   DEL key           -> OK | NONE         QUIT    -> BYE, and the end
//
// Teaches: a protocol of one's own over LineCodec: requests may come in pieces or many at once, and
// all answers to what came at once leave in one write. Everything runs on one loop, so that the map
// needs no lock. Try it: nc HOST PORT

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/codec/line_codec.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"

namespace {

using spindle::Concat;
using spindle::Connection;
using spindle::LineCodec;

// Cuts the first word off `text`.
std::string_view TakeWord(std::string_view& text) {
  const size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

class Database {
 public:
  // The answer to one request, without the end of the line.
  std::string Handle(std::string_view request) {
    const std::string_view command = TakeWord(request);
    const std::string key(TakeWord(request));
    if (key.empty()) return "ERROR no key";
    if (command == "SET") {
      values_[key] = request;
      return "OK";
    }
    if (command == "DEL") return values_.erase(key) > 0 ? "OK" : "NONE";
    if (command != "GET") return Concat("ERROR no such command: ", command);
    const auto found = values_.find(key);
    return found == values_.end() ? "NONE" : Concat("VALUE ", found->second);
  }

 private:
  std::map<std::string, std::string> values_;
};

void OnLine(Connection& connection, std::string_view line, Database& database) {
  if (line == "QUIT") {
    connection.Write("BYE\r\n");
    connection.Close();  // No further line is handed out.
    return;
  }
  connection.Writev({database.Handle(line), "\r\n"});
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "HOST PORT");
  const spindle::SocketAddress address = line.Address();
  const examples::Loops loops(0);
  Database database;

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_open = [](Connection& connection) {
    connection.EmplaceData<LineCodec>(spindle::LineCodecOptions{.max_line = 4096});
  };
  callbacks.on_bytes = spindle::OnLines(
      [](Connection& connection) -> LineCodec& { return *connection.data<LineCodec>(); },
      [&](Connection& connection, std::string_view text) { OnLine(connection, text, database); },
      [](Connection& connection) {
        connection.Write("ERROR line too long\r\n");
        connection.Close();
      });
  const auto server =
      examples::OrDie(spindle::StreamServer::Listen(*loops.main, address, std::move(callbacks)));
  return examples::ServeUntilSignal(*loops.main, *server);
}
