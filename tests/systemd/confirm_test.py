#!/usr/bin/python3
"""Confirmed commits under systemd: a timer takes back what nobody confirms, also over a restart of the machine, and nothing of it is
left afterwards."""
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from orctl_host import CERTIFICATE, POLICY, OrctlHost, faults, unit_of

NAME = "tst_pay_001_80"
TIMER, SERVICE = "openresty-%s-confirm.timer" % NAME, "openresty-%s-confirm.service" % NAME
FOLDER = "/etc/systemd/system/"
OLD, NEW = "worker_connections = 555\n", "worker_connections = 666\n"


class Confirm(unittest.TestCase):
    def setUp(self):
        self.host = OrctlHost().start()
        self.addCleanup(self.host.stop)

    def live(self):
        return next((r for r in self.host.orctl("history", NAME, "-o", "json").json()["items"] if r["live"]), None)

    def await_way_back(self, revision, within="2s"):
        faults.wait_for(lambda: (self.live() or {}).get("revision") == revision, 60, "revision %d takes it back" % revision, step=0.1)
        self.assertEqual(self.live()["reason"], "not confirmed within " + within)
        self.assertIn(OLD.strip().replace(" = ", " ") + ";", self.host.read("/opt/openresty/%s/nginx.conf" % NAME))
        self.assertEqual(self.host.get(), (200, "blue"))

    def await_nothing_left(self):
        def gone():
            return not any(self.host.exists(path) for path in (FOLDER + TIMER, FOLDER + SERVICE, FOLDER + "timers.target.wants/" + TIMER,
                                                               "/var/lib/orctl/confirm/%s.json" % NAME))
        faults.wait_for(gone, 60, "nothing of the wait is left", step=0.05)
        faults.wait_for(lambda: self.host.show(SERVICE, "ActiveState") == self.host.show(TIMER, "ActiveState") == "inactive", 60, "both are inactive", step=0.05)
        self.assertEqual(self.host.systemctl("is-system-running", check=False).out.strip(), "running")

    def test_confirmed_it_stays(self):
        self.host.apply(NAME, nginx=OLD)
        done = self.host.apply(NAME, "--confirm-within", "5m", nginx=NEW)
        self.assertIn("goes back in 5m unless somebody says: orctl confirm " + NAME, done.err)
        self.assertEqual(self.host.systemctl("is-active", TIMER).out.strip(), "active")
        self.assertEqual(self.host.systemctl("is-enabled", TIMER).out.strip(), "enabled")
        self.assertLess(self.host.orctl("get", "instances", "-o", "json").json()["items"][0]["confirm_seconds_left"], 301)
        self.assertEqual(self.host.apply(NAME, check=False).code, 9)
        self.host.orctl("confirm", NAME)
        self.await_nothing_left()
        self.assertEqual(self.live()["revision"], 2)

    def test_without_a_word_the_timer_takes_it_back(self):
        self.host.apply(NAME, nginx=OLD)
        self.host.apply(NAME, "--confirm-within", "2s", nginx=NEW)
        self.await_way_back(3)
        self.await_nothing_left()
        late = self.host.orctl("confirm", NAME, check=False)
        self.assertEqual(late.code, 7, late)

    def test_what_the_confined_unit_takes_back(self):
        """A key, a listener of TLS and one of udp, the unit itself, by an orctl in folders that are hidden from a confined unit."""
        host, tls = self.host, '[[listener]]\naddress = "127.0.0.1"\nport = 444\nprotocol = "https"\n'
        for program in ("/run/user/0/orctl", "/tmp/a:b/orctl"):
            with self.subTest(program):
                host.run("install", "-D", "/usr/local/bin/orctl", program)
                host.apply(NAME, nginx=OLD, overlay=host.pair(), extra=CERTIFICATE + tls)
                unit, before = host.read(FOLDER + unit_of(NAME)), self.live()["revision"]
                manifest = host.manifest(NAME, nginx="worker_connections = 99999\n", extra='[[listener]]\naddress = "127.0.0.1"\nport = 5353\nprotocol = "udp"\nupstream = "up"\n')
                host.run(program, "apply", "-f", manifest, "--confirm-within", "2s")
                self.assertIn("ExecStart=%s " % program, host.read(FOLDER + SERVICE))
                self.assertNotEqual(host.read(FOLDER + unit_of(NAME)), unit)
                self.assertFalse(host.exists("/opt/openresty/%s/certs/c.key" % NAME))
                self.await_way_back(before + 2)
                self.await_nothing_left()
                self.assertEqual(host.read(FOLDER + unit_of(NAME)), unit)
                self.assertEqual(host.run("ls", "/opt/openresty/%s/certs" % NAME).out.split(), ["c.key", "c.pem"])
                self.assertEqual(host.run("ss", "-Hltnu", "sport = :5353 or sport = :444").out.split()[4], "127.0.0.1:444")
                self.assertEqual(host.orctl("status", NAME).code, 0)

    def test_a_change_that_hangs_every_worker(self):
        """Nobody answers on the admin socket: a reload comes first, and what the new workers need after it."""
        self.host.apply(NAME, nginx=OLD)
        spin = {"http.d/x.conf": "server { listen 127.0.0.1:8888; location / { content_by_lua_block { while true do end } } }\n"}
        self.host.apply(NAME, "--confirm-within", "8s", nginx=NEW, overlay=spin)
        hung = self.host.workers(NAME)
        for _ in range(6):  # a connection goes to any worker
            self.host.background("curl", "-s", "-m", "100", "http://127.0.0.1:8888/")
        faults.wait_for(lambda: self.host.get(limit=1)[0] == 0, 60, "nobody answers")
        self.await_way_back(3, "8s")
        self.await_nothing_left()
        self.host.orctl("restart", NAME)  # a worker that hangs does not even end when it is told to
        self.assertFalse(set(hung) & set(self.host.processes("^nginx: worker")))

    def test_a_hot_change_goes_back_although_every_worker_hangs(self):
        self.host.apply(NAME, nginx=OLD)
        self.host.apply(NAME, "--confirm-within", "8s", nginx=OLD, weight=7)
        self.host.run("kill", "-STOP", *map(str, self.host.workers(NAME)))
        self.assertIn("was stopped by a signal and does nothing", self.host.orctl("diff", "-f", self.host.manifest(NAME, nginx=OLD, weight=7), check=False).out)
        self.await_way_back(3, "8s")
        self.assertEqual(self.host.orctl("diff", "-f", self.host.manifest(NAME, nginx=OLD)).code, 0)

    def test_a_snippet_may_listen_on_all_addresses(self):
        """Then nginx has no socket of the listener's own address, and the unit without a network must know that."""
        everywhere = {"http.d/x.conf": "server { listen 80; server_name other.test; return 200 other; }\n"}
        self.host.apply(NAME, nginx=OLD, overlay=everywhere)
        self.assertEqual(self.host.run("ss", "-Hltn", "sport = :80").out.split()[3], "0.0.0.0:80")
        self.host.apply(NAME, "--confirm-within", "2s", nginx=NEW, overlay=everywhere)
        self.await_way_back(3)
        self.await_nothing_left()

    def test_an_orctl_that_could_not_take_it_back_does_not_begin(self):
        """Its folder is hidden from the unit by another name, that of /var/tmp: seen before anything is changed."""
        self.host.run("sh", "-c", "rm -rf /var/tmp && mkdir -m 1777 /var/scratch && ln -s scratch /var/tmp && cp /usr/local/bin/orctl /var/scratch")
        self.host.apply(NAME, nginx=OLD)
        refused = self.host.run("/var/scratch/orctl", "apply", "-f", self.host.manifest(NAME, nginx=NEW), "--confirm-within", "2s", check=False)
        self.assertEqual(refused.code, 11, refused)
        self.assertIn("'/var/scratch/orctl' does not run in the unit that would take the change back", refused.err)
        self.assertIn("hint: install it in /usr/local/bin", refused.err)
        self.assertIn(OLD.strip().replace(" = ", " ") + ";", self.host.read("/opt/openresty/%s/nginx.conf" % NAME))
        self.assertEqual(self.live()["revision"], 1)
        self.await_nothing_left()

    def test_readers_may_go_on_reading(self):
        """What it writes is for the eyes of the readers' group as before: one of them asks for the history."""
        self.host.write("/etc/orctl/config.toml", 'group = "nogroup"\n' + POLICY)
        self.host.apply(NAME, nginx=OLD)
        self.host.apply(NAME, "--confirm-within", "2s", nginx=NEW)
        self.await_way_back(3)
        self.await_nothing_left()
        asked = self.host.run("setpriv", "--reuid", "nobody", "--regid", "nogroup", "--clear-groups", "orctl", "history", NAME)
        self.assertIn("not confirmed within 2s", asked.out)

    def test_a_crash_of_the_machine_starts_the_count_again(self):
        self.host.apply(NAME, nginx=OLD)
        self.host.apply(NAME, "--confirm-within", "2s", nginx=NEW)
        self.host.reboot(orderly=False)
        faults.wait_for(lambda: (self.live() or {}).get("revision") == 3, 60, "it is taken back after the restart", step=0.1)
        self.assertEqual(self.live()["reason"], "not confirmed within 2s")
        self.await_nothing_left()

    def test_a_first_apply_goes_back_to_nothing(self):
        self.host.apply(NAME, "--confirm-within", "2s", nginx=NEW)
        faults.wait_for(lambda: not self.host.exists("/opt/openresty/" + NAME), 60, "the instance is gone", step=0.1)
        self.await_nothing_left()
        self.assertFalse(self.host.exists(FOLDER + unit_of(NAME)))
        self.assertEqual(self.host.processes("^nginx"), {})

    def test_what_fails_once_is_tried_again(self):
        """Somebody's process keeps the user from being removed, and ends later."""
        self.host.apply(NAME, "--confirm-within", "2s", nginx=NEW)
        user = self.host.show(unit_of(NAME), "User")
        self.host.background("setpriv", "--reuid", user, "--regid", user, "--clear-groups", "tail", "-f", "--pid=1", "/dev/null")
        keeper = faults.wait_for(lambda: list(self.host.processes("^tail -f --pid=1")), 60, "it runs")[0]
        faults.wait_for(lambda: "could not be taken back" in self.host.run("journalctl", "-u", SERVICE, check=False).out, 60, "the first try fails", step=0.1)
        self.assertEqual(self.host.run("getent", "passwd", user).code, 0)
        self.host.run("kill", str(keeper))
        faults.wait_for(lambda: not self.host.exists("/var/lib/orctl/confirm/%s.json" % NAME), 60, "the second one ends it", step=0.1)
        self.await_nothing_left()
        self.assertEqual(self.host.left(NAME, user), [])

    def test_delete_ends_the_wait(self):
        self.host.apply(NAME, "--confirm-within", "5m", nginx=NEW)
        self.host.orctl("delete", NAME, "--yes")
        self.await_nothing_left()


if __name__ == "__main__":
    unittest.main(verbosity=1)
