"""Power cuts: what `orctl apply` has acknowledged must be on the disk when a machine loses power.

A QEMU machine mounts a fresh ext4 disk and applies one manifest after the other, hot changes and reloads, the first to an empty
root. At some moment QEMU is killed; what its kernel had not yet written is gone, as with the power (what it had written is kept: a disk
that lies about its cache is not played here). The disk is then mounted in namespaces of our own, where everything that was started
ends with them, and judged:

  lost   an acknowledged revision is not in the history as applied, or the live tree is older than the last one
  torn   the live tree is no revision's tree file by file, or git fsck complains
  stuck  the next apply does not succeed by itself, or what it leaves is not right

Every other cut comes with data=writeback,noauto_da_alloc, where ext4 helps least; every other pair right at the first ACK, the
rest at a random moment (the one place where a test of ours waits for a time instead of a condition).
"""
import hashlib
import json
import os
import queue
import random
import re
import shutil
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
NAME = "tst_power_001_18080"
ROOT = "/mnt/root"  # in the machine and in the namespaces: paths below the root are written into the trees
TREE = "%s/opt/openresty/%s" % (ROOT, NAME)
STORE = ROOT + "/var/lib/orctl/store.git"
WEAKEST = "data=writeback,noauto_da_alloc"
LATEST_CUT = 20.0  # seconds after the machine begins to apply
BOOT_LIMIT = 180
MORTAL = ["setpriv", "--pdeathsig", "KILL"]  # before a program that must not outlive this one
CHECK_LIMIT = 120

MANIFEST = """kind = "Instance"
name = "%s"
[nginx]
worker_processes = 2
worker_connections = %d
worker_shutdown_timeout = "2s"
[[listener]]
address = "127.0.0.1"
port = 18080
[[upstream]]
name = "up"
server = [ { address = "127.0.0.1:18081", weight = %d }, { address = "127.0.0.1:18082", weight = 100 } ]
[[route]]
path = "/"
upstream = "up"
[[route]]
path = "/n%d"
upstream = "up"
"""


