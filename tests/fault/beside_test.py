#!/usr/bin/python3
"""Commands beside each other on one instance: whatever one of them said to be done is in effect afterwards, on every worker, in the file
of the state folder, and after a restart; a server that was drained gets no request from then on, whatever comes beside and after.

A generated test runs pairs and threes of commands at once and compares with all orders in which they may have come; SEED=n repeats one."""
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
from concurrency_test import Stopped

CONFLICT = 7
SECONDS = 60 if faults.FULL else 10


def at_once(lab, commands):
    """Runs orctl for each of the commands, begun together; the results in order."""
    gate, results = threading.Barrier(len(commands)), [None] * len(commands)

    def one(k):
        gate.wait()
        results[k] = lab.orctl(*commands[k])
    threads = [threading.Thread(target=one, args=(k,)) for k in range(len(commands))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class Begun:
    """An orctl that was begun, and what it has said until now."""

    def __init__(self, lab, *args):
        self.file = tempfile.TemporaryFile(dir=lab.home)
        self.process = subprocess.Popen(lab.argv(*args), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.file)

    def said(self):
        return os.pread(self.file.fileno(), 1 << 16, 0).decode()

    def is_done_or_waits(self):
        return self.process.poll() is not None or "waiting for at most" in self.said()


def states(lab):
    """{name: "drain", a weight, …} of all overrides, each asked until every worker had its turn."""
    seen = [{name: item.get("state") or item.get("weight") or "removed" for name, item in lab.overrides().items()} for _ in range(2)]
    return seen[0] if seen[0] == seen[1] else seen


class UpgradeBesideOverrides(unittest.TestCase):
    NAMES = ["s%d" % n for n in range(10)]

    def setUp(self):
        self.lab = faults.Lab()
        self.addCleanup(self.lab.close)
        self.file = self.lab.manifest("m", "stays", also=self.NAMES)
        self.lab.must("apply", "-f", self.file)

    def kept(self, wanted):
        self.assertEqual(states(self.lab), wanted)
        out = {name for name, state in wanted.items() if state in ("drain", "maint", "removed")}
        answered = {self.lab.get()[1] for _ in range(3 * (1 + len(self.NAMES)))}
        self.assertFalse(answered & out, "they get requests")

    def test_a_what_was_said_to_be_done_outlives_an_upgrade_beside_it(self):
        lab, server = self.lab, self.lab.server
        for name in self.NAMES[:2]:
            lab.must("drain", server(name), "--reason", "before")
        commands = [["upgrade", lab.name]] + [["drain", server(name), "--reason", "beside"] for name in self.NAMES[2:6]]
        commands += [["maint", server(self.NAMES[6]), "--reason", "x", "--for", "1h"], ["weight", server(self.NAMES[7]), "7", "--reason", "x"],
                     ["remove", "server", server(self.NAMES[8]), "--reason", "x"], ["ready", server(self.NAMES[0])],
                     ["overrides", "discard", server(self.NAMES[1])]]
        with faults.Traffic(lab) as traffic, Stopped(lab, "pidfd_send_signal", 1, *commands[0]) as upgrade:
            faults.wait_for(lambda: (len(lab.masters()), len(lab.workers())) == (2, 4), 60, "both masters serve")
            begun = [Begun(lab, *command) for command in commands[1:]]
            for one in begun:
                self.addCleanup(one.file.close)
                faults.wait_for(one.is_done_or_waits, 60, "it is done, or waits for the lock")
            self.assertEqual(upgrade.go_on(), 0)
            for one in begun:
                self.assertEqual(one.process.wait(60), 0, one.said())
        self.assertEqual(traffic.failed, [])
        wanted = {**{name: "drain" for name in self.NAMES[2:6]}, self.NAMES[6]: "maint", self.NAMES[7]: 7, self.NAMES[8]: "removed"}
        self.assertEqual(len(lab.masters()), 1)
        self.kept(wanted)
        lab.must("restart", lab.name)
        self.kept(wanted)

    def test_b_who_does_not_want_to_wait_is_told_who_holds_the_lock(self):
        lab, server = self.lab, self.lab.server(self.NAMES[0])
        lab.must("weight", lab.server(self.NAMES[1]), "3", "--reason", "x")
        with Stopped(lab, "pidfd_send_signal", 1, "reload", lab.name) as holder:
            for command in (["drain", server, "--reason", "x"], ["maint", server, "--reason", "x"], ["ready", server], ["weight", server, "2", "--reason", "x"],
                            ["remove", "server", server, "--reason", "x"], ["add", "server", lab.name + "/up/127.0.0.1:9", "--reason", "x"],
                            ["overrides", "discard", lab.server(self.NAMES[1])], ["overrides", "promote", lab.name]):
                result = lab.orctl(*command, "--lock-timeout", "0s")
                self.assertEqual(result.code, CONFLICT, result)
                self.assertRegex(result.err, r"%s is held by \S+ since \S+ for `orctl .*reload .*` \(pid %d\)" % (lab.name, holder.pid))
            for command in (["overrides", "list"], ["get", "overrides"], ["get", "servers", lab.name], ["overrides", "promote", lab.name, "--dry-run"]):
                self.assertEqual(lab.orctl(*command).code, 0, "who only looks is not kept waiting")
            self.assertEqual(states(lab), {self.NAMES[1]: 3})
            self.assertEqual(holder.go_on(), 0)

    def test_c_waiting_for_the_last_request_holds_no_lock(self):
        lab = self.lab
        with faults.backend(self.NAMES[2]).held(lab):
            drain = subprocess.Popen(lab.argv("drain", lab.server(self.NAMES[2]), "--reason", "x", "--wait"),
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            faults.wait_for(lambda: self.NAMES[2] in lab.overrides(), 60, "the drain is made")
            lab.must("drain", lab.server(self.NAMES[3]), "--reason", "x", "--lock-timeout", "0s")
            self.assertIsNone(drain.poll(), "it waits for its request")
        said = drain.communicate(timeout=20)[1].decode()
        self.assertEqual(drain.returncode, 0, said)


class TwoMastersByHand(unittest.TestCase):
    """A second nginx on the same tree, started by hand with other ports, or by SIGUSR2: seen, and ended by the next change."""

    def setUp(self):
        self.lab = faults.Lab()
        self.addCleanup(self.lab.close)
        self.file = self.lab.manifest("m", "stays", also=["drained"])
        self.lab.must("apply", "-f", self.file)
        self.lab.must("drain", self.lab.server("drained"), "--reason", "x")
        self.first, = self.lab.masters()

    def seen_and_mended(self, *commands):
        lab = self.lab
        # until they have begun, workers bear their master's title
        faults.wait_for(lambda: (len(lab.masters()), len(lab.workers())) == (2, 4), 60, "two masters with their workers")
        masters = lab.masters()
        status = lab.status()
        self.assertEqual(status.code, 1, status)
        item, = status.json()["items"]
        self.assertEqual((item["status"], sorted(item["masters"])), ("degraded", sorted(masters)))
        for pid in masters:
            self.assertIn(str(pid), item["remark"])
        for command in commands:
            lab.must(*command)
        faults.wait_for(lambda: len(lab.masters()) == 1, 60, "one master is left")
        self.assertEqual(lab.status().code, 0, lab.status())
        self.assertEqual({lab.get() for _ in range(12)}, {(200, "stays")})
        return lab.masters()[0]

    def by_hand(self):
        with open(os.path.join(self.lab.tree, "nginx.conf")) as f:
            text = f.read()
        text = text.replace("127.0.0.1:%d" % self.lab.port, "127.0.0.1:%d" % faults.free_port()).replace("admin.sock", "other.sock").replace("nginx.pid", "other.pid")
        other = os.path.join(self.lab.home, "other.conf")
        with open(other, "w") as f:
            f.write(text)
        started = faults.run([os.path.realpath("/proc/%d/exe" % self.first), "-e", "stderr", "-p", self.lab.tree, "-c", other])
        self.assertEqual(started.code, 0, started)

    def test_started_by_hand(self):
        for command in (["apply", "-f", self.file], ["ready", self.lab.server("stays")]):
            self.by_hand()
            self.assertEqual(self.seen_and_mended(command), self.first, "the one that serves stays")
        self.lab.must("upgrade", self.lab.name)

    def sigusr2(self):
        old = self.lab.pid_in("nginx.pid")
        os.kill(old, signal.SIGUSR2)
        faults.wait_for(lambda: self.lab.pid_in("nginx.pid.oldbin") == old and self.lab.pid_in("nginx.pid") in self.lab.masters(), 60, "two masters")
        return old, self.lab.pid_in("nginx.pid")

    def test_by_a_signal(self):
        for command in (["apply", "-f", self.file], ["drain", self.lab.server("drained"), "--reason", "x"]):
            _, new = self.sigusr2()
            self.assertEqual(self.seen_and_mended(command), new, "the upgrade is finished")

    def test_the_new_one_does_not_prove_itself(self):
        path = os.path.join(self.lab.tree, "gateway.json")
        with open(path) as f:
            good = f.read()
        with open(path, "w") as f:
            f.write(good.replace('"weight"', '"max_conns": 7, "weight"', 1) if '"weight"' in good else good + " ")
        old, _ = self.sigusr2()
        with open(path, "w") as f:
            f.write(good)
        self.assertEqual(self.seen_and_mended(["reload", self.lab.name, "--verify-timeout", "1s"]), old, "the upgrade is taken back")


class Generated(unittest.TestCase):
    """A small model of the instance: what each command makes of it. Any order that fits all results and the end is right."""
    SERVERS = ["g0", "g1", "g2"]

    def setUp(self):
        self.lab = faults.Lab()
        self.addCleanup(self.lab.close)
        self.files = {n: self.lab.manifest("v%d" % n, "base", also=self.SERVERS, connections=1000 + 10 * (n // 2), weight=1 + n) for n in range(4)}

    def choose(self, chance):
        lab, name = self.lab, chance.choice(self.SERVERS)
        server = lab.server(name)
        kind = chance.choice(["drain", "drain", "maint", "ready", "weight", "discard", "promote", "upgrade", "restart", "reload", "apply", "apply", "rollback"])
        number = chance.randrange(4)
        return {
            "drain": (["drain", server, "--reason", "x"], lambda m: m["over"].__setitem__(name, ("drain", m["over"].get(name, ("", 0))[1]))),
            "maint": (["maint", server, "--reason", "x", "--for", "1h"], lambda m: m["over"].__setitem__(name, ("maint", m["over"].get(name, ("", 0))[1]))),
            "ready": (["ready", server], lambda m: m["over"].__setitem__(name, ("", m["over"].get(name, ("", 0))[1]))),
            "weight": (["weight", server, str(5 + number), "--reason", "x"], lambda m: m["over"].__setitem__(name, (m["over"].get(name, ("", 0))[0], 5 + number))),
            "discard": (["overrides", "discard", server], lambda m: m["over"].pop(name, None)),
            "promote": (["overrides", "promote", server], lambda m: self.promote(m, name)),
            "apply": (["apply", "-f", self.files[number]], lambda m: m.__setitem__("spec", (number, {}))),
            "rollback": (["rollback", lab.name, "--to", "1"], lambda m: m.__setitem__("spec", (0, {}))),
            "upgrade": (["upgrade", lab.name], lambda m: None),
            "restart": (["restart", lab.name], lambda m: None),
            "reload": (["reload", lab.name], lambda m: None),
        }[kind]

    @staticmethod
    def promote(m, name):
        state, weight = m["over"].get(name, ("", 0))
        if weight:
            m["spec"] = (m["spec"][0], {**m["spec"][1], name: weight})
        if not state:
            m["over"].pop(name, None)

    def end(self):
        """What there is: the weights that the manifest gives, and the overrides."""
        faults.wait_for(lambda: len(self.lab.masters()) == 1, 60, "one master")  # until it has begun a worker bears that title, too
        over = {}
        for name, item in self.lab.overrides().items():
            over[name] = (item.get("state", ""), item.get("weight", 0))
        spec = self.lab.must("describe", self.lab.name, "-o", "json").json()["items"][0]
        ports = {faults.backend(name).port: name for name in ["base", *self.SERVERS]}
        weights = {ports[int(s["address"].rsplit(":", 1)[1])]: s["weight"] for s in spec["upstream"][0]["server"]}
        return over, weights

    def fits(self, model, found):
        number, promoted = model["spec"]
        weights = {"base": 1 + number, **{name: promoted.get(name, 1) for name in self.SERVERS}}
        return ({name: both for name, both in model["over"].items() if both != ("", 0)}, weights) == found

    def test_pairs(self):
        seed = int(os.environ.get("SEED", "0")) or random.randrange(1 << 30)
        chance, lab, rounds = random.Random(seed), self.lab, 0
        lab.must("apply", "-f", self.files[0])
        models = [{"over": {}, "spec": (0, {})}]
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            chosen = [self.choose(chance) for _ in range(chance.choice([2, 2, 3]))]
            commands = [argv + (["--watch-log", "0s"] if argv[0] in ("upgrade", "restart", "reload", "apply", "rollback") or argv[1] == "promote" else [])
                        for argv, _ in chosen]
            with self.subTest(seed=seed, round=rounds, commands=[argv[:2] for argv, _ in chosen]):
                results = at_once(lab, commands)
                # 2, 3: nothing there to promote or roll back; 7: the plan was made upon something else; 8: too many reloads; 9: the guard
                self.assertLessEqual({r.code for r in results}, {0, 3, 4, 7, 8, 9}, "\n".join(str(r) for r in results))
                done = [act for (_, act), result in zip(chosen, results) if result.code == 0]
                after = []
                for order in itertools.permutations(done):
                    for model in models:
                        new = {"over": dict(model["over"]), "spec": model["spec"]}
                        for act in order:
                            act(new)
                        after.append(new)
                found = self.end()
                models = [model for model in after if self.fits(model, found)][:1]
                self.assertTrue(models, "no order of what was said to be done gives %s:\n%s" % (found, "\n".join(str(r) for r in results)))
                if rounds % 4 == 3:
                    lab.must("restart", lab.name, "--watch-log", "0s")
                    self.assertEqual(self.end(), found, "after a restart")
            if not models:
                break
            rounds += 1
        self.assertGreater(rounds, 3)
        print("\n  %d rounds of commands at once (SEED=%d): all that was said to be done was" % (rounds, seed))


if __name__ == "__main__":
    unittest.main(verbosity=1)
