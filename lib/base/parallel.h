#pragma once
#include <algorithm>
#include <atomic>
#include <cstddef>
#include <exception>
#include <future>
#include <mutex>
#include <thread>
#include <vector>

namespace orctl {

namespace detail {
template <class Each>
void on_threads(size_t n, size_t threads, Each each) {
  std::atomic<size_t> next = 0;
  std::exception_ptr fault;
  std::mutex fault_lock;
  const auto work = [&] {
    try {
      for (size_t i = next++; i < n; i = next++) each(i);
    } catch (...) {
      const std::lock_guard lock(fault_lock);
      if (!fault) fault = std::current_exception();
      next = n;
    }
  };
  std::vector<std::thread> others;
  for (size_t t = 1; t < threads; ++t) others.emplace_back(work);
  work();
  for (std::thread& other : others) other.join();
  if (fault) std::rethrow_exception(fault);
}
}  // namespace detail

/// Calls each(i) once for every i below `n`, in any order, on one thread for each processor; a few calls stay on this
/// one. What it throws first is thrown again here, after all threads have ended.
template <class Each>
void in_parallel(size_t n, Each each) {
  constexpr size_t worth_a_thread = 32;
  detail::on_threads(n, std::min<size_t>(std::thread::hardware_concurrency(), n / worth_a_thread), each);
}

/// Calls each(i) once for every i below `n`, in any order, on up to `most` threads: for what waits more than it works.
/// What it throws first is thrown again here, after all threads have ended.
template <class Each>
void at_once(size_t n, size_t most, Each each) {
  detail::on_threads(n, std::min(n, most), each);
}

/// Calls both, the first on a thread of its own. What the first throws, or else the second, is thrown again here.
template <class First, class Second>
void in_two(First first, Second second) {
  std::future<void> other = std::async(std::launch::async, first);
  std::exception_ptr fault;
  try {
    second();
  } catch (...) {
    fault = std::current_exception();
  }
  other.get();
  if (fault) std::rethrow_exception(fault);
}

}  // namespace orctl