def write_manifests(folder, count=250):
    """1.toml and so on: each has another route and weight, every third also what only a reload can change."""
    shutil.rmtree(folder, ignore_errors=True)
    os.makedirs(folder)
    for n in range(1, count + 1):
        with open("%s/%03d.toml" % (folder, n), "w") as f:
            f.write(MANIFEST % (NAME, 1024 + n // 3, 1 + n % 100, n))


# -- the machine --------------------------------------------------------------------------------------


class Machine:
    def __init__(self, kernel, disk, environment):
        words = ["console=ttyS0", "quiet", "loglevel=3", "mitigations=off", "panic=1"] + ["%s=%s" % pair for pair in environment.items()]
        # QEMU need not sync the disk's image: this computer's own page cache outlives QEMU
        self.qemu = subprocess.Popen(
            [*MORTAL, "qemu-system-x86_64", "-accel", "tcg", "-m", "768", "-nodefaults", "-nographic", "-no-reboot",
             "-serial", "stdio", "-nic", "none",
             "-kernel", kernel, "-initrd", "initrd", "-append", " ".join(words),
             "-virtfs", "local,path=/,mount_tag=host,security_model=none,readonly=on,multidevs=remap",
             "-device", "virtio-rng-pci", "-drive", "file=%s,if=virtio,format=raw,cache=unsafe" % disk],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")
        self.said, self.lines = [], queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self):
        for line in self.qemu.stdout:
            self.lines.put(line.strip())
        self.lines.put(None)

    def listen_until(self, end, word=None):
        """Reads the console until the time `end`, the line `word` or a failure; whether the line came."""
        while (left := end - time.monotonic()) > 0:
            try:
                line = self.lines.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                self.lines.put(None)
                break
            self.said.append(line)
            if line == word:
                return True
            if line.startswith("FAIL"):
                break
        return False

    def await_line(self, word):
        if not self.listen_until(time.monotonic() + BOOT_LIMIT, word):
            raise Trouble("the machine does not say %s: %s" % (word, " | ".join(self.said[-5:])))

    def cut(self):
        self.qemu.kill()
        self.qemu.wait()
        while (line := self.lines.get()) is not None:  # what it had said before
            self.said.append(line)


class Trouble(Exception):
    """A trial that says nothing about orctl."""


def cut_one(vm, kernel, orctl, at_first_ack, delay, options):
    """One machine from a fresh disk to the cut: (number of the last ACK, 0 for none; failed applies)."""
    with open("disk", "w") as f:
        f.truncate(200 << 20)
    subprocess.run(["mkfs.ext4", "-q", "-F", "disk"], check=True)
    machine = Machine(kernel, "disk", {"GUEST": HERE + "/guest.sh", "ORCTL": orctl, "MANIFESTS": vm + "/manifests", "OPTIONS": options})
    try:
        machine.await_line("START")
        if at_first_ack:
            machine.await_line("ACK 1")
        else:
            machine.listen_until(time.monotonic() + delay)
    finally:
        machine.cut()
    acks = [int(m[1]) for line in machine.said if (m := re.fullmatch(r"ACK (\d+)", line))]
    return max(acks, default=0), [line for line in machine.said if line.startswith("FAIL")]


# -- the disk afterwards, in namespaces of its own ----------------------------------------------------


def run(*argv):
    return subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace")


def git(*argv):
    return run("git", "-c", "safe.directory=*", "--git-dir", STORE, *argv)


def lines_of_git(*argv):
    """What git answers; nothing when it fails."""
    result = git(*argv)
    return result.stdout.splitlines() if result.returncode == 0 else []


def live_tree():
    """{path: blob id} of the live tree, as git would name its files."""
    found = {}
    for place, _, names in os.walk(TREE):
        for name in names:
            path = os.path.join(place, name)
            with open(path, "rb") as f:
                data = f.read()
            found[os.path.relpath(path, TREE)] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    return found


def tree_of(commit):
    entries = (line.split("\t") for line in lines_of_git("ls-tree", "-r", commit + ":tree"))
    return {path: about.split()[2] for about, path in entries}


def fsck():
    result = git("fsck", "--strict", "--full", "--no-dangling")
    said = [line for line in result.stdout.splitlines() if not line.startswith("notice:")]
    return ["git fsck: " + " | ".join(said)[:300]] if result.returncode or said else []


def numbered(commit_text):
    """The n of a revision's reason."""
    return int(re.search(r"\bn=(\d+)", commit_text)[1])


def judge_live(acked):
    """("lost" or "torn", what) for each fault of the live tree."""
    live = live_tree()
    commits = lines_of_git("rev-list", "refs/heads/" + NAME)
    if not live and not acked:
        return 0, []
    for commit in commits:
        if tree_of(commit) == live:
            n = numbered(git("log", "-1", "--format=%B", commit).stdout)
            return n, [("lost", "the live tree is that of %d" % n)] if n < acked else []
    return 0, [("torn", "the live tree (%d files) is that of none of %d revisions" % (len(live), len(commits)))]


def judge_history(orctl, wanted):
    """What is wrong unless each of the `wanted` is in the history as applied."""
    listed = run(orctl, "--root", ROOT, "history", NAME, "-o", "json")
    try:
        items = json.loads(listed.stdout)["items"]
    except (ValueError, KeyError):
        return ["history: " + listed.stdout[:300]]
    applied = {numbered(item["reason"]) for item in items if item["outcome"] == "applied"}
    gone = sorted(set(wanted) - applied)
    return ["not in the history as applied: %s" % gone] if gone else []


def judge_next(orctl, acked, vm):
    """The next apply, and what it leaves."""
    following = acked + 2  # acked + 1 may already be live
    manifest = "%s/manifests/%03d.toml" % (vm, following)
    for command in (("apply", "-f", manifest, "--supervisor", "process", "--reason", "n=%d" % following),
                    ("diff", "-f", manifest), ("status", NAME)):
        result = run(orctl, "--root", ROOT, *command)
        if result.returncode != 0:
            return ["%s exits %d: %s" % (command[0], result.returncode, " | ".join(result.stdout.splitlines())[:400])]
    faults = fsck() + judge_history(orctl, [following])
    deleted = run(orctl, "--root", ROOT, "delete", NAME, "--yes")
    return faults + (["delete: " + deleted.stdout[:300]] if deleted.returncode else [])


def check(vm, orctl, acked):
    """Prints {"live": n, "faults": [[kind, what]…]}; called in the namespaces."""
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
    subprocess.run(["mount", "-o", "loop", "disk", "/mnt"], check=True)  # replays the journal
    live, faults = judge_live(acked)
    if acked:
        faults += [("torn", what) for what in fsck()] + [("lost", what) for what in judge_history(orctl, range(1, acked + 1))]
    faults += [("stuck", what) for what in judge_next(orctl, acked, vm)]
    print(json.dumps({"live": live, "faults": faults}))


def check_apart(vm, orctl, acked):
    result = subprocess.run([*MORTAL, "unshare", "--mount", "--pid", "--net", "--fork", "--kill-child", "--mount-proc",
                             sys.executable, os.path.abspath(__file__), "check", vm, orctl, str(acked)],
                            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=CHECK_LIMIT)
    if result.returncode != 0:
        raise Trouble("the check itself fails: " + result.stderr[-500:])
    return json.loads(result.stdout)


def main(vm, kernel, orctl, trials):
    seed = int(os.environ.get("SEED") or random.randrange(1 << 31))
    print("%d power cuts, SEED=%d" % (trials, seed), flush=True)
    write_manifests("manifests")
    moments = random.Random(seed)
    count = dict.fromkeys(("lost", "torn", "stuck"), 0)
    failed = acknowledged = 0
    for trial in range(trials):
        options = WEAKEST if trial % 2 else ""
        at_first_ack, delay = trial // 2 % 2 == 0, moments.uniform(0, LATEST_CUT)
        begin, acked, live, faults = time.monotonic(), 0, 0, []
        judging = begin
        try:
            acked, refused = cut_one(vm, kernel, orctl, at_first_ack, delay, options)
            faults = [("failed", line) for line in refused]
            judging = time.monotonic()
            found = check_apart(vm, orctl, acked)
            live, faults = found["live"], faults + found["faults"]
        except (Trouble, subprocess.SubprocessError) as e:
            faults.append(("trouble", str(e)))
        acknowledged += acked
        failed += bool(faults)
        for kind in count:
            count[kind] += any(fault[0] == kind for fault in faults)
        print("trial %d: cut %s, ext4 %s: acknowledged %d, live %d, %s (%d + %d s)" % (
            trial + 1, "at the first ACK" if at_first_ack else "after %.1f s" % delay, options or "as mounted by default", acked, live,
            "; ".join("%s: %s" % tuple(fault) for fault in faults) or "ok", judging - begin, time.monotonic() - judging), flush=True)
    print("%d trials, %d acknowledged revisions: lost %d, torn %d, stuck %d" % (trials, acknowledged, count["lost"], count["torn"], count["stuck"]))
    print("%d passed, %d failed" % (trials - failed, failed))
    return 1 if failed else 0


if __name__ == "__main__":
    if sys.argv[1] == "check":
        check(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # by way of every finally
        sys.exit(main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])))
