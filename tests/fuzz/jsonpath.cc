#include "model/jsonpath.h"

#include "fuzz.h"
#include "model/read.h"

using namespace orctl;
using namespace orctl::fuzz;

namespace {

const Value& document() {
  static const Value made = [] {
    Diagnostics found;
    return *read_json(
        {"", R"({"items": [{"name": "a\u001b", "n": 1, "l": {"x.y": [1, 2, {"z": null}]}}, {"name": "b", "n": 2.5,
      "l": {}}, [[[1], true]]], "kind": "K"})"},
        found);
  }();
  return made;
}

}  // namespace

// Templates of -o jsonpath= and paths of columns, over a small document.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(text_of(data, std::min<size_t>(size, 4096)));
  refusable([&] {
    const JsonTemplate made(text);
    refusable([&] { require(made.write(document()) == made.write(document()), "a template writes the same twice"); });
  });
  refusable([&] {
    const FieldPath path(text);
    refusable([&] {
      for (const Value* value : path.find(document())) require(value != nullptr, "what is found is there");
    });
  });
  return 0;
}
