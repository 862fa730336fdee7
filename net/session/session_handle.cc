#include "net/session/session_handle.h"

#include <errno.h>

#include <memory>
#include <source_location>
#include <string_view>

#include "net/session/session.h"
#include "net/stream/connection.h"
#include "net/types/chunk.h"

namespace spindle {

Session* SessionHandle::Get() const {
  Connection* const connection = connection_.Get();
  return connection == nullptr ? nullptr : connection->data<Session>();
}

bool SessionHandle::Run(absl::AnyInvocable<void(Session&)> function,
                        std::source_location where) const {
  return connection_.Run(
      [function = std::move(function)](Connection& connection) mutable {
        if (Session* const session = connection.data<Session>()) function(*session);
      },
      where);
}

bool SessionHandle::Send(Buffer message, absl::AnyInvocable<void(IoError)> done,
                         std::source_location where) const {
  if (!connection_ || (loop().IsInLoop() && Get() == nullptr)) return false;
  return loop().Post(
      [self = *this, message = std::move(message), done = std::move(done)]() mutable {
        Session* const session = self.Get();
        const IoError error =
            session == nullptr ? IoError(EPIPE, IoOp::kWrite) : session->Send(std::move(message));
        if (done) done(error);
      },
      where);
}

bool SessionHandle::Send(std::string message, absl::AnyInvocable<void(IoError)> done,
                         std::source_location where) const {
  // The string's own memory becomes the chunk.
  auto owner = std::make_unique<const std::string>(std::move(message));
  const std::string_view view = *owner;
  Buffer buffer;
  if (!view.empty()) {
    buffer.Append(Chunk::Wrap(view, [owner = std::move(owner)] {}), 0, view.size());
  }
  return Send(std::move(buffer), std::move(done), where);
}

bool SessionHandle::Close(uint32_t code, std::string text, std::source_location where) const {
  return Run([code, text = std::move(text)](Session& session) { session.Close(code, text); },
             where);
}

bool SessionHandle::Fail(uint32_t code, std::string text, std::source_location where) const {
  return Run([code, text = std::move(text)](Session& session) { session.Fail(code, text); }, where);
}

bool SessionHandle::Abort(std::source_location where) const {
  return Run([](Session& session) { session.Abort(); }, where);
}

bool SessionHandle::PauseReading(std::source_location where) const {
  return Run([](Session& session) { session.PauseReading(); }, where);
}

bool SessionHandle::ResumeReading(std::source_location where) const {
  return Run([](Session& session) { session.ResumeReading(); }, where);
}

}  // namespace spindle
