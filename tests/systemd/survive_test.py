#!/usr/bin/python3
"""What an instance under systemd must survive: its processes killed, its logs rotated, its binary exchanged, the host rebooted."""
import glob
import gzip
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from orctl_host import NGINX, TOP, OrctlHost, faults, unit_of

NAME = "tst_pay_001_80"
TARGET, ROLLED_BACK = 5, 11


class Survive(unittest.TestCase):
    def setUp(self):
        self.host = OrctlHost().start()
        self.addCleanup(self.host.stop)
        self.host.apply(NAME, extra='[[route]]\npath = "/count"\nredirect = { target = "/" }\n')
        self.host.set_weight(NAME)

    def seconds_until_it_serves(self, changed):
        began = time.monotonic()
        faults.wait_for(lambda: changed() and self.host.get(limit=1.0) == (200, "blue"), 60, "it serves again", step=0.02)
        return time.monotonic() - began

    def whole(self):
        """It serves, systemd says so, and the override is there."""
        self.assertEqual(self.host.get(), (200, "blue"))
        self.assertEqual(self.host.show(unit_of(NAME), "ActiveState"), "active")
        self.assertEqual(self.host.weight_of(NAME), "50%")
        self.assertEqual(self.host.status(NAME)["status"], "running")

    def test_a_killed_worker(self):
        host, master = self.host, self.host.master(NAME)
        for _ in range(3):
            before = host.workers(NAME)
            host.kill(*before)
            took = self.seconds_until_it_serves(lambda: not set(before) & set(host.children_of(master)))
            print("  every worker killed: serves again after %.2f s" % took)
            self.assertLess(took, 3)
        faults.wait_for(lambda: host.status(NAME)["status"] == "running", 60, "the workers agree")
        self.assertEqual(host.master(NAME), master)
        self.whole()

    def test_a_killed_master(self):
        host, master = self.host, self.host.master(NAME)
        host.kill(master)
        took = self.seconds_until_it_serves(lambda: host.master(NAME) not in (0, master))
        print("  master killed: serves again after %.2f s" % took)
        self.assertLess(took, 4)
        faults.wait_for(lambda: host.status(NAME)["status"] == "running", 60, "the workers agree")
        self.whole()
        self.assertNotIn("Address already in use", host.log(NAME) + host.journal(unit_of(NAME)))
        self.assertEqual(host.show(unit_of(NAME), "NRestarts"), "1")
        self.assertIn("unchanged", host.orctl("start", NAME).out)

    def test_log_rotation_loses_no_line(self):
        host, per_client, clients, rotations = self.host, 25000 if faults.FULL else 5000, 4, 8
        other = "tst_pay_002_81"
        host.apply(other)
        host.orctl("stop", other)  # a stopped one holds up nothing
        with open(os.path.join(TOP, "examples/logrotate.conf")) as example:
            host.write("/etc/logrotate.d/openresty", example.read())
        running = [host.background("curl", "-sS", "-o", "/dev/null", "http://127.0.0.1/count/%d/[1-%d]" % (n, per_client)) for n in range(clients)]
        follower = host.background("sh", "-c", "orctl logs %s -f --access --tail 0 >/tmp/followed" % NAME)
        done = 0
        while done < rotations or any(child.poll() is None for child in running):
            if done < rotations:
                host.run("logrotate", "--force", "/etc/logrotate.d/openresty")
                done += 1
            else:
                running[0].wait(60)
                for child in running:
                    child.wait(60)
        self.assertEqual([child.communicate()[0] for child in running], [b""] * clients, "every request is answered")
        wanted = {"/count/%d/%d" % (n, i) for n in range(clients) for i in range(1, per_client + 1)}

        def logged():
            lines = []
            for file in glob.glob(host.path("/var/log/openresty/%s/access.log*" % NAME)):
                with (gzip.open if file.endswith(".gz") else open)(file, "rt") as text:
                    lines += re.findall(r'"uri":"(/count/[^"]+)"', text.read())
            return lines
        faults.wait_for(lambda: len(logged()) >= len(wanted), 60, "the last lines are written")
        lines = logged()
        print("  rotated %d times: %d requests, %d lines, %d lost" % (done, len(wanted), len(lines), len(wanted - set(lines))))
        self.assertEqual((set(lines), len(lines)), (wanted, len(wanted)))
        self.assertTrue(glob.glob(host.path("/var/log/openresty/%s/access.log.*.gz" % NAME)), "old ones are compressed")
        self.whole()
        follower.terminate()

    def test_upgrade_to_a_new_binary(self):
        host, before = self.host, self.host.master(NAME)

        def socket_of_port():
            return re.findall(r"ino:\d+", host.run("ss", "-Hltne", "sport = :80").out)
        sockets = socket_of_port()
        host.run("sh", "-c", "cp {0} {0}.new && mv {0}.new {0}".format(NGINX))
        with faults.Traffic(host) as traffic:
            upgraded = host.orctl("upgrade", NAME)
        print("  upgrade: %d requests, %d failed; %s" % (sum(traffic.bodies.values()), len(traffic.failed), upgraded.out.strip()))
        self.assertEqual(traffic.failed, [])
        after = host.master(NAME)
        self.assertNotIn(after, (0, before))
        self.assertEqual(host.processes("^nginx: master").keys(), {after})
        self.assertEqual(os.stat(host.path("/proc/%d/exe" % after)).st_ino, os.stat(host.path(NGINX)).st_ino)
        self.assertEqual(socket_of_port(), sockets)
        self.whole()
        self.assertEqual(host.show(unit_of(NAME), "NRestarts"), "0")
        host.systemctl("reload", unit_of(NAME))
        host.apply(NAME, weight=4)
        self.whole()
        host.orctl("stop", NAME)
        self.assertEqual(host.processes("^nginx"), {})

    def test_upgrade_to_a_binary_that_does_not_start(self):
        host, before = self.host, self.host.master(NAME)
        host.run("sh", "-c", "cp {0} {0}.good && cp /bin/false {0}.new && mv {0}.new {0}".format(NGINX))
        with faults.Traffic(host) as traffic:
            failed = host.orctl("upgrade", NAME, check=False)
        self.assertIn(failed.code, (TARGET, ROLLED_BACK), failed)
        self.assertEqual(traffic.failed, [])
        self.assertEqual(host.processes("^nginx: master").keys(), {before})
        self.assertEqual(host.master(NAME), before)
        self.whole()
        host.run("mv", NGINX + ".good", NGINX)
        host.orctl("upgrade", NAME)
        self.assertNotEqual(host.master(NAME), before)
        self.whole()

    def two_masters(self):
        """Seen by status and doctor, with both pids and what mends it."""
        host = self.host
        faults.wait_for(lambda: len(host.processes("^nginx: master")) == 2 and len(host.processes("^nginx: worker process$")) == 4, 60, "two masters")
        pids = host.processes("^nginx: master")
        item = host.status(NAME)
        self.assertEqual((item["status"], set(item["masters"])), ("degraded", set(pids)))
        self.assertIn("orctl start " + NAME, item["remark"])
        self.assertEqual(host.orctl("doctor", check=False).code, 1)
        return set(pids)

    def test_two_masters_of_an_upgrade_that_nobody_ended(self):
        host = self.host
        for mend in (["apply", "-f", host.manifest(NAME, extra='[[route]]\npath = "/count"\nredirect = { target = "/" }\n')], ["ready", NAME + "/up/127.0.0.1:9001"], ["upgrade", NAME]):
            before = host.master(NAME)
            host.run("kill", "-USR2", str(before))
            pids = self.two_masters()
            with faults.Traffic(host) as traffic:
                self.assertRegex(host.orctl(*mend).err, "the upgrade was finished")
            self.assertEqual(traffic.failed, [])
            after = host.master(NAME)
            self.assertEqual(set(host.processes("^nginx: master")), {after}, "systemd follows the one that is left")
            self.assertNotEqual(after, before)
            if mend[0] != "upgrade":
                self.assertEqual({after}, pids - {before})
            self.whole()
            self.assertEqual(host.show(unit_of(NAME), "NRestarts"), "0")

    def test_a_master_of_the_unit_and_one_by_hand(self):
        host, unit = self.host, self.host.master(NAME)
        conf = host.read("/opt/openresty/%s/nginx.conf" % NAME).replace("127.0.0.1:80 ", "127.0.0.1:8123 ").replace("127.0.0.1:80;", "127.0.0.1:8123;")
        host.write("/tmp/other.conf", conf.replace("admin.sock", "other.sock").replace("nginx.pid", "other.pid"))
        host.run(NGINX, "-e", "stderr", "-p", "/opt/openresty/" + NAME, "-c", "/tmp/other.conf")
        self.assertIn(unit, self.two_masters())
        with faults.Traffic(host) as traffic:
            self.assertIn("serve beside each other", host.orctl("reload", NAME).err)
        self.assertEqual(traffic.failed, [])
        self.assertEqual((set(host.processes("^nginx: master")), host.master(NAME)), ({unit}, unit))
        self.whole()

    def test_reboot(self):
        host, other = self.host, "tst_pay_002_81"
        host.apply(other)
        host.orctl("enable", NAME)
        host.orctl("disable", other)
        for orderly in (True, False):
            host.reboot(orderly)
            host.backend(9001, "blue")
            host.wait_for_backend()
            faults.wait_for(lambda: host.status(NAME)["status"] == "running", 60, "the enabled instance is up")
            self.whole()
            self.assertEqual(host.status(other)["status"], "stopped")
        host.orctl("start", other)
        self.assertEqual(host.get(81), (200, "blue"))
        revisions = [one for one in host.orctl("history", NAME, "-o", "json").json()["items"] if one["kind"] == "revision"]
        self.assertEqual(revisions[0]["outcome"], "applied")


if __name__ == "__main__":
    unittest.main(verbosity=1)
