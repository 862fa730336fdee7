#include "tests/testing/served_test.h"

#include <utility>

namespace spindle {

ServedTest::ServedTest() : env_(std::make_unique<StreamEnv>(GetParam())) {}

ServedTest::~ServedTest() = default;

void ServedTest::Listen(ConnectionCallbacks callbacks, StreamServerOptions options) {
  server_ = env_->Listen(server_audit_.Watch(std::move(callbacks)), std::move(options));
}

StreamClient& ServedTest::Connect(ConnectionCallbacks callbacks, StreamClientOptions options) {
  clients_.push_back(std::make_unique<StreamClient>(env_->client_loop(), server_->address(),
                                                    client_audit_.Watch(std::move(callbacks)),
                                                    std::move(options)));
  clients_.back()->Connect();
  return *clients_.back();
}

bool ServedTest::RunUntilClosed(uint64_t connections) {
  return env_->RunUntil([&] {
    return client_audit_.closed() == connections && server_audit_.closed() == connections;
  });
}

void ServedTest::TearDown() {
  clients_.clear();
  server_.reset();
  env_.reset();
  StreamEnvTest::TearDown();
}

}  // namespace spindle
