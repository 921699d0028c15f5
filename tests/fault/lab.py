"""A real instance below a root of its own, real backends, and faults that strace and the kernel make.

`ORCTL` names the binary (default: the newest below build/ that has no sanitizer, which makes a run three times as long), `FULL=1` asks
for every point instead of a choice, `JOBS` says how many labs work at once (default: one per processor, at least 2). Everything is on loopback, and nothing outlives a Lab: strays are found by
the files that they hold open below its root, and ended by their pids.
"""
import atexit
import concurrent.futures
import contextlib
import glob
import http.client
import http.server
import json
import os
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time

CHECKOUT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
FULL = os.environ.get("FULL", "") not in ("", "0")
JOBS = int(os.environ.get("JOBS", "0")) or max(2, os.cpu_count() or 1)
COMMAND_LIMIT = 90.0


def newest_binary():
    built = [p for p in glob.glob(os.path.join(CHECKOUT, "build", "*", "orctl")) if os.access(p, os.X_OK)]
    if not built:
        raise SystemExit("no orctl below build/: build it, or name one with ORCTL=…")
    return max([p for p in built if "/asan/" not in p] or built, key=os.path.getmtime)


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
ORCTL = shutil.copy2(os.environ.get("ORCTL") or newest_binary(), os.path.join(_home, "orctl"))


