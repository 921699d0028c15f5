#!/usr/bin/python3
"""What a reload, an upgrade, a restart and a stop cost the clients that keep their connections busy, beside a stock nginx that does the same."""
import os
import signal
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults
from lib import programs, wire
from lib.backends import NginxBackends
from lib.kept import BusyClients, Kept, KeptTwo
from lib.ports import accepts, free_port
from lib.processes import alive, children
from lib.waiting import wait_for

MANIFEST = """kind = "Instance"
name = "%s"
files = "files/"
[nginx]
worker_processes = 2
[[listener]]
address = "127.0.0.1"
port = %d
[[listener]]
address = "127.0.0.1"
port = %d
protocol = "https"
http2 = true
[[certificate]]
name = "site"
hosts = ["a.test"]
certificate = "certs/site.pem"
key = "certs/site.key"
[[upstream]]
name = "up"
server = [{ address = "127.0.0.1:%d" }]
[[route]]
path = "/"
upstream = "up"
%s"""

STOCK = """%sworker_processes 2; pid %s/pid; error_log %s/error.log;
events {} http { access_log off; %s
upstream up { server 127.0.0.1:%d; keepalive 32; }
server { listen 127.0.0.1:%d; listen 127.0.0.1:%d ssl%s; server_name _; %s
  ssl_certificate %s/files/certs/site.pem; ssl_certificate_key %s/files/certs/site.key;
  location / { proxy_pass http://up; proxy_http_version 1.1; proxy_set_header Connection ""; } } }
"""


FULL = faults.FULL


class Stock:
    """nginx as people run it without us."""

    def __init__(self, home, backend, modern):
        self.home, self.port, self.tls_port = home, free_port(), free_port()
        temps = " ".join("%s_temp_path %s/%s;" % (name, home, name) for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        user = "user nobody nogroup;\n" if os.geteuid() == 0 else ""
        with open(home + "/stock.conf", "w") as f:
            f.write(STOCK % (user, home, home, temps, backend, self.port, self.tls_port, "" if modern else " http2", "http2 on;" if modern else "", home, home))
        self.command = [programs.NGINX, "-p", home, "-c", "stock.conf", "-e", home + "/error.log"]
        subprocess.run(self.command, check=True, stdin=subprocess.DEVNULL)
        self.masters = [self.pid()]

    def pid(self, end=""):
        try:
            with open(self.home + "/pid" + end) as f:
                return int(f.read() or 0)
        except FileNotFoundError:
            return 0

    def reload(self):
        old = set(children(self.pid()))
        os.kill(self.pid(), signal.SIGHUP)
        wait_for(lambda: not old & set(children(self.pid())), what="the old workers of stock nginx have gone")

    def upgrade(self):
        old = self.pid()
        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: self.pid(".oldbin") == old and self.pid() not in (0, old), what="two masters of stock nginx")
        self.masters.append(self.pid())
        wait_for(lambda: len(children(self.pid())) == 2, what="their workers")
        os.kill(old, signal.SIGQUIT)
        wait_for(lambda: not alive(old), what="the old master of stock nginx has gone")

    def close(self):
        masters = [pid for pid in self.masters if alive(pid)]
        for pid in masters + [one for pid in masters for one in children(pid)]:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass


