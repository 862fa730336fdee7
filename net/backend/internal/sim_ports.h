#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_PORTS_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_PORTS_H_

#include <cstdint>
#include <map>
#include <vector>

#include "base/clock.h"
#include "net/backend/internal/sim_address.h"

namespace spindle {

class SimTcpSocket;
class SimWorld;

// Who uses which TCP port, by the rules of bind(2), listen(2) and connect(2). IPv4 and IPv6 share
// the ports, as far as their addresses overlap.
// One thread at a time.
class SimPorts {
 public:
  explicit SimPorts(SimWorld& world) : world_(world) {}

  // The socket uses its local endpoint until Remove.
  void Add(SimTcpSocket& socket);
  void Remove(SimTcpSocket& socket);
  // A connection that was closed here first keeps its endpoint for a minute (TIME_WAIT). Returns an
  // id for Forget.
  uint64_t AddTimeWait(const SimTcpSocket& socket);
  void ForgetTimeWait(uint64_t id);

  // Whether `socket` may not have `local`.
  bool Conflicts(const SimTcpSocket& socket, const SimEndpoint& local);
  // A free port for bind to port 0; 0 if there is none.
  uint16_t PickForBind(const SimTcpSocket& socket, const SimIp& ip);
  // A free port for a connect from `ip`; 0 if there is none. May be the port of `remote`.
  uint16_t PickForConnect(const SimIp& ip, const SimEndpoint& remote);
  // Whether a connection between the two exists.
  bool HasConnection(const SimEndpoint& local, const SimEndpoint& remote) const;

  // Who answers a SYN to `local`; null if nobody does.
  SimTcpSocket* FindListener(const SimEndpoint& local);
  // A socket that is connecting from `local` to `remote`; null if there is none.
  SimTcpSocket* FindConnecting(const SimEndpoint& local, const SimEndpoint& remote) const;

 private:
  struct TimeWait {
    uint64_t id;
    SimEndpoint local;
    bool reuse_address;
    bool reuse_port;
    TimePoint until;
  };
  struct Port {
    std::vector<SimTcpSocket*> sockets;
    std::vector<TimeWait> time_waits;
  };

  uint16_t Candidate(uint64_t first, uint64_t step) const;
  uint64_t PortCount() const;

  SimWorld& world_;
  std::map<uint16_t, Port> ports_;
  std::map<uint64_t, uint16_t> time_wait_ports_;  // By id.
  uint64_t last_id_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_PORTS_H_
