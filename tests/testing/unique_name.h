#ifndef SPINDLE_TESTS_TESTING_UNIQUE_NAME_H_
#define SPINDLE_TESTS_TESTING_UNIQUE_NAME_H_

#include <random>
#include <string>

namespace spindle {

// `prefix` and 64 random bits: a name that no other test has, also not the same test run beside
// this one. Abstract socket names are shared by all processes of a machine, whatever sandbox they
// are in, and process ids are not unique there. Any thread.
inline std::string UniqueName(const std::string& prefix) {
  std::random_device random;
  return prefix + std::to_string(random()) + "-" + std::to_string(random());
}

}  // namespace spindle

#endif  // SPINDLE_TESTS_TESTING_UNIQUE_NAME_H_
