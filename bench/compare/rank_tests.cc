#include "bench/compare/rank_tests.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <numeric>
#include <vector>

namespace spindle::bench {
namespace {

constexpr size_t kExactUpTo = 50;

// Ranks from 1 on; equal values share the mean of theirs. `ties` gets the sum of t^3 - t over
// groups of t equal values.
std::vector<double> Ranks(const std::vector<double>& values, double* ties) {
  std::vector<size_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  *ties = 0;
  for (size_t i = 0; i < order.size();) {
    size_t end = i + 1;
    while (end < order.size() && values[order[end]] == values[order[i]]) ++end;
    const double group = static_cast<double>(end - i);
    for (size_t k = i; k < end; ++k) {
      ranks[order[k]] = static_cast<double>(i + end + 1) / 2;
    }
    *ties += group * group * group - group;
    i = end;
  }
  return ranks;
}

// P(|Z| >= z) of a standard normal Z, with a half taken off for the steps of the statistic.
double TwoSided(double statistic, double mean, double variance) {
  if (variance <= 0) return 1;
  const double distance = std::max(0.0, std::abs(statistic - mean) - 0.5);
  return std::erfc(distance / std::sqrt(2 * variance));
}

// Of a symmetric distribution given by how many ways lead to each sum from 0 on.
double ExactTwoSided(const std::vector<double>& ways, double statistic) {
  const double all = std::accumulate(ways.begin(), ways.end(), 0.0);
  const auto at = static_cast<size_t>(statistic);
  const double below = std::accumulate(ways.begin(), ways.begin() + static_cast<long>(at) + 1, 0.0);
  const double above = std::accumulate(ways.begin() + static_cast<long>(at), ways.end(), 0.0);
  return std::min(1.0, 2 * std::min(below, above) / all);
}

}  // namespace

double WilcoxonSignedRank(std::span<const double> differences) {
  std::vector<double> sizes;
  std::vector<bool> positive;
  for (const double difference : differences) {
    if (difference == 0) continue;
    sizes.push_back(std::abs(difference));
    positive.push_back(difference > 0);
  }
  if (sizes.empty()) return 1;
  double ties = 0;
  const std::vector<double> ranks = Ranks(sizes, &ties);
  double sum = 0;
  for (size_t i = 0; i < ranks.size(); ++i) sum += positive[i] ? ranks[i] : 0;
  const size_t n = ranks.size();
  if (ties == 0 && n <= kExactUpTo) {
    // Each rank counts or does not.
    std::vector<double> ways(n * (n + 1) / 2 + 1, 0);
    ways[0] = 1;
    for (size_t rank = 1; rank <= n; ++rank) {
      for (size_t s = ways.size() - 1; s >= rank; --s) ways[s] += ways[s - rank];
    }
    return ExactTwoSided(ways, sum);
  }
  const double count = static_cast<double>(n);
  const double variance = count * (count + 1) * (2 * count + 1) / 24 - ties / 48;
  return TwoSided(sum, count * (count + 1) / 4, variance);
}

double MannWhitney(std::span<const double> a, std::span<const double> b) {
  if (a.empty() || b.empty()) return 1;
  std::vector<double> all(a.begin(), a.end());
  all.insert(all.end(), b.begin(), b.end());
  double ties = 0;
  const std::vector<double> ranks = Ranks(all, &ties);
  const double n = static_cast<double>(a.size());
  const double m = static_cast<double>(b.size());
  const double sum =
      std::accumulate(ranks.begin(), ranks.begin() + static_cast<long>(a.size()), 0.0);
  const double statistic = sum - n * (n + 1) / 2;
  if (ties == 0 && all.size() <= kExactUpTo) {
    // ways[k][u]: of the values so far k are a's, and u times one of b was before one of a.
    const size_t most = a.size() * b.size();
    std::vector<std::vector<double>> ways(a.size() + 1, std::vector<double>(most + 1, 0));
    ways[0][0] = 1;
    for (size_t seen = 0; seen < all.size(); ++seen) {
      for (size_t k = std::min(seen + 1, a.size()); k >= 1; --k) {
        const size_t b_before = seen - (k - 1);
        if (b_before > b.size()) continue;
        for (size_t u = most + 1; u-- > b_before;) ways[k][u] += ways[k - 1][u - b_before];
      }
    }
    return ExactTwoSided(ways[a.size()], statistic);
  }
  const double both = n + m;
  const double variance = n * m / 12 * (both + 1 - ties / (both * (both - 1)));
  return TwoSided(statistic, n * m / 2, variance);
}

}  // namespace spindle::bench
