#include <doctest/doctest.h>

#include <sstream>

#include "cli/show_answer.h"

using namespace orctl;

namespace {

Tone tone_of_state(const Value& item) { return item.at("state") == Value("up") ? Tone::plain : Tone::bad; }

Noun things() {
  return {"ThingList",
          "things",
          "thing",
          {{"NAME", "name", member_text},
           {"STATE", "state", member_text, Column::Shown::always, tone_of_state},
           {"NOTE", "note", member_text, Column::Shown::wide}}};
}

Answer two() {
  Answer answer;
  for (const char* state : {"up", "down"})
    answer.each([&] { answer.items.push_back(Value(Value::Object{{"name", "a"}, {"state", state}, {"more", 1}})); });
  return answer;
}

/// What stands on stdout.
std::string shown(const std::string& format, Colour colour, const Answer& answer) {
  std::ostringstream out, err;
  Io io(out, err, format, colour);
  io.finish(show_answer(io, things(), answer));
  return out.str();
}

}  // namespace

TEST_CASE("items stand in the columns of their noun, and whole in the document") {
  CHECK(shown("table", Colour::never, two()) == "NAME   STATE\na      up\na      down\n");
  CHECK(shown("wide", Colour::never, two()) == "NAME   STATE   NOTE\na      up      -\na      down    -\n");
  CHECK(shown("name", Colour::never, two()) == "thing/a\nthing/a\n");
  const std::string json = shown("json", Colour::never, two());
  CHECK(json.find("\"kind\": \"ThingList\"") != std::string::npos);
  CHECK(json.find("\"more\": 1") != std::string::npos);
}

TEST_CASE("what is bad is red, and what is plain has no colour") {
  CHECK(shown("table", Colour::always, two()) == "NAME   STATE\na      up\na      \x1b[31mdown\x1b[0m\n");
}

TEST_CASE("faults are said in their order, and decide the exit code with what could be told") {
  std::ostringstream out, err;
  Io io(out, err, "table", Colour::never);
  Answer answer = two();
  answer.warn("slow", "look");
  answer.fault(Error(Exit::timeout, "first"));
  answer.fault(Error(Exit::target, "second"));
  CHECK(show_answer(io, things(), answer) == Exit::partial);
  CHECK(err.str() == "warning: slow\n  hint: look\nerror: first\nerror: second\n");
  Answer none;
  none.fault(Error(Exit::timeout, "first"));
  none.fault(Error(Exit::target, "second"));
  CHECK(none.exit() == Exit::timeout);
  CHECK(two().exit() == Exit::ok);
}

TEST_CASE("a remark is said once") {
  std::ostringstream out, err;
  Io io(out, err, "table", Colour::never);
  Answer answer;
  answer.fault(Error(Exit::target, "once"));
  tell_remarks(io, answer);
  tell_remarks(io, answer);
  CHECK(err.str() == "error: once\n");
  CHECK(answer.exit() == Exit::target);
}
