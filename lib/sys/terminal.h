#pragma once
#include <cstddef>

namespace orctl {

/// How many cells a line of the terminal behind `fd` has; 0 where that is none, or does not say.
size_t terminal_width(int fd);

/// Whether whoever read what is written to `fd` has gone: the other end of a pipe or socket is closed.
bool reader_is_gone(int fd);

}  // namespace orctl
