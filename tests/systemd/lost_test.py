#!/usr/bin/python3
"""What a tmp cleaner or people take away from an instance that runs under systemd is named, and mended by the next apply or by the command
that the hint names; what kills leave is listed and removed."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from orctl_host import OrctlHost, faults, unit_of

ONE, GONE = "tst_one_001_80", "tst_gone_001_81"
RUN, UNIT = "/run/openresty/" + ONE, "/etc/systemd/system/" + unit_of(ONE)


class Lost(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.host = OrctlHost().start()
        cls.addClassCleanup(cls.host.stop)
        cls.host.apply(ONE)

    def well(self):
        self.assertEqual(self.host.orctl("status", ONE, check=False).code, 0)
        self.assertEqual(self.host.get(), (200, "blue"))
        self.assertEqual(list(self.host.processes("^nginx: master")), [self.host.master(ONE)])

    def test_what_is_taken_away_is_named_and_mended(self):
        host, weight = self.host, 1
        for what, named in (("rm %s/admin.sock" % RUN, "its admin socket '%s/admin.sock' is gone" % RUN),
                            ("rm -r " + RUN, "its folder '%s' is gone" % RUN),
                            ("rm -r /run/openresty", "its folder '%s' is gone" % RUN),
                            ("rm %s/admin.sock; ln -s /nowhere %s/admin.sock" % (RUN, RUN), "is not its admin socket"),
                            ("rm -r /var/log/openresty/" + ONE, "its folder '/var/log/openresty/%s' is gone" % ONE),
                            ("rm -r /var/lib/openresty/" + ONE, "its folder '/var/lib/openresty/%s' is gone" % ONE)):
            for mended_by in ("hint", "apply"):
                with self.subTest(what, mended_by=mended_by):
                    host.run("sh", "-c", what)
                    said = host.orctl("status", ONE, check=False)
                    self.assertEqual(said.code, 1, said)
                    self.assertIn(named, said.out)
                    self.assertEqual(host.orctl("doctor", check=False).code, 1)
                    weight += 1
                    if mended_by == "apply":
                        host.apply(ONE, "--watch-log", "0s", weight=weight)
                    else:
                        host.orctl(*re.search(r"orctl (\w+ %s)" % ONE, said.out).group(1).split(), "--watch-log", "0s")
                    self.well()

    def test_a_unit_that_is_gone_is_named_and_written_again(self):
        host = self.host
        for reload in (False, True):
            host.run("rm", UNIT)
            if reload:
                host.systemctl("daemon-reload")
            for verb in ("restart", "reload", "enable"):
                said = host.orctl(verb, ONE, check=False)
                self.assertEqual(said.code, 5, said)
                self.assertIn("its unit '%s' is gone" % UNIT, said.err)
                self.assertIn("orctl apply -f MANIFEST", said.err)
            self.assertEqual(host.get(), (200, "blue"), "it was not stopped for nothing")
            host.apply(ONE, "--watch-log", "0s")
            self.well()
        host.run("rm", UNIT)
        host.orctl("stop", ONE)
        self.assertIn("its unit", host.orctl("start", ONE, check=False).err)
        host.apply(ONE)
        self.well()

    def test_strays_are_listed_and_the_named_command_removes_them(self):
        host = self.host
        host.apply(GONE)
        user = host.show(unit_of(GONE), "User")
        host.orctl("delete", GONE, "--yes")
        host.run("sh", "-c", "useradd --system --user-group --comment 'orctl %s' %s; mkdir -p /var/lib/openresty/%s /opt/openresty/.orctl-stage.%s.check; "
                             "echo '[Service]' >/run/systemd/system/openresty-%s-check.service" % (GONE, user, GONE, GONE, ONE))
        said = host.orctl("doctor").out
        for stray, command in (("user " + user, "orctl delete %s --yes" % GONE), ("/var/lib/openresty/" + GONE, "orctl delete %s --yes" % GONE),
                               ("/opt/openresty/.orctl-stage.%s.check" % GONE, "orctl delete %s --yes" % GONE),
                               ("/run/systemd/system/openresty-%s-check.service" % ONE, "orctl reload " + ONE)):
            self.assertRegex(said, r"stray +note +%s .*%s" % (re.escape(stray), command))
        host.orctl("delete", GONE, "--yes")
        host.orctl("reload", ONE)
        self.assertNotIn("stray", host.orctl("doctor").out)
        self.assertEqual([one for one in host.left(GONE, user) if GONE in one or user in one], [])
        self.well()

    def test_a_link_in_the_folder_of_logs_is_not_followed(self):
        """The folder is the instance's user's: he may put there what he likes, also while root follows the log."""
        host, log = self.host, "/var/log/openresty/%s/access.log" % ONE
        user = host.show(unit_of(ONE), "User")
        host.get()
        for put in ("ln -s /etc/shadow %s", "mkfifo %s", "ln -s /dev/zero %s"):
            host.run("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "sh", "-c", ("rm -f %s; " + put) % (log, log))
            said = host.orctl("logs", ONE, "--access", check=False)
            self.assertEqual((said.code, said.out), (3, ""), said)
        host.run("rm", log)
        host.orctl("reload", ONE)
        self.well()


if __name__ == "__main__":
    unittest.main(verbosity=1)
