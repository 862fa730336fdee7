// What escapes from a callback ends the process, whichever callback it is, and whoever would catch
// it further up.

#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gtest/gtest.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/faulty_syscalls.h"
#include "tests/testing/stream_env.h"

namespace spindle {
namespace {

[[noreturn]] void Throw() { throw 1; }

// Everything that a server and its client may call back; a callback that `name` names throws.
struct Callbacks {
  explicit Callbacks(const std::string& name) : name_(name) {}

  ConnectionCallbacks Server() const {
    ConnectionCallbacks callbacks;
    callbacks.on_open = [this](Connection&) { Maybe("on_open"); };
    callbacks.on_bytes = [this](Connection& c, Buffer& in) {
      Maybe("on_bytes");
      in.Clear();
      c.Write(std::string(200'000, 'x'));
      c.handle().Run([this](Connection&) { Maybe("run"); });
      c.handle().Write(std::string("y"), [this](IoError) { Maybe("written"); });
    };
    callbacks.on_read_closed = [this](Connection& c) {
      Maybe("on_read_closed");
      c.Close();
    };
    callbacks.on_pause = [this](Connection&) { Maybe("on_pause"); };
    callbacks.on_resume = [this](Connection&) { Maybe("on_resume"); };
    callbacks.on_drained = [this](Connection&) { Maybe("on_drained"); };
    callbacks.on_drain = [this](Connection& c) {
      Maybe("on_drain");
      c.Close();
    };
    callbacks.on_close = [this](Connection&, const CloseReason&) { Maybe("on_close"); };
    return callbacks;
  }
  void Maybe(const std::string& which) const {
    if (which == name_) Throw();
  }

 private:
  const std::string name_;
};

// Goes through the whole life of a server and a client, and ends the process well.
[[noreturn]] void LiveAndExit(const std::string& name) {
  const Callbacks callbacks(name);
  FaultySyscalls faulty;
  StreamEnv env(Machine{}, faulty);
  bool drained = false;
  bool failed = false;
  bool client_closed = false;
  try {
    StreamServerOptions options;
    options.connection.peer_fin = PeerFinPolicy::kKeepWriting;
    options.connection.send_buffer = 4096;
    options.connection.high_water_mark = 1000;
    options.connection.low_water_mark = 0;
    options.place = [&](const SocketAddress&, size_t) {
      callbacks.Maybe("place");
      return size_t{0};
    };
    options.on_accept_error = [&](const absl::Status&) {
      failed = true;
      callbacks.Maybe("on_accept_error");
    };
    auto server = env.Listen(callbacks.Server(), std::move(options));
    const SocketAddress address = server->address();
    faulty.FailNext(SysCall::kAccept, ECONNABORTED);
    size_t received = 0;
    StreamClient client(
        env.client_loop(), address,
        {.on_open = [](Connection& c) { c.Write("x"); },
         .on_bytes =
             [&](Connection& c, Buffer& in) {
               received += in.size();
               in.Clear();
               if (received == 200'001) c.ShutdownWrite();
             },
         .on_close = [&](Connection&, const CloseReason&) { client_closed = true; }});
    client.Connect();
    env.RunUntil([&] { return client_closed && failed; });
    StreamClient second(env.client_loop(), address, {});
    second.Connect();
    env.RunUntil([&] { return server->connections() == 1; });
    server->Drain(std::chrono::minutes(1), [&](const DrainResult&) {
      drained = true;
      callbacks.Maybe("drained");
    });
    env.RunUntil([&] { return drained; });
    StreamClient third(env.client_loop(), address, {}, {}, [&](const ConnectError&) {
      drained = false;
      callbacks.Maybe("on_connect_error");
    });
    third.Connect();
    env.RunUntil([&] { return !drained; });
  } catch (int) {
    _exit(3);
  }
  _exit(0);
}

using ThrowingCallbackDeathTest = testing::TestWithParam<const char*>;

TEST_P(ThrowingCallbackDeathTest, EndsTheProcess_L9) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_DEATH(LiveAndExit(GetParam()), "terminate called");
}

INSTANTIATE_TEST_SUITE_P(Callbacks, ThrowingCallbackDeathTest,
                         testing::Values("on_open", "on_bytes", "on_read_closed", "on_pause",
                                         "on_resume", "on_drained", "on_drain", "on_close", "run",
                                         "written", "place", "on_accept_error", "drained",
                                         "on_connect_error"),
                         [](const auto& info) { return std::string(info.param); });

// The scenario reaches its end if nobody throws: the deaths above are the callbacks' doing.
TEST(ThrowingCallbackDeathTest, NobodyThrows) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EXPECT_EXIT(LiveAndExit("nobody"), testing::ExitedWithCode(0), "");
}

}  // namespace
}  // namespace spindle
