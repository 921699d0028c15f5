"""A real instance below a root of its own, real backends, and faults that strace and the kernel make.

`ORCTL` names the binary (default: the newest below build/, see lib/programs.py), `FULL=1` asks for every point instead of a choice, `JOBS`
says how many labs work at once (default: one per processor, at least 3, as they wait most of the time). Everything is on loopback, and nothing outlives a Lab: strays
are found by the files that they hold open below its root, and ended by their pids.
"""
import atexit
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from lib import backends, programs, wire  # noqa: E402
from lib.programs import CHECKOUT  # noqa: E402,F401
from lib.backends import Server  # noqa: E402,F401
from lib.ports import free_port  # noqa: E402
from lib.waiting import wait_for  # noqa: E402
from points import CHANGING, OFFSET, TURN, every, record, thin  # noqa: E402,F401

FULL = os.environ.get("FULL", "") not in ("", "0")
JOBS = int(os.environ.get("JOBS", "0")) or max(3, os.cpu_count() or 1)
COMMAND_LIMIT = 90.0

# an orctl with the address sanitizer cannot look for leaks while strace holds it
os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")


def scratch_base():
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else tempfile.gettempdir()


_home = tempfile.mkdtemp(prefix="orctl-fault.", dir=scratch_base())
_labs = []


def _cleanup():
    for lab in list(_labs):
        lab.close()
    shutil.rmtree(_home, ignore_errors=True)


atexit.register(_cleanup)
for _number in (signal.SIGTERM, signal.SIGHUP):
    signal.signal(_number, lambda number, frame: os._exit(_cleanup() or 128 + number))

# a copy, so that a rebuild while a test runs changes nothing under it
ORCTL = shutil.copy2(programs.orctl(), os.path.join(_home, "orctl"))


class Backend(backends.Backend):
    """Answers every request with its own name; while held() only when that is over."""

    def __init__(self, name):
        self.answers, self.waiting = threading.Event(), 0
        self.answers.set()
        super().__init__(name, self.wait)

    def wait(self, request, head):
        self.waiting += 1
        self.answers.wait(60)
        self.waiting -= 1

    @contextlib.contextmanager
    def held(self, lab):
        """A request of ours is with it, and stays there until this is over."""
        self.answers.clear()
        try:
            def sent():
                threading.Thread(target=lab.get, kwargs={"limit": 60}, daemon=True).start()
                return self.waiting
            wait_for(sent, 60, "a request is with " + self.name, step=0.05)
            yield
        finally:
            self.answers.set()


_backends, _backends_lock = {}, threading.Lock()


def backend(name):
    """One backend of each name for the whole run."""
    with _backends_lock:
        if name not in _backends:
            _backends[name] = Backend(name)
        return _backends[name]


class Result:
    def __init__(self, argv, code, out, err):
        self.argv, self.code, self.out, self.err = argv, code, out, err

    def json(self):
        return json.loads(self.out)

    def __str__(self):
        return "%s\n  exit %s\n  stdout: %s\n  stderr: %s" % (" ".join(self.argv), self.code, self.out.strip(), self.err.strip())


def run(argv, limit=COMMAND_LIMIT, env=None):
    """A process of ours, in a session of its own so that it can be ended whole; code is negative for a signal."""
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=env,
                          start_new_session=True) as child:
        try:
            out, err = child.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)
            out, err = child.communicate()
            raise AssertionError("%s did not end within %gs; stderr: %s" % (" ".join(argv), limit, err.decode(errors="replace")))
    return Result(argv, child.returncode, out.decode(errors="replace"), err.decode(errors="replace"))


def tree_of(folder):
    """{path: (mode, bytes)} of all below a folder; None when there is none."""
    if not os.path.isdir(folder):
        return None
    out = {}
    for place, _, names in os.walk(folder):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as f:
                out[os.path.relpath(path, folder)] = (os.stat(path).st_mode & 0o7777, f.read())
    return out


def one_line(text, longest=400):
    return " | ".join(line.strip() for line in text.strip().split("\n"))[:longest]


def check_hints(test, result):
    """Files that a hint sends people to must be there when the command has ended."""
    for hint in re.findall(r"hint: (.*)", result.err):
        for path in re.findall(r"\bsee (/[^ ;,]+)", hint):
            test.assertTrue(os.path.exists(path), "the hint names a file that is not there: %s" % result)


