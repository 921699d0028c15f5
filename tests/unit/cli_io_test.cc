#include <doctest/doctest.h>

#include <fstream>
#include <sstream>

#include "base/text.h"
#include "cli/io.h"

using namespace orctl;

namespace {

struct Session {
  explicit Session(const std::string& format = "text", Colour colour = Colour::never) : io(out, err, format, colour) {}
  std::ostringstream out, err;
  Io io;
};

Table servers() {
  Table t;
  t.columns = {"name", "state", "note"};
  t.rows = {{"web", "up", "a"}, {"größe", "down", "b"}, {"漢字", "up", "c"}};
  t.wide_columns = 1;
  for (auto& c : t.columns)
    for (char& letter : c) letter = static_cast<char>(letter - 'a' + 'A');
  return t;
}

/// Everything that a hostile peer may send: all bytes, bidi marks, OSC, CSI, DCS.
std::string hostile() {
  std::string all;
  for (int byte = 0; byte < 256; ++byte) all += static_cast<char>(byte);
  return all +
         "\u202e\u2066\u2069 \x1b]0;x\x07 \x1b[31m \x1bPq\x1b\\ \xc2\x9b"
         "31m";
}

void check_harmless(const std::string& text) {
  CHECK(is_utf8(text));
  std::string_view rest = text;
  while (!rest.empty()) {
    const Character c = first_character(rest);
    CHECK((c.code == '\n' || c.code == '\t' || !is_control(c.code)));
    rest.remove_prefix(c.bytes);
  }
}

}  // namespace

TEST_CASE("a table is padded by terminal cells and has no blanks at line ends") {
  Session s;
  s.io.table(servers(), "servers");
  CHECK(s.out.str() ==
        "NAME    STATE\n"
        "web     up\n"
        "größe   down\n"
        "漢字    up\n");
}

TEST_CASE("wide shows the last columns, name the first alone") {
  Session wide("wide");
  wide.io.table(servers(), "servers");
  CHECK(wide.out.str().starts_with("NAME    STATE   NOTE\nweb     up      a\n"));
  Session name("name");
  name.io.table(servers(), "servers", "server");
  CHECK(name.out.str() == "server/web\nserver/größe\nserver/漢字\n");
}

TEST_CASE("an empty table is a remark on stderr") {
  Session s;
  s.io.table(Table{{"NAME"}, {}}, "instances");
  CHECK(s.out.str().empty());
  CHECK(s.err.str() == "No instances found.\n");
}

TEST_CASE("with json stdout is one document, and errors stand in it only") {
  Session s("json");
  s.io.kind("InstanceList");
  Value item = Value::object();
  item.set("name", "web");
  s.io.item(item);
  s.io.table(servers(), "servers");
  s.io.print("not this\n");
  s.io.note("working");
  s.io.warn("old", "renew it");
  s.io.error(Error(Exit::conflict, "lock held", "wait"));
  Diagnostic d;
  d.code = "bad-port";
  d.file = "a.toml";
  d.place = {3, 4};
  d.text = "no port";
  s.io.error(d);
  s.io.changed(false);
  s.io.diff({"before", "a", "after", "b"});
  CHECK(s.io.finish(Exit::conflict) == Exit::conflict);
  CHECK(s.err.str() == "working\n");
  std::string flat;
  for (const std::string& line : split(s.out.str(), '\n')) flat += trim(line);
  CHECK(
      flat ==
      R"({"apiVersion": "orctl/v1","kind": "InstanceList","items": [{"name": "web"}],"changed": false,)"
      R"("diff": [{"before_header": "before","before": "a","after_header": "after","after": "b"}],)"
      R"("warnings": [{"message": "old","hint": "renew it"}],)"
      R"("errors": [{"code": "conflict","message": "lock held","hint": "wait"},)"
      R"({"code": "bad-port","message": "no port","severity": "error","file": "a.toml","line": 3,"column": 4}],"exit": 7})");
}

TEST_CASE("changed and diff are left out unless told") {
  Session s("json");
  s.io.finish(Exit::ok);
  CHECK(s.out.str().find("changed") == std::string::npos);
  CHECK(s.out.str().find("diff") == std::string::npos);
  CHECK(s.out.str().find("\"errors\": []") != std::string::npos);
}

TEST_CASE("jsonl is one item a line, and errors are on stderr") {
  Session s("jsonl");
  s.io.item(Value(1));
  s.io.item(Value("two"));
  s.io.print("not this");
  s.io.error(Error(Exit::no, "sick"));
  s.io.finish(Exit::no);
  CHECK(s.out.str() == "1\n\"two\"\n");
  CHECK(s.err.str() == "error: sick\n");
}

TEST_CASE("in text errors and warnings are on stderr, with hints") {
  Session s;
  s.io.error(Error(Exit::refused, "cannot read \"a\"", "check the name"));
  s.io.warn("odd");
  CHECK(s.err.str() == "error: cannot read \"a\"\n  hint: check the name\nwarning: odd\n");
  CHECK(s.out.str().empty());
}

