// sum: asks the server for a sum and prints it.
//
//   client HOST PORT [NUMBER...]
//
// Teaches: a client that asks once: connect, write, wait for the answer, close; a deadline for the
// answer; an exit code for each way to fail.

#include <chrono>
#include <cstdio>
#include <optional>
#include <string>
#include <utility>

#include "base/strings.h"
#include "examples/common/command_line.h"
#include "examples/common/serve.h"
#include "examples/sum/protocol.h"
#include "net/stream/connection.h"
#include "net/stream/stream_client.h"
#include "net/types/buffer.h"

namespace {

using spindle::Buffer;
using spindle::CloseReason;
using spindle::Connection;

Buffer MakeRequest(const examples::CommandLine& line) {
  Buffer request;
  for (size_t i = 2; i < line.arguments().size(); ++i) {
    request.AppendBig64(static_cast<uint64_t>(examples::ParseInteger(line.arguments()[i])));
  }
  return request;
}

}  // namespace

int main(int argc, char** argv) {
  const examples::CommandLine line(argc, argv, "HOST PORT [NUMBER...]", 2, 1002);
  const spindle::SocketAddress address = line.Address();
  const Buffer request = MakeRequest(line);
  const spindle::LengthCodec codec(examples::kSumFrames);
  const auto loop = examples::OrDie(spindle::EventLoop::Create());

  std::optional<uint64_t> answer;
  std::string problem;
  int exit_code = examples::kExitFailed;
  spindle::ConnectionCallbacks callbacks;
  callbacks.on_open = [&](Connection& connection) { codec.Write(connection, request.Clone()); };
  callbacks.on_bytes = spindle::OnFrames(
      codec,
      [&](Connection& connection, Buffer& frame) {
        answer = frame.ReadBig64();
        connection.Close();
      },
      [](Connection& connection, spindle::FrameStatus /*why*/) { connection.Abort(); });
  callbacks.on_close = [&](Connection& /*connection*/, const CloseReason& reason) {
    problem = spindle::Concat("no answer: ", reason.ToString());
    loop->Quit();
  };
  spindle::StreamClient client(*loop, address, std::move(callbacks),
                               {.connection = {.read_timeout = std::chrono::seconds(10)}},
                               [&](const spindle::ConnectError& error) {
                                 problem = error.ToString(address);
                                 exit_code = examples::kExitCannotConnect;
                                 loop->Quit();
                               });
  client.Connect();
  if (const absl::Status status = loop->Run(); !status.ok()) examples::DieOf(status);
  if (!answer.has_value()) examples::Die(exit_code, problem);
  std::printf("%lld\n", static_cast<long long>(*answer));
  return examples::kExitOk;
}
