#include <doctest/doctest.h>

#include "base/error.h"
#include "model/edit_servers.h"

using namespace orctl;
using Kind = ServerEdit::Kind;

namespace {

const std::string head = "kind = \"Instance\"\nname = \"dev_a_001_80\"\n";

ServerEdit weight(const std::string& address, int n) {
  return {Kind::set_weight, "a", address, Value(Value::Object{{"weight", n}})};
}
ServerEdit add(const std::string& address) {
  return {Kind::add, "a", address, Value(Value::Object{{"address", address}, {"weight", 2}})};
}
ServerEdit take_out(const std::string& address) { return {Kind::remove, "a", address, {}}; }

/// What the part of a TOML manifest behind its head becomes.
std::string toml(const std::string& text, const std::vector<ServerEdit>& edits) {
  const auto edited = edit_text({"m.toml", head + text}, edits);
  return edited ? edited->substr(head.size()) : "(not edited)";
}
std::string json(const std::string& upstream, const std::vector<ServerEdit>& edits) {
  const std::string start = R"({"kind": "Instance", "name": "dev_a_001_80", "upstream": [)", end = "]}";
  const auto edited = edit_text({"m.json", start + upstream + end}, edits);
  return edited ? edited->substr(start.size(), edited->size() - start.size() - end.size()) : "(not edited)";
}

const char* const two_lines =
    "[[upstream]]\nname = \"a\"\nserver = [\n"
    "  { address = \"10.0.0.1:80\", weight = 10 },  # the big one\n"
    "  { address = \"10.0.0.2:80\" },\n]\n";
const char* const tables =
    "[[upstream]]\nname = \"a\"\n  [[upstream.server]]\n  address = \"10.0.0.1:80\" # one\n"
    "  [[upstream.server]]\n  address = \"10.0.0.2:80\"\n  weight = 7\n\n# the route\n[[route]]\nupstream = \"a\"\n";

}  // namespace

TEST_CASE("a weight that is written is replaced, and nothing else") {
  CHECK(toml(two_lines, {weight("10.0.0.1:80", 3)}) ==
        "[[upstream]]\nname = \"a\"\nserver = [\n"
        "  { address = \"10.0.0.1:80\", weight = 3 },  # the big one\n"
        "  { address = \"10.0.0.2:80\" },\n]\n");
  CHECK(json(R"({"name": "a", "server": [{"weight": 1, "address": "10.0.0.1:80"}]})", {weight("10.0.0.1:80", 12)}) ==
        R"({"name": "a", "server": [{"weight": 12, "address": "10.0.0.1:80"}]})");
}

TEST_CASE("a weight that is not written is put behind the address") {
  CHECK(toml("[[upstream]]\nname = \"a\"\nserver = [{ address = \"10.0.0.2:80\", backup = true }]\n",
             {weight("10.0.0.2:80", 5)}) ==
        "[[upstream]]\nname = \"a\"\nserver = [{ address = \"10.0.0.2:80\", weight = 5, backup = true }]\n");
  CHECK(toml(tables, {weight("10.0.0.1:80", 4)}).find("10.0.0.1:80\" # one\n  weight = 4\n  [[") != std::string::npos);
  CHECK(json("{\"name\": \"a\", \"server\": [\n  {\n    \"address\": \"10.0.0.1:80\"\n  }\n]}",
             {weight("10.0.0.1:80", 2)}) ==
        "{\"name\": \"a\", \"server\": [\n  {\n    \"address\": \"10.0.0.1:80\",\n    \"weight\": 2\n  }\n]}");
}

TEST_CASE("a server is added behind the last one, in the same style") {
  CHECK(toml(two_lines, {add("10.0.0.3:80")})
            .find("\"10.0.0.2:80\" },\n  { address = \"10.0.0.3:80\", weight = 2 },\n]") != std::string::npos);
  CHECK(toml(tables, {add("10.0.0.3:80")})
            .find("weight = 7\n\n  [[upstream.server]]\n  address = \"10.0.0.3:80\"\n  weight = 2\n\n# the route\n") !=
        std::string::npos);
  CHECK(json(R"({"name": "a", "server": [{"address": "10.0.0.1:80"}]})", {add("10.0.0.3:80")}) ==
        R"({"name": "a", "server": [{"address": "10.0.0.1:80"}, {"address": "10.0.0.3:80", "weight": 2}]})");
}

