#ifndef SPINDLE_TESTS_NET_BACKEND_SIM_ECHO_SCENARIO_H_
#define SPINDLE_TESTS_NET_BACKEND_SIM_ECHO_SCENARIO_H_

#include <sys/socket.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "net/backend/sim_kernel.h"

namespace spindle {

// An edge-triggered echo server and its clients, written straight on the system calls: the program
// that the simulator must neither starve nor cheat. Each client sends its bytes, shuts down, and
// reads until the end; the server echoes, and closes when it has echoed all.
//
// One thread.
class SimEchoScenario {
 public:
  struct Plan {
    SimOptions options;
    int domain = AF_INET;
    size_t clients = 3;
    size_t bytes_each = 2000;
  };

  struct Outcome {
    std::string failure;  // Empty if all went as it must.
    size_t completed = 0;
    size_t broken = 0;  // Ended by an error that the faults allow.
    SimCounters counters;
    uint64_t trace_hash = 0;
    Duration virtual_time = Duration::zero();
  };

  static Outcome Run(const Plan& plan);

 private:
  enum class Role : uint8_t { kClient, kServer };
  struct Peer {
    Role role;
    bool connected = false;
    bool finished_sending = false;
    bool input_ended = false;
    std::string output;  // Still to be sent.
    std::string received;
    std::string expected;
  };

  explicit SimEchoScenario(const Plan& plan);
  Outcome Play();
  void Listen();
  void StartClient(size_t index);
  void Watch(int fd, uint32_t events);
  bool Turn();
  void OnEvent(int fd, uint32_t events);
  void AcceptAll();
  void OnConnecting(int fd, Peer& peer);
  // These return false when the connection is over.
  bool ReadAll(int fd, Peer& peer, uint32_t events);
  bool WriteAll(int fd, Peer& peer);
  void End(int fd, int error);
  void Fail(const std::string& why);
  void CheckTheEnd(Outcome& outcome);

  const Plan plan_;
  SimKernel kernel_;
  // A reader may take a short read for "drained", unless the end was announced; half of the seeds
  // do.
  const bool trusts_short_reads_;
  int set_ = -1;
  int timer_ = -1;
  int listener_ = -1;
  sockaddr_storage address_ = {};
  socklen_t address_length_ = 0;
  std::map<int, Peer> peers_;
  Outcome outcome_;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_NET_BACKEND_SIM_ECHO_SCENARIO_H_
