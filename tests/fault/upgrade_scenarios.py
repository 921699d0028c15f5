"""upgrade, drain, overrides promote and confirm as scenarios.py has the others: from which state they are interrupted, and what must hold."""
import json
import os
import re

import lab as faults
import scenarios
from scenarios import Violation


class Upgrade(scenarios.Restart):
    """Two masters serve for a while. A server that was drained before must get no request whatever comes."""
    name, serves_before, both_seen = "upgrade", True, 0

    def __init__(self, lab):
        super().__init__(lab)
        self.old_file = lab.manifest("old", "old", also=["drained"])

    def build(self):
        super().build()
        self.lab.must("drain", self.lab.server("drained"), "--reason", "test")

    def command(self):
        return ["upgrade", self.lab.name, "--watch-log", "0s"]

    def drained(self):
        if "drained" in (answers := {self.lab.get() for _ in range(12)}) or answers != {(200, "old")}:
            raise Violation("not only the server that is in use answers: %s" % answers)

    def check_at_once(self):
        state = super().check_at_once()
        self.drained()
        if len(masters := self.lab.masters()) > 1:
            self.seen_by_all(masters)
        return state

    def seen_by_all(self, masters):
        """Every command that looks says that there are two."""
        name, said = self.lab.name, [self.lab.orctl(*args) for args in (
            ["status", self.lab.name], ["doctor"], ["describe", self.lab.name], ["get", "instances"], ["get", "servers", self.lab.name],
            ["overrides", "list"], ["apply", "-f", self.old_file, "--dry-run"], ["diff", "-f", self.old_file])]
        if self.lab.masters() != masters or self.lab.pid_in("nginx.pid") not in masters:
            return  # the old one was about to go, or the new one is not there yet
        Upgrade.both_seen += 1
        if [r.code for r in said[:2]] != [1, 1]:
            raise Violation("status and doctor exit %s with the masters %s" % ([r.code for r in said[:2]], masters))
        for result in said:
            if not all(re.search(r"pids[^)]*\b%d\b" % pid, result.out + result.err) for pid in masters):
                raise Violation("it says nothing of the masters %s: %s" % (masters, result))
            if "orctl start " + name not in result.out + result.err:
                raise Violation("it names nothing that mends it: %s" % result)

    def ways_on(self):
        name = self.lab.name
        return [("apply old", lambda: self.apply("old")), ("drain", lambda: self.go("drain", self.lab.server("drained"), "--reason", "test")),
                ("start", lambda: self.go("start", name)), ("reload", self.reload), ("upgrade", lambda: self.go("upgrade", name)),
                ("confirm", lambda: self.go("confirm", name)), ("restart", self.restart), ("stop, start", self.stop)]

    def go(self, *args):
        self.must(*args)
        return "old"

    def stop(self):
        self.must("stop", self.lab.name)
        if self.lab.processes():
            raise Violation("after a stop there is %s" % self.lab.processes())
        return self.go("start", self.lab.name)

    def faults_of_running(self, state):
        yield from super().faults_of_running(state)
        if self.lab.pid_in("nginx.pid.oldbin") or [self.lab.pid_in("nginx.pid")] != self.lab.masters():
            yield "the pid files name %s and %s" % (self.lab.pid_in("nginx.pid"), self.lab.pid_in("nginx.pid.oldbin"))
        if list(self.lab.overrides()) != ["drained"]:
            yield "the overrides are %s" % self.lab.overrides()
        if (status := self.lab.status()).code != 0:
            yield "status exits %d: %s" % (status.code, faults.one_line(status.out))
        self.drained()


class Drain(scenarios.Scenario):
    """An override is there or not, never half, and what was said of it is true."""
    name, changes_tree = "drain", False

    def __init__(self, lab):
        super().__init__(lab)
        self.old_file = lab.manifest("old", "old", also=["new"])

    def command(self):
        return ["drain", self.lab.server("new"), "--reason", "test", "--for", "1h"]

    def check_at_once(self):
        super().check_at_once()
        if (state := self.live()) == "old" and self.audited():
            raise Violation("the audit log tells of a drain that was not made")
        return state

    def live(self):
        if faults.tree_of(self.lab.tree) != self.old:
            raise Violation("the tree is another one")
        found = self.lab.overrides()
        for item in found.values():
            if (item.get("state"), item.get("reason")) != ("drain", "test") or not item.get("by") or item.get("expires_in", 0) < 3000:
                raise Violation("half an override: %s" % item)
        return "new" if found else "old"

    def audited(self):
        with open(os.path.join(self.lab.root, "var/lib/orctl/audit.jsonl")) as f:
            lines = [json.loads(line) for line in f]
        return [line for line in lines if line["command"] == "drain"]

    def ways_on(self):
        return [("drain", self.again), ("ready", self.ready), ("restart", self.restart), ("upgrade", self.upgrade), ("apply", self.same)]

    def again(self):
        self.must(*self.command(), "--lock-timeout", "0s")
        return "new"

    def ready(self):
        self.must("ready", self.lab.server("new"), "--lock-timeout", "0s")
        return "old"

    def same(self, *args):
        before = self.live()
        self.must(*(args or ["apply", "-f", self.old_file]), "--lock-timeout", "0s")
        return before

    def restart(self):
        return self.same("restart", self.lab.name)

    def upgrade(self):
        return self.same("upgrade", self.lab.name)

    def faults_of_running(self, state):
        if self.live() != state:
            yield "the override should be '%s' and is '%s'" % (state, self.live())
        wanted = {"old"} if state == "new" else {"old", "new"}
        if (answered := {self.lab.get()[1] for _ in range(12)}) != wanted:
            yield "%s should answer, and %s do" % (wanted, answered)
        yield from self.strays(1)


