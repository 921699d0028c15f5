"""The five commands that a fault interrupts, from which state, and what must hold afterwards.

A fault is one point in one run. Each point starts from the same seed (a copy of the root, a fresh nginx), so that the n-th call
is the same call in every run.
"""
import json
import os
import re
import threading
import time

import lab as faults


class Violation(Exception):
    pass


class Scenario:
    name = ""
    serves_before = True
    changes_tree = True

    def __init__(self, lab):
        self.lab = lab
        self.old = self.new = None          # trees
        self.old_file = lab.manifest("old", "old")
        self.new_file = lab.manifest("new", "new")
        self.points = []

    def prepare(self, **which):
        """Makes the seed, and records one undisturbed run from it."""
        self.build()
        self.old = faults.tree_of(self.lab.tree)
        self.lab.save_seed()
        self.lab.back_to_seed()
        self.points = faults.record(self.lab, *self.command(), **which)
        self.new = faults.tree_of(self.lab.tree)
        self.check_settled("new")
        return self

    def build(self):
        self.lab.must("apply", "-f", self.old_file)

    def command(self):
        return ["apply", "-f", self.new_file]

    def manifest_of(self, state):
        return self.old_file if state == "old" else self.new_file

    # -- right after the fault -------------------------------------------------------------------

    def live(self):
        """"old", "new" or "absent": which tree is in place; a Violation when it is none of them."""
        tree = faults.tree_of(self.lab.tree)
        for state, whole in (("old", self.old), ("new", self.new)):
            if tree == whole:
                return "absent" if tree is None else state
        raise Violation("the live tree is neither the old nor the new one: %s" % self.difference(tree))

    def difference(self, tree):
        wanted, tree = self.old or self.new or {}, tree or {}
        missing = sorted(set(wanted) - set(tree))
        other = sorted(p for p in set(wanted) & set(tree) if wanted[p] != tree[p])
        return "missing %s, more %s, other %s" % (missing, sorted(set(tree) - set(wanted)), other)

    def check_at_once(self):
        state = self.live()
        if said := self.lab.fsck():
            raise Violation("git fsck: " + faults.one_line(said))
        if self.serves_before:
            status, body = self.lab.get()
            if status != 200 or body not in ("old", "new"):
                raise Violation("traffic is not answered any more: %s %s" % (status, body[:80]))
        return state

    # -- the next command ------------------------------------------------------------------------

    def ways_on(self):
        """(name, function that runs it and answers the state that must be there then)."""
        return [("apply new", lambda: self.apply("new")), ("apply old", lambda: self.apply("old")),
                ("reload", self.reload), ("status, apply new", self.status_then_apply)]

    def must(self, *args):
        result = self.lab.orctl(*args)
        if result.code != 0:
            raise Violation("the next command does not succeed: %s exits %d: %s" % (" ".join(result.argv[3:]), result.code, faults.one_line(result.err)))
        return result

    def apply(self, state):
        self.must("apply", "-f", self.manifest_of(state))
        return state

    def reload(self):
        self.must("reload", self.lab.name)
        return self.live()

    def delete(self):
        result = self.lab.orctl("delete", self.lab.name, "--yes")
        if result.code == 13 and "there is no instance" in result.err:
            return "absent"  # then nothing of it may be left
        if result.code != 0:
            raise Violation("the next command does not succeed: delete exits %d: %s" % (result.code, faults.one_line(result.err)))
        return "absent"

    def status_then_apply(self):
        result = self.lab.orctl("status", self.lab.name)
        if result.code not in (0, 1, 13):
            raise Violation("status exits %d: %s" % (result.code, faults.one_line(result.err)))
        return self.apply("new")

    # -- when all is settled ---------------------------------------------------------------------

    def check_settled(self, state):
        """Everything as `state` says, and nothing pending or left over; a Violation with a line for each thing that is not."""
        wrong = list(self.pending())
        wrong += self.faults_of_nothing() if state == "absent" else self.faults_of_running(state)
        if wrong:
            raise Violation("\n".join(wrong))

    def pending(self):
        for folder, folders, files in os.walk(self.lab.root):
            for name in folders + files:
                if name.startswith(".orctl-") or name.endswith((".keys", ".trial")) and not os.path.exists(self.lab.confirm_record):
                    yield "left: " + os.path.join(folder, name).replace(self.lab.root, "").replace(self.lab.name, "NAME")
        for revision in self.lab.revisions():
            if not revision["outcome"]:
                yield "revision %d has no outcome" % revision["revision"]

    def faults_of_nothing(self):
        lab = self.lab
        for left in (lab.tree, lab.run_folder, lab.state_folder, lab.log_folder, lab.unit):
            if os.path.lexists(left):
                yield "left behind: " + left.replace(lab.root, "").replace(lab.name, "NAME")
        yield from self.strays(0)

    def faults_of_running(self, state):
        lab = self.lab
        answer = lab.get()
        if answer != (200, state):
            yield "it should answer %r and says %s" % (state, answer)
        tree = faults.tree_of(lab.tree)
        if self.new is not None and tree != (self.old if state == "old" else self.new):
            yield "the tree is not that of '%s': %s" % (state, self.difference(tree))
        same = lab.orctl("diff", "-f", self.manifest_of(state))
        if same.code != 0:
            # diff looks at every worker's tree and document, too
            yield "diff is not empty: %s" % faults.one_line(same.out + same.err)
        yield from self.strays(1)

    def strays(self, masters):
        """One master with its two workers, or nothing at all; old workers get the time to drain."""
        end = time.monotonic() + 8
        while True:
            there = self.lab.processes()
            main = [p for p, c in there.items() if c.startswith("nginx: master process")]
            if len(main) == masters and len(there) == masters * 3:
                return
            if time.monotonic() > end:
                yield "%d masters and %d processes in all: %s" % (len(main), len(there), sorted(there.items()))
                return
            time.sleep(0.01)


