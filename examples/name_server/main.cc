// name_server: answers DNS questions for IPv4 addresses from a table (RFC 1035).
//
//   name_server [--loops=N] HOST PORT [NAME=ADDRESS...]
//
// Teaches: a protocol of datagrams. Each is a question by itself, so loops share nothing but the
// table, which never changes; what makes no sense is answered as such or not at all, and never read
// beyond its end; an answer is built in place, without allocating. Try it:
//
//   name_server 127.0.0.1 5353 www.example.org=192.0.2.1
//   dig @127.0.0.1 -p 5353 www.example.org

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/bytes.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/datagram/udp_server.h"
#include "net/datagram/udp_socket.h"

namespace {

constexpr size_t kHeader = 12;    // Id, flags and four counts, of 16 bits each.
constexpr size_t kMaxName = 255;  // As it is written in a message.
constexpr size_t kRecord = 16;    // An address behind a pointer to its name.
constexpr uint16_t kTypeA = 1;
constexpr uint16_t kClassIn = 1;
constexpr uint32_t kSecondsToLive = 60;

constexpr uint16_t kResponse = 0x8000;
constexpr uint16_t kOperation = 0x7800;
constexpr uint16_t kAuthoritative = 0x0400;
constexpr uint16_t kRecursionDesired = 0x0100;
enum Outcome : uint16_t { kOk = 0, kBadFormat = 1, kNoSuchName = 3, kNotImplemented = 4 };

// Names in lower case, as text, and their addresses in network order.
using Table = std::map<std::string, uint32_t, std::less<>>;

struct Question {
  Outcome outcome = kBadFormat;
  size_t end = kHeader;  // Where the question ends.
  uint16_t type = 0;
  uint16_t klass = 0;
};

// Reads the question of `message`, whose name becomes text in `name`. Labels have up to 63 bytes;
// the larger lengths are pointers, which a question has no use for.
Question Read(std::string_view message, std::string& name) {
  Question question;
  if ((spindle::LoadBig16(&message[2]) & kOperation) != 0) return {.outcome = kNotImplemented};
  if (spindle::LoadBig16(&message[4]) != 1) return question;
  name.clear();
  size_t at = kHeader;
  while (at < message.size() && message[at] != 0) {
    const size_t length = static_cast<uint8_t>(message[at]);
    if (length > 63 || at + 1 + length >= message.size() || at + length > kHeader + kMaxName - 2) {
      return question;
    }
    if (!name.empty()) name += '.';
    name.append(message.substr(at + 1, length));
    at += 1 + length;
  }
  if (at + 5 > message.size()) return question;
  question.outcome = kOk;
  question.type = spindle::LoadBig16(&message[at + 1]);
  question.klass = spindle::LoadBig16(&message[at + 3]);
  question.end = at + 5;
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return question;
}

void Answer(spindle::UdpSocket& socket, const spindle::Datagram& datagram, const Table& table) {
  const std::string_view message = datagram.data();
  // What is no question gets no answer: two servers might else talk to each other for ever.
  if (message.size() < kHeader || (spindle::LoadBig16(&message[2]) & kResponse) != 0) return;
  thread_local std::string name;  // Kept for its memory.
  Question question = Read(message, name);
  const auto found = question.outcome == kOk ? table.find(name) : table.end();
  if (question.outcome == kOk && found == table.end()) question.outcome = kNoSuchName;
  const bool has_address =
      found != table.end() && question.type == kTypeA && question.klass == kClassIn;

  std::array<char, kHeader + kMaxName + 4 + kRecord> answer = {};
  std::copy_n(message.begin(), question.end, answer.begin());
  const uint16_t asked = spindle::LoadBig16(&message[2]);
  const auto flags = static_cast<uint16_t>(
      kResponse | kAuthoritative | (asked & (kOperation | kRecursionDesired)) | question.outcome);
  spindle::StoreBig16(&answer[2], flags);
  spindle::StoreBig16(&answer[4], question.end > kHeader ? 1 : 0);
  for (const size_t count : {6, 8, 10}) spindle::StoreBig16(&answer[count], 0);
  size_t size = question.end;
  if (has_address) {
    spindle::StoreBig16(&answer[6], 1);
    spindle::StoreBig16(&answer[size], 0xc000 | kHeader);  // The name is where it was asked for.
    spindle::StoreBig16(&answer[size + 2], kTypeA);
    spindle::StoreBig16(&answer[size + 4], kClassIn);
    spindle::StoreBig32(&answer[size + 6], kSecondsToLive);
    spindle::StoreBig16(&answer[size + 10], sizeof(uint32_t));
    spindle::StoreBig32(&answer[size + 12], ntohl(found->second));
    size += kRecord;
  }
  // Who gets no answer asks again.
  static_cast<void>(socket.Reply(datagram, {answer.data(), size}));
}

Table MakeTable(const examples::CommandLine& line) {
  Table table;
  for (size_t i = 2; i < line.arguments().size(); ++i) {
    std::string entry = line.arguments()[i];
    std::transform(entry.begin(), entry.end(), entry.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    const size_t equals = entry.find('=');
    in_addr address = {};
    if (equals == entry.npos || inet_pton(AF_INET, entry.c_str() + equals + 1, &address) != 1) {
      line.DieOfMisuse("not NAME=ADDRESS: " + entry);
    }
    table[entry.substr(0, equals)] = address.s_addr;
  }
  return table;
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "[--loops=N] HOST PORT [NAME=ADDRESS...]", 2, 1000);
  const spindle::SocketAddress address = line.Address();
  const Table table = MakeTable(line);
  const examples::Loops loops(line.Number("--loops", 0));

  spindle::DatagramCallbacks callbacks;
  callbacks.on_datagram = [&](spindle::UdpSocket& socket, const spindle::Datagram& datagram) {
    Answer(socket, datagram, table);
  };
  const auto server =
      examples::OrDie(spindle::UdpServer::Bind(*loops.pool, address, std::move(callbacks)));
  return examples::RunUntilSignal(*loops.main, server->address());
}
