#include <doctest/doctest.h>

#include <latch>
#include <numeric>
#include <stdexcept>

#include "base/parallel.h"

using namespace orctl;

TEST_CASE("at_once calls all at the same time, so that one that waits holds none up") {
  constexpr size_t n = 12;
  std::latch all_have_begun(n);  // without threads for all, nobody would ever come past it
  std::vector<int> calls(n);
  at_once(n, 32, [&](size_t i) {
    all_have_begun.arrive_and_wait();
    ++calls[i];
  });
  CHECK(calls == std::vector<int>(n, 1));
}

TEST_CASE("at_once calls each once, however few threads there are") {
  for (const size_t most : {1, 2, 7}) {
    std::vector<int> calls(100);
    at_once(calls.size(), most, [&](size_t i) { ++calls[i]; });
    CHECK(calls == std::vector<int>(100, 1));
  }
  at_once(0, 8, [](size_t) { FAIL("there is nothing to call"); });
}

TEST_CASE("what is thrown in a thread is thrown again by at_once") {
  CHECK_THROWS_AS(at_once(8, 8,
                          [](size_t i) {
                            if (i == 5) throw std::runtime_error("five");
                          }),
                  std::runtime_error);
}