class Promote(scenarios.Scenario):
    """The weight that the override gives holds before, after and in between."""
    name = "overrides promote"

    def __init__(self, lab):
        super().__init__(lab)
        self.old_file = lab.manifest("old", "old", also=["other"], weight=10)
        self.new_file = lab.manifest("new", "old", also=["other"], weight=5)

    def build(self):
        super().build()
        self.lab.must("weight", self.lab.server("old"), "50%", "--reason", "test")

    def command(self):
        return ["overrides", "promote", self.lab.name]

    def check_at_once(self):
        if self.lab.fsck():
            raise Violation("git fsck: " + faults.one_line(self.lab.fsck()))
        self.weight()
        return self.live()

    def weight(self):
        found = [server["effective_weight"] for server in self.lab.must("get", "servers", self.lab.name, "-o", "json").json()["items"] if server["address"].endswith(":%d" % faults.backend("old").port)]
        if found != [5]:
            raise Violation("the weight is %s, and was said to be 5" % found)

    def ways_on(self):
        return [("promote", self.promote), ("reload, promote", lambda: self.promote("reload")), ("restart, promote", lambda: self.promote("restart")),
                ("upgrade, promote", lambda: self.promote("upgrade"))]

    def promote(self, *before):
        for verb in before:
            self.must(verb, self.lab.name)
            self.weight()
        self.must(*self.command())
        return "new"

    def faults_of_running(self, state):
        self.weight()
        if faults.tree_of(self.lab.tree) != self.new:
            yield "the tree is not the promoted one"
        if self.lab.overrides():
            yield "overrides are left: %s" % self.lab.overrides()
        if self.lab.orctl("diff", "-f", self.new_file).code != 0:
            yield "it is not what was promoted"
        yield from self.strays(1)


class Confirm(scenarios.ConfirmedChange):
    """confirm itself: the change waits on, or stays for good."""
    name, within = "confirm", "24h"

    def build(self):
        super().build()
        self.must("apply", "-f", self.new_file, "--confirm-within", self.within)

    def prepare(self, **which):
        scenarios.Scenario.prepare(self, **which)
        self.old = None
        return self

    def command(self):
        return ["confirm", self.lab.name]

    def live(self):
        return "new" if faults.tree_of(self.lab.tree) == self.new else "other"

    def check_at_once(self):
        if (state := super().check_at_once()) != "new":
            raise Violation("the tree is another one")
        with open(os.path.join(self.lab.root, "var/lib/orctl/audit.jsonl")) as f:
            confirmed = [line for line in f if json.loads(line).get("outcome") == "confirmed"]
        if confirmed and os.path.exists(self.lab.confirm_record):
            raise Violation("the audit log says that it was confirmed, and it waits")
        return state

    def ways_on(self):
        return [("confirm", self.confirm), ("status, confirm", self.status_then_confirm), ("reload, confirm", self.reload_then_confirm)]

    def confirm(self):
        waits = os.path.exists(self.lab.confirm_record)
        said = self.must("confirm", self.lab.name, "--lock-timeout", "0s").out
        if (" confirmed: " in said) != waits:
            raise Violation("it %s, and confirm says: %s" % ("waited" if waits else "was confirmed", said))
        return "new"

    def status_then_confirm(self):
        waits = self.must("get", "instances", "-o", "json").json()["items"][0].get("confirm_seconds_left") is not None
        if waits != os.path.exists(self.lab.confirm_record):
            raise Violation("get instances tells another story")
        return self.confirm()

    def reload_then_confirm(self):
        self.must("reload", self.lab.name)
        return self.confirm()
