#include "net/stream/connection_handle.h"

#include <errno.h>

#include <memory>
#include <utility>

#include "net/loop/io_host.h"
#include "net/stream/connection.h"

namespace spindle {

ConnectionId ConnectionHandle::id() const {
  return ConnectionId{loop_index_, static_cast<uint32_t>(token_.fd()), token_.generation()};
}

Connection* ConnectionHandle::Get() const {
  if (!token_.valid() || !loop_.IsInLoop()) return nullptr;
  // Tokens are never given twice, and this one came from a connection.
  return static_cast<Connection*>(host_->Find(token_));
}

bool ConnectionHandle::Run(absl::AnyInvocable<void(Connection&)> function) const {
  if (!token_.valid() || (loop_.IsInLoop() && Get() == nullptr)) return false;
  return loop_.Post([self = *this, function = std::move(function)]() mutable {
    if (Connection* connection = self.Get()) connection->CallFromTask(function);
  });
}

bool ConnectionHandle::Write(Buffer data, absl::AnyInvocable<void(IoError)> done) const {
  if (!token_.valid() || (loop_.IsInLoop() && Get() == nullptr)) return false;
  return loop_.Post([self = *this, data = std::move(data), done = std::move(done)]() mutable {
    Connection* connection = self.Get();
    const IoError error =
        connection == nullptr ? IoError(EPIPE, IoOp::kWrite) : connection->Write(std::move(data));
    if (done) done(error);
  });
}

bool ConnectionHandle::Write(std::string data, absl::AnyInvocable<void(IoError)> done) const {
  // The string's own memory becomes the chunk.
  auto owner = std::make_unique<const std::string>(std::move(data));
  const std::string_view view = *owner;
  Buffer buffer;
  buffer.Append(Chunk::Wrap(view, [owner = std::move(owner)] {}), 0, view.size());
  return Write(std::move(buffer), std::move(done));
}

bool ConnectionHandle::ShutdownWrite() const {
  return Run([](Connection& connection) { connection.ShutdownWrite(); });
}

bool ConnectionHandle::Close() const {
  return Run([](Connection& connection) { connection.Close(); });
}

bool ConnectionHandle::CloseAfterFlush(Duration deadline) const {
  return Run([deadline](Connection& connection) { connection.CloseAfterFlush(deadline); });
}

bool ConnectionHandle::Abort() const {
  return Run([](Connection& connection) { connection.Abort(); });
}

bool ConnectionHandle::PauseReading() const {
  return Run([](Connection& connection) { connection.PauseReading(); });
}

bool ConnectionHandle::ResumeReading() const {
  return Run([](Connection& connection) { connection.ResumeReading(); });
}

}  // namespace spindle
