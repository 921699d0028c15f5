#include <doctest/doctest.h>

#include <algorithm>

#include "store/audit_chain.h"

using namespace orctl;

namespace {

Value record(const std::string& what) { return Value(Value::Object{{"what", what}}); }

/// A log of lines "a", "b", … behind `before`.
std::string log_of(const std::vector<std::string>& words, const std::string& before = {}) {
  std::string text = before;
  AuditEnd end;
  end.hash = sealed_hash(before);
  for (const std::string& word : words) {
    text += chained_line(record(word), end);
    end = end_of_audit(text).value();
  }
  return text;
}

AuditRead check(const std::string& text, const std::map<int64_t, std::string>& known = {}) {
  return read_audit({{"f", text}}, known);
}

}  // namespace

TEST_CASE("a log that nobody touched has no fault, over several files and behind older lines") {
  for (const std::string before : {"", "{\"time\":1}\n", "{\"time\":1}\n{\"ti\n"}) {
    const std::string text = log_of({"a", "b", "c"}, before);
    CHECK(check(text).faults.empty());
    CHECK(check(text).last == 3);
    const size_t cut = text.find("{\"what\":\"c\"");
    CHECK(read_audit({{"1", text.substr(0, cut)}, {"2", text.substr(cut)}}, {}).faults.empty());
  }
  CHECK(check(log_of({"a"}, "{\"time\":1}\n")).before_chain == 1);
  CHECK(check("").faults.empty());
}

TEST_CASE("the next line goes on from the last whole one, with a newline where one is missing") {
  const std::string text = log_of({"a", "b"});
  const AuditEnd whole = end_of_audit(text).value();
  CHECK(whole.number == 2);
  CHECK(whole.terminated);
  CHECK_FALSE(whole.torn);
  const std::string torn = text + "{\"what\":\"c";
  const AuditEnd end = end_of_audit(torn).value();
  CHECK(end.number == 2);
  CHECK(end.hash == whole.hash);
  CHECK_FALSE(end.terminated);
  CHECK(end.torn);
  const AuditRead read = check(torn + chained_line(record("d"), end));
  REQUIRE(read.faults.size() == 1);
  CHECK(read.faults[0].place == "f:3");
  CHECK_FALSE(read.faults[0].fatal);
  CHECK(read.last == 3);
  // the newline alone is missing: the line is whole
  const std::string bare = text.substr(0, text.size() - 1);
  CHECK(end_of_audit(bare)->number == 2);
  CHECK(check(bare + chained_line(record("c"), end_of_audit(bare).value())).faults.empty());
  // what somebody put there, with an end, is no torn line
  CHECK_FALSE(end_of_audit(text + "garbage\n")->torn);
  CHECK_FALSE(end_of_audit("{\"time\":1}\n"));
}

TEST_CASE("every cut of a log is a torn line, a cut end, or the log as it was once") {
  const std::string text = log_of({"a", "b", "c"});
  const AuditRead whole = check(text);
  const std::map<int64_t, std::string> known{{3, whole.lines[2].hash}};
  for (size_t n = 0; n + 1 < text.size(); ++n) {
    const AuditRead cut = check(text.substr(0, n), known);
    REQUIRE_FALSE(cut.faults.empty());
    CHECK(cut.faults.back().fatal);
  }
}

TEST_CASE("no change of a byte goes unseen") {
  const std::string text = log_of({"a", "b", "c"}, "{\"time\":1}\n");
  for (size_t n = 0; n + 1 < text.size(); ++n)
    for (const char other : {'x', '\n', '0'}) {
      std::string changed = text;
      if (changed[n] == other) continue;
      changed[n] = other;
      CAPTURE(n);
      CAPTURE(changed);
      const AuditRead read = check(changed, {{3, check(text).lines.back().hash}});
      CHECK(std::any_of(read.faults.begin(), read.faults.end(), [](const AuditFault& f) { return f.fatal; }));
    }
}

TEST_CASE("what was removed, inserted, repeated and reordered is named where it is") {
  std::vector<std::string> lines;
  const std::string text = log_of({"a", "b", "c", "d"});
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at) + 1;
    lines.push_back(text.substr(at, end - at));
    at = end;
  }
  const auto first = [](const std::string& log) {
    const AuditRead read = check(log);
    REQUIRE_FALSE(read.faults.empty());
    return read.faults.front().place + " " + read.faults.front().what;
  };
  CHECK(first(lines[0] + lines[2] + lines[3]) == "f:2 line 2 of the chain is missing before it: removed");
  CHECK(first(lines[0] + lines[3]) == "f:2 lines 2 to 3 of the chain are missing before it: removed");
  CHECK(first(lines[1] + lines[2]) == "f:1 line 1 of the chain is missing before it: removed");
  CHECK(first(lines[0] + "{}\n" + lines[1]) == "f:2 it was inserted: it is no line of the chain");
  CHECK(first(lines[0] + lines[1] + lines[1] + lines[2]) ==
        "f:3 line 2 of the chain stands there once more: it was inserted");
  CHECK(
      first(lines[0] + lines[2] + lines[1] + lines[3]).starts_with("f:2 line 3 of the chain stands where line 2 was"));
  CHECK(first(lines[0] + "x\n" + lines[2]) == "f:2 line 2 of the chain was changed");
}
