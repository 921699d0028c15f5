#include "shared/warn_masters.h"

#include "host/supervisor.h"
#include "live/observe.h"

namespace orctl {

void warn_masters(Io& io, const std::vector<std::string>& names, const World& world) {
  const NginxMasters all(world);
  for (const std::string& name : names) try {
      if (const std::string fault = fault_of_masters(name, world, all); !fault.empty())
        io.warn(name + ": " + fault, mend_masters(name));
    } catch (const Error&) {
      // what is wrong with the store is told by what is asked of it
    }
}

}  // namespace orctl
