#include "model/document_size.h"

#include <fmt/format.h>

namespace orctl {

void check_document_size(const Value& spec, const SizeFault& fault) {
  const auto check = [&](const char* list, const char* field, const char* what, size_t most) {
    size_t sum = 0, index = 0;
    for (const Value& item : spec.at(list).items()) {
      if (const Value* value = item.find(field)) {
        const size_t count = value->is_array() ? value->items().size() : 1;
        if (sum <= most && sum + count > most) fault(*value, fmt::format("{}[{}].{}", list, index, field), what, most);
        sum += count;
      }
      ++index;
    }
  };
  check("upstream", "server", "servers", max_servers);
  check("route", "hosts", "hosts", max_hosts);
  check("route", "rate_limit", "routes with a rate_limit", max_limits);
}

}  // namespace orctl
