#pragma once
#include <string>

#include "sys/world.h"

namespace orctl {

/// Who else answers on the admin socket than the workers that are to go.
enum class Beside { nobody, successor };

/// Before a master makes its workers go: has them end each kept connection with an answer that says so, and waits until
/// clients that keep theirs busy have none with them, two seconds at most. Whoever asks for nothing meanwhile cannot be
/// told. Makes nothing worse: an older gateway, or workers that do not answer, are left as they are, and an order that
/// no signal follows ends by itself. Throws when interrupted.
void say_farewell(World& world, const std::string& name, int master, Beside beside);

}  // namespace orctl
