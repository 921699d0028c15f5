#!/usr/bin/python3
"""SIGKILL and signals all over upgrade, drain, overrides promote and confirm: what was said to be done is done, and two masters are seen
by every command that looks and mended by every one that changes something. FULL=1 takes every changing call."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
import scenarios
import signal_test
from kill_test import at_point


def some(points, count):
    return points if faults.FULL else points[::max(1, len(points) // count)]


class Killed(unittest.TestCase):
    def campaign(self, kind, count, least):
        tally = scenarios.campaign(kind, lambda points: some(points, count), at_point)
        self.assertGreater(tally.points, least)
        self.assertLess(tally.missed, 2 + tally.points // 5, "too many points were not reached")
        tally.judge(self)

    def test_a_upgrade(self):
        self.campaign(scenarios.Upgrade, 9, 8)

    def test_b_drain(self):
        self.campaign(scenarios.Drain, 12, 10)

    def test_c_promote(self):
        self.campaign(scenarios.Promote, 12, 10)

    def test_d_confirm(self):
        self.campaign(scenarios.Confirm, 10, 8)


class Interrupted(unittest.TestCase):
    def test_upgrade(self):
        tally = scenarios.campaign(scenarios.Upgrade, lambda points: signal_test.spread(points, 8), signal_test.at_point)
        self.assertGreater(tally.points, 5)
        tally.judge(self)


if __name__ == "__main__":
    unittest.main(verbosity=1)
