#ifndef SPINDLE_NET_LOOP_INTERNAL_SLOT_TABLE_H_
#define SPINDLE_NET_LOOP_INTERNAL_SLOT_TABLE_H_

#include <algorithm>
#include <cstddef>
#include <vector>

#include "net/backend/io_slot.h"
#include "net/backend/slot_token.h"

namespace spindle {

// Which slot a token names, indexed by descriptor: one compare tells a live registration from one
// that has ended. 16 bytes for each descriptor up to the highest seen. Loop thread only.
class SlotTable {
 public:
  // Null if the registration that `token` names has ended.
  IoSlot* Find(SlotToken token) const {
    const size_t index = static_cast<size_t>(token.fd());
    if (index >= entries_.size() || !(entries_[index].token == token)) return nullptr;
    return entries_[index].slot;
  }

  bool Occupied(int fd) const {
    const size_t index = static_cast<size_t>(fd);
    return index < entries_.size() && entries_[index].slot != nullptr;
  }

  // The place must be free.
  void Put(SlotToken token, IoSlot* slot) {
    const size_t index = static_cast<size_t>(token.fd());
    if (index >= entries_.size()) entries_.resize(std::max(index + 1, entries_.size() * 3 / 2));
    entries_[index] = Entry{token, slot};
    ++live_;
  }

  void Erase(SlotToken token) {
    if (Find(token) == nullptr) return;
    entries_[static_cast<size_t>(token.fd())] = Entry{};
    --live_;
  }

  size_t live() const { return live_; }

  // Calls `function` with each slot; it may erase.
  template <typename Function>
  void ForEach(Function function) {
    for (size_t i = 0; i < entries_.size(); ++i) {
      if (entries_[i].slot != nullptr) function(*entries_[i].slot);
    }
  }

 private:
  struct Entry {
    SlotToken token;
    IoSlot* slot = nullptr;
  };
  std::vector<Entry> entries_;
  size_t live_ = 0;
};

}  // namespace spindle

#endif  // SPINDLE_NET_LOOP_INTERNAL_SLOT_TABLE_H_
