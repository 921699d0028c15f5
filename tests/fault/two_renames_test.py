#!/usr/bin/python3
"""Where the file system cannot exchange folders (renameat2 answers EINVAL) a tree goes live in two renames. SIGKILL at every call
around them: it serves on, and the next command puts the trees where they belong. FULL=1 takes every changing call."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kill_test
import lab as faults
import scenarios


def around_the_renames(points):
    at = [i for i, p in enumerate(points) if p.syscall == "renameat" and ".orctl-" in p.line]
    return points if faults.FULL else points[at[0] - 4:at[-1] + 12]


class InTwoRenames(unittest.TestCase):
    def test_a_killed_between_them(self):
        tally = scenarios.campaign(scenarios.TwoRenames, around_the_renames, kill_test.at_point)
        self.assertGreater(tally.points, 15)
        self.assertLess(tally.missed, 1 + tally.points // 10, "too many points were not reached")
        tally.judge(self)

    def first_of_the_trees(self):
        """Which renameat of an apply is the first one of the trees: those of the store's objects come before it."""
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("old", "old"))
            lab.always = {"renameat2": "EINVAL"}
            trace = os.path.join(lab.home, "trace")
            lab.strace(["-o", trace, "-e", "trace=renameat,renameat2", "-e", "signal=none"], "apply", "-f", lab.manifest("new", "new"))
            with open(trace) as f:
                calls = [line for line in f if line.startswith("renameat(")]
            return next(i for i, line in enumerate(calls, 1) if ".orctl-" in line)

    def test_b_one_rename_that_fails_puts_all_back(self):
        first = self.first_of_the_trees()
        for number in range(first, first + 3):
            with self.subTest(number), faults.Lab() as lab:
                lab.must("apply", "-f", lab.manifest("old", "old"))
                old = faults.tree_of(lab.tree)
                lab.always = {"renameat2": "EINVAL"}
                result = lab.inject("renameat", "error=EIO", number, "apply", "-f", lab.manifest("new", "new"))
                self.assertEqual(result.code, 11, result)
                self.assertIn("put back", result.err)
                self.assertTrue(faults.tree_of(lab.tree) == old)
                self.assertEqual(lab.get(), (200, "old"))
                self.assertFalse(os.path.lexists(lab.aside) or os.path.lexists(lab.stage))

    def test_c_it_is_said(self):
        with faults.Lab() as lab:
            lab.always = {"renameat2": "EINVAL"}
            lab.must("apply", "-f", lab.manifest("old", "old"))
            result = lab.must("apply", "-f", lab.manifest("new", "new"))
            self.assertIn("in two renames", result.err)
            self.assertEqual(lab.get(), (200, "new"))
            # statfs that tells of NFS (0x6969): the plan says so before
            plan = lab.strace(["-o", "/dev/null", "-e", "trace=statfs", "-e", "inject=statfs:poke_exit=@arg2=6969000000000000"],
                              "diff", "-f", lab.manifest("old", "old"))
            self.assertEqual(plan.code, 1, plan)
            self.assertIn("in two renames", plan.out)
            self.assertNotIn("in two renames", lab.orctl("diff", "-f", lab.manifest("old", "old")).out)


if __name__ == "__main__":
    unittest.main(verbosity=1)
