"""What /proc says of processes."""
import os


def read_proc(pid, name):
    """A file of /proc/PID with its zeros as blanks, "" when there is no such process."""
    try:
        with open("/proc/%s/%s" % (pid, name), "rb") as f:
            return f.read().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


def alive(pid):
    """Whether there is such a process, and more of it than its exit code."""
    stat = read_proc(pid, "stat")
    return bool(stat) and stat.rpartition(")")[2].split()[0] not in "ZX"


def children(pid):
    with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
        return sorted(int(child) for child in f.read().split())


def memory(pids):
    """Bytes that processes hold together; what they share counts in equal parts (Pss)."""
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
    return total


def owner_of(pids, local, remote):
    """The process that holds the server's end of a connection on the loopback."""
    inode = None
    with open("/proc/net/tcp") as f:
        for line in f:
            field = line.split()
            if field[1].endswith(":%04X" % local) and field[2].endswith(":%04X" % remote):
                inode = field[9]
    for pid in pids:
        try:
            for fd in os.listdir("/proc/%d/fd" % pid):
                if inode and os.readlink("/proc/%d/fd/%s" % (pid, fd)) == "socket:[%s]" % inode:
                    return pid
        except OSError:
            pass
    return None
