#include "net/stream/passed_descriptors.h"

#include <errno.h>
#include <sys/uio.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/errno_status.h"

namespace spindle {
namespace {

// Takes the descriptors and the sender out of what came besides the data.
void ReadControl(msghdr& message, ReceivedDescriptors& received) {
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET) continue;
    const size_t size = header->cmsg_len - CMSG_LEN(0);
    const unsigned char* const data = CMSG_DATA(header);
    if (header->cmsg_type == SCM_RIGHTS) {
      for (size_t i = 0; i < size / sizeof(int); ++i) {
        int fd = -1;
        std::memcpy(&fd, data + i * sizeof fd, sizeof fd);
        received.descriptors.emplace_back(fd);
      }
    } else if (header->cmsg_type == SCM_CREDENTIALS && size >= sizeof(ucred)) {
      std::memcpy(&received.sender.emplace(), data, sizeof(ucred));
    }
  }
}

}  // namespace

absl::StatusOr<size_t> SendDescriptors(int socket, std::string_view data,
                                       std::span<const int> descriptors) {
  if (data.empty()) return absl::InvalidArgumentError("descriptors need a byte to go with");
  if (descriptors.size() > kMostPassedDescriptors) {
    return absl::InvalidArgumentError("too many descriptors for one message");
  }
  alignas(cmsghdr) char control[CMSG_SPACE(kMostPassedDescriptors * sizeof(int))] = {};
  iovec piece = {const_cast<char*>(data.data()), data.size()};
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  if (!descriptors.empty()) {
    const size_t size = descriptors.size_bytes();
    message.msg_control = control;
    message.msg_controllen = CMSG_SPACE(size);
    cmsghdr* const header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(size);
    std::memcpy(CMSG_DATA(header), descriptors.data(), size);
  }
  ssize_t sent = 0;
  do {
    sent = sendmsg(socket, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  } while (sent < 0 && errno == EINTR);
  if (sent < 0) return ErrnoStatus("sendmsg with descriptors", errno);
  return static_cast<size_t>(sent);
}

absl::StatusOr<ReceivedDescriptors> ReceiveDescriptors(int socket, size_t max_data) {
  ReceivedDescriptors received;
  received.data.resize(std::max<size_t>(1, max_data));
  alignas(cmsghdr) char
      control[CMSG_SPACE(kMostPassedDescriptors * sizeof(int)) + CMSG_SPACE(sizeof(ucred))];
  iovec piece = {received.data.data(), received.data.size()};
  msghdr message = {};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = 0;
  do {
    size = recvmsg(socket, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (size < 0 && errno == EINTR);
  if (size < 0) return ErrnoStatus("recvmsg with descriptors", errno);
  ReadControl(message, received);
  // What there was room for has come all the same, and is closed with `received`.
  if ((message.msg_flags & MSG_CTRUNC) != 0) {
    return absl::ResourceExhaustedError("recvmsg: no room for all descriptors that came");
  }
  if ((message.msg_flags & MSG_TRUNC) != 0) {
    return absl::DataLossError("recvmsg: the message was longer than the caller would have it");
  }
  received.data.resize(static_cast<size_t>(size));
  return received;
}

absl::Status ReceiveCredentials(int socket) {
  const int on = 1;
  if (setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0) return absl::OkStatus();
  return ErrnoStatus("setsockopt SO_PASSCRED", errno);
}

}  // namespace spindle
