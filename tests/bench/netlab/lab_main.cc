// The main of tests that make labs. In a user namespace that is not the network's, such as that of
// a sandbox, root may make network namespaces, but could not come back from them: then the test
// enters another one, with a network of its own, while it has one thread.

#include "bench/netlab/net_namespace.h"
#include "gtest/gtest.h"

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  // Where that is refused, the tests say so and skip.
  if (!spindle::bench::MayMakeNamespaces()) spindle::bench::EnterUserNamespace().IgnoreError();
  return RUN_ALL_TESTS();
}