TEST_CASE("a message of many lines cannot forge a message of ours") {
  Session s;
  s.io.error(Error(Exit::target, "nginx says\nerror: forged\n"));
  CHECK(s.err.str() == "error: nginx says\n  error: forged\n");
}

TEST_CASE("colour reaches the streams through paint only") {
  Session s("text", Colour::always);
  Table t{{"NAME", "STATE"}, {{"a", s.io.paint("up", "green")}, {"bb", s.io.paint("down", "red")}, {"\x1b[31mc", "x"}}};
  s.io.table(t, "servers");
  CHECK(s.out.str() ==
        "NAME        STATE\na           \x1b[32mup\x1b[0m\nbb          \x1b[31mdown\x1b[0m\n\\x1b[31mc   x\n");
  Session off;
  CHECK(off.io.paint("up", "green") == "up");
  Session name("name", Colour::always);
  name.io.table(Table{{"NAME"}, {{name.io.paint("a", "bold")}}}, "servers");
  CHECK(name.out.str() == "a\n");
}

TEST_CASE("nothing hostile reaches the streams raw, by any way out and in any format") {
  for (const char* format : {"text", "table", "wide", "name", "json", "jsonl", "toml",
                             "jsonpath={.items[0]}{.kind}{.errors}", "custom-columns=A:$"}) {
    CAPTURE(format);
    Session s(format);
    Diagnostic d;
    d.code = d.file = d.field = d.text = d.hint = d.source_line = hostile();
    d.place = {1, 200};
    s.io.kind(hostile());
    s.io.item(Value(hostile()));
    s.io.table(Table{{hostile()}, {{hostile()}}}, hostile(), hostile());
    s.io.table(Table{}, hostile());
    s.io.print(hostile());
    s.io.note(hostile());
    s.io.warn(hostile(), hostile());
    s.io.warn(d);
    s.io.error(d);
    s.io.error(Error(Exit::target, hostile(), hostile()));
    s.io.diff({hostile(), hostile(), hostile(), hostile()});
    s.io.finish(Exit::target);
    check_harmless(s.out.str());
    check_harmless(s.err.str());
  }
}

TEST_CASE("a full disk behind stdout is an error, and what became of the host outranks it") {
  for (const char* format : {"text", "json"}) {
    std::ofstream full("/dev/full");
    std::ostringstream err;
    Io io(full, err, format, Colour::never);
    io.print("answer\n");
    CHECK(io.finish(Exit::ok) == Exit::target);
    CHECK(err.str().starts_with("error: cannot write to standard output\n"));
    CHECK(io.finish(Exit::broken) == Exit::broken);
  }
}

TEST_CASE("on a terminal progress is one line that is taken away again; elsewhere each is a line") {
  std::ostringstream out, err;
  Io plain(out, err, "text", Colour::never);
  plain.progress("one");
  plain.progress("two");
  CHECK(err.str() == "one\ntwo\n");
  err.str("");
  Io terminal(out, err, "text", Colour::never);
  terminal.on_terminal();
  terminal.progress("one");
  terminal.progress("t\x1bwo");
  terminal.print("done\n");
  CHECK(err.str() == "\r\x1b[Kone\r\x1b[Kt\\x1bwo\r\x1b[K");
}

TEST_CASE("on a terminal a table fits, and its first column stays whole") {
  const auto shown = [](const std::string& format, size_t width) {
    Session s(format, Colour::always);
    s.io.leads_to({width, [] { return false; }});
    s.io.table(Table{{"NAME", "NOTE", "WHY"},
                     {{"a_long_name_of_something", s.io.paint("a long red note", "red"), "why not, after all"}}},
               "things");
    return s.out.str();
  };
  CHECK(shown("table", 0).find("why not, after all") != std::string::npos);
  CHECK(shown("wide", 40).find("why not, after all") != std::string::npos);
  CHECK(shown("table", 46) ==
        "NAME                       NOTE       WHY\n"
        "a_long_name_of_something   \x1b[31ma long …\x1b[0m   why not…\n");
}

TEST_CASE("a watch says each message and each row once") {
  Session s("table");
  s.io.begin_watch();
  const auto look = [&](const char* state, bool warns) {
    s.io.table(Table{{"NAME", "STATE"}, {{"a", state}, {"b", "up"}}}, "things");
    if (warns) s.io.warn("odd");
    s.io.end_look();
  };
  look("up", true);
  look("up", true);
  look("down", false);
  look("down", true);
  s.io.table(Table{{"NAME", "STATE"}, {{"a", "down"}}}, "things");
  s.io.end_look();
  s.io.finish(Exit::ok);
  CHECK(s.out.str() == "NAME   STATE\na      up\nb      up\na      down\n");
  CHECK(s.err.str() == "warning: odd\nwarning: odd\nb is gone\n");
}

TEST_CASE("who reads no more has what he wanted") {
  Session s("jsonl");
  s.io.leads_to({0, [] { return true; }});
  s.out.setstate(std::ios::badbit);
  s.io.item(Value(1));
  CHECK_FALSE(s.io.heard());
  CHECK(s.io.finish(Exit::no) == Exit::no);
  CHECK(s.err.str().empty());
}