def wait_for(condition, limit=60.0, what="condition", step=0.005):
    """The first true value of condition(); AssertionError after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %gs: %s" % (limit, what))
        time.sleep(step)


_given = set()
_given_lock = threading.Lock()


def free_port():
    """A port that nobody listens on and that this process has not given away yet."""
    with _given_lock:
        for _ in range(2000):
            port = random.randrange(15000, 32000)
            if port in _given:
                continue
            with socket.socket() as probe:
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            _given.add(port)
            return port
    raise AssertionError("no free port between 15000 and 31999")


class Backend:
    """Answers every request with its own name; while held() only when that is over."""

    def __init__(self, name):
        self.answers, self.waiting = threading.Event(), 0
        self.answers.set()
        backend_of_handler = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self):
                backend_of_handler.waiting += 1
                backend_of_handler.answers.wait(60)
                backend_of_handler.waiting -= 1
                body = name.encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

        self.name = name
        self.server = Server(("127.0.0.1", free_port()), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

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

    def close(self):
        self.server.shutdown()
        self.server.server_close()


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
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=limit)
        try:
            connection.request("GET", path, headers={"Connection": "close"})
            answer = connection.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        except OSError as e:
            return 0, str(e)
        except http.client.HTTPException as e:
            return 0, repr(e)
        finally:
            connection.close()

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
        return wait_for(judged, 60, "nobody writes to the store of " + self.root)[0]

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
        started = run([shutil.which("openresty") or shutil.which("nginx") or "/usr/sbin/nginx", "-e", "stderr", "-p", self.tree, "-c", "nginx.conf"])
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


# -- points of a fault ------------------------------------------------------------------------------

_call = re.compile(r"^(\w+)\((.*)\)\s+= (\S+)")

#: calls that change files or start or signal processes, or speak to nginx. pidfd_open is the first call after a start: then the child
#: runs; recvfrom is the first after a request was sent; exit_group comes when all is done
CHANGING = frozenset((
    "rename renameat renameat2 link linkat unlink unlinkat symlink symlinkat mkdir mkdirat rmdir openat2 openat open creat write pwrite64 "
    "writev ftruncate fallocate fsync fdatasync syncfs fchmod chmod fchmodat fchown fchownat utimensat flock kill pidfd_send_signal clone clone3 vfork "
    "pidfd_open sendto sendmsg recvfrom exit_group").split())
#: calls that look, wait, or change the process itself alone: a kill at one of them leaves what a kill at the next changing call leaves.
#: mmap too, as long as no page of a file is shared for writing
LOOKING = frozenset((
    "access arch_prctl brk clock_nanosleep close connect epoll_create1 epoll_ctl epoll_wait eventfd2 execve faccessat2 fcntl fstatfs futex getcwd getdents64 "
    "getegid geteuid getgid getpeername getpid getppid getrandom getresgid getresuid getsockname getsockopt getuid getxattr ioctl lseek lstat madvise mmap "
    "mprotect mremap munmap newfstatat pidfd_getfd pipe2 poll pread64 prctl prlimit64 read readlink readlinkat recvmsg rseq rt_sigaction rt_sigprocmask rt_sigreturn "
    "sched_getaffinity set_robust_list set_tid_address setsockopt shutdown sigaltstack socket socketpair stat statfs statx sysinfo umask uname wait4 "
    "waitid").split())


class Point:
    """The `number`th call of `syscall` in a recorded run, which made `of` of them."""

    def __init__(self, syscall, number, area, line, order):
        self.syscall, self.number, self.area, self.line, self.order = syscall, number, area, line, order
        self.of = number

    def __str__(self):
        return "%s#%d %s" % (self.syscall, self.number, self.line[:110])


def area_of(lab, text):
    for area, path in (("check", lab.stage + ".check"), ("stage", lab.stage), ("tree", lab.tree), ("run", lab.run_folder), ("state", lab.state_folder),
                       ("logs", lab.log_folder), ("unit", lab.unit), ("objects", lab.store + "/objects"), ("heads", lab.store + "/refs/heads"), ("notes", lab.store + "/refs/notes"),
                       ("applied", lab.store + "/refs/orctl"), ("store", lab.store), ("audit", os.path.join(lab.root, "var/lib/orctl/audit")), ("lock", os.path.join(lab.root, "var/lib/orctl/lock")),
                       ("root", lab.root)):
        if path in text:
            return area
    return "pipe" if "pipe:" in text else "socket" if "socket:" in text or "UNIX" in text else "other"


def record(lab, *args, syscalls=CHANGING, looks=False):
    """Runs orctl once and returns the points of its calls of `syscalls`; those that open a file to read it only with `looks`.
    AssertionError for a call that is neither CHANGING nor LOOKING: nobody has judged it yet."""
    trace = os.path.join(lab.home, "trace")
    result = lab.strace(["-y", "-s", "300", "-o", trace, "-e", "signal=none", "-e", "trace=all"], *args)
    if result.code != 0:
        raise AssertionError("the run to record should succeed: %s" % result)
    points, counts = [], {}
    with open(trace, errors="replace") as f:
        for order, line in enumerate(f):
            found = re.match(r"^(\w+)\(", line)
            if not found:
                continue
            name = found.group(1)
            if name not in CHANGING | LOOKING or name == "mmap" and "PROT_WRITE" in line and "MAP_SHARED" in line and "<" in line:
                raise AssertionError("does this call change anything? %s" % line.strip())
            counts[name] = counts.get(name, 0) + 1
            if name not in syscalls or name in lab.always:
                continue  # strace takes one fault for a call, and those of `always` have theirs
            if not looks and name in ("openat2", "openat", "open") and "O_CREAT" not in line and "O_TRUNC" not in line:
                continue
            points.append(Point(name, counts[name], area_of(lab, line), line.strip().replace(lab.root, ""), order))
    for point in points:
        point.of = counts[point.syscall]
    return points


def thin(points, each=2):
    """A choice: between two starts of processes, renames or requests, of each call in each place the first and the last
    (`each` = 2) or the first alone (`each` = 1)."""
    groups, phase = {}, 0
    for p in points:
        if p.syscall in ("clone", "clone3", "vfork", "rename", "renameat", "renameat2", "kill", "pidfd_send_signal", "sendto", "sendmsg"):
            phase += 1
        groups.setdefault((phase, p.syscall, p.area), []).append(p)
    chosen = []
    for group in groups.values():
        chosen.append(group[0])
        if each > 1 and len(group) > 1:
            chosen.append(group[-1])
    return sorted(chosen, key=lambda p: p.order)


def in_parallel(jobs, work):
    """work(job) for every job on JOBS threads; the results in order."""
    with concurrent.futures.ThreadPoolExecutor(JOBS) as pool:
        return list(pool.map(work, jobs))
