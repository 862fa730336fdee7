#include "net/loop/loop_ref.h"

#include "net/loop/internal/mailbox.h"

namespace spindle {

bool LoopRef::Post(absl::AnyInvocable<void()> task, std::source_location where) const {
  return mailbox_ != nullptr && mailbox_->Post(std::move(task), where);
}

bool LoopRef::CallAndWait(absl::FunctionRef<void()> function) const {
  return mailbox_ != nullptr && mailbox_->CallAndWait(function);
}

bool LoopRef::Quit() const { return mailbox_ != nullptr && mailbox_->RequestQuit(); }

bool LoopRef::IsInLoop() const { return mailbox_ != nullptr && mailbox_->HeldByThisThread(); }

}  // namespace spindle