class Lab:
    """One instance of its own port below a root of its own."""

    def __init__(self, root=None, port=None):
        self.port = port or free_port()
        self.name = "tst_fault_001_%d" % self.port
        self.home = tempfile.mkdtemp(prefix="lab.", dir=_home)
        self.root = root or os.path.join(self.home, "root")
        self.tree = os.path.join(self.root, "opt/openresty", self.name)
        self.stage = os.path.join(self.root, "opt/openresty", ".orctl-stage." + self.name)
        self.aside = os.path.join(self.root, "opt/openresty", ".orctl-aside." + self.name)
        self.always = {}  # faults that every orctl meets, as on a machine that is so: {syscall: error}
        self.run_folder = os.path.join(self.root, "run/openresty", self.name)
        self.state_folder = os.path.join(self.root, "var/lib/openresty", self.name)
        self.log_folder = os.path.join(self.root, "var/log/openresty", self.name)
        self.unit = os.path.join(self.root, "etc/systemd/system/openresty-%s.service" % self.name)
        self.store = os.path.join(self.root, "var/lib/orctl/store.git")
        self.confirm_record = os.path.join(self.root, "var/lib/orctl/confirm/%s.json" % self.name)
        self.seed_folder = os.path.join(self.home, "seed")
        _labs.append(self)

    # -- manifests -------------------------------------------------------------------------------

    def manifest(self, label, serves, connections=1024, overlay=None, extra="", weight=1, also=()):
        """Writes a manifest whose one upstream is the backend `serves`, and `also` these; returns its path. `overlay`: {path: text}."""
        path = os.path.join(self.home, label + ".toml")
        files = ""
        if overlay is not None:
            folder = os.path.join(self.home, label)
            shutil.rmtree(folder, ignore_errors=True)
            for name, text in overlay.items():
                os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
                with open(os.path.join(folder, name), "w") as f:
                    f.write(text)
            files = 'files = "%s/"\n' % label
        with open(path, "w") as f:
            f.write('kind = "Instance"\nname = "%s"\n%s'
                    '[nginx]\nworker_processes = 2\nworker_connections = %d\nworker_shutdown_timeout = "2s"\n'
                    '[[listener]]\naddress = "127.0.0.1"\nport = %d\n%s'
                    '[[upstream]]\nname = "up"\nserver = [ { address = "127.0.0.1:%d", weight = %d }%s ]\n'
                    '[[route]]\npath = "/"\nupstream = "up"\n'
                    % (self.name, files, connections, self.port, extra, backend(serves).port, weight,
                       "".join(', { address = "127.0.0.1:%d" }' % backend(name).port for name in also)))
        return path

    def server(self, name):
        """The backend of this name as override commands take it."""
        return "%s/up/127.0.0.1:%d" % (self.name, backend(name).port)

    # -- commands --------------------------------------------------------------------------------

    def argv(self, *args):
        return [ORCTL, "--root", self.root, *args]

    def orctl(self, *args, limit=COMMAND_LIMIT):
        if self.always:
            return self.strace(["-o", "/dev/null", "-e", "signal=none", "-e", "trace=" + ",".join(self.always)], *args, limit=limit)
        return run(self.argv(*args), limit)

    def must(self, *args):
        result = self.orctl(*args)
        if result.code != 0:
            raise AssertionError("should succeed: %s" % result)
        return result

    def strace(self, options, *args, limit=COMMAND_LIMIT):
        """orctl under strace, which follows orctl alone and none of its children."""
        always = [word for call, error in self.always.items() for word in ("-e", "inject=%s:error=%s" % (call, error))]
        return run(["strace", "-qq", *options, *always, *self.argv(*args)], limit)

    def inject(self, syscall, what, number, *args, trace="/dev/null"):
        """orctl with a fault at its `number`th call of `syscall`."""
        return self.strace(["-o", trace, "-e", "trace=" + ",".join({syscall, *self.always}), "-e", "signal=none",
                            "-e", "inject=%s:%s:when=%d" % (syscall, what, number)], *args)

    def kill_at(self, point, *args):
        """orctl on a fresh seed, killed at this point. How often it asks whether nginx is ready differs from run to run: after a run that
        ended before it came to the call, another one is killed at the call counted from the end. Exit code 0 when five did not come to it."""
        trace, number = os.path.join(self.home, "killed"), point.number
        for attempt in range(5):
            if attempt:
                self.back_to_seed()
            result = self.inject(point.syscall, "signal=KILL", number, *args, trace=trace)
            if result.code != 0:
                break
            with open(trace, errors="replace") as f:
                made = sum(line.startswith(point.syscall + "(") for line in f)
            number = max(1, made - (point.of - point.number))
        return result

    # -- what is there ---------------------------------------------------------------------------

    def get(self, path="/", limit=5.0):
        """Status and body from the listener; (0, reason) when nobody answers."""
        return wire.get(http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit), path)

    def processes(self):
        """Every process that holds a file below the root open, or names the root in its command line: {pid: command}."""
        found, mark = {}, self.root + "/"
        for entry in os.listdir("/proc"):
            if not entry.isdigit():
                continue
            try:
                with open("/proc/%s/cmdline" % entry, "rb") as f:
                    command = f.read().replace(b"\0", b" ").decode(errors="replace").strip()
                if not command.startswith("nginx:") and "nginx" not in command.split(" ")[0]:
                    continue
                mine = mark in command + "/"
                if not mine:
                    for fd in os.listdir("/proc/%s/fd" % entry):
                        if os.readlink("/proc/%s/fd/%s" % (entry, fd)).startswith(mark):
                            mine = True
                            break
                if mine:
                    found[int(entry)] = command
            except (FileNotFoundError, ProcessLookupError, PermissionError):
                continue
        return found

    def masters(self):
        return [pid for pid, command in self.processes().items() if command.startswith("nginx: master process")]

    def workers(self):
        return sorted(pid for pid, command in self.processes().items()
                      if command.startswith("nginx: worker process") and "shutting down" not in command)

    def waiting(self):
        """The children that wait for a confirmation of this root's changes: their pids."""
        found = []
        for entry in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open("/proc/%s/cmdline" % entry) as f:
                    words = f.read().split("\0")
            except (FileNotFoundError, ProcessLookupError):
                continue
            if "--expired" in words and self.root in words:
                found.append(int(entry))
        return found

    def kill_all(self):
        """Ends every nginx of this root at once, and what waits for a confirmation."""
        def gone():
            left = {**{pid: "waits" for pid in self.waiting()}, **self.processes()}
            for pid in sorted(left, key=lambda p: not left[p].startswith("nginx: master")):
                try:
                    os.kill(pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            return not left
        wait_for(gone, 60, "every nginx of %s is gone" % self.root)

    def revisions(self):
        result = self.orctl("history", self.name, "-o", "json")
        return result.json()["items"] if result.code == 0 else []

    def overrides(self):
        """{name of a backend: its override}."""
        names = {"127.0.0.1:%d" % one.port: name for name, one in _backends.items()}
        return {names[item["address"]]: item for item in self.must("overrides", "list", self.name, "-o", "json").json()["items"]}

    def pid_in(self, name):
        """The number in a file of the run folder, 0 when there is none."""
        try:
            with open(os.path.join(self.run_folder, name)) as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return 0

    def status(self):
        return self.orctl("status", self.name, "-o", "json")

    def generation(self):
        return self.status().json()["items"][0]["gateway"]["generation"]

    def fsck(self):
        """What git finds wrong with the store, "" for nothing. git lists the objects first and follows the references later, so what
        another orctl (the child that waits for a confirmation) stores in between looks missing: a complaint counts once nobody wrote."""
        if not os.path.isdir(self.store) or not os.path.exists(self.store + "/HEAD"):
            return ""

        def judged():
            before = self.stored()
            result = run(["git", "-c", "safe.directory=*", "--git-dir", self.store, "fsck", "--strict", "--full", "--no-dangling"])
            said = "\n".join(line for line in (result.out + result.err).splitlines() if not line.startswith("notice:"))
            if result.code != 0 and not said:
                said = "git fsck exits %d" % result.code
            return (said,) if not said or before == self.stored() else None
        return wait_for(judged, 60, "nobody writes to the store of " + self.root)[0] + self.audit_fault()

    def audit_fault(self):
        """What `audit verify` finds, "" for nothing: no kill and no fault of the disk may look like somebody's hand."""
        if not os.path.exists(os.path.join(self.root, "var/lib/orctl/audit.jsonl")):
            return ""
        result = self.orctl("audit", "verify")
        return "" if result.code == 0 else "audit verify exits %d: %s%s" % (result.code, result.out, result.err)

    def stored(self):
        """Every file of the store: two of these differ when something was stored in between."""
        return {os.path.join(folder, name) for folder, _, names in os.walk(self.store) for name in names}

    # -- the same start for every fault -----------------------------------------------------------

    def save_seed(self):
        """Remembers the root as it is; nginx is stopped at once, as by a crash of the host."""
        self.kill_all()
        shutil.rmtree(self.seed_folder, ignore_errors=True)
        if os.path.isdir(self.root):
            run(["cp", "-a", self.root, self.seed_folder])

    def back_to_seed(self):
        """The root as it was at save_seed(), and a fresh nginx on its tree when there is one."""
        self.kill_all()
        shutil.rmtree(self.root, ignore_errors=True)
        if not os.path.isdir(self.seed_folder):
            return
        run(["cp", "-a", self.seed_folder, self.root])
        for name in ("nginx.pid", "nginx.pid.oldbin", "admin.sock"):
            path = os.path.join(self.run_folder, name)
            if os.path.lexists(path):
                os.unlink(path)
        if os.path.isdir(self.tree):
            self.start_nginx()

    def start_nginx(self):
        started = run([programs.NGINX, "-e", "stderr", "-p", self.tree, "-c", "nginx.conf"])
        if started.code != 0:
            raise AssertionError("nginx does not start on the tree: %s" % started)
        wait_for(lambda: self.get()[0] == 200, 60, "the seed serves")

    def close(self):
        if self in _labs:
            _labs.remove(self)
        self.kill_all()
        shutil.rmtree(self.home, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Traffic:
    """Light traffic in the background, a connection per request: counts of bodies, and every request that failed."""

    def __init__(self, lab, pause=0.004):
        self.lab, self.pause = lab, pause
        self.bodies, self.failed = {}, []
        self.stop = threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        while not self.stop.is_set():
            status, body = self.lab.get()
            if status == 200:
                self.bodies[body] = self.bodies.get(body, 0) + 1
            else:
                self.failed.append((status, body[:80]))
            self.stop.wait(self.pause)

    def __enter__(self):
        self.thread.start()
        wait_for(lambda: self.bodies or self.failed, 60, "the first request")
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(10)


def in_parallel(jobs, work):
    """work(job) for every job on JOBS threads; the results in order."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(work, jobs))
