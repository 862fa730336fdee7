#ifndef SPINDLE_NET_BACKEND_INTERNAL_SIM_WORLD_H_
#define SPINDLE_NET_BACKEND_INTERNAL_SIM_WORLD_H_

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/random.h"
#include "net/backend/internal/sim_event_queue.h"
#include "net/backend/internal/sim_file.h"
#include "net/backend/internal/sim_names.h"
#include "net/backend/internal/sim_ports.h"
#include "net/backend/sim_options.h"

namespace spindle {

// Something that holds payload, for the count of bytes in flight.
class SimByteHolder {
 public:
  explicit SimByteHolder(SimWorld& world);
  SimByteHolder(const SimByteHolder&) = delete;
  SimByteHolder& operator=(const SimByteHolder&) = delete;
  virtual uint64_t held_bytes() const = 0;

 protected:
  ~SimByteHolder();
  SimWorld& holder_world_;
};

// The state that all parts of one simulated kernel share. Outlives its files.
class SimWorld {
 public:
  explicit SimWorld(const SimOptions& options);
  ~SimWorld();

  SimOptions& options() { return options_; }
  SimCounters& counters() { return counters_; }
  Random& random() { return random_; }
  SimEventQueue& events() { return events_; }
  SimPorts& ports() { return ports_; }
  SimNames& names() { return names_; }
  SimBytes& bytes() { return bytes_; }
  uint64_t CountHeldBytes() const;

  // --- Time.
  TimePoint now() const { return now_; }
  // Goes to `time`, and lets what is due on the way happen at its own time.
  void AdvanceTo(TimePoint time);
  // A random part of `limit`, at least 1 ns.
  Duration UpTo(Duration limit);
  // How long a fault leaves a descriptor not ready.
  Duration Moment();
  // How long a chunk travels.
  Duration Delay();

  // --- Chance. True with `probability`; counts if so.
  bool Roll(double probability, uint64_t& counter);
  bool RollOnly(double probability) { return probability > 0 && random_.Chance(probability); }

  // --- Trace.
  void Trace(uint64_t a, uint64_t b);
  uint64_t trace_hash() const { return trace_hash_; }

  // --- Descriptors. Null if `fd` is not open.
  SimFile* File(int fd) const;
  std::shared_ptr<SimFile> SharedFile(int fd) const;
  // Whether one more descriptor is allowed; counts if not.
  bool HasRoom();
  // There must be room.
  int Install(std::shared_ptr<SimFile> file);
  // Null if `fd` is not open.
  std::shared_ptr<SimFile> Take(int fd);
  const std::vector<std::shared_ptr<SimFile>>& files() const { return files_; }
  size_t open_files() const { return open_files_; }

 private:
  friend class SimByteHolder;

  SimOptions options_;
  SimCounters counters_;
  SimBytes bytes_;
  Random random_;
  TimePoint now_;
  uint64_t trace_hash_ = 0;
  std::set<const SimByteHolder*> holders_;  // Only ever summed up, so their order tells nothing.
  SimPorts ports_;
  SimNames names_;
  SimEventQueue events_;
  std::vector<std::shared_ptr<SimFile>> files_;  // By descriptor.
  size_t open_files_ = 0;
  size_t lowest_free_ = 0;  // No free descriptor is lower.
};

}  // namespace spindle

#endif  // SPINDLE_NET_BACKEND_INTERNAL_SIM_WORLD_H_
