#!/usr/bin/python3
"""What `orctl status` says of an instance that systemd runs, and of one that systemd does not run any more: each state made for real,
and the command that is named run."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from orctl_host import OrctlHost, faults, unit_of

NAME = "tst_pay_001_80"
OTHER = "tst_shop_001_81"


class Status(unittest.TestCase):
    def setUp(self):
        self.host = OrctlHost().start()
        self.addCleanup(self.host.stop)
        self.host.apply(NAME)
        self.host.apply(OTHER)

    def codes(self, name=NAME):
        """But for what the machine has, whose limit of open files is lower than units want."""
        return [one["code"] for one in self.host.status(name)["findings"] if one["code"] != "open_files"]

    def finding(self, code, name=NAME):
        """The finding of that code, once it is there."""
        def there():
            found = [one for one in self.host.status(name)["findings"] if one["code"] == code]
            return found and found[0]
        return faults.wait_for(there, 60, code)

    def exit_codes(self):
        """Of both instances: what is wrong with one says nothing of the other."""
        return tuple(self.host.orctl("status", name, check=False).code for name in (NAME, OTHER))

    def test_each_state_of_a_unit(self):
        host = self.host
        self.assertEqual(self.exit_codes(), (0, 0))
        self.assertEqual(self.codes(), [])

        host.orctl("disable", NAME)
        self.assertEqual(self.codes(), ["not_at_boot"])
        self.assertEqual(self.exit_codes(), (0, 0))
        host.orctl("enable", NAME)

        host.orctl("stop", NAME)
        self.assertEqual(self.codes(), ["stopped"])
        self.assertEqual(self.exit_codes(), (1, 0))
        host.orctl("start", NAME)

        host.kill(host.master(NAME))
        self.assertEqual(self.finding("crash_loop")["severity"], "fault")
        faults.wait_for(lambda: host.status(NAME)["status"] == "running", 60, "systemd has started it again")
        self.assertIn("systemd has started it again (once)", self.finding("crash_loop")["text"])
        self.assertEqual(self.exit_codes(), (1, 0))

    def test_a_unit_that_systemd_starts_in_vain_until_it_gives_up(self):
        host, conf = self.host, "/opt/openresty/%s/nginx.conf" % NAME
        whole = host.read(conf)
        host.write(conf, "nonsense")
        host.run("systemctl", "--no-block", "restart", unit_of(NAME))
        self.assertRegex(self.finding("crash_loop")["text"], "systemd (starts it again|is about to start it again)")
        self.assertEqual(self.exit_codes(), (1, 0))
        failed = self.finding("failed")
        self.assertIn("its unit failed: ", failed["text"])
        self.assertIn("tree", self.codes())
        self.assertEqual(failed["mend"], "orctl start " + NAME)
        host.write(conf, whole)
        host.orctl("start", NAME)
        faults.wait_for(lambda: self.codes() == [], 60, "well")

    def test_a_unit_that_is_masked(self):
        host, path = self.host, "/etc/systemd/system/" + unit_of(NAME)
        host.orctl("stop", NAME)
        os.remove(host.path(path))
        os.symlink("/dev/null", host.path(path))
        host.run("systemctl", "daemon-reload")
        item = host.status(NAME)
        self.assertEqual(item["status"], "stopped")
        self.assertIn("masked", [one["code"] for one in item["findings"]])
        self.assertEqual(self.exit_codes(), (1, 0))
        line = host.orctl("status", NAME, check=False).out
        self.assertRegex(line, "its unit is masked: systemctl unmask " + re.escape(unit_of(NAME)))
        host.run("systemctl", "unmask", unit_of(NAME))
        host.orctl("apply", "-f", "/var/manifests/%s/a.toml" % NAME)
        host.orctl("start", NAME)
        self.assertEqual(self.codes(), ["not_at_boot"])
        host.orctl("enable", NAME)
        faults.wait_for(lambda: self.codes() == [], 60, "well")


if __name__ == "__main__":
    unittest.main()
