#!/usr/bin/python3
"""An instance under systemd, from its first apply to its end: it serves, is changed hot and by reload, and every change that is
broken leaves the old one serving, with the cause told."""
import hashlib
import os
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from orctl_host import CERTIFICATE, OrctlHost, faults, unit_of

REFUSED, TARGET, ROLLED_BACK = 3, 5, 11
NAME = "tst_pay_001_80"


def server(port, body):
    return "server { listen 127.0.0.1:%d; %s }\n" % (port, body)


class Serve(unittest.TestCase):
    def setUp(self):
        self.host = OrctlHost().start()
        self.addCleanup(self.host.stop)

    def serves(self, *expected, **how):
        self.assertEqual(self.host.get(**how), (200, expected[0] if expected else "blue"))

    def test_it_is_created_and_serves_port_80_as_a_user_of_its_own(self):
        done = self.host.apply(NAME)
        self.assertIn("proved by 2 workers", done.out)
        self.serves()
        self.assertEqual(self.host.systemctl("is-active", unit_of(NAME)).out.strip(), "active")
        owners = self.host.run("ps", "-o", "user:40=", "-p", ",".join(map(str, [self.host.master(NAME), *self.host.workers(NAME)])))
        self.assertEqual(set(owners.out.split()), {"or-" + NAME})
        self.assertEqual(self.host.status(NAME)["status"], "running")
        self.assertEqual(self.host.status(NAME)["pid"], self.host.master(NAME))
        again = self.host.apply(NAME)
        self.assertIn("unchanged", again.out)
        self.assertEqual(self.host.orctl("diff", "-f", self.host.manifest(NAME)).code, 0)

    def test_https(self):
        name = "tst_tls_001_443"
        manifest = self.host.manifest(name, overlay=self.host.pair(), extra=CERTIFICATE)
        text = self.host.read(manifest).replace("port = 443", 'port = 443\nprotocol = "https"')
        self.host.write(manifest, text)
        self.host.orctl("apply", "-f", manifest)
        self.serves(port=443, tls=True)
        kept = self.host.run("stat", "-c", "%U %a", "/opt/openresty/%s/certs/c.key" % name).out.split()
        self.assertEqual(kept[0], "root")
        self.assertNotIn(kept[1][-1], "4567", "others may not read the key")

    def test_its_own_secrets_are_readable_for_it_and_nobody_else(self):
        """Root puts a token into the instance's folder; apply lets the instance's user read it, and no other instance's."""
        folder = "/etc/orctl/secrets/" + NAME
        self.host.write(folder + "/token", "0123456789abcdef" * 2 + "\n")
        self.host.run("chmod", "-R", "go=", folder)
        admin = '[admin]\nlisten = "127.0.0.1:9011"\ntoken_file = "%s/token"\n' % folder
        self.host.apply(NAME, extra=admin)
        asked = self.host.run("curl", "-sS", "-H", "Authorization: Bearer " + "0123456789abcdef" * 2, "http://127.0.0.1:9011/v1/status")
        self.assertIn('"name":"%s"' % NAME, asked.out)
        self.assertEqual(self.host.run("stat", "-c", "%U %G %a", folder + "/token").out.split(), ["root", "or-" + NAME, "640"])
        self.host.apply("tst_sib_001_81")
        for user, code in (("or-" + NAME, 0), ("or-tst_sib_001_81", 1), ("nobody", 1)):
            self.assertEqual(self.host.run("setpriv", "--reuid", user, "--regid", user if user != "nobody" else "nogroup", "--clear-groups",
                                           "cat", folder + "/token", check=False).code, code, user)

    def test_changes_are_hot_or_a_reload_and_the_master_stays(self):
        self.host.apply(NAME)
        master, workers = self.host.master(NAME), self.host.workers(NAME)
        with faults.Traffic(self.host) as traffic:
            hot = self.host.apply(NAME, weight=7)
            self.assertIn(", hot;", hot.out)
            self.assertEqual(self.host.workers(NAME), workers)
            reload = self.host.apply(NAME, nginx="worker_connections = 555\n")
            self.assertIn(", reload;", reload.out)
        self.assertEqual(traffic.failed, [])
        self.assertEqual(self.host.master(NAME), master)
        self.serves()

    def test_a_reload_of_a_broken_tree_is_refused_and_the_old_one_serves(self):
        self.host.apply(NAME)
        tree = "/opt/openresty/%s/nginx.conf" % NAME
        good = self.host.read(tree)
        workers = self.host.workers(NAME)
        self.host.write(tree, good + "boom;\n")
        self.assertNotEqual(self.host.systemctl("reload", unit_of(NAME), check=False).code, 0)
        told = self.host.orctl("reload", NAME, check=False)
        self.assertIn(told.code, (REFUSED, TARGET, ROLLED_BACK), told)
        self.assertIn("boom", told.err)
        self.assertEqual(self.host.workers(NAME), workers)
        self.serves()
        self.host.write(tree, good)
        self.host.orctl("reload", NAME)
        self.serves()

    def test_each_of_the_changes_that_nginx_takes_and_cannot_serve_is_put_back(self):
        taken = 9555
        self.host.backend(taken, "other")
        self.host.wait_for_backend(taken)
        cases = [
            ("Lua that does not parse", REFUSED, "near", {"http.d/x.conf": server(9556, "location / { content_by_lua_block { not lua ( } }")}),
            ("a Lua file that is missing", REFUSED, "lua/none.lua", {"http.d/x.conf": server(9556, "location / { content_by_lua_file lua/none.lua; }")}),
            ("a module that raises in init", ROLLED_BACK, "the shop is closed", {"lua/shop.lua": 'error("the shop is closed")\n'}),
            ("a port of another process", ROLLED_BACK, "127.0.0.1:%d" % taken, {"http.d/x.conf": server(taken, "return 200 x;")}),
            ("a host that does not resolve", REFUSED, "no-such-host.invalid",
             {"http.d/x.conf": server(9556, "location / { proxy_pass http://no-such-host.invalid/; }")}),
        ]
        good = self.host.manifest(NAME)
        for number, (what, expected, cause, overlay) in enumerate(cases, 1):
            with self.subTest(what + ", as a first apply"):
                failed = self.host.apply(NAME, label="bad%d" % number, overlay=overlay, check=False)
                self.assertEqual(failed.code, expected, failed)
                self.assertIn(cause, failed.err)
                self.assertEqual(self.host.show(unit_of(NAME), "LoadState"), "not-found")
                self.assertEqual(self.host.processes("^nginx"), {})
        self.host.orctl("apply", "-f", good)
        for number, (what, expected, cause, overlay) in enumerate(cases, 1):
            with self.subTest(what), faults.Traffic(self.host) as traffic:
                master = self.host.master(NAME)
                failed = self.host.apply(NAME, label="bad%d" % number, overlay=overlay, check=False)
                print("  %-32s exit %2d, %d requests" % (what, failed.code, sum(traffic.bodies.values())))
                self.assertEqual(failed.code, expected, failed)
                self.assertIn(cause, failed.err)
                self.assertEqual(self.host.orctl("diff", "-f", good).code, 0)
                self.assertEqual(self.host.master(NAME), master)
            self.assertEqual(traffic.failed, [], what)
        self.host.apply(NAME, weight=3)
        self.serves()

    def test_stop_start_restart_status_enable_disable(self):
        host, unit = self.host, unit_of(NAME)
        host.apply(NAME)
        host.orctl("stop", NAME)
        self.assertEqual(host.systemctl("is-active", unit, check=False).out.strip(), "inactive")
        self.assertEqual(host.status(NAME)["status"], "stopped")
        self.assertEqual(host.processes("^nginx"), {})
        self.assertEqual(host.get()[0], 0)
        self.assertIn("unchanged", host.orctl("stop", NAME).out)
        host.orctl("start", NAME)
        self.serves()
        master = host.master(NAME)
        host.orctl("restart", NAME)
        self.assertNotEqual(host.master(NAME), master)
        self.serves()
        for verb, state in (("disable", "disabled"), ("enable", "enabled")):
            host.orctl(verb, NAME)
            self.assertEqual(host.systemctl("is-enabled", unit, check=False).out.strip(), state)
            self.assertIn("unchanged", host.orctl(verb, NAME).out)
        self.serves()

    def test_the_longest_name_gets_a_short_user(self):
        name = "tst_%s_001_8080" % ("m" * (64 - len("tst__001_8080")))
        self.assertEqual(len(name), 64)
        self.host.apply(name)
        self.serves(port=8080)
        user = "or-%s-%s" % (name[:19], hashlib.sha256(name.encode()).hexdigest()[:8])
        self.assertEqual(self.host.run("ps", "-o", "user:40=", "-p", str(self.host.master(name))).out.strip(), user)
        self.assertIn("orctl " + name, self.host.run("getent", "passwd", user).out)
        self.host.orctl("delete", name, "--yes")
        self.assertEqual(self.host.run("getent", "passwd", user, check=False).out, "")

    def test_logs_come_from_files_and_from_the_journal(self):
        self.host.apply(NAME)
        self.serves(path="/seen")
        faults.wait_for(lambda: "/seen" in self.host.orctl("logs", NAME, "--access").out, 60, "the request is logged")
        self.assertIn("start worker process", self.host.orctl("logs", NAME).out)
        self.assertRegex(self.host.orctl("logs", NAME, "--journal", "--since", "1h").out, "Started .*" + NAME)
        self.assertEqual(self.host.orctl("logs", NAME, "--journal", "--tail", "1").out.count("\n"), 1)
        followed = self.host.run("sh", "-c", "orctl logs %s -f --journal >/tmp/told & pid=$!\n"
                                 "while ! grep -q Reloading /tmp/told; do systemctl reload %s; done\n"
                                 "kill -INT $pid; wait $pid" % (NAME, unit_of(NAME)), check=False)
        self.assertEqual(followed.code, 130, followed)


if __name__ == "__main__":
    unittest.main(verbosity=1)
