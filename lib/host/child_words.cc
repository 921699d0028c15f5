#include "host/child_words.h"

#include <fmt/format.h>

#include "base/text.h"

namespace orctl {
namespace {

constexpr int after_signal = 128;  // as Proc::Result has it

}  // namespace

std::string end_of(const Proc::Result& result) {
  return result.status > after_signal ? fmt::format("ended by signal {}", result.status - after_signal)
                                      : fmt::format("ended with exit code {}", result.status);
}

std::string why_failed(const Proc::Result& result, const std::string& words) {
  std::string said(trim(words));
  if (said.empty()) said = trim(result.err);
  if (said.empty()) said = trim(result.out);
  if (said.empty()) return "it " + end_of(result);
  return result.status > after_signal ? said + "; it " + end_of(result) : said;
}

}  // namespace orctl
