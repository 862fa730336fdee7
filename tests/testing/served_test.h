#ifndef SPINDLE_TESTS_TESTING_SERVED_TEST_H_
#define SPINDLE_TESTS_TESTING_SERVED_TEST_H_

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {

// A server and clients of it on the machine of GetParam(), both sides audited. At the end they go,
// in order, before leaks are looked for.
class ServedTest : public StreamEnvTest {
 protected:
  void Listen(ConnectionCallbacks callbacks, StreamServerOptions options = {}) {
    server_ = env_->Listen(server_audit_.Watch(std::move(callbacks)), std::move(options));
  }
  // Kept until the end of the test, or clients_.clear().
  StreamClient& Connect(ConnectionCallbacks callbacks, StreamClientOptions options = {}) {
    clients_.push_back(std::make_unique<StreamClient>(env_->client_loop(), server_->address(),
                                                      client_audit_.Watch(std::move(callbacks)),
                                                      std::move(options)));
    clients_.back()->Connect();
    return *clients_.back();
  }
  // Runs until both sides have seen the end of `connections`.
  bool RunUntilClosed(uint64_t connections = 1) {
    return env_->RunUntil([&] {
      return client_audit_.closed() == connections && server_audit_.closed() == connections;
    });
  }
  void TearDown() override {
    clients_.clear();
    server_.reset();
    env_.reset();
    StreamEnvTest::TearDown();
  }

  StreamAudit server_audit_;
  StreamAudit client_audit_;
  std::unique_ptr<StreamEnv> env_ = std::make_unique<StreamEnv>(GetParam());
  std::unique_ptr<StreamServer> server_;
  std::vector<std::unique_ptr<StreamClient>> clients_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_SERVED_TEST_H_
