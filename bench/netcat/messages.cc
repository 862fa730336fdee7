#include "bench/netcat/messages.h"

#include <netdb.h>
#include <sys/socket.h>

#include <cstdio>

#include "base/strings.h"
#include "bench/netcat/ports.h"

namespace spindle::bench {
namespace {

std::string UnixText(const SocketAddress& address) {
  return address.kind() == SocketAddress::Kind::kUnixAbstract ? Concat('@', address.unix_path())
                                                              : std::string(address.unix_path());
}

// "localhost (127.0.0.1)", or what was given if that is the address.
std::string HostText(const NetcatOptions& options, const SocketAddress& address) {
  if (!address.is_ip() || address.ip() == options.host) return options.host;
  return Concat(options.host, " (", address.ip(), ')');
}

std::string ConnectionText(const NetcatOptions& options, const SocketAddress& address,
                           uint16_t port) {
  const std::string service = options.numeric ? "*" : ServiceName(port, options.transport);
  return Concat("Connection to ", HostText(options, address), ' ', port, " port [",
                ProtocolName(options.transport), '/', service, ']');
}

// What peers and files may have put into it must not drive a terminal.
void Print(std::string line) {
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ' || c == '\x7f') c = '?';
  }
  line += '\n';
  std::fputs(line.c_str(), stderr);
}

}  // namespace

std::string PlaceText(const SocketAddress& address, const NetcatOptions& options) {
  if (!address.is_ip()) return UnixText(address);
  sockaddr_storage storage;
  const socklen_t length = address.ToSockaddr(&storage);
  char name[NI_MAXHOST];
  const bool named =
      !options.numeric && getnameinfo(reinterpret_cast<const sockaddr*>(&storage), length, name,
                                      sizeof name, nullptr, 0, NI_NAMEREQD) == 0;
  return Concat(named ? std::string(name) : address.ip(), ' ', address.port());
}

std::string SucceededText(const NetcatOptions& options, const SocketAddress& address,
                          uint16_t port) {
  return Concat(ConnectionText(options, address, port), " succeeded!");
}

std::string FailedText(const NetcatOptions& options, const SocketAddress& address, uint16_t port,
                       std::string_view reason) {
  return Concat("connect to ", HostText(options, address), " port ", port, " (",
                ProtocolName(options.transport), ") failed: ", reason);
}

std::string SilentText(const NetcatOptions& options, const SocketAddress& address, uint16_t port) {
  return Concat(ConnectionText(options, address, port), ": open or filtered");
}

void Say(std::string_view text) { Print(std::string(text)); }
void Complain(std::string_view text) { Print(Concat("nc: ", text)); }
void Complain(const absl::Status& status) { Complain(FromAbsl(status.message())); }

}  // namespace spindle::bench
