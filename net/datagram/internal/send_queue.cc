#include "net/datagram/internal/send_queue.h"

#include <algorithm>
#include <utility>

namespace spindle {

void SendQueue::MakeRoom(size_t size) {
  const size_t used = end_ - begin_;
  // Moving pays only if it frees at least as much as it moves.
  if (used + size <= capacity_ && begin_ >= used) {
    std::memmove(block_.get(), block_.get() + begin_, used);
  } else {
    const size_t capacity = std::max({size_t{4096}, 2 * capacity_, used + size});
    std::unique_ptr<char[]> block(new char[capacity]);
    if (used > 0) std::memcpy(block.get(), block_.get() + begin_, used);
    block_ = std::move(block);
    capacity_ = capacity;
  }
  for (size_t i = first_; i < items_.size(); ++i) items_[i].offset -= begin_;
  begin_ = 0;
  end_ = used;
}

void SendQueue::Push(std::string_view name, std::string_view data, const SourceControl& source) {
  const size_t size = name.size() + data.size();
  if (end_ + size > capacity_) MakeRoom(size);
  if (items_.size() == items_.capacity() && first_ > items_.size() / 2) {
    items_.erase(items_.begin(), items_.begin() + static_cast<ptrdiff_t>(first_));
    first_ = 0;
  }
  items_.push_back(Queued{.offset = end_,
                          .size = static_cast<uint32_t>(data.size()),
                          .name_length = static_cast<uint16_t>(name.size()),
                          .source = source});
  char* const to = block_.get() + end_;
  if (!name.empty()) std::memcpy(to, name.data(), name.size());
  if (!data.empty()) std::memcpy(to + name.size(), data.data(), data.size());
  end_ += size;
  cost_ += Cost(data.size());
}

void SendQueue::Pop(size_t count) {
  for (size_t i = 0; i < count; ++i) cost_ -= Cost(items_[first_ + i].size);
  first_ += count;
  if (!empty()) {
    begin_ = items_[first_].offset;
    return;
  }
  items_.clear();
  first_ = begin_ = end_ = 0;
  if (capacity_ <= kKeptBytes) return;
  block_.reset();
  capacity_ = 0;
}

namespace {

// Whether `next` may be a segment behind `first`.
bool Joins(const SendQueue::Item& first, const SendQueue::Item& next) {
  return !next.data.empty() && next.data.size() <= first.data.size() && next.name == first.name &&
         *next.source == *first.source;
}

}  // namespace

void SendBatch::Build(const SendQueue& queue, size_t limit, size_t max_segment) {
  const size_t total = std::min(queue.size(), limit);
  if (messages_.size() < total) {
    messages_.resize(total);
    iovecs_.resize(total);
    controls_.resize(total);
    counts_.resize(total);
  }
  size_ = 0;
  for (size_t i = 0; i < total;) {
    const SendQueue::Item first = queue.at(i);
    const size_t begin = i;
    size_t bytes = 0;
    const bool may_join = !first.data.empty() && first.data.size() <= max_segment;
    for (bool more = true; more;) {
      const std::string_view data = queue.at(i).data;
      iovecs_[i] = iovec{const_cast<char*>(data.data()), data.size()};
      bytes += data.size();
      ++i;
      // A shorter one is the last.
      more = may_join && data.size() == first.data.size() && i < total &&
             i - begin < kMaxSegments && bytes + first.data.size() <= kMaxSegmented &&
             Joins(first, queue.at(i));
    }
    counts_[size_] = static_cast<uint32_t>(i - begin);
    msghdr& header = messages_[size_].msg_hdr;
    header = msghdr{};
    header.msg_name = first.name.empty() ? nullptr : const_cast<char*>(first.name.data());
    header.msg_namelen = static_cast<socklen_t>(first.name.size());
    header.msg_iov = &iovecs_[begin];
    header.msg_iovlen = i - begin;
    const size_t segment = i - begin > 1 ? first.data.size() : 0;
    WriteControl(*first.source, static_cast<uint16_t>(segment), controls_[size_].bytes, &header);
    ++size_;
  }
}

}  // namespace spindle
