#!/usr/bin/python3
"""orctl is killed wherever it calls systemctl, useradd or nginx, or signals a process: the next command puts everything right, on systemd's side too.
What a kill at each of its own system calls leaves is the matter of tests/fault."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from orctl_host import OrctlHost, unit_of

NAME, USER = "tst_kill_001_80", "or-tst_kill_001_80"
PROGRAM, SIGNAL = "vfork,clone,clone3", "pidfd_send_signal"
KILLED = -9  # strace ends as what it watched did


class Killed(unittest.TestCase):
    weight = None  # of an override
    def setUp(self):
        self.host = OrctlHost().start()
        self.addCleanup(self.host.stop)

    def killed_at(self, n, *args, call=PROGRAM):
        """The command, killed when it is about to begin its n-th program, or to send its n-th signal; its exit code when it came to its end."""
        return self.host.run("strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=" + call,
                             "-e", "inject=%s:signal=KILL:when=%d" % (call, n), "orctl", *args, check=False).code

    def whole(self, point):
        host = self.host
        masters = host.processes("^nginx: master")
        status = host.status(NAME)["status"] if len(masters) > 1 else "degraded"
        if len(host.processes("^nginx: master")) > 1:  # still: none was about to go, or had just begun
            self.assertEqual(status, "degraded", point)
        host.apply(NAME)
        self.assertEqual(host.get(), (200, "blue"), point)
        self.assertEqual(host.weight_of(NAME), self.weight, point)
        self.assertEqual(host.status(NAME)["status"], "running", point)
        self.assertEqual([host.show(unit_of(NAME), k) for k in ("ActiveState", "UnitFileState", "NeedDaemonReload")],
                         ["active", "enabled", "no"], point)
        self.assertEqual(len(host.processes("^nginx: master")), 1, point)

    def each_point(self, what, before, args, call=PROGRAM, least=5):
        """Kills at the first call, at the second, and so on until it comes to its end."""
        for n in range(1, 100):
            before(n)
            code = self.killed_at(n, *args(n), call=call)
            self.whole("%s killed at call %d" % (what, n))
            if code not in (KILLED, 0):
                # strace counts the calls of each process: a program that orctl ran (useradd) was killed in its place, and it said so
                self.assertIn(code, (5, 11))
            elif code == 0:
                print("  %s: killed at %d calls, whole again by the next apply each time" % (what, n - 1))
                self.assertGreater(n, least)
                return
        self.fail("it never came to its end")

    def delete(self):
        self.host.orctl("delete", NAME, "--yes")
        self.assertEqual(self.host.left(NAME, USER), [])

    def test_the_first_apply(self):
        path = self.host.manifest(NAME)

        def nothing_there(n):
            if n > 1:
                self.delete()

        self.each_point("first apply", nothing_there, lambda n: ("apply", "-f", path))

    def test_a_reload(self):
        self.host.apply(NAME, nginx="keepalive = 8\n")

        def change(n):
            return "apply", "-f", self.host.manifest(NAME, nginx="keepalive = %d\n" % (8 + n))

        self.each_point("reload", lambda n: None, change)

    def test_an_upgrade(self):
        self.host.apply(NAME)
        self.host.set_weight(NAME, "3")
        self.weight = 3
        for call in (PROGRAM, SIGNAL):
            self.each_point("upgrade (%s)" % call, lambda n: None, lambda n: ("upgrade", NAME), call, least=2)

    def test_delete(self):
        for n in range(1, 100):
            self.host.apply(NAME)
            code = self.killed_at(n, "delete", NAME, "--yes")
            if code != KILLED:
                break
            self.delete()
        self.assertEqual(code, 0)
        self.assertEqual(self.host.left(NAME, USER), [])
        self.assertGreater(n, 3)
        print("  delete: killed at %d calls, brought to its end by the next each time" % (n - 1))


if __name__ == "__main__":
    unittest.main()
