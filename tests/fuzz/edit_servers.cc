#include "model/edit_servers.h"

#include "fuzz.h"

using namespace orctl;
using namespace orctl::fuzz;

// A manifest's text that is edited. First line: a format, an edit, an upstream and an address ("toml add
// a 10.0.0.1:80").
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view rest = text_of(data, size);
  auto words = split(take_line(rest), ' ');
  words.resize(4);
  using Kind = ServerEdit::Kind;
  ServerEdit edit{words[1] == "add"      ? Kind::add
                  : words[1] == "remove" ? Kind::remove
                                         : Kind::set_weight,
                  words[2], words[3], Value(Value::Object{{"weight", 7}})};
  if (edit.kind == Kind::add) edit.server = Value(Value::Object{{"address", words[3]}, {"weight", 7}});
  const Source source{words[0] == "json" ? "m.json" : "m.toml", std::string(rest)};
  refusable([&] {
    const auto edited = edit_text(source, {edit});
    if (!edited) return;
    Diagnostics found;
    require(read_document({source.file, *edited}, found).has_value(), "an edited manifest can be read");
  });
  return 0;
}
