#!/usr/bin/python3
"""The audit log under faults: killed at every call that writes it or what it tells the history, and torn by hand at every byte of its
last line. Whatever is left, the next change goes on with the chain, `audit verify` finds nobody's hand in it, git fsck is silent, and
neither the number of the revision nor what is applied has moved.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
from points import record


class Audit(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = faults.Lab()
        cls.addClassCleanup(cls.lab.close)
        cls.lab.must("apply", "-f", cls.lab.manifest("m", "A"))
        cls.log = os.path.join(cls.lab.root, "var/lib/orctl/audit.jsonl")

    def read(self):
        with open(self.log, "rb") as f:
            return f.read()

    def sound(self, what):
        self.assertEqual(self.lab.fsck(), "", what)
        versions = self.lab.must("get", "versions", self.lab.name, "-o", "json").json()["items"]
        self.assertEqual([(v["revision"], v["live"], v["outcome"]) for v in versions], [(1, True, "applied")], what)

    def test_a_killed_at_every_call_that_writes_what_is_told(self):
        command = ("tag", self.lab.name, "1", "mark")
        every = record(self.lab, *command)
        self.lab.must("tag", "delete", self.lab.name, "mark")
        here = [p for p in every if p.area in ("audit", "applied", "objects", "store")]
        self.assertGreater(len(here), 10, [str(p) for p in every])
        for point in here:
            killed = self.lab.inject(point.syscall, "signal=KILL", point.number, *command, trace=os.path.join(self.lab.home, "killed"))
            self.assertIn(killed.code, (-9, 0), (str(point), str(killed)))
            self.lab.must(*command)
            self.sound(str(point))
            self.lab.must("tag", "delete", self.lab.name, "mark")
        self.sound("in the end")

    def test_b_torn_at_every_byte(self):
        for done, part in enumerate((0.0, 0.01, 0.3, 0.6, 0.9, 1.0)):
            whole = self.read()
            line = whole[whole.rindex(b"\n", 0, len(whole) - 1) + 1:]
            torn = whole + line[:1 + int(part * (len(line) - 3))]
            with open(self.log, "wb") as f:
                f.write(torn)
            self.assertEqual(self.lab.fsck(), "", "torn at the end, %s" % part)
            self.lab.must("tag", self.lab.name, "1", "torn%d" % done)
            self.assertEqual(self.read()[:len(torn) + 1], torn + b"\n", "nothing is taken away, and the next line begins anew")
            verdict = self.lab.must("audit", "verify")
            self.assertEqual(verdict.err.count("is torn"), done + 1, verdict)


if __name__ == "__main__":
    unittest.main(verbosity=1)
