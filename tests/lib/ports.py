"""Loopback ports that nobody else has, neither in this process nor in another test that runs beside it.

They lie below the kernel's range for outgoing connections, which would take a port between our probe and nginx's bind. Each is locked
as long as this process lives, or until release(): a byte of one file for each port, so that thousands cost one open file.
"""
import errno
import fcntl
import os
import random
import socket
import tempfile
import threading

FIRST, LAST = 15000, 31999
_given, _lock, _file = set(), threading.Lock(), None


def _locks():
    global _file
    if _file is None:
        path = os.path.join(tempfile.gettempdir(), "orctl-ports.%d.locks" % os.getuid())
        _file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    return _file


def _is_free(port):
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                return False
    return True


def free_port():
    """A port that nobody listens on, tcp or udp, and that no test has been given."""
    with _lock:
        for _ in range(2000):
            port = random.randint(FIRST, LAST)
            if port in _given:
                continue
            try:
                fcntl.lockf(_locks(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
            except OSError:
                continue
            if _is_free(port):
                _given.add(port)
                return port
            fcntl.lockf(_locks(), fcntl.LOCK_UN, 1, port)
    raise OSError(errno.EADDRINUSE, "no free port between %d and %d" % (FIRST, LAST))


def release(port):
    """Gives a port back before the process ends."""
    with _lock:
        _given.discard(port)
        fcntl.lockf(_locks(), fcntl.LOCK_UN, 1, port)


def closed_port():
    """A socket that holds a port where nothing listens; a Backend may be started on that port."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def accepts(port):
    """Whether somebody takes connections there."""
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", int(port))) == 0