TEST_CASE("a server is removed with its line, its table or its comma") {
  CHECK(toml(two_lines, {take_out("10.0.0.1:80")}) ==
        "[[upstream]]\nname = \"a\"\nserver = [\n  { address = \"10.0.0.2:80\" },\n]\n");
  CHECK(toml(tables, {take_out("10.0.0.2:80")}).find("# one\n\n# the route\n[[route]]") != std::string::npos);
  CHECK(json(R"({"name": "a", "server": [{"address": "10.0.0.1:80"}, {"address": "10.0.0.2:80"}]})",
             {take_out("10.0.0.2:80")}) == R"({"name": "a", "server": [{"address": "10.0.0.1:80"}]})");
  CHECK(toml("[[upstream]]\nname = \"a\"\nserver = [{ address = \"10.0.0.1:80\" }, { address = \"10.0.0.2:80\" }]\n",
             {take_out("10.0.0.1:80")}) == "[[upstream]]\nname = \"a\"\nserver = [{ address = \"10.0.0.2:80\" }]\n");
}

TEST_CASE("several edits are done one after another") {
  CHECK(toml(two_lines, {add("10.0.0.3:80"), take_out("10.0.0.1:80"), weight("10.0.0.3:80", 9)}) ==
        "[[upstream]]\nname = \"a\"\nserver = [\n  { address = \"10.0.0.2:80\" },\n"
        "  { address = \"10.0.0.3:80\", weight = 9 },\n]\n");
}

TEST_CASE("what stands in strings and comments is no bracket") {
  CHECK(toml("[[upstream]]\nname = \"a\" # { not this }\nserver = [\n  { address = \"10.0.0.1:80\", # }\n"
             "  weight = 2 }, { address = \"10.0.0.2:80\" }]\n",
             {weight("10.0.0.1:80", 3)}) == "(not edited)");  // TOML 1.0 has no newline in an inline table
  CHECK(toml("[[upstream]] # }\nname = \"a\"\n# {\nserver = [{ address = '10.0.0.1:80' }, { address = \"10.0.0.2:80\" "
             "}]\n",
             {take_out("10.0.0.2:80")}) ==
        "[[upstream]] # }\nname = \"a\"\n# {\nserver = [{ address = '10.0.0.1:80' }]\n");
}

TEST_CASE("the server of the right upstream is meant, whatever stands in front, in any spelling of its address") {
  const std::string other = "# äöü 語\n[[upstream]]\nname = \"b\"\nserver = [{ address = \"[::1]:80\", weight = 1 }]\n";
  CHECK(toml(other + "[[upstream]]\nname = \"a\"\nserver = [{ address = \"[0::1]:80\", weight = 1 }]\n",
             {weight("[::1]:80", 6)}) ==
        other + "[[upstream]]\nname = \"a\"\nserver = [{ address = \"[0::1]:80\", weight = 6 }]\n");
}

TEST_CASE("edits that do not fit are refused") {
  const auto refused = [](const ServerEdit& edit) {
    Value document(Value::Object{
        {"upstream",
         Value(Value::Array{Value(Value::Object{
             {"name", "a"}, {"server", Value(Value::Array{Value(Value::Object{{"address", "10.0.0.1:80"}})})}})})}});
    try {
      edit_document(document, edit);
    } catch (const Error& e) {
      return e.exit() == Exit::refused;
    }
    return false;
  };
  CHECK(refused(take_out("10.0.0.1:80")));  // the last one
  CHECK(refused(take_out("10.0.0.9:80")));
  CHECK(refused(add("10.0.0.1:80")));
  CHECK(refused({Kind::set_weight, "b", "10.0.0.1:80", Value(Value::Object{{"weight", 1}})}));
  CHECK_FALSE(refused(weight("10.0.0.1:80", 2)));
}
