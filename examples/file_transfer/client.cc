// file_transfer: fetches the file that the server sends.
//
//   client HOST PORT OUT
//
// Teaches: a client; input taken as it comes, with whatever is not whole left in the buffer;
// telling a complete transfer from one that broke off. Exits with 0 only if OUT holds the whole
// file.

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/errno_status.h"
#include "base/owned_fd.h"
#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "net/stream/connection.h"
#include "net/stream/stream_client.h"
#include "net/types/buffer.h"

namespace {

using spindle::Concat;

// Blocks: a program with more to do would write on another thread.
void WriteAll(int fd, std::string_view data) {
  while (!data.empty()) {
    const ssize_t written = write(fd, data.data(), data.size());
    if (written < 0 && errno != EINTR) {
      examples::Die(examples::kExitFailed, Concat("write: ", spindle::ErrnoText(errno)));
    }
    if (written > 0) data.remove_prefix(static_cast<size_t>(written));
  }
}

class Download {
 public:
  explicit Download(int file) : file_(file) {}

  void OnBytes(spindle::Buffer& input) {
    if (!size_.has_value()) size_ = input.ReadBig64();
    if (!size_.has_value()) return;  // Not all of the header yet: it stays in the buffer.
    received_ += input.size();
    input.ForEachSegment([this](std::string_view piece) { WriteAll(file_, piece); });
    input.Clear();
  }

  // Why the file is not whole; empty if it is.
  std::string Problem(const spindle::CloseReason& reason) const {
    if (size_ == received_) return "";
    if (!size_.has_value()) return Concat("no size received: ", reason.ToString());
    return Concat("received ", received_, " of ", *size_, " bytes: ", reason.ToString());
  }

 private:
  const int file_;
  std::optional<uint64_t> size_;
  uint64_t received_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "HOST PORT OUT", 3, 3);
  const spindle::SocketAddress address = line.Address();
  const std::string& path = line.arguments()[2];
  const spindle::OwnedFd file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666));
  if (!file.valid()) {
    examples::Die(examples::kExitFailed, Concat("open ", path, ": ", spindle::ErrnoText(errno)));
  }
  const auto loop = examples::OrDie(spindle::EventLoop::Create());

  Download download(file.get());
  std::string problem;
  int exit_code = examples::kExitFailed;
  spindle::ConnectionCallbacks callbacks;
  callbacks.on_bytes = [&](spindle::Connection& /*connection*/, spindle::Buffer& input) {
    download.OnBytes(input);
  };
  callbacks.on_close = [&](spindle::Connection& /*connection*/,
                           const spindle::CloseReason& reason) {
    problem = download.Problem(reason);
    loop->Quit();
  };
  spindle::StreamClient client(*loop, address, std::move(callbacks), {},
                               [&](const spindle::ConnectError& error) {
                                 problem = error.ToString(address);
                                 exit_code = examples::kExitCannotConnect;
                                 loop->Quit();
                               });
  client.Connect();
  if (const absl::Status status = loop->Run(); !status.ok()) examples::DieOf(status);
  if (!problem.empty()) examples::Die(exit_code, problem);
  return examples::kExitOk;
}
