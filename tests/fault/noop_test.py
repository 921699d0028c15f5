#!/usr/bin/python3
"""An apply of what is live already changes nothing at all: not one call that changes a file, no new time on any file, no revision,
no signal and no request to nginx but those that only look."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
import paths_test

SIGNALS = "kill tkill tgkill pidfd_send_signal".split()


def times(root):
    out = {}
    for place, folders, names in os.walk(root):
        for path in [place] + [os.path.join(place, n) for n in folders + names]:
            s = os.lstat(path)
            # nginx writes its log of the looks at the admin socket
            if not path.startswith(os.path.join(root, "var/log/openresty")):
                out[path] = (s.st_mtime_ns, s.st_ctime_ns, s.st_ino)
    return out


class NoOp(unittest.TestCase):
    def test_nothing_is_changed(self):
        with faults.Lab() as lab:
            manifest = lab.manifest("old", "old")
            lab.must("apply", "-f", manifest)
            before, revisions, workers = times(lab.root), lab.revisions(), lab.workers()
            trace = os.path.join(lab.home, "trace")
            result = lab.strace(["-y", "-s", "4096", "-o", trace, "-e", "signal=none", "-e", "trace=%file,%desc,%signal,pidfd_send_signal"], "apply", "-f", manifest)
            self.assertEqual(result.code, 0, result)
            self.assertIn("unchanged", result.out)
            changes = [line for _, path, line in paths_test.changed_paths(trace) if path.startswith(lab.root + "/") or path == lab.root]
            self.assertEqual(changes, [])
            with open(trace, errors="replace") as f:
                lines = f.read().split("\n")
            self.assertEqual([line for line in lines if line.split("(")[0] in SIGNALS], [])
            self.assertEqual(times(lab.root), before)
            self.assertEqual(lab.revisions(), revisions)
            self.assertEqual(lab.workers(), workers)
            took = []
            for _ in range(5):
                start = time.monotonic()
                lab.must("apply", "-f", manifest)
                took.append((time.monotonic() - start) * 1000)
            print("\n  0 changing calls of %d, 0 of %d files with another time; the quickest of 5 took %.0f ms" % (len(lines), len(before), min(took)))


if __name__ == "__main__":
    unittest.main(verbosity=1)
