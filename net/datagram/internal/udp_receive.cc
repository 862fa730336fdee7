// The receiving half of UdpCore, and whatever calls back.

#include <errno.h>
#include <sys/socket.h>

#include <algorithm>
#include <utility>

#include "net/datagram/internal/udp_core.h"

namespace spindle {
namespace {

// Large enough for every datagram and for every chain of them that the kernel puts together.
constexpr size_t kLargest = 65535;

}  // namespace

void UdpCore::OnIoEvent(const IoEvent& event) {
  const std::shared_ptr<UdpCore> keep = shared_from_this();
  // First, since a pending error would be the result of the next receive or send.
  if (event.Has(kIoError)) ReadErrors();
  if (event.Has(kIoWritable)) StopWaiting();
  if (event.Has(~static_cast<uint32_t>(kIoWritable))) {
    drained_socket_ = false;
    Receive();
  }
  Work();
}

void UdpCore::OnReady() {
  const std::shared_ptr<UdpCore> keep = shared_from_this();
  if (more_errors_) ReadErrors();
  Receive();
  Work();
}

void UdpCore::OnFlush() {
  const std::shared_ptr<UdpCore> keep = shared_from_this();
  Work();
}

void UdpCore::OnTimer() {
  const std::shared_ptr<UdpCore> keep = shared_from_this();
  StopWaiting();
  drained_socket_ = false;
  Receive();
  Work();
}

void UdpCore::Work() {
  if (closed_) return;
  Flush();
  if (!Tell()) return;
  const bool to_receive = !paused_ && (batch_ != nullptr || !drained_socket_);
  if (to_receive || more_errors_ || !errors_.empty()) host_.MarkReady(*this);
  if (!queue_.empty() && !waiting_) host_.MarkReady(*this);
}

void UdpCore::Receive() {
  size_t budget = config_->options.datagrams_per_turn;
  handing_out_ = true;
  while (!closed_ && !paused_ && budget > 0) {
    if (batch_ == nullptr && (drained_socket_ || !FillBatch())) break;
    HandOut(&budget);
    // Answers leave before more questions are looked at.
    Flush();
    if (!errors_.empty() && !Tell()) break;
  }
  handing_out_ = false;
}

bool UdpCore::FillBatch() {
  const UdpOptions& options = config_->options;
  // What the kernel puts together must fit, whatever the size of the parts.
  const size_t size = socket_.receive_offload ? std::max(options.max_datagram_size, kLargest)
                                              : options.max_datagram_size;
  std::unique_ptr<ReceiveBatch> batch = ReceiveBatch::Take(options.batch_size, size);
  const int received = batch->Fill(host_.syscalls(), socket_.fd.get());
  ++stats_.receive_calls;
  if (received > 0) {
    receive_failures_ = 0;
    drained_socket_ = static_cast<size_t>(received) < batch->count();
    batch_ = std::move(batch);
    return true;
  }
  ReceiveBatch::GiveBack(std::move(batch));
  drained_socket_ = true;
  if (received == 0 || received == -EAGAIN) {
    receive_failures_ = 0;
  } else {
    OnReceiveError(-received);
  }
  return false;
}

void UdpCore::HandOut(size_t* budget) {
  // Kept here while callbacks run: they may close the socket.
  std::unique_ptr<ReceiveBatch> batch = std::move(batch_);
  const auto& on_datagram = config_->callbacks.on_datagram;
  while (!batch->empty() && !closed_ && !paused_ && *budget > 0) {
    const ReceiveBatch::Part part = batch->Next(config_->options.max_datagram_size);
    --*budget;
    ++stats_.datagrams_received;
    stats_.bytes_received += part.data.size();
    if (part.size > part.data.size()) ++stats_.truncated;
    if (part.coalesced) ++stats_.coalesced;
    if (on_datagram) {
      on_datagram(*front_, Datagram(part.data, part.size, part.name, part.name_length,
                                    batch->control(), local_));
    }
    ReceiveBatch::Drop(part);
  }
  if (batch->empty() || closed_) {
    ReceiveBatch::GiveBack(std::move(batch));
  } else {
    batch_ = std::move(batch);
  }
}

void UdpCore::OnReceiveError(int error) {
  // An error that does not go away is no report of the network.
  constexpr int kMaxFailures = 3;
  const bool fatal = error == EBADF || error == ENOTSOCK || error == EFAULT;
  const bool shortage = error == ENOMEM || error == ENOBUFS;
  if (fatal || shortage || ++receive_failures_ > kMaxFailures) {
    if (!fatal) RetryLater();
    Record({.failure = DatagramFailure::kReceive, .error = IoError(error, IoOp::kRead)});
    return;
  }
  drained_socket_ = false;
  if (socket_.network_errors) {
    more_errors_ = true;  // The error queue says more.
    return;
  }
  Record(
      {.failure = DatagramFailure::kNetwork, .error = IoError(error, IoOp::kRead), .peer = peer_});
}

void UdpCore::ReadErrors() {
  more_errors_ = false;
  bool told = false;
  for (size_t left = config_->options.datagrams_per_turn; socket_.network_errors; --left) {
    if (left == 0 || errors_.size() >= kMaxErrors) {
      more_errors_ = true;
      return;
    }
    sockaddr_storage name = {};
    alignas(cmsghdr) char control[512];
    msghdr message = {};
    message.msg_name = &name;
    message.msg_namelen = sizeof name;
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t result;
    do {
      result = host_.syscalls().RecvError(socket_.fd.get(), &message);
    } while (result == -EINTR);
    if (result < 0) break;
    DatagramError error;
    if (ParseNetworkError(message, &error)) Record(std::move(error));
    told = true;
  }
  ReadSocketError(told);
}

void UdpCore::ReadSocketError(bool told) {
  int error = 0;
  socklen_t length = sizeof error;
  const int result =
      host_.syscalls().GetSockOpt(socket_.fd.get(), SOL_SOCKET, SO_ERROR, &error, &length);
  if (result < 0 || error == 0 || told) return;
  Record(
      {.failure = DatagramFailure::kNetwork, .error = IoError(error, IoOp::kRead), .peer = peer_});
}

void UdpCore::Record(DatagramError error) {
  if (error.failure == DatagramFailure::kNetwork) ++stats_.network_errors;
  if (error.failure == DatagramFailure::kReceive) ++stats_.receive_errors;
  if (config_->callbacks.on_error) errors_.push_back(std::move(error));
}

bool UdpCore::Tell() {
  // What these callbacks bring about is told the next time: two that answer errors with datagrams
  // that fail must not keep the loop here.
  telling_.swap(errors_);
  for (const DatagramError& error : telling_) {
    if (closed_) break;
    config_->callbacks.on_error(*front_, error);
  }
  telling_.clear();
  if (!closed_ && tell_drained_ && queue_.empty()) {
    tell_drained_ = false;
    if (config_->callbacks.on_drained) config_->callbacks.on_drained(*front_);
  }
  return !closed_;
}

void UdpCore::RetryLater() { host_.timers().Add(*this, SaturatingAdd(host_.Now(), kRetryDelay)); }

}  // namespace spindle
