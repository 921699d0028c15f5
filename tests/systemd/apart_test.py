#!/usr/bin/python3
"""Instances under systemd are apart: from the host (exposure of each unit), from each other (S16), and from what they leave."""
import glob
import os
import re
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from orctl_host import CERTIFICATE, NGINX, TOP, OrctlHost, faults, unit_of

ONE, TWO = "tst_one_001_80", "tst_two_001_8081"
NO = 1
CAPABILITY = ("--inh-caps", "+net_bind_service", "--ambient-caps", "+net_bind_service")


class Apart(unittest.TestCase):
    def setUp(self):
        self.host = OrctlHost().start()
        self.addCleanup(self.host.stop)

    # -- from each other ---------------------------------------------------------------------------

    def as_instance(self, name, script):
        """A shell as the instance's user, seeing the files that the instance sees: what a worker that was taken over could do."""
        user = self.host.run("ps", "-o", "user:40=", "-p", str(self.host.master(name))).out.strip()
        return self.host.run("nsenter", "-t", str(self.host.master(name)), "-m", "setpriv", "--reuid", user, "--regid", user,
                             "--init-groups", *CAPABILITY, "--no-new-privs", "sh", "-c", script, check=False)

    def test_an_instance_cannot_signal_nor_read_another(self):
        host = self.host
        for name in (ONE, TWO):
            port = int(name.rsplit("_", 1)[1])
            host.apply(name, overlay=host.pair(), extra=CERTIFICATE + '[[listener]]\naddress = "127.0.0.1"\nport = %d\nprotocol = "https"\n' % (port + 1000))
            host.get(port)
        probes = {
            "signal the master": lambda name: "kill -0 %d" % host.master(name),
            "signal a worker": lambda name: "kill -0 %d" % host.workers(name)[0],
            "ask the admin socket": lambda name: "curl -sS --unix-socket /run/openresty/%s/admin.sock http://localhost/v1/status" % name,
            "read the tree": lambda name: "cat /opt/openresty/%s/nginx.conf" % name,
            "read the key": lambda name: "cat /opt/openresty/%s/certs/c.key" % name,
            "read the access log": lambda name: "cat /var/log/openresty/%s/access.log" % name,
            "read the error log": lambda name: "cat /var/log/openresty/%s/error.log" % name,
            "list the state": lambda name: "ls /var/lib/openresty/%s/." % name,
            "list the runtime folder": lambda name: "ls /run/openresty/%s/." % name,
            "see its environment": lambda name: "cat /proc/%d/environ" % host.master(name),
        }
        for what, script in probes.items():
            with self.subTest(what):
                own = self.as_instance(ONE, script(ONE))
                self.assertEqual(own.code, 0, "the probe works on one's own: %s" % own)
                other = self.as_instance(ONE, script(TWO))
                self.assertNotEqual(other.code, 0, "%s" % other)
                self.assertEqual(other.out, "")
        for what, script in {
            "write to its own tree": "touch /opt/openresty/%s/x" % ONE,
            "write to its unit": "echo >>/etc/systemd/system/%s" % unit_of(ONE),
            "read the store": "ls /var/lib/orctl/store.git/.",
            "read the manifests' policy": "echo >>/etc/orctl/config.toml",
        }.items():
            with self.subTest(what):
                self.assertNotEqual(self.as_instance(ONE, script).code, 0)
        print("  %d probes of a sibling refused, each of them works on oneself" % len(probes))

    # -- from the host -----------------------------------------------------------------------------

    def test_the_exposure_of_every_unit_is_at_most_2(self):
        host, worst = self.host, 0.0
        host.apply(ONE)
        host.apply(TWO, "--confirm-within", "1h")
        self.assertTrue(host.exists("/etc/systemd/system/openresty-%s-confirm.service" % TWO))
        host.apply("tst_udp_001_82", extra='[[listener]]\naddress = "127.0.0.1"\nport = 5353\nprotocol = "udp"\nupstream = "up"\n')
        for golden in glob.glob(TOP + "/tests/render/*/expected/*/unit"):
            kind, flavour = golden.split("/")[-4], golden.split("/")[-2]
            shutil.copy2(golden, host.path("/etc/systemd/system/openresty-render-%s-%s.service" % (kind, flavour)))
        for path in sorted(glob.glob(host.path("/etc/systemd/system/openresty-*.service"))):
            unit = os.path.basename(path)
            with self.subTest(unit):
                # both judge by what they print: verify exits 0 on keys that it does not know
                judged = host.run("systemd-analyze", "security", "--offline=true", "/etc/systemd/system/" + unit).out
                exposure = float(re.search(r"exposure level for \S+: ([\d.]+)", judged).group(1))
                worst = max(worst, exposure)
                print("  %-36s exposure %.1f" % (unit, exposure))
                if "-render-" not in unit:  # the others name programs that are not here
                    verified = host.run("systemd-analyze", "verify", "/etc/systemd/system/" + unit, check=False)
                    self.assertEqual(verified.out + verified.err, "")
        self.assertGreater(worst, 0)
        self.assertLessEqual(worst, 2.0)

    # -- what they leave ---------------------------------------------------------------------------

    def test_delete_leaves_nothing_but_the_history(self):
        host = self.host
        host.apply(ONE)
        host.orctl("enable", ONE)
        user = host.run("ps", "-o", "user:40=", "-p", str(host.master(ONE))).out.strip()
        kinds = {line.split()[0] for line in host.left(ONE, user)}
        self.assertEqual(kinds, {"process", "user", "group", "unit", "socket", "file"} | kinds, "what is looked for is found while it runs")
        host.orctl("delete", ONE, "--yes")
        self.assertEqual(host.left(ONE, user), [])
        self.assertEqual(host.systemctl("--failed", "--no-legend").out, "")
        history = host.orctl("history", ONE, "-o", "json").json()["items"]
        self.assertEqual(len(history), 2)
        host.apply(ONE)
        self.assertEqual(host.get(), (200, "blue"))
        host.orctl("stop", ONE)
        host.orctl("delete", ONE, "--yes")
        self.assertEqual(host.left(ONE, user), [], "of one that was stopped, too")

    def test_nothing_begins_where_a_symlink_would_stop_its_end(self):
        """systemd makes the folder of the logs through a symlink, and orctl would not remove it there."""
        host = self.host
        host.run("sh", "-c", "mkdir /var/data && mv /var/log /var/data && ln -s data/log /var/log")
        refused = host.apply(ONE, check=False)
        self.assertEqual(refused.code, 5, refused)
        self.assertIn("'/var/log' is a symlink, and orctl follows none where it writes", refused.err)
        self.assertIn("mount --bind", refused.err)
        self.assertEqual(host.left(ONE, "or-" + ONE), [])

    def test_a_link_to_the_socket_of_another_leads_nowhere(self):
        """root connects to where an instance's own folder leads: what is meant for it must not reach its sibling."""
        host = self.host
        host.apply(ONE)
        host.apply(TWO)
        folder = "/run/openresty/%s/" % ONE
        self.assertEqual(self.as_instance(ONE, "cd %s && mv admin.sock own && ln -s /run/openresty/%s/admin.sock admin.sock" % (folder, TWO)).code, 0)
        refused = host.orctl("drain", ONE + "/up/127.0.0.1:9001", "--reason", "test", "--ignore-min-healthy", check=False)
        self.assertEqual(refused.code, 3, refused)
        self.assertIn("admin.sock' is a symlink, not a socket", refused.err)
        self.assertIn("is not its admin socket: orctl restart " + ONE, host.orctl("status", ONE, check=False).out)
        self.assertEqual(host.orctl("overrides", "list", TWO, "-o", "json").json()["items"], [])
        self.assertEqual(host.orctl("diff", "-f", host.manifest(TWO)).code, 0)
        host.apply(ONE, weight=5)  # by a restart, which makes its own socket again
        self.assertEqual(host.orctl("diff", "-f", host.manifest(ONE, weight=5)).code, 0)
        self.assertEqual(host.orctl("diff", "-f", host.manifest(TWO)).code, 0)

    def test_another_root_has_no_user_here(self):
        """An instance of the same name below --root is another one."""
        host = self.host
        host.apply(ONE)
        host.orctl("stop", ONE)
        missing = host.orctl("--root", "/tmp/elsewhere", "delete", ONE, "--yes", check=False)
        self.assertEqual(missing.code, 13, missing)
        host.orctl("start", ONE)
        self.assertEqual(host.get(), (200, "blue"))

    def test_nobody_passes_for_another_instance(self):
        """What a worker that was taken over calls itself, all may read in its command line."""
        host = self.host
        host.apply(ONE)
        user = host.show(unit_of(ONE), "User")
        fake = "exec -a 'nginx: master process %s -p /opt/openresty/%s -c nginx.conf' tail -f --pid=1 /dev/null" % (NGINX, TWO)
        host.background("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "bash", "-c", fake)
        pid = faults.wait_for(lambda: list(host.processes("^nginx: master.*%s" % TWO)), 60, "it runs")[0]
        host.apply(TWO)
        for verb in ("restart", "stop", "start"):
            host.orctl(verb, TWO)
        self.assertEqual(host.get(8081), (200, "blue"))
        self.assertNotEqual(host.status(TWO)["pid"], pid)
        host.orctl("delete", TWO, "--yes")
        self.assertIn(pid, host.processes("^nginx: master.*%s" % TWO), "another's process is left alone")

    def stray(self, name):
        """Runs the instance's nginx outside its unit, as its user; returns the master."""
        host, folder = self.host, "/run/openresty/" + name
        user = host.show(unit_of(name), "User")
        host.run("sh", "-c", "mkdir -p %s && chown %s:%s %s && chmod 750 %s" % (folder, user, user, folder, folder))
        host.run("setpriv", "--reuid", user, "--regid", user, "--init-groups", *CAPABILITY, NGINX, "-p", "/opt/openresty/" + name, "-c", "nginx.conf")
        faults.wait_for(lambda: host.get()[0] == 200, 60, "the stray serves")
        return list(host.processes("^nginx: master"))[0]

    def test_a_process_that_outlived_its_unit_is_found_and_ended(self):
        host = self.host
        host.apply(ONE)
        stray = None
        for verb, after in (("start", "active"), ("restart", "active"), ("stop", "inactive")):
            with self.subTest(verb):
                host.systemctl("stop", unit_of(ONE))
                stray = self.stray(ONE)
                self.assertNotEqual(host.master(ONE), stray)
                told = host.orctl("status", ONE, check=False)
                self.assertEqual(told.code, NO, told)
                self.assertIn("outside of its systemd unit", told.out)
                host.orctl(verb, ONE)
                self.assertNotIn(stray, host.processes("^nginx: master"))
                self.assertEqual(host.systemctl("is-active", unit_of(ONE), check=False).out.strip(), after)
                if after == "active":
                    self.assertEqual(list(host.processes("^nginx: master")), [host.master(ONE)])
                    self.assertEqual(host.get(), (200, "blue"))
        stray = self.stray(ONE)
        host.orctl("delete", ONE, "--yes")
        self.assertEqual(host.processes("^nginx"), {})

    def test_an_instance_from_before_systemd_is_taken_into_its_unit(self):
        host = self.host
        host.orctl("--supervisor", "process", "apply", "-f", host.manifest(ONE))
        before = list(host.processes("^nginx: master"))
        self.assertIn("outside of its systemd unit", host.orctl("diff", "-f", host.manifest(ONE), check=False).out)
        host.apply(ONE)
        self.assertEqual(host.get(), (200, "blue"))
        self.assertEqual(list(host.processes("^nginx: master")), [host.master(ONE)])
        self.assertNotEqual(before, [host.master(ONE)])
        self.assertEqual(host.show(unit_of(ONE), "UnitFileState"), "enabled")
        self.assertIn("unchanged", host.apply(ONE).out)

    def test_another_nginx_is_left_alone(self):
        host = self.host
        host.apply(ONE)
        host.write("/var/other/nginx.conf", "pid /run/other.pid; error_log /run/other.log; events {} http { access_log off; "
                                            "server { listen 127.0.0.1:99; return 200 other; } }")
        host.run(NGINX, "-p", "/var/other", "-c", "/var/other/nginx.conf")
        for verb in ("restart", "stop", "start"):
            host.orctl(verb, ONE)
        host.orctl("delete", ONE, "--yes")
        self.assertEqual(host.get(99), (200, "other"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
