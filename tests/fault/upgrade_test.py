#!/usr/bin/python3
"""SIGKILL and signals all over upgrade, drain, overrides promote and confirm: what was said to be done is done, and two masters are seen
by every command that looks and mended by every one that changes something. By default a choice of
points that differs from commit to commit (points.py); FULL=1 takes every changing call."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
import scenarios
import signal_test
import upgrade_scenarios
from kill_test import at_point


def some(points, count):
    """`count` of the points, in equal steps from one that the offset says."""
    if faults.FULL or len(points) <= count:
        return points
    return [points[i * len(points) // count + faults.OFFSET % (len(points) // count)] for i in range(count)]


class Killed(unittest.TestCase):
    def campaign(self, kind, count):
        tally = scenarios.campaign(kind, lambda points: some(points, count), at_point)
        self.assertGreaterEqual(tally.points, count)
        self.assertLess(tally.missed, 2 + tally.points // 5, "too many points were not reached")
        tally.judge(self)

    def test_a_upgrade(self):
        self.campaign(upgrade_scenarios.Upgrade, 9)
        self.assertGreater(upgrade_scenarios.Upgrade.both_seen, 0, "at some point two masters were left")

    def test_b_drain(self):
        self.campaign(upgrade_scenarios.Drain, 8)

    def test_c_promote(self):
        self.campaign(upgrade_scenarios.Promote, 7)

    def test_d_confirm(self):
        self.campaign(upgrade_scenarios.Confirm, 6)


class Interrupted(unittest.TestCase):
    def test_upgrade(self):
        tally = scenarios.campaign(upgrade_scenarios.Upgrade, lambda points: signal_test.spread(some(points, 6), 6), signal_test.at_point)
        self.assertGreater(tally.points, 3)
        tally.judge(self)


if __name__ == "__main__":
    unittest.main(verbosity=1)
