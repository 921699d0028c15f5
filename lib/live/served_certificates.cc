#include "live/served_certificates.h"

#include <fmt/format.h>

#include "base/text.h"
#include "gateway/gateway.h"
#include "live/observe.h"

namespace orctl {
namespace {

constexpr int64_t soon = 14;  // days

}  // namespace

Value::Array certificates_of(const Observed& o, const World& world) {
  const Value& given = o.version->spec.at("certificate");
  // one that was started by an older orctl has no such path, and no certificates either
  if (o.status && given.items().empty() && o.live.certs.empty()) return {};
  if (o.status) return gateway_list(world, world.layout.admin_socket(o.name), ListOf::certificates);
  Value::Array out;
  for (const Value& certificate : given.items()) {
    Value item = Value::object();
    item.set("name", certificate.at("name"));
    if (const Value* hosts = certificate.find("hosts")) item.set("hosts", *hosts);
    out.push_back(std::move(item));
  }
  return out;
}

std::vector<std::string> ending_certificates(const Observed& o, const World& world) {
  std::vector<std::string> out;
  if (!o.version) return out;
  Value::Array certificates;
  try {
    certificates = certificates_of(o, world);
  } catch (const Error&) {
    return out;  // a remark must not keep the state of the others from being told
  }
  for (const Value& one : certificates) {
    const Value* days = one.find("days");
    if (days == nullptr || !days->is_number() || days->as_double() >= soon) continue;
    const auto left = whole(days->as_double());
    const std::string when = left < 0    ? "has ended"
                             : left == 0 ? "ends today"
                                         : "ends in " + count(static_cast<size_t>(left), "day");
    out.push_back(
        fmt::format("certificate {} {} ({})", one.at("name").as_string(), when, one.at("not_after").as_string()));
  }
  return out;
}

}  // namespace orctl
