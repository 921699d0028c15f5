#!/usr/bin/python3
"""SIGKILL at every call that changes files, starts processes or talks to nginx: the tree stays whole, traffic is answered, and the
next command puts everything in order by itself.

strace without -f follows orctl alone: nginx, which posix_spawn starts, is never hit. A signal that is injected at the entry of a call
kills before the call is made, so the points of a run are all the states that a kill can leave, but those inside the kernel.
By default a choice that differs from commit to commit (points.py); FULL=1 takes every such call of every command. Calls that only look or wait need no kill of their own: what a kill
leaves there is what one at the next changing call leaves; lab.record() refuses a call that is not known to be of either kind.
"""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
import scenarios
from scenarios import Violation


def at_point(scenario, point, index, tally):
    killed = scenario.lab.kill_at(point, *scenario.command())
    tally.count(tally.exits, killed.code)
    if killed.code == 0:
        tally.missed += 1
    elif killed.code != -9:
        raise Violation("orctl was to be killed and exits %d: %s" % (killed.code, killed.err.strip()[:300]))
    tally.count(tally.live_after, scenario.check_at_once())
    ways = scenario.ways_on()
    way, go = ways[index % len(ways)]
    try:
        scenario.check_settled(go())
    except Violation as e:
        raise Violation("[%s]\n%s" % (way, e))


def at_point_of_wait(scenario, point, index, tally):
    """Every second one has so little time that the change must go back."""
    scenario.within = ("5m", "1s")[index % 2]
    at_point(scenario, point, index // 2, tally)


class Killed(unittest.TestCase):
    def campaign(self, kind, choose, at=at_point):
        tally = scenarios.campaign(kind, (lambda points: points) if faults.FULL else choose, at)
        self.assertGreater(tally.points, 20)
        self.assertLess(tally.missed, 1 + tally.points // 10, "too many points were not reached")
        tally.judge(self)

    def test_a_hot_change(self):
        self.campaign(scenarios.HotChange, lambda points: faults.every(points, 5))

    def test_b_first_apply(self):
        self.campaign(scenarios.FirstApply, lambda points: faults.thin(points, 1))

    def test_c_reload_change(self):
        self.campaign(scenarios.ReloadChange, lambda points: faults.every(faults.thin(points, 1), 2))

    def test_d_delete(self):
        self.campaign(scenarios.Delete, lambda points: faults.thin(points, 1))

    def test_e_rollback(self):
        self.campaign(scenarios.Rollback, lambda points: faults.every(faults.thin(points, 1), 2))

    def test_f_confirmed_change(self):
        self.campaign(scenarios.ConfirmedChange, lambda points: faults.every(faults.thin(points, 1), 2), at_point_of_wait)


if __name__ == "__main__":
    unittest.main(verbosity=1)
