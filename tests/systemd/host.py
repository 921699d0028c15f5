"""A host of its own for a test: a real systemd in namespaces, with nothing of the machine's services, users or ports.

    with SystemdHost() as host:
        host.run("systemctl", "start", "x")
        with host.network():
            ...                     # sockets made here are in the host's network

Files that are written to /etc /opt /usr /var stay over host.reboot(), and are gone with the host. Several may be up at once.
It needs root, and says so where it cannot be.
"""
import contextlib
import ctypes
import http.client
import os
import re
import select
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fault"))
import lab as faults  # noqa: E402

CLONE_NEWNET = 0x40000000
ORDERLY_REBOOT = signal.SIGRTMIN + 5
NEEDED = ("unshare", "nsenter", "setpriv", "ip", "systemctl", "journalctl", "/lib/systemd/systemd")
_libc = ctypes.CDLL(None, use_errno=True)


def why_not():
    """Why no host can be here; "" when one can."""
    if os.geteuid() != 0:
        return "systemd as PID 1 of a namespace needs root"
    missing = [program for program in NEEDED if not shutil.which(program)]
    return "these programs are missing (tests/install.sh test): " + " ".join(missing) if missing else ""


def _enter_network(file):
    if _libc.setns(file.fileno(), CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "cannot enter a network namespace")


class SystemdHost:
    def __init__(self):
        self.keeper = self.pid = self.alive = None
        self.children = []

    # -- up and down -----------------------------------------------------------------------------

    def start(self):
        if why_not():
            raise AssertionError(why_not())
        self.console = tempfile.TemporaryFile()
        self.keeper = subprocess.Popen(["unshare", "--mount", os.path.join(HERE, "boot.sh")], stdin=subprocess.PIPE,
                                       stdout=subprocess.PIPE, stderr=self.console, start_new_session=True)
        self._boot()
        return self

    def reboot(self, orderly=True):
        """Shuts down as `systemctl reboot` does, or as when the power fails, and starts again."""
        signal.pidfd_send_signal(self.alive, ORDERLY_REBOOT if orderly else signal.SIGKILL)

        def down():
            # at its end systemd stops all processes before it kills them, and nsenter stops with its child
            for child in self.children:
                child.send_signal(signal.SIGCONT)
            return select.select([self.alive], [], [], 0)[0]
        faults.wait_for(down, 60, "systemd has shut down", step=0.05)
        self._boot()

    def stop(self):
        """Ends all of it at once."""
        if self.keeper is None:
            return
        self.keeper.stdin.close()
        self.keeper.stdout.close()
        status = self.keeper.wait(30)
        self.keeper = None
        os.close(self.alive)
        for child in self.children:
            child.communicate(timeout=10)
        text = self.console_text()
        self.console.close()
        if status != 0 or "is not empty" in text:
            raise AssertionError("the host did not end well (%d):\n%s" % (status, text))

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def console_text(self):
        self.console.seek(0)
        return self.console.read().decode(errors="replace")

    def _boot(self):
        self.keeper.stdin.write(b"boot\n")
        self.keeper.stdin.flush()
        answer = self.keeper.stdout.readline()
        if not answer:
            raise AssertionError("no namespaces:\n" + self.console_text())
        self.pid = int(answer)
        if self.alive is not None:
            os.close(self.alive)
        self.alive = os.pidfd_open(self.pid)
        state = ""

        def up():
            nonlocal state
            if select.select([self.alive], [], [], 0)[0]:
                raise AssertionError("systemd ended while booting:\n" + self.console_text())
            state = self.run("systemctl", "is-system-running", check=False).out.strip()
            return state in ("running", "degraded")

        try:
            faults.wait_for(up, 60, "systemd is up", step=0.03)
        except AssertionError as e:
            raise AssertionError("%s; it is %s; its console:\n%s" % (e, state or "silent", self.console_text()))
        # the console has told how it booted; from here on the journal has systemd's words, as on any host
        self.systemctl("log-target", "journal")
        if state == "degraded":
            raise AssertionError("units failed at boot:\n" + self.run("systemctl", "--failed", "--no-legend").out)

    # -- what runs there -------------------------------------------------------------------------

    def _argv(self, argv):
        return ["nsenter", "-t", str(self.pid), "--all", "env", "-i", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                "HOME=/root", "LANG=C.UTF-8", *argv]

    def run(self, *argv, check=True, limit=faults.COMMAND_LIMIT):
        """A program in the host. AssertionError when it does not exit 0, unless check is False."""
        result = faults.run(self._argv(argv), limit)
        result.argv = argv
        if check and result.code != 0:
            raise AssertionError("should succeed: %s" % result)
        return result

    def background(self, *argv):
        """A program that goes on until it ends, or the host does."""
        child = subprocess.Popen(self._argv(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.children.append(child)
        return child

    def systemctl(self, *args, check=True):
        return self.run("systemctl", *args, check=check)

    def show(self, unit, name):
        return self.systemctl("show", "--property", name, "--value", unit).out.strip()

    def journal(self, unit):
        return self.run("journalctl", "--no-pager", "--output", "cat", "--unit", unit, check=False).out

    # -- its files and its network ---------------------------------------------------------------

    def path(self, path):
        """The name by which this process reaches a file of the host."""
        return "/proc/%d/root%s" % (self.pid, path)

    def read(self, path):
        with open(self.path(path), errors="replace") as file:
            return file.read()

    def write(self, path, text):
        os.makedirs(os.path.dirname(self.path(path)), exist_ok=True)
        with open(self.path(path), "w") as file:
            file.write(text)

    def exists(self, path):
        return os.path.lexists(self.path(path))

    @contextlib.contextmanager
    def network(self):
        """This thread is in the network of the host; its sockets stay there."""
        with open("/proc/self/task/%d/ns/net" % threading.get_native_id()) as ours, open("/proc/%d/ns/net" % self.pid) as theirs:
            _enter_network(theirs)
            try:
                yield
            finally:
                _enter_network(ours)

    def get(self, port=80, path="/", host="x", limit=5.0, tls=False, address="127.0.0.1"):
        """Status and body; (0, reason) when nobody answers. A connection per request."""
        unchecked = ssl._create_unverified_context() if tls else None
        connection = http.client.HTTPSConnection(address, port, timeout=limit, context=unchecked) if tls else \
            http.client.HTTPConnection(address, port, timeout=limit)
        try:
            with self.network():
                connection.connect()
        except OSError as e:
            return 0, str(e)
        status, body = faults.wire.get(connection, path, host)
        return status, body.strip()

    # -- its processes ---------------------------------------------------------------------------

    def processes(self, pattern):
        """{pid in the host: command line} of those whose command line matches."""
        found = {}
        for line in self.run("ps", "-e", "-o", "pid=,args=").out.splitlines():
            pid, command = line.split(None, 1)
            if re.search(pattern, command):
                found[int(pid)] = command
        return found

    def children_of(self, pid):
        return [int(p) for p in self.run("ps", "-o", "pid=", "--ppid", str(pid), check=False).out.split()]

    def kill(self, *pids, name="KILL"):
        self.run("kill", "-" + name, *map(str, pids))
