#include "live/served_certificates.h"

#include <fmt/format.h>

#include "base/text.h"
#include "gateway/gateway.h"
#include "live/observe.h"

namespace orctl {
namespace {

constexpr int64_t soon = 21, very_soon = 7;  // days

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

std::optional<Ending> ending_of(const Value& certificate) {
  using Urgency = Ending::Urgency;
  const std::string& name = certificate.at("name").as_string();
  if (const Value* begun = certificate.find("begun"); begun != nullptr && !begun->as_bool())
    return Ending{Urgency::fault,
                  fmt::format("certificate {} is not valid yet ({})", name, certificate.at("not_before").as_string())};
  const Value* days = certificate.find("days");
  if (days == nullptr || !days->is_number() || days->as_double() >= soon) return std::nullopt;
  const auto left = whole(days->as_double());
  const std::string when = left < 0    ? "has ended"
                           : left == 0 ? "ends today"
                                       : "ends in " + count(static_cast<size_t>(left), "day");
  const Value* chain = certificate.find("chain_not_after");  // what comes with it ends first
  return Ending{left < very_soon ? Urgency::fault : Urgency::warning,
                chain == nullptr
                    ? fmt::format("certificate {} {} ({})", name, when, certificate.at("not_after").as_string())
                    : fmt::format("certificate {}: one that signs it and is sent with it {} ({})", name, when,
                                  chain->as_string())};
}

}  // namespace orctl
