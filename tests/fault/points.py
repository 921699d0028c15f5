"""The points of a run at which a fault can be put: its calls to the kernel, and choices of them.

A choice depends on OFFSET, the number of commits, so that other points get their turn with every commit and all get one in time. Each
campaign tells it; ORCTL_TEST_OFFSET=N takes the points of another one, to see again what was found there.
"""
import os
import random
import re
import subprocess

from lib.programs import CHECKOUT


def _commits():
    """How many commits lead here, 0 where no history is."""
    git = ["git", "-c", "safe.directory=*", "-C", CHECKOUT]
    try:
        top = subprocess.run([*git, "rev-parse", "--show-toplevel"], capture_output=True, text=True)
        done = subprocess.run([*git, "rev-list", "--count", "HEAD"], capture_output=True, text=True)
    except FileNotFoundError:
        return 0
    return int(done.stdout) if done.returncode == 0 and os.path.realpath(top.stdout.strip()) == CHECKOUT else 0


OFFSET = int(os.environ.get("ORCTL_TEST_OFFSET") or _commits())
#: moves what goes round with the points (errors, signals, ways on), so that a point does not meet the same one each time it is taken
TURN = random.Random(OFFSET).randrange(840)

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
ENDS_A_PHASE = ("clone", "clone3", "vfork", "rename", "renameat", "renameat2", "kill", "pidfd_send_signal", "sendto", "sendmsg")


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


def every(points, step):
    """Each `step`th point, from one that OFFSET says."""
    return points[OFFSET % step::step]


def thin(points, each=2):
    """A choice: between two starts of processes, renames or requests, `each` points of each call in each place. The renames by which the
    objects of the store get their names end nothing: one object is as good as another."""
    groups, phase, chance = {}, 0, random.Random(OFFSET)
    for p in points:
        if p.syscall in ENDS_A_PHASE and p.area != "objects":
            phase += 1
        groups.setdefault((phase, p.syscall, p.area), []).append(p)
    chosen = []
    for group in groups.values():
        chosen += chance.sample(group, min(each, len(group)))
    return sorted(chosen, key=lambda p: p.order)
