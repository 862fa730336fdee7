// Runs a fuzz target without libFuzzer, as a test: on each file of the folders and files given as
// arguments, on every prefix of each, and on inputs from a seeded generator.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "base/random.h"
#include "gtest/gtest.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace {

std::vector<std::filesystem::path> files;

// A copy of exactly this size, so that AddressSanitizer sees a read beyond it.
void RunOn(const std::string& input) {
  const std::vector<uint8_t> bytes(input.begin(), input.end());
  LLVMFuzzerTestOneInput(bytes.data(), bytes.size());
}

std::string Contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

TEST(FuzzReplayTest, Corpus) {
  ASSERT_FALSE(files.empty()) << "no corpus";
  for (const auto& path : files) {
    SCOPED_TRACE(path);
    const std::string input = Contents(path);
    for (size_t size = 0; size <= std::min<size_t>(input.size(), 200); ++size) {
      RunOn(input.substr(0, size));
    }
    RunOn(input);
  }
}

TEST(FuzzReplayTest, CorpusWithOneByteChanged) {
  spindle::Random random(1);
  for (const auto& path : files) {
    SCOPED_TRACE(path);
    const std::string input = Contents(path);
    for (int i = 0; i < 100 && !input.empty(); ++i) {
      std::string changed = input;
      changed[random.Uniform(changed.size())] = static_cast<char>(random.Uniform(256));
      RunOn(changed);
    }
  }
}

TEST(FuzzReplayTest, RandomInputs) {
  spindle::Random random(2);
  for (int i = 0; i < 1000; ++i) {
    std::string input(random.Uniform(i < 900 ? 200 : 3000), '\0');
    for (char& c : input) c = static_cast<char>(random.Uniform(256));
    RunOn(input);
  }
}

}  // namespace

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  for (int i = 1; i < argc; ++i) {
    if (std::filesystem::is_regular_file(argv[i])) files.emplace_back(argv[i]);
    if (!std::filesystem::is_directory(argv[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (entry.is_regular_file()) files.push_back(entry.path());
    }
  }
  std::sort(files.begin(), files.end());
  return RUN_ALL_TESTS();
}
