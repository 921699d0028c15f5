// A kind that orctl is not shipped with: what hosts say to whoever logs in.
#include <algorithm>
#include <cctype>
#include <map>

#include "base/text.h"
#include "kind/kind.h"
#include "model/origin.h"

namespace orctl {
namespace {

void check(const Object& motd, const Faults& tell) {
  const Value& text = motd.spec.at("text");
  if (text.as_string().find('\t') != std::string::npos)
    tell(Severity::error, "tab", text, "text", "terminals disagree about tabs", "use blanks");
  if (text.as_string().find("{host}") == std::string::npos)
    tell(Severity::warning, "no-host", text, "text", "every host says the same", "say {host} somewhere in it");
}

/// Two messages must not be the same.
void check_together(const std::vector<const Object*>& all, Diagnostics& found) {
  std::map<std::string, const Object*> texts;
  for (const Object* one : all)
    if (const auto [same, fresh] = texts.emplace(one->spec.at("text").as_string(), one); !fresh)
      found.push_back(fault_of(*one, Severity::error, "same-text", one->spec.at("text"), "text",
                               "it is what '" + same->second->spec.at("name").as_string() + "' says",
                               "say something else, or nothing"));
}

Tree render(const Value& spec, const std::string& host) {
  std::string text = spec.at("text").as_string();
  for (size_t at = text.find("{host}"); at != text.npos; at = text.find("{host}")) text.replace(at, 6, host);
  for (const Value& line : spec.at("lines").items()) text += "\n" + line.at("text").as_string();
  if (spec.at("size") == Value("loud"))
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  Tree tree = {{"motd", {text + "\n"}}, {"lines/count", {std::to_string(spec.at("lines").items().size()) + "\n"}}};
  if (const Value* password = spec.find("password"))
    tree["door"] = {"opens with '" + password->as_string() + "'\n", rights::secret_file};
  return tree;
}

}  // namespace

Kind motd_kind() {
  return {"Motd",
          "motds",
          Kind::Lives::in_files,
          {{"LINES", "lines", count_text}, {"TEXT", "text", member_text, Column::Shown::wide}},
          check,
          check_together,
          render,
          {"/bin/sh", "-c", "IFS=:; for f in $0; do test -f $f && ! grep -n FORBIDDEN $f || exit 1; done",
           "{tree}/motd:{tree}/lines/count"},
          {"/bin/sh", "-c", "! grep -n UNSEEN \"$0/motd\"", "{tree}"}};
}

}  // namespace orctl
