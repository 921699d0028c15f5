#include "sys/terminal.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace orctl {

size_t terminal_width(int fd) {
  struct winsize size = {};
  return ::isatty(fd) == 1 && ::ioctl(fd, TIOCGWINSZ, &size) == 0 ? size.ws_col : 0;
}

bool reader_is_gone(int fd) {
  struct pollfd end = {fd, 0, 0};
  return ::poll(&end, 1, 0) == 1 && (end.revents & (POLLERR | POLLHUP)) != 0;
}

}  // namespace orctl
