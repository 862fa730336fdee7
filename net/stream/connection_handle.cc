#include "net/stream/connection_handle.h"

#include <errno.h>

#include <memory>
#include <source_location>
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

bool ConnectionHandle::Run(absl::AnyInvocable<void(Connection&)> function,
                           std::source_location where) const {
  if (!token_.valid() || (loop_.IsInLoop() && Get() == nullptr)) return false;
  return loop_.Post(
      [self = *this, function = std::move(function)]() mutable {
        if (Connection* connection = self.Get()) connection->CallFromTask(function);
      },
      where);
}

bool ConnectionHandle::Write(Buffer data, absl::AnyInvocable<void(IoError)> done,
                             std::source_location where) const {
  if (!token_.valid() || (loop_.IsInLoop() && Get() == nullptr)) return false;
  return loop_.Post(
      [self = *this, data = std::move(data), done = std::move(done)]() mutable {
        Connection* connection = self.Get();
        const IoError error = connection == nullptr ? IoError(EPIPE, IoOp::kWrite)
                                                    : connection->Write(std::move(data));
        if (done) done(error);
      },
      where);
}

bool ConnectionHandle::Write(std::string data, absl::AnyInvocable<void(IoError)> done,
                             std::source_location where) const {
  // The string's own memory becomes the chunk.
  auto owner = std::make_unique<const std::string>(std::move(data));
  const std::string_view view = *owner;
  Buffer buffer;
  buffer.Append(Chunk::Wrap(view, [owner = std::move(owner)] {}), 0, view.size());
  return Write(std::move(buffer), std::move(done), where);
}

bool ConnectionHandle::ShutdownWrite(std::source_location where) const {
  return Run([](Connection& connection) { connection.ShutdownWrite(); }, where);
}

bool ConnectionHandle::Close(std::source_location where) const {
  return Run([](Connection& connection) { connection.Close(); }, where);
}

bool ConnectionHandle::CloseAfterFlush(Duration deadline, std::source_location where) const {
  return Run([deadline](Connection& connection) { connection.CloseAfterFlush(deadline); }, where);
}

bool ConnectionHandle::Abort(std::source_location where) const {
  return Run([](Connection& connection) { connection.Abort(); }, where);
}

bool ConnectionHandle::PauseReading(std::source_location where) const {
  return Run([](Connection& connection) { connection.PauseReading(); }, where);
}

bool ConnectionHandle::ResumeReading(std::source_location where) const {
  return Run([](Connection& connection) { connection.ResumeReading(); }, where);
}

}  // namespace spindle
