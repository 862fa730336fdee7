#include "net/backend/internal/sim_ports.h"

#include <algorithm>
#include <chrono>

#include "net/backend/internal/sim_tcp.h"
#include "net/backend/internal/sim_world.h"

namespace spindle {
namespace {

constexpr Duration kTimeWait = std::chrono::seconds(60);

// Whether a socket bound to `a` and one bound to `b` can be meant by the same packet.
bool Overlap(const SimIp& a, bool a_v6_only, const SimIp& b, bool b_v6_only) {
  if (a == b) return true;
  const auto covers = [](const SimIp& any, bool v6_only, const SimIp& other) {
    if (any.is_any_v4()) return other.is_v4();
    return any.is_any_v6() && !(v6_only && other.is_v4());
  };
  return covers(a, a_v6_only, b) || covers(b, b_v6_only, a);
}

}  // namespace

void SimPorts::Add(SimTcpSocket& socket) { ports_[socket.local().port].sockets.push_back(&socket); }

void SimPorts::Remove(SimTcpSocket& socket) {
  const auto found = ports_.find(socket.local().port);
  if (found == ports_.end()) return;
  std::erase(found->second.sockets, &socket);
  if (found->second.sockets.empty() && found->second.time_waits.empty()) ports_.erase(found);
}

uint64_t SimPorts::AddTimeWait(const SimTcpSocket& socket) {
  Port& port = ports_[socket.local().port];
  std::erase_if(port.time_waits, [this](const TimeWait& entry) {
    if (entry.until > world_.now()) return false;
    time_wait_ports_.erase(entry.id);
    return true;
  });
  port.time_waits.push_back({++last_id_, socket.local(), socket.reuse_address(),
                             socket.reuse_port(), SaturatingAdd(world_.now(), kTimeWait)});
  time_wait_ports_[last_id_] = socket.local().port;
  return last_id_;
}

void SimPorts::ForgetTimeWait(uint64_t id) {
  const auto found = time_wait_ports_.find(id);
  if (found == time_wait_ports_.end()) return;
  const auto port = ports_.find(found->second);
  std::erase_if(port->second.time_waits, [id](const TimeWait& entry) { return entry.id == id; });
  if (port->second.sockets.empty() && port->second.time_waits.empty()) ports_.erase(port);
  time_wait_ports_.erase(found);
}

bool SimPorts::Conflicts(const SimTcpSocket& socket, const SimEndpoint& local) {
  const auto found = ports_.find(local.port);
  if (found == ports_.end()) return false;
  for (const SimTcpSocket* other : found->second.sockets) {
    if (other == &socket) continue;
    if (!Overlap(local.ip, socket.v6_only(), other->local().ip, other->v6_only())) continue;
    if (socket.reuse_address() && other->reuse_address() && !other->listening()) continue;
    if (socket.reuse_port() && other->reuse_port()) continue;
    return true;
  }
  for (const TimeWait& entry : found->second.time_waits) {
    if (entry.until <= world_.now()) continue;
    if (!Overlap(local.ip, socket.v6_only(), entry.local.ip, false)) continue;
    if (socket.reuse_address() && entry.reuse_address) continue;
    if (socket.reuse_port() && entry.reuse_port) continue;
    return true;
  }
  return false;
}

uint64_t SimPorts::PortCount() const {
  return uint64_t{world_.options().last_ephemeral_port} - world_.options().first_ephemeral_port + 1;
}

uint16_t SimPorts::Candidate(uint64_t first, uint64_t step) const {
  return static_cast<uint16_t>(world_.options().first_ephemeral_port +
                               (first + step) % PortCount());
}

uint16_t SimPorts::PickForBind(const SimTcpSocket& socket, const SimIp& ip) {
  const uint64_t first = world_.random().Uniform(PortCount());
  for (uint64_t step = 0; step < PortCount(); ++step) {
    const uint16_t port = Candidate(first, step);
    const auto found = ports_.find(port);
    if (found == ports_.end() || !Conflicts(socket, {ip, port})) return port;
  }
  return 0;
}

uint16_t SimPorts::PickForConnect(const SimIp& ip, const SimEndpoint& remote) {
  const uint64_t first = world_.random().Uniform(PortCount());
  for (uint64_t step = 0; step < PortCount(); ++step) {
    const uint16_t port = Candidate(first, step);
    const auto found = ports_.find(port);
    if (found == ports_.end()) return port;
    const auto& sockets = found->second.sockets;
    // A port that somebody bound is his, a port that a connect chose serves many destinations.
    if (std::any_of(sockets.begin(), sockets.end(),
                    [](const SimTcpSocket* other) { return !other->port_chosen_by_connect(); })) {
      continue;
    }
    if (!HasConnection({ip, port}, remote)) return port;
  }
  return 0;
}

bool SimPorts::HasConnection(const SimEndpoint& local, const SimEndpoint& remote) const {
  const auto found = ports_.find(local.port);
  if (found == ports_.end()) return false;
  const auto& sockets = found->second.sockets;
  return std::any_of(sockets.begin(), sockets.end(), [&](const SimTcpSocket* other) {
    return !other->closed() && other->local() == local && other->remote() == remote;
  });
}

SimTcpSocket* SimPorts::FindListener(const SimEndpoint& local) {
  const auto found = ports_.find(local.port);
  if (found == ports_.end()) return nullptr;
  // The most exact address wins; among equals that share the port, chance decides.
  std::vector<SimTcpSocket*> best;
  int best_score = 0;
  for (SimTcpSocket* socket : found->second.sockets) {
    if (!socket->listening()) continue;
    const SimIp& ip = socket->local().ip;
    if (!Overlap(ip, socket->v6_only(), local.ip, false)) continue;
    const int score = ip == local.ip ? 3 : ip.is_any_v4() ? 2 : 1;
    if (score > best_score) best.clear();
    if (score >= best_score) best.push_back(socket);
    best_score = std::max(best_score, score);
  }
  if (best.empty()) return nullptr;
  return best.size() == 1 ? best[0] : best[world_.random().Uniform(best.size())];
}

SimTcpSocket* SimPorts::FindConnecting(const SimEndpoint& local, const SimEndpoint& remote) const {
  const auto found = ports_.find(local.port);
  if (found == ports_.end()) return nullptr;
  for (SimTcpSocket* socket : found->second.sockets) {
    if (socket->connecting() && socket->local() == local && socket->remote() == remote) {
      return socket;
    }
  }
  return nullptr;
}

}  // namespace spindle
