// file_transfer: sends a file to whoever connects: its size as 8 bytes, big-endian, then the bytes.
//
//   server HOST PORT FILE
//
// Teaches: SendFile, with which the bytes go from the page cache to the socket without passing
// through this process, however large the file is; a header before it; Abort, which tells the peer
// by a reset that what it has is not the whole.

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/stream/connection.h"
#include "net/stream/stream_server.h"
#include "net/types/buffer.h"

namespace {

using spindle::Connection;
using spindle::OwnedFd;

// Opened anew for each connection: it may have been replaced meanwhile.
absl::StatusOr<OwnedFd> Open(const std::string& path) {
  OwnedFd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return spindle::ErrnoStatus("open " + path, errno);
  return file;
}

void SendTo(Connection& connection, const std::string& path) {
  absl::StatusOr<OwnedFd> file = Open(path);
  struct stat info;
  if (!file.ok() || fstat(file->get(), &info) != 0) return connection.Abort();
  const auto size = static_cast<size_t>(info.st_size);
  spindle::Buffer header;
  header.AppendBig64(size);
  connection.Write(std::move(header));
  connection.SendFile(*std::move(file), 0, size);
  connection.Close();
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "HOST PORT FILE", 3, 3);
  const spindle::SocketAddress address = line.Address();
  const std::string path = line.arguments()[2];
  examples::OrDie(Open(path), examples::kExitFailed);  // To fail early.
  const examples::Loops loops(0);

  spindle::ConnectionCallbacks callbacks;
  callbacks.on_open = [&path](Connection& connection) { SendTo(connection, path); };
  const auto server = examples::OrDie(spindle::StreamServer::Listen(
      *loops.main, address, std::move(callbacks),
      // A peer that takes nothing for half a minute is gone; one that takes little is welcome.
      {.connection = {.write_timeout = std::chrono::seconds(30),
                      .close_timeout = std::chrono::seconds(0)}}));
  return examples::ServeUntilSignal(*loops.main, *server);
}
