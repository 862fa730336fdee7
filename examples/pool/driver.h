#ifndef SPINDLE_EXAMPLES_POOL_DRIVER_H_
#define SPINDLE_EXAMPLES_POOL_DRIVER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "net/pool/pool_call.h"

namespace examples {

// What a client says in its n-th round, one request after the other, and how it reads the answers.
struct Exchange {
  std::string request;
  std::function<spindle::ReplyState(spindle::Buffer&)> on_reply;
};
using Script = std::function<std::vector<Exchange>(uint64_t round)>;

// The command line [--loops=N] [--connections=N] [--users=N] [--rounds=N] HOST PORT: that many
// users on each loop go through their rounds, over one pool. Prints what the pool has done; returns
// what main should return.
int RunUsers(int argc, char** argv, const Script& script);

}  // namespace examples

#endif  // SPINDLE_EXAMPLES_POOL_DRIVER_H_