class KeptConnections(unittest.TestCase):
    def setUp(self):
        self.lab = lab = faults.Lab()
        self.addCleanup(lab.close)
        self.backends = NginxBackends(1)
        self.addCleanup(self.backends.close)
        self.tls_port = free_port()
        os.makedirs(lab.home + "/files/certs")
        made = lab.home + "/files/certs/site"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "90", "-subj", "/CN=a.test",
                        "-addext", "subjectAltName=DNS:a.test", "-keyout", made + ".key", "-out", made + ".pem"], check=True, capture_output=True)
        os.chmod(lab.home, 0o755)

    def manifest(self, route=""):
        path = self.lab.home + "/m.toml"
        with open(path, "w") as f:
            f.write(MANIFEST % (self.lab.name, self.lab.port, self.tls_port, self.backends.ports[0], route))
        return path

    def start(self, route=""):
        self.lab.must("apply", "-f", self.manifest(route))

    def stock(self):
        with open(self.lab.tree + "/nginx.conf") as f:
            stock = Stock(self.lab.home, self.backends.ports[0], "http2 on;" in f.read())
        self.addCleanup(stock.close)
        return stock

    def ways(self, kind, stock):
        """Busy clients of ours and of stock nginx."""
        return [BusyClients(one, kind) for one in ((self.lab.port, stock.port) if kind is Kept else (self.tls_port, stock.tls_port))]

    def change(self, stock, reloads, upgrades):
        for _ in range(reloads):
            self.lab.must("reload", self.lab.name, "--watch-log", "0s")
            stock.reload()
        for _ in range(upgrades):
            self.lab.must("upgrade", self.lab.name, "--watch-log", "0s")
            stock.upgrade()

    def assert_sound(self, *clients):
        for one in clients:
            self.assertEqual({name: n for name, n in one.counts.items() if name in ("torn", "wrong")}, {})
            self.assertGreater(one.counts["answered"], 1000)

    def side_by_side(self, kind, reloads):
        """What became of the requests of such clients, ours and those of stock nginx."""
        self.start()
        stock = self.stock()
        ours, theirs = self.ways(kind, stock)
        with ours, theirs:
            self.change(stock, FULL and 10 or reloads, FULL and 3 or 1)
        print("%s: ours %s, stock %s" % (kind.__name__, ours.counts, theirs.counts), file=sys.stderr)
        self.assert_sound(ours, theirs)
        return ours, theirs

    def test_reloads_and_upgrades(self):
        ours, theirs = self.side_by_side(Kept, 3)
        self.assertGreater(theirs.counts.get("lost", 0), 20, "stock nginx loses what ours must not")
        self.assertLessEqual(ours.counts.get("lost", 0) + ours.counts.get("unserved", 0), theirs.counts["lost"] // 10)

    def test_http_2(self):
        """Whoever gets no answer there is told that nobody looked at the request, and may send it again; with ours hardly anybody."""
        ours, theirs = self.side_by_side(KeptTwo, 2)
        self.assertGreater(theirs.counts.get("refused", 0), 20, "stock nginx refuses what ours must not")
        self.assertLessEqual(sum(ours.counts.get(name, 0) for name in ("lost", "unserved", "refused")), theirs.counts["refused"] // 10)

    def test_a_change_of_policies_and_the_way_back(self):
        """apply, rollback, restart and stop of an instance with the phases of policies."""
        self.start()
        with BusyClients(self.lab.port) as ours:
            self.lab.must("apply", "-f", self.manifest('[route.response_headers]\nset = { "X-A" = "b" }\n'), "--watch-log", "0s")
            self.lab.must("reload", self.lab.name, "--watch-log", "0s")
            self.lab.must("rollback", self.lab.name, "--to", "1", "--watch-log", "0s")
            self.assertEqual([ours.counts.get(name, 0) for name in ("unserved", "unreachable")], [0, 0])
            # between the old process and the new one nobody listens
            self.lab.must("restart", self.lab.name, "--watch-log", "0s")
            served = ours.counts["answered"]
            wait_for(lambda: ours.counts["answered"] > served + 20, what="it serves again")
            self.lab.must("stop", self.lab.name)
        self.assert_sound(ours)
        self.assertLessEqual(ours.counts.get("lost", 0), 5)  # stock nginx loses 20 each time

    def test_an_older_gateway_is_asked_once(self):
        """One that knows no farewell goes without, and at once."""
        self.start()
        path = os.path.join(self.lab.tree, "lua/orctl/admin/endpoint.lua")
        with open(path) as f:
            text = f.read()
        self.assertIn('["/v1/farewell"]', text)
        with open(path, "w") as f:
            f.write(text.replace('["/v1/farewell"]', '["/v1/unknown"]'))
        os.kill(self.lab.pid_in("nginx.pid"), signal.SIGHUP)
        wait_for(lambda: wire.get(wire.UnixConnection(self.lab.run_folder + "/admin.sock"), "/v1/farewell", "localhost")[0] == 404, what="the older gateway answers")
        asked = [line for line in self.lab.must("reload", self.lab.name, "-v").err.splitlines() if "/v1/farewell" in line]
        self.assertEqual(len(asked), 1, asked)


if __name__ == "__main__":
    unittest.main()
