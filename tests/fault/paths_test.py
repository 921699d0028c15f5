#!/usr/bin/python3
"""Every path that apply, rollback and delete change lies below the root (S5), and is reached by openat2 with RESOLVE_BENEATH and
RESOLVE_NO_SYMLINKS; a kernel without openat2 gets the same by single names."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fsynclint
import lab as faults

NAMING = ("mkdir mkdirat rename renameat renameat2 link linkat symlink symlinkat unlink unlinkat rmdir creat chmod fchmodat chown lchown fchownat truncate "
          "utimensat mknod mknodat").split()
BY_HANDLE = "write pwrite64 writev ftruncate fallocate fchmod fchown fsetxattr".split()
FENCE = "RESOLVE_NO_MAGICLINKS|RESOLVE_NO_SYMLINKS|RESOLVE_BENEATH"


def changed_paths(trace):
    """(call, path, line) of everything that a run changed or opened for writing, as the kernel resolved it."""
    with open(trace, errors="replace") as f:
        for line in f:
            found = fsynclint.LINE.match(line.strip())
            if not found or found.group(3).startswith("-"):
                continue
            call, args = found.group(1), found.group(2)
            if call in ("open", "openat", "openat2"):
                opened = re.search(r"= \d+<([^>]*)>", line)
                if opened and re.search(r"O_WRONLY|O_RDWR|O_CREAT|O_TRUNC", args):
                    yield call, opened.group(1), line
            elif call.startswith("symlink"):
                yield call, fsynclint.strings(args)[-1], line
            elif call in NAMING:
                for path in fsynclint.paths_of(args, 2 if call.startswith(("rename", "link")) else 1):
                    yield call, path, line
            elif call in BY_HANDLE:
                handle = fsynclint.FD.match(args)
                if handle:
                    yield call, handle.group(2), line


class Paths(unittest.TestCase):
    def commands(self, lab):
        old, new = lab.manifest("old", "old"), lab.manifest("new", "new", connections=999)
        return [["apply", "-f", old], ["apply", "-f", new], ["rollback", lab.name, "--to", "1"], ["restart", lab.name], ["delete", lab.name, "--yes"]]

    def test_a_all_that_is_changed_is_below_the_root(self):
        with faults.Lab() as lab:
            count, fenced = 0, 0
            for command in self.commands(lab):
                trace = os.path.join(lab.home, "trace")
                fresh = not os.path.exists(lab.store)
                result = lab.strace(["-y", "-s", "4096", "-o", trace, "-e", "signal=none", "-e", "trace=%file,%desc"], *command)
                self.assertEqual(result.code, 0, result)
                for call, path, line in changed_paths(trace):
                    if re.match(r"/proc/self/fd/\d+$", path):  # chmod of a handle
                        continue
                    if path.startswith(("pipe:", "socket:", "UNIX", "TCP", "/dev/null", "anon_inode:")):
                        continue
                    count += 1
                    place = os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))
                    self.assertTrue((place + "/").startswith(lab.root + "/"), "%s: %s" % (command, line))
                    in_store = path.startswith(lab.store + "/") and fresh  # libgit2 makes a new store, and goes by paths
                    if call in ("open", "openat", "openat2") and not in_store and "/lock/" not in path and not path.endswith((".lock", "audit.jsonl")):
                        fenced += 1
                        self.assertIn(FENCE, line)
            print("\n  %d changed paths, all below the root; %d files opened for writing, all by openat2 %s" % (count, fenced, FENCE))
            self.assertGreater(fenced, 100)

    def test_b_a_kernel_without_openat2(self):
        with faults.Lab() as lab:
            lab.always = {"openat2": "ENOSYS"}
            for command in self.commands(lab)[:2]:
                lab.must(*command)
            self.assertEqual(lab.get(), (200, "new"))
            opt, moved = os.path.join(lab.root, "opt"), os.path.join(lab.home, "moved")
            os.rename(opt, moved)
            os.symlink(moved, opt)
            result = lab.orctl("apply", "-f", lab.manifest("old", "old"))
            self.assertEqual(result.code, 5, result)
            self.assertIn("'%s' is a symlink" % opt, result.err)
            os.unlink(opt)
            os.rename(moved, opt)
            for command in self.commands(lab)[2:]:
                lab.must(*command)


if __name__ == "__main__":
    unittest.main(verbosity=1)
