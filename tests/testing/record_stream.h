#ifndef SPINDLE_TESTS_TESTING_RECORD_STREAM_H_
#define SPINDLE_TESTS_TESTING_RECORD_STREAM_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/random.h"

namespace spindle {

// Records whose reader notices every byte that is lost, repeated, changed or out of place: a stream
// id, a number, a length, a checksum, and a body of random bytes. One thread.
struct RecordHeader {
  static constexpr size_t kSize = 20;
};

inline uint64_t RecordChecksum(std::string_view body) {
  uint64_t hash = 14695981039346656037u;  // FNV-1a
  for (const char c : body) hash = (hash ^ static_cast<unsigned char>(c)) * 1099511628211u;
  return hash;
}

class RecordWriter {
 public:
  explicit RecordWriter(uint32_t stream = 1) : stream_(stream), random_(stream + 1) {}

  // The next record, with a body of `size` bytes.
  std::string Next(size_t size) {
    std::string record(RecordHeader::kSize + size, '\0');
    char* const body = record.data() + RecordHeader::kSize;
    for (size_t i = 0; i < size; i += 8) {
      const uint64_t word = random_.Next();
      for (size_t k = i; k < std::min(size, i + 8); ++k) {
        body[k] = static_cast<char>(word >> (8 * (k - i)));
      }
    }
    StoreBig32(record.data(), stream_);
    StoreBig32(record.data() + 4, number_++);
    StoreBig32(record.data() + 8, static_cast<uint32_t>(size));
    StoreBig64(record.data() + 12, RecordChecksum(std::string_view(body, size)));
    return record;
  }

 private:
  const uint32_t stream_;
  Random random_;
  uint32_t number_ = 0;
};

class RecordReader {
 public:
  explicit RecordReader(uint32_t stream = 1) : stream_(stream) {}

  // False, for ever, once something is wrong.
  bool Feed(std::string_view bytes) {
    bytes_ += bytes.size();
    pending_.append(bytes);
    size_t at = 0;
    while (ok_ && pending_.size() - at >= RecordHeader::kSize) {
      const char* const header = pending_.data() + at;
      const size_t size = LoadBig32(header + 8);
      ok_ = LoadBig32(header) == stream_ && LoadBig32(header + 4) == records_;
      if (!ok_ || pending_.size() - at - RecordHeader::kSize < size) break;
      const std::string_view body(header + RecordHeader::kSize, size);
      ok_ = LoadBig64(header + 12) == RecordChecksum(body);
      at += RecordHeader::kSize + size;
      ++records_;
    }
    pending_.erase(0, at);
    return ok_;
  }

  bool ok() const { return ok_; }
  // No record is begun and not finished.
  bool complete() const { return ok_ && pending_.empty(); }
  uint32_t records() const { return records_; }
  size_t bytes() const { return bytes_; }

 private:
  const uint32_t stream_;
  std::string pending_;
  uint32_t records_ = 0;
  size_t bytes_ = 0;
  bool ok_ = true;
};

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_RECORD_STREAM_H_
