#ifndef SPINDLE_TESTS_TESTING_SERVED_TEST_H_
#define SPINDLE_TESTS_TESTING_SERVED_TEST_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "net/stream/connection_callbacks.h"
#include "net/stream/stream_client.h"
#include "net/stream/stream_server.h"
#include "tests/testing/stream_audit.h"
#include "tests/testing/stream_env.h"

namespace spindle {

// A server and clients of it on the machine of GetParam(), both sides audited. At the end they go,
// in order, before leaks are looked for.
class ServedTest : public StreamEnvTest {
 protected:
  ServedTest();
  ~ServedTest() override;

  void Listen(ConnectionCallbacks callbacks, StreamServerOptions options = {});
  // Kept until the end of the test, or clients_.clear().
  StreamClient& Connect(ConnectionCallbacks callbacks, StreamClientOptions options = {});
  // Runs until both sides have seen the end of `connections`.
  bool RunUntilClosed(uint64_t connections = 1);
  void TearDown() override;

  StreamAudit server_audit_;
  StreamAudit client_audit_;
  std::unique_ptr<StreamEnv> env_;
  std::unique_ptr<StreamServer> server_;
  std::vector<std::unique_ptr<StreamClient>> clients_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_SERVED_TEST_H_
