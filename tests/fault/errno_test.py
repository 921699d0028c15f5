#!/usr/bin/python3
"""One failed call: ENOSPC, EIO, EDQUOT, EMFILE, EINTR, EACCES or EROFS once in a run. orctl ends with an error that says what to do, the old
version stays live and the next apply works; and when it ends with 0, the new version is live. By default a
choice of points that differs from commit to commit (points.py) gets one error in turn; FULL=1 takes every call with every error."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
import scenarios
from scenarios import Violation

#: what the kernel really answers for these calls (man 2 …)
ERRORS = {
    "openat": ("ENOSPC", "EMFILE", "EACCES", "EROFS", "EDQUOT", "EIO", "EINTR"),
    "write": ("ENOSPC", "EIO", "EDQUOT", "EINTR"),
    "fsync": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "close": ("EIO", "ENOSPC", "EDQUOT", "EINTR"),
    "flock": ("EINTR", "EIO"),
    "mkdir": ("ENOSPC", "EROFS", "EACCES", "EDQUOT", "EIO"),
    "link": ("ENOSPC", "EROFS", "EACCES", "EIO"),
    "rename": ("ENOSPC", "EIO", "EROFS", "EACCES"),
    "unlink": ("EIO", "EROFS", "EACCES"),
    "chmod": ("EROFS", "EIO"),
    "socket": ("EMFILE",),
    "look": ("EMFILE", "EACCES", "EIO", "EINTR"),
}
ALIKE = {"pwrite64": "write", "writev": "write", "ftruncate": "fsync", "fdatasync": "fsync", "syncfs": "fsync", "mkdirat": "mkdir", "linkat": "link",
         "renameat": "rename", "renameat2": "rename", "unlinkat": "unlink", "rmdir": "unlink", "fchmod": "chmod", "fchmodat": "chmod", "fchown": "chmod",
         "fchownat": "chmod", "open": "openat", "openat2": "openat", "pipe2": "socket", "pidfd_open": "socket", "symlink": "link", "symlinkat": "link"}


def errors_of(point):
    if point.syscall in ("openat2", "openat", "open") and "O_CREAT" not in point.line:
        return ERRORS["look"]
    return ERRORS.get(ALIKE.get(point.syscall, point.syscall), ())


def at_point(scenario, chosen, index, tally):
    point, error = chosen
    result = scenario.lab.inject(point.syscall, "error=" + error, point.number, *scenario.command())
    tally.count(tally.exits, result.code)
    state = scenario.live()
    tally.count(tally.live_after, state)
    before, after = "absent" if scenario.old is None else "old", "new"
    wrong = []
    if result.code < 0 or result.code >= 128:
        wrong.append("it crashed: exit %d: %s" % (result.code, result.err.strip()[:200]))
    elif result.code == 0:
        if state != after:
            wrong.append("exit 0, and the new version is not live")
        if not result.err.strip():  # what could not be tidied up is told
            wrong += scenario.pending()
    else:
        if state != before:
            wrong.append("exit %d, and the %s version is live: %s" % (result.code, state, first_line(result.err)))
        if result.code == 12:
            wrong.append("one fault, and putting back failed: %s" % first_line(result.err))
        if "error: " not in result.err:
            wrong.append("exit %d without an error: %r" % (result.code, result.err[:200]))
        elif "hint: " not in result.err:
            wrong.append("an error without a next step: %s" % first_line(result.err))
        if said := scenario.lab.fsck():
            wrong.append("git fsck: " + faults.one_line(said))
        wrong += what_is_told(scenario)
    if scenario.serves_before and scenario.lab.get() not in ((200, "old"), (200, "new")):
        wrong.append("traffic is not answered any more")
    try:
        scenario.check_settled(scenario.apply("new"))
    except Violation as e:
        wrong += ["then: " + line for line in str(e).split("\n")]
    if wrong:
        raise Violation("[exit %d: %s]\n%s" % (result.code, first_line(result.err), "\n".join(wrong)))


def what_is_told(scenario):
    """After a failure orctl must say of the host what is true: that the old version is live, if any."""
    live = [r for r in scenario.lab.revisions() if r["live"]]
    if scenario.old is None:
        if live:
            yield "revision %d is told to be live, and nothing is there" % live[0]["revision"]
        return
    same = scenario.lab.orctl("diff", "-f", scenario.old_file)
    if same.code != 0:
        yield "diff with the old manifest is not empty: %s" % faults.one_line(same.out + same.err)
    if not live or live[0]["outcome"] != "applied":
        yield "the live revision is told to be %s" % [(r["revision"], r["outcome"]) for r in live]


def first_line(text):
    lines = [line for line in text.split("\n") if "error:" in line]
    return (lines or [""])[-1][:220].replace("\n", " ")


def choose(points):
    # the answer itself may fail to be told, when all is done
    points = [p for p in points if not re.match(r"write\([12]<", p.line)]
    points = [p for p in points if p.syscall != "close" or p.area not in ("pipe", "socket", "other")]
    ours = [p for p in points if ".so" not in p.line and "/etc/" not in p.line and "/proc/" not in p.line and "locale" not in p.line]
    changing = [p for p in ours if errors_of(p) and not (p.syscall in ("openat2", "openat", "open") and "O_CREAT" not in p.line)]
    looks = [p for p in ours if p.syscall in ("openat2", "openat", "open") and "O_CREAT" not in p.line]
    if faults.FULL:
        return [(p, e) for p in changing + looks for e in errors_of(p)]
    closing, others = [p for p in changing if p.syscall == "close"], [p for p in changing if p.syscall != "close"]
    some = faults.every(faults.thin(others, 2), 3) + faults.every(closing, max(1, len(closing) // 8)) + faults.every(looks, max(1, len(looks) // 10))
    return [(p, errors_of(p)[(i + faults.TURN) % len(errors_of(p))]) for i, p in enumerate(some)]


class FailedCall(unittest.TestCase):
    def campaign(self, kind):
        tally = scenarios.campaign(kind, choose, at_point, syscalls=faults.CHANGING | {"pipe2", "socket", "close"}, looks=True)
        self.assertGreater(tally.points, 30)
        tally.judge(self)

    def test_a_hot_change(self):
        self.campaign(scenarios.HotChange)

    def test_b_first_apply(self):
        self.campaign(scenarios.FirstApply)


if __name__ == "__main__":
    unittest.main(verbosity=1)
