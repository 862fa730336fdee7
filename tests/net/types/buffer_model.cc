#include "tests/net/types/buffer_model.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "base/check.h"

namespace spindle::testing {
namespace {

// Above this a buffer is cut, so that the comparisons stay quick.
constexpr size_t kMaxModelSize = 300000;

}  // namespace

void BufferModel::Run(size_t operations) {
  for (size_t i = 0; i < operations && !ended_(); ++i) {
    Step();
    ++step_;
    for (Pair& pair : pairs_) {
      Compare(pair, pair.model.size() < 2000 || step_ % 64 == 0);
      if (pair.model.size() > kMaxModelSize) {
        const size_t cut = pair.model.size() - choose_(1000);
        pair.buffer.Consume(cut);
        pair.model.erase(0, cut);
      }
    }
  }
  for (const Pair& pair : pairs_) Compare(pair, /*whole=*/true);
}

void BufferModel::Step() {
  Pair& pair = pairs_[choose_(pairs_.size())];
  Pair& other = pairs_[choose_(pairs_.size())];
  switch (choose_(4)) {
    case 0:
      return Add(pair, other);
    case 1:
      return Remove(pair, other);
    case 2:
      return Look(pair);
    case 3:
      return choose_(2) == 0 ? AddReserved(pair) : AddAndReadIntegers(pair);
  }
}

// Mostly small, at times around the capacities of chunks.
size_t BufferModel::Size() {
  switch (choose_(8)) {
    case 0:
      return choose_(3);
    case 1:
      return 190 + choose_(50);
    case 2:
      return 4000 + choose_(120);
    case 3:
      return choose_(8) == 0 ? 65400 + choose_(200) : choose_(5000);
    default:
      return choose_(100);
  }
}

// Any number that a caller might pass as a length or offset.
size_t BufferModel::AnySize(const Pair& pair) {
  static constexpr size_t kBorders[] = {size_t{1} << 30, size_t{1} << 31, size_t{1} << 32, SIZE_MAX,
                                        SIZE_MAX / 2};
  switch (choose_(6)) {
    case 0:
      return pair.model.size() - std::min<size_t>(pair.model.size(), choose_(3));
    case 1:
      return pair.model.size() + choose_(3);
    case 2:
      return kBorders[choose_(std::size(kBorders))] - choose_(3);
    default:
      return choose_(pair.model.size() + 1);
  }
}

// Of two letters, so that searches find much and nearly find more.
std::string BufferModel::Text(size_t size) {
  uint64_t bits = choose_(~uint64_t{0}) | 1;
  std::string text(size, 'a');
  for (char& c : text) {
    c = static_cast<char>('a' + (bits >> 63));
    bits = bits * 6364136223846793005u + 1442695040888963407u;
  }
  return text;
}

void BufferModel::Add(Pair& pair, Pair& other) {
  switch (choose_(8)) {
    case 0: {
      const std::string text = Text(Size());
      pair.buffer.Prepend(text);
      pair.model.insert(0, text);
      return;
    }
    case 1: {
      const std::string_view view = pair.buffer.Front().substr(0, Size());
      pair.model.append(std::string(view));
      pair.buffer.Append(view);
      return;
    }
    case 2: {
      const std::string_view view = pair.buffer.Front().substr(0, Size());
      pair.model.insert(0, std::string(view));
      pair.buffer.Prepend(view);
      return;
    }
    case 3:
      return AddChunk(pair);
    case 4:
      pair.buffer.Append(std::move(other.buffer));
      if (&pair != &other) pair.model.append(std::exchange(other.model, std::string()));
      return;
    case 5: {
      const size_t n = AnySize(other);
      const size_t moved = pair.buffer.MoveFrom(other.buffer, n);
      if (&pair == &other) {
        SPINDLE_CHECK(moved == 0);
        return;
      }
      SPINDLE_CHECK(moved == std::min(n, other.model.size()));
      pair.model.append(other.model, 0, moved);
      other.model.erase(0, moved);
      return;
    }
    default: {
      const std::string text = Text(Size());
      pair.buffer.Append(text);
      pair.model.append(text);
      return;
    }
  }
}

void BufferModel::AddChunk(Pair& pair) {
  const size_t size = choose_(external_.size());
  const size_t begin = choose_(size + 1);
  const size_t end = begin + choose_(size - begin + 1);
  if (choose_(2) == 0) {
    pair.buffer.Append(Chunk::Wrap(external_, nullptr), begin, end);
    pair.model.append(external_, begin, end - begin);
    return;
  }
  const std::string text = Text(size);
  pair.buffer.Append(Chunk::CopyOf(text), begin, end);
  pair.model.append(text, begin, end - begin);
}

void BufferModel::AddReserved(Pair& pair) {
  const size_t n = choose_(4) == 0 ? AnySize(pair) : Size();
  // 1 GiB is allowed, but slow under the sanitizers.
  if (n > kMaxModelSize && n <= Chunk::kMaxCapacity) return;
  const std::span<char> room = pair.buffer.Reserve(n);
  if (n > Chunk::kMaxCapacity) {
    SPINDLE_CHECK(room.empty());
    return;
  }
  SPINDLE_CHECK(room.size() >= n);
  if (room.size() == 0 || choose_(4) == 0) return;
  const std::string text = Text(choose_(std::min<size_t>(room.size(), 5000) + 1));
  std::copy(text.begin(), text.end(), room.begin());
  pair.buffer.Commit(text.size());
  pair.model.append(text);
}

void BufferModel::AddAndReadIntegers(Pair& pair) {
  const uint64_t value = choose_(~uint64_t{0});
  char bytes[8];
  StoreBig64(bytes, value);
  pair.buffer.AppendBig64(value);
  pair.buffer.AppendBig32(static_cast<uint32_t>(value));
  pair.buffer.AppendBig16(static_cast<uint16_t>(value));
  pair.model.append(bytes, 8).append(bytes + 4, 4).append(bytes + 6, 2);
  const size_t offset = AnySize(pair);
  const auto fits = [&](size_t n) {
    return offset <= pair.model.size() && pair.model.size() - offset >= n;
  };
  const char* const at = pair.model.data() + std::min(offset, pair.model.size());
  SPINDLE_CHECK(pair.buffer.PeekBig16(offset) ==
                (fits(2) ? std::optional(LoadBig16(at)) : std::nullopt));
  SPINDLE_CHECK(pair.buffer.PeekBig32(offset) ==
                (fits(4) ? std::optional(LoadBig32(at)) : std::nullopt));
  SPINDLE_CHECK(pair.buffer.PeekBig64(offset) ==
                (fits(8) ? std::optional(LoadBig64(at)) : std::nullopt));
  SPINDLE_CHECK(pair.buffer.ReadBig32() == LoadBig32(pair.model.data()));
  pair.model.erase(0, 4);
}

void BufferModel::Remove(Pair& pair, Pair& other) {
  switch (choose_(10)) {
    case 0:
      pair.buffer.Clear();
      pair.model.clear();
      if (choose_(2) == 0) pair.buffer.ReleaseMemory();
      return;
    case 1: {
      const ChunkRef chunk = pair.buffer.TakeChunk();
      pair.model.clear();
      // As a reader of the next bytes would.
      if (chunk && chunk->writable() && chunk->unique()) {
        std::fill_n(chunk->data(), chunk->capacity(), 'X');
      }
      return;
    }
    case 2:
      if (&pair == &other) return;
      other.buffer = pair.buffer.Clone();
      other.model = pair.model;
      return;
    case 3:
      if (&pair == &other) return;
      other.buffer = std::move(pair.buffer);
      other.model = std::exchange(pair.model, std::string());
      return;
    case 4: {
      Buffer moved = std::move(pair.buffer);
      moved.swap(pair.buffer);
      return;
    }
    default: {
      const size_t n = std::min(choose_(4) == 0 ? AnySize(pair) : Size(), pair.model.size());
      pair.buffer.Consume(n);
      pair.model.erase(0, n);
      return;
    }
  }
}

void BufferModel::Look(Pair& pair) {
  switch (choose_(5)) {
    case 0: {
      const size_t n = AnySize(pair);
      SPINDLE_CHECK(pair.buffer.Peek(n) == std::string_view(pair.model).substr(0, n));
      return;
    }
    case 1: {
      const size_t offset = AnySize(pair);
      std::string out(Size(), '-');
      const size_t copied = pair.buffer.CopyOut(offset, out);
      const std::string_view expected =
          std::string_view(pair.model).substr(std::min(offset, pair.model.size()), out.size());
      SPINDLE_CHECK(std::string_view(out).substr(0, copied) == expected);
      return;
    }
    case 2:
      return LookForText(pair);
    case 3:
      return LookAtIovecs(pair);
    case 4:
      SPINDLE_CHECK(pair.buffer.Linearize() == pair.model);
      SPINDLE_CHECK(pair.buffer.SegmentCount() <= 1);
      return;
  }
}

void BufferModel::LookForText(const Pair& pair) {
  const size_t from = AnySize(pair);
  const auto as_optional = [](size_t at) {
    return at == std::string::npos ? std::nullopt : std::optional(at);
  };
  const std::string needle = choose_(2) == 0
                                 ? Text(choose_(12))
                                 : pair.model.substr(choose_(pair.model.size() + 1), choose_(300));
  SPINDLE_CHECK(pair.buffer.Find(needle, from) == as_optional(pair.model.find(needle, from)))
      << "needle " << needle << " from " << from;
  const char c = needle.empty() ? 'e' : needle[0];
  SPINDLE_CHECK(pair.buffer.Find(c, from) == as_optional(pair.model.find(c, from)));
}

void BufferModel::LookAtIovecs(const Pair& pair) {
  std::vector<iovec> out(choose_(20));
  const size_t limit = AnySize(pair);
  const size_t filled = pair.buffer.FillIovecs(out, limit);
  std::string seen;
  for (size_t i = 0; i < filled; ++i) {
    SPINDLE_CHECK(out[i].iov_len > 0);
    seen.append(static_cast<const char*>(out[i].iov_base), out[i].iov_len);
  }
  SPINDLE_CHECK(std::string_view(pair.model).substr(0, limit).starts_with(seen));
  SPINDLE_CHECK(filled == out.size() || seen.size() == std::min(limit, pair.model.size()));
}

void BufferModel::Compare(const Pair& pair, bool whole) const {
  const Buffer& buffer = pair.buffer;
  SPINDLE_CHECK(buffer.size() == pair.model.size())
      << "step " << step_ << ": " << buffer.size() << " bytes, not " << pair.model.size();
  SPINDLE_CHECK(buffer.empty() == pair.model.empty()) << "step " << step_;
  SPINDLE_CHECK(buffer.Front().empty() == pair.model.empty()) << "step " << step_;
  SPINDLE_CHECK(pair.model.starts_with(buffer.Front().substr(0, 200))) << "step " << step_;
  if (!whole) return;
  SPINDLE_CHECK(buffer == pair.model) << "step " << step_;
  size_t segments = 0;
  buffer.ForEachSegment([&segments](std::string_view piece) {
    SPINDLE_CHECK(!piece.empty());
    ++segments;
  });
  SPINDLE_CHECK(segments == buffer.SegmentCount()) << "step " << step_;
}

}  // namespace spindle::testing
