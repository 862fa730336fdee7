#include "net/datagram/internal/send_queue.h"

#include <deque>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

namespace spindle {
namespace {

SourceControl From(uint32_t interface) {
  return SourceControl{.family = AF_INET, .interface = interface};
}

// Random pushes and pops against a deque: order, names, bytes and sources, through all moves of the
// block.
TEST(SendQueueTest, BehavesLikeADequeOfCopies) {
  Random random(7);
  SendQueue queue;
  std::deque<std::tuple<std::string, std::string, uint32_t>> model;
  size_t cost = 0;
  for (int step = 0; step < 100'000; ++step) {
    if (random.OneIn(2) && model.size() < 300) {
      const std::string name(random.Uniform(30), static_cast<char>('a' + step % 26));
      const size_t size = random.OneIn(100) ? random.Uniform(65508) : random.Uniform(200);
      const std::string data(size, static_cast<char>('A' + step % 26));
      const auto source = static_cast<uint32_t>(random.Uniform(3));
      queue.Push(name, data, From(source));
      model.emplace_back(name, data, source);
      cost += size + SendQueue::kOverhead;
    } else if (!model.empty()) {
      const size_t count = 1 + random.Uniform(random.OneIn(50) ? model.size() : 1);
      queue.Pop(count);
      for (size_t i = 0; i < count; ++i) {
        cost -= std::get<1>(model.front()).size() + SendQueue::kOverhead;
        model.pop_front();
      }
    }
    ASSERT_EQ(queue.size(), model.size());
    ASSERT_EQ(queue.empty(), model.empty());
    ASSERT_EQ(queue.cost(), cost);
    if (model.empty()) continue;
    for (const size_t index : {size_t{0}, model.size() - 1, random.Uniform(model.size())}) {
      const SendQueue::Item item = queue.at(index);
      ASSERT_EQ(item.name, std::get<0>(model[index]));
      ASSERT_EQ(item.data, std::get<1>(model[index]));
      ASSERT_EQ(item.source->interface, std::get<2>(model[index]));
    }
  }
}

// The datagrams of each message of a batch, by their first bytes.
std::vector<std::string> Messages(const SendQueue& queue, size_t limit, size_t max_segment) {
  SendBatch batch;
  batch.Build(queue, limit, max_segment);
  std::vector<std::string> messages;
  for (size_t i = 0; i < batch.messages().size(); ++i) {
    const msghdr& header = batch.messages()[i].msg_hdr;
    EXPECT_EQ(header.msg_iovlen, batch.datagrams(i));
    std::string text;
    for (size_t part = 0; part < header.msg_iovlen; ++part) {
      text += header.msg_iov[part].iov_len == 0
                  ? '.'
                  : *static_cast<const char*>(header.msg_iov[part].iov_base);
    }
    messages.push_back(text);
  }
  return messages;
}

using Strings = std::vector<std::string>;

TEST(SendBatchTest, RunsOfOneSizePeerAndSourceAreOneMessage) {
  SendQueue queue;
  for (const std::string_view data : {"aa", "bb", "c", "dd", "ee", "", "", "f", "ggg"}) {
    queue.Push("peer", data, From(0));
  }
  EXPECT_EQ(Messages(queue, 100, 1000), (Strings{"abc", "de", ".", ".", "f", "g"}));
  EXPECT_EQ(Messages(queue, 4, 1000), (Strings{"abc", "d"}));
  EXPECT_EQ(Messages(queue, 100, 1), (Strings{"a", "b", "c", "d", "e", ".", ".", "f", "g"}));
  EXPECT_EQ(Messages(queue, 1, 0), Strings{"a"});
  queue.Pop(queue.size());
  queue.Push("peer", "a", From(0));
  queue.Push("", "b", From(0));
  queue.Push("", "c", From(0));
  queue.Push("", "d", From(1));
  queue.Push("other", "e", From(1));
  EXPECT_EQ(Messages(queue, 100, 1000), (Strings{"a", "bc", "d", "e"}));
}

TEST(SendBatchTest, NeverMoreThanTheKernelCutsApart) {
  SendQueue queue;
  for (int i = 0; i < 150; ++i) queue.Push("p", "x", From(0));
  EXPECT_EQ(Messages(queue, 1000, 1000),
            (Strings{std::string(64, 'x'), std::string(64, 'x'), std::string(22, 'x')}));
  queue.Pop(150);
  for (int i = 0; i < 5; ++i) queue.Push("p", std::string(30'000, 'x'), From(0));
  EXPECT_EQ(Messages(queue, 1000, 65'507), (Strings{"xx", "xx", "x"}));
}

}  // namespace
}  // namespace spindle
