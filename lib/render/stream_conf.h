#pragma once
#include <string>

#include "model/instance.h"
#include "nginx/config.h"

namespace orctl {

/// The directives of the stream{} block for the tcp and udp listeners of an instance; none when it has none. `logs` is
/// the folder of its logs.
nginx::Config stream_listeners(const Instance& instance, const std::string& logs);

}  // namespace orctl
