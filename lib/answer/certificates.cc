#include "answer/certificates.h"

#include "answer/looked.h"
#include "base/text.h"
#include "live/served_certificates.h"

namespace orctl {
namespace {

std::string name_text(const Value& item, const std::string& field) {
  return member_text(item, "instance") + "/" + member_text(item, field);
}

std::string hosts_text(const Value& item, const std::string& field) {
  std::vector<std::string> hosts;
  if (const Value* list = item.find(field))
    for (const Value& host : list->items()) hosts.push_back(host.as_string());
  return hosts.empty() ? "-" : join(hosts, ",");
}

}  // namespace

const Noun& certificates_noun() {
  static const Noun noun{"CertificateList",
                         "certificates",
                         "",
                         {{"NAME", "name", name_text},
                          {"HOSTS", "hosts", hosts_text},
                          {"NOT AFTER", "not_after", member_text},
                          {"DAYS", "days", member_text},
                          {"KEY", "key_type", member_text, Column::Shown::wide}}};
  return noun;
}

Value::Array certificate_items(const std::string& instance, const Value::Array& told) {
  Value::Array out;
  for (const Value& one : told) out.push_back(owned(Value(Value::Object{{"instance", instance}}), one));
  return out;
}

Answer list_certificates(const Choice& choice, const World& world) {
  Answer answer = list_of_gateways(
      choice, world, [&](const Observed& o) { return certificate_items(o.name, certificates_of(o, world)); });
  for (const Value& item : answer.items)
    if (const auto ending = ending_of(item)) warn_ending(answer, item.at("instance").as_string(), *ending);
  return answer;
}

}  // namespace orctl