class FirstApply(Scenario):
    name, serves_before = "first apply", False

    def build(self):
        pass

    def ways_on(self):
        return [("apply new", lambda: self.apply("new")), ("apply other", self.apply_other), ("status, apply new", self.status_then_apply),
                ("delete", self.delete)]

    def apply_other(self):
        self.must("apply", "-f", self.old_file)
        if self.lab.get() != (200, "old"):
            raise Violation("another manifest does not serve: %s" % (self.lab.get(),))
        return self.apply("new")


class HotChange(Scenario):
    name = "hot change"


class ReloadChange(Scenario):
    name = "reload change"

    def __init__(self, lab):
        super().__init__(lab)
        self.new_file = lab.manifest("new", "new", connections=999)


class TwoRenames(Scenario):
    """A file system that cannot exchange folders: the live tree has another name for an instant."""
    name = "in two renames"

    def __init__(self, lab):
        super().__init__(lab)
        lab.always = {"renameat2": "EINVAL"}

    def live(self):
        tree, aside = faults.tree_of(self.lab.tree), faults.tree_of(self.lab.aside)
        if tree is None and aside == self.old:
            return "old"
        return super().live()

    def pending(self):
        yield from super().pending()
        if os.path.lexists(self.lab.aside):
            yield "the tree that was moved aside is left"


class ConfirmedChange(ReloadChange):
    """apply --confirm-within: after any kill the change is confirmed, or goes back by itself or by the next command."""
    name, within = "confirmed change", "5m"

    def prepare(self, **which):
        self.build()
        self.old = faults.tree_of(self.lab.tree)
        self.lab.save_seed()
        self.lab.back_to_seed()
        self.points = faults.record(self.lab, *self.command(), **which)
        self.new = faults.tree_of(self.lab.tree)
        self.must("confirm", self.lab.name)
        self.check_settled("new")
        return self

    def command(self):
        return ["apply", "-f", self.new_file, "--confirm-within", self.within]

    def ways_on(self):
        if self.within == "5m":
            return [("confirm", self.confirm), ("rollback", self.rollback)]
        return [("wait, reload", self.await_child), ("child killed, wait, reload", self.without_child),
                ("child killed, wait, confirm", self.too_late)]

    def confirm(self):
        return "new" if " confirmed: " in self.must("confirm", self.lab.name).out else "old"

    def rollback(self):
        result = self.lab.orctl("rollback", self.lab.name)
        if result.code not in (0, 2, 13):
            raise Violation("rollback exits %d: %s" % (result.code, faults.one_line(result.err)))
        return "old"

    def await_child(self):
        faults.wait_for(lambda: not self.lab.waiting(), 60, "the waiting child has done its work")
        self.must("reload", self.lab.name)
        return "old"

    def without_child(self):
        for pid in self.lab.waiting():
            os.kill(pid, 9)
        faults.wait_for(self.overdue, 60, "the time is over")
        self.must("reload", self.lab.name)
        return "old"

    def too_late(self):
        for pid in self.lab.waiting():
            os.kill(pid, 9)
        faults.wait_for(self.overdue, 60, "the time is over")
        result = self.lab.orctl("confirm", self.lab.name)
        if result.code not in (0, 7) or " confirmed: " in result.out:
            raise Violation("confirm comes too late and exits %d: %s" % (result.code, faults.one_line(result.out + result.err)))
        return "old"

    def overdue(self):
        try:
            with open(self.lab.confirm_record) as f:
                record = json.load(f)
        except FileNotFoundError:
            return True
        return time.monotonic() * 1000 > record["until_ms"]

    def pending(self):
        yield from super().pending()
        folder = os.path.dirname(self.lab.confirm_record)
        if os.path.isdir(folder) and (left := [name for name in os.listdir(folder) if self.lab.name in name and not name.startswith(".")]):
            yield "of the wait is left: %s" % left
        try:
            faults.wait_for(lambda: not self.lab.waiting(), 60, "no child waits any more")
        except AssertionError as e:
            yield str(e)


