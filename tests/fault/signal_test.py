#!/usr/bin/python3
"""SIGINT and SIGTERM all over a changing command, at chosen calls instead of at random times: it is rolled back or completed before it
ends, says so by its exit code, and leaves nothing pending. Then at random times. FULL=1 takes every changing call,
and 200 times."""
import os
import random
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
import scenarios
from scenarios import Violation

ROLLED_BACK = 11
CODES = {"INT": 130, "TERM": 143}


def at_point(scenario, chosen, index, tally):
    point, signal_name = chosen
    result = scenario.lab.inject(point.syscall, "signal=" + signal_name, point.number, *scenario.command())
    tally.count(tally.exits, result.code)
    state = scenario.live()
    tally.count(tally.live_after, state)
    if result.code not in (CODES[signal_name], ROLLED_BACK):
        if result.code == 0 and (tree_changed(scenario, state) or not scenario.changes_tree):
            tally.missed += 1  # it came after the last look
        else:
            raise Violation("exit %d after SIG%s: %s" % (result.code, signal_name, faults.one_line(result.err)))
    if result.code == ROLLED_BACK and tree_changed(scenario, state):
        raise Violation("it says that everything was put back, and the new tree is live")
    if result.code == ROLLED_BACK and "put back" not in result.err:
        raise Violation("exit 11 without a word that it was put back: %s" % faults.one_line(result.err))
    if scenario.changes_tree and "interrupted" not in result.err and not tree_changed(scenario, state):
        raise Violation("it does not say that it was interrupted: %s" % faults.one_line(result.err))
    scenario.check_settled(state)
    go = scenario.ways_on()[0][1]  # and life goes on
    scenario.check_settled(go())


TIMES = 200 if faults.FULL else 12


def tree_changed(scenario, state):
    return scenario.changes_tree and state == ("absent" if scenario.new is None else "new")


def spread(points, count):
    """`count` of the points in equal steps, SIGINT and SIGTERM in turn."""
    points = [p for p in points if p.syscall != "exit_group"]
    step = max(1, len(points) // count)
    chosen = points if faults.FULL else faults.every(points, step)
    return [(p, ("INT", "TERM")[(i + faults.TURN) % 2]) for i, p in enumerate(chosen)]


class Interrupted(unittest.TestCase):
    def campaign(self, kind, count):
        tally = scenarios.campaign(kind, lambda points: spread(faults.thin(points, 2), count), at_point)
        self.assertGreater(tally.points, 5)
        tally.judge(self)

    def test_a_hot_change(self):
        self.campaign(scenarios.HotChange, 40)

    def test_b_first_apply(self):
        self.campaign(scenarios.FirstApply, 30)

    def test_c_reload_change(self):
        self.campaign(scenarios.ReloadChange, 20)

    def test_d_delete(self):
        self.campaign(scenarios.Delete, 20)

    def test_f_at_random_times(self):
        seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
        chance, exits = random.Random(seed), {}
        with faults.Lab() as lab:
            files = {"old": lab.manifest("old", "old"), "new": lab.manifest("new", "new", connections=999)}
            lab.must("apply", "-f", files["old"])
            began = time.monotonic()
            lab.must("apply", "-f", files["new"])
            longest, live = time.monotonic() - began, "new"
            trees = {"new": faults.tree_of(lab.tree)}
            lab.must("apply", "-f", files["old"])
            trees["old"], live = faults.tree_of(lab.tree), "old"
            for turn in range(TIMES):
                other = "new" if live == "old" else "old"
                with self.subTest(seed=seed, turn=turn):
                    process = subprocess.Popen(lab.argv("apply", "-f", files[other]), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                               stderr=subprocess.PIPE, start_new_session=True)
                    try:
                        process.wait(chance.uniform(0.005, longest))
                    except subprocess.TimeoutExpired:
                        process.send_signal(chance.choice([signal.SIGINT, signal.SIGTERM]))
                    said = process.communicate(timeout=60)[1].decode(errors="replace")
                    exits[process.returncode] = exits.get(process.returncode, 0) + 1
                    # -2 and -15: before orctl had begun
                    self.assertIn(process.returncode, (0, 130, 143, ROLLED_BACK, -signal.SIGINT, -signal.SIGTERM), said)
                    tree = faults.tree_of(lab.tree)
                    self.assertIn(tree, [trees["old"], trees["new"]], said)
                    # 130 and 143: before anything was changed, or after all was done
                    live = other if process.returncode == 0 else live if process.returncode == ROLLED_BACK else "old" if tree == trees["old"] else "new"
                    self.assertTrue(tree == trees[live], said)
                    faults.wait_for(lambda: lab.get() == (200, live), 60, "%s serves" % live)
                    self.assertFalse(os.path.lexists(lab.stage))
                    self.assertEqual([r["revision"] for r in lab.revisions() if not r["outcome"]], [], said)
            self.assertEqual(lab.fsck(), "")
        print("\n  %d signals at random times (SEED=%d), exits %s, always old or new and nothing pending" % (TIMES, seed, exits))

    def test_e_restart(self):
        self.campaign(scenarios.Restart, 15)


if __name__ == "__main__":
    unittest.main(verbosity=1)
