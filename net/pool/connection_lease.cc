#include "net/pool/connection_lease.h"

#include "net/pool/internal/pooled_connection.h"

namespace spindle {

ConnectionLease& ConnectionLease::operator=(ConnectionLease&& other) noexcept {
  if (this != &other) {
    LetGo(Fate::kReturn);
    held_ = std::move(other.held_);
  }
  return *this;
}

ConnectionLease::~ConnectionLease() { LetGo(Fate::kReturn); }

Connection* ConnectionLease::connection() const {
  return held_ == nullptr ? nullptr : held_->connection();
}

ConnectionId ConnectionLease::id() const { return held_ == nullptr ? ConnectionId() : held_->id(); }

uint64_t ConnectionLease::uses_before() const {
  return held_ == nullptr ? 0 : held_->uses_before();
}

LeaseTraffic ConnectionLease::traffic() const {
  return held_ == nullptr ? LeaseTraffic() : held_->Traffic();
}

bool ConnectionLease::SetCallbacks(LeaseCallbacks callbacks) {
  return held_ != nullptr && held_->SetCallbacks(std::move(callbacks));
}

void ConnectionLease::Return() { LetGo(Fate::kReturn); }

void ConnectionLease::Discard() { LetGo(Fate::kDiscard); }

void ConnectionLease::LetGo(Fate fate) {
  if (held_ != nullptr) PooledConnection::GiveBack(std::exchange(held_, nullptr), fate);
}

}  // namespace spindle