class Delete(Scenario):
    name, serves_before = "delete", False

    def command(self):
        return ["delete", self.lab.name, "--yes"]

    def ways_on(self):
        return [("delete", self.delete), ("apply old", lambda: self.apply("old")), ("status, delete", self.status_then_delete), ("rollback --to 1", self.rollback)]

    def check_settled(self, state):
        super().check_settled("absent" if state == "new" else state)

    def status_then_delete(self):
        self.lab.orctl("status", self.lab.name)
        return self.delete()

    def rollback(self):
        self.must("rollback", self.lab.name, "--to", "1")
        return "old"


class Rollback(Scenario):
    name = "rollback"

    def __init__(self, lab):
        super().__init__(lab)
        self.old_file, self.new_file = lab.manifest("second", "old", connections=999), lab.manifest("first", "new")

    def build(self):
        self.lab.must("apply", "-f", self.new_file)
        self.lab.must("apply", "-f", self.old_file)

    def command(self):
        return ["rollback", self.lab.name, "--to", "1"]

    def ways_on(self):
        return [("rollback --to 1", self.rollback), ("apply old", lambda: self.apply("old")), ("reload", self.reload), ("status, apply new", self.status_then_apply)]

    def rollback(self):
        self.must("rollback", self.lab.name, "--to", "1")
        return "new"


class Restart(Scenario):
    """The tree stays; only the process comes anew."""
    name, serves_before, changes_tree = "restart", False, False

    def command(self):
        return ["restart", self.lab.name]

    def check_settled(self, state):
        super().check_settled("old")

    def ways_on(self):
        return [("apply old", lambda: self.apply("old")), ("restart", self.restart), ("start, apply old", self.start)]

    def restart(self):
        self.must("restart", self.lab.name)
        return "old"

    def start(self):
        self.must("start", self.lab.name)
        return self.apply("old")


class Tally:
    """What a campaign found."""

    def __init__(self, name):
        self.name, self.points, self.missed = name, 0, 0
        self.violations, self.live_after, self.exits = [], {}, {}
        self.began, self.lock = time.monotonic(), threading.Lock()

    def count(self, table, key):
        with self.lock:
            table[key] = table.get(key, 0) + 1

    def violation(self, point, text):
        with self.lock:
            self.violations.append((str(point), text))

    def report(self):
        line = "\n  %-28s %4d points at offset %d, %d violations, live after %s, exits %s, %d not reached, %.0f s" % (
            self.name, self.points, faults.OFFSET, len(self.violations), self.live_after, self.exits, self.missed, time.monotonic() - self.began)
        print(line, flush=True)
        for kind, texts in sorted(self.kinds().items(), key=lambda entry: -len(entry[1])):
            print("      %d x %s\n          first at %s" % (len(texts), kind, texts[0]), flush=True)

    def judge(self, test):
        """Fails the test when there is a violation; report() has listed them by kind."""
        shown = "".join("\n%s\n    %s" % (point, text.replace("\n", "\n    ")) for point, text in self.violations[:10])
        test.assertFalse(self.violations, "%d violations (ORCTL_TEST_OFFSET=%d for these points)%s" % (len(self.violations), faults.OFFSET, shown))

    def kinds(self):
        """What is wrong, numbers taken out: the points where it is."""
        out = {}
        for point, text in self.violations:
            way, lines = (text.split("\n")[0], text.split("\n")[1:]) if text.startswith("[") else ("", text.split("\n"))
            for line in lines:
                out.setdefault(re.sub(r"\d+", "N", line)[:200], []).append("%s %s" % (point, way))
        return out


def campaign(kind, choose, at_point, **which):
    """Runs at_point(scenario, point, index, tally) for each chosen point of a scenario, on several labs at once.
    `choose` makes the list of points, or (point, anything) pairs, out of the recorded ones."""
    tally = Tally(kind.name)
    labs = [faults.Lab() for _ in range(faults.JOBS)]
    try:
        ready = faults.in_parallel(labs, lambda lab: kind(lab).prepare(**which))
        jobs = list(enumerate(choose(ready[0].points), faults.TURN))
        tally.points, turn = len(jobs), iter(jobs)
        take = threading.Lock()

        def work(scenario):
            while True:
                with take:
                    job = next(turn, None)
                if job is None:
                    return
                index, point = job
                scenario.lab.back_to_seed()
                try:
                    at_point(scenario, point, index, tally)
                except (Violation, AssertionError) as e:
                    tally.violation(" ".join(str(p) for p in point) if isinstance(point, tuple) else point, str(e))

        faults.in_parallel(ready, work)
    finally:
        for one in labs:
            one.close()
    tally.report()
    return tally
