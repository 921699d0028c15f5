#pragma once
#include <string>

#include "nginx/config.h"
#include "render/render.h"

namespace orctl {

/// nginx.conf of one instance as directives. `digest` goes to the gateway and into the proof path.
nginx::Config nginx_conf(const Instance& instance, const Tree& overlay, const Target& target, const Layout& layout,
                         const std::string& digest);

std::string render_unit(const Instance& instance, const Target& target, const Layout& layout);

}  // namespace orctl
