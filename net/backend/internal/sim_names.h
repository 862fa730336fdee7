#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_NAMES_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_NAMES_H_

#include <map>
#include <string>

namespace spindle {

class SimUnixSocket;

// The names of Unix sockets. A path stays when its socket goes, an abstract name does not.
// One thread at a time.
class SimNames {
 public:
  // False if the name is taken.
  bool Add(const std::string& name, SimUnixSocket* socket) {
    return sockets_.emplace(name, socket).second;
  }

  // The socket is no more.
  void Release(const std::string& name, SimUnixSocket* socket) {
    const auto found = sockets_.find(name);
    if (found == sockets_.end() || found->second != socket) return;
    if (name[0] == '\0') {
      sockets_.erase(found);
    } else {
      found->second = nullptr;
    }
  }

  // unlink(2).
  bool Unlink(const std::string& path) { return sockets_.erase(path) > 0; }

  bool Exists(const std::string& name) const { return sockets_.contains(name); }
  // Null if the name has no socket.
  SimUnixSocket* Find(const std::string& name) const {
    const auto found = sockets_.find(name);
    return found == sockets_.end() ? nullptr : found->second;
  }

 private:
  std::map<std::string, SimUnixSocket*> sockets_;
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_NAMES_H_
