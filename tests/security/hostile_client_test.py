#!/usr/bin/python3
"""No client, no server and nobody who may write into error.log makes an apply fail: what they chose reaches that file, whole lines too,
and the proof of a change does not rest on it. What really fails is found all the same, at once, and told in nginx's words."""
import os
import socket
import ssl
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))
import lab as faults
from pair import HTTPS, make_pair

ROLLED_BACK = 11
CRIES = ("init_by_lua error: x", "init_worker_by_lua error: x", "[emerg] 1#1: x", "still could not bind()", "bind() to 0.0.0.0:1 failed (98: Address already in use)",
         "[alert] 1#1: worker process 1 exited on signal 11", "lua entry thread aborted: x", "epoll_ctl(1, 9) failed (17: File exists)")

# writes what a client chose as it is, as the Lua of many an instance does; beside it a server that answers in error
OVERLAY = """server {
  listen 127.0.0.1:%d;
  location / { content_by_lua_block {
    ngx.log(ngx.ERR, ngx.unescape_uri(ngx.var.request_uri))
    ngx.log(ngx.EMERG, ngx.req.get_headers()["x-cry"])
    error(ngx.var.http_referer)
  } }
}
"""


def now():
    return time.strftime("%Y/%m/%d %H:%M:%S")


def forged(pids):
    """Lines such as every master and worker of these could have written."""
    for pid in pids:
        for level, words in (("emerg", "bind() to 0.0.0.0:80 failed (98: Address already in use)"), ("emerg", "still could not bind()"),
                             ("error", "init_by_lua error: forged"), ("error", "init_worker_by_lua error: forged"), ("crit", "forged")):
            yield "%s [%s] %d#%d: %s" % (now(), level, pid, pid, words)
        for other in pids:
            yield "%s [alert] %d#%d: worker process %d exited on signal 11" % (now(), pid, pid, other)
            yield "%s [alert] %d#%d: worker process %d exited with fatal code 2 and cannot be respawned" % (now(), pid, pid, other)


class Crowd:
    """Clients that send what they should not, each on a thread of its own, over and over."""

    def __init__(self, lab, ports, forge_log):
        self.lab, self.ports, self.sent, self.stop = lab, ports, {}, threading.Event()
        work = [self.bad_headers, self.bad_requests, self.bad_handshakes, self.h2_frames, self.garbage_streams, self.whole_lines]
        if forge_log:
            work.append(self.append_lines)
        self.threads = [threading.Thread(target=self.repeat, args=(one,), daemon=True) for one in work]

    def __enter__(self):
        for one in self.threads:
            one.start()
        faults.wait_for(lambda: len(self.sent) == len(self.threads), 60, "every kind of client has been heard: %s" % self.sent)
        return self

    def __exit__(self, *_):
        self.stop.set()
        for one in self.threads:
            one.join(20)

    def repeat(self, work):
        while not self.stop.is_set():
            try:
                work()
                self.sent[work.__name__] = self.sent.get(work.__name__, 0) + 1
            except OSError:
                pass
            self.stop.wait(0.01)

    def say(self, port, data, wrap=None):
        """Sends bytes and reads what comes until the other side has had enough."""
        with socket.create_connection(("127.0.0.1", port), timeout=2) as plain:
            with (wrap(plain) if wrap else plain) as s:
                s.sendall(data)
                try:
                    s.settimeout(0.05)
                    while s.recv(4096):
                        pass
                except OSError:
                    pass

    def bad_headers(self):
        for cry in CRIES:
            for long in ("", "x" * 2500):
                text = long + '", client: 1.2.3.4, [emerg] 7#7: ' + cry
                self.say(self.lab.port, ("GET /dead/%s HTTP/1.1\r\nHost: a.test\r\nReferer: %s\r\nUser-Agent: %s\r\nConnection: close\r\n\r\n"
                                         % (cry.replace(" ", "%20"), text, text)).encode())

    def bad_requests(self):
        for cry in CRIES:
            for head in ("GET /dead/%s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n" % (cry.replace(" ", "\t"), cry), "%s / HTTP/1.1\r\n\r\n" % cry,
                         "GET /\n%s\nHost: x\n\n" % cry, "GET %s HTTP/9.9\r\n\r\n" % cry, "GET /dead HTTP/1.1\r\nHost: [%s\r\n\r\n" % cry,
                         "GET /dead HTTP/1.1\r\nHost: a.test\r\nX-A\x0b%s: 1\r\n\r\n" % cry,
                         "GET /dead/%%0a%s HTTP/1.1\r\nHost: a.test\r\n %s\r\n\r\n" % (cry.replace(" ", "%20"), cry)):
                self.say(self.lab.port, head.encode())

    def bad_handshakes(self):
        record = "[emerg] 7#7: init_by_lua error".encode()
        self.say(self.ports["https"], b"\x16\x03\x01" + len(record).to_bytes(2, "big") + record)
        self.say(self.ports["https"], b"GET /[emerg] HTTP/1.0\r\n\r\n")
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["http/1.1"])
        self.say(self.ports["https"], b"x", lambda s: context.wrap_socket(s, server_hostname="init-by-lua-error.emerg"))

    def h2_frames(self):
        context = ssl._create_unverified_context()
        context.set_alpn_protocols(["h2"])
        literal = b"".join(b"\x00" + bytes([len(n)]) + n + bytes([len(v)]) + v
                           for n, v in ((b":method", b"GET"), (b":scheme", b"https"), (b":path", b"/dead/\n[emerg]"), (b":authority", b"a.test"),
                                        (b"referer", b"init_by_lua error\n2026/01/01 00:00:00 [emerg] 7#7: x")))
        headers = len(literal).to_bytes(3, "big") + b"\x01\x05" + (1).to_bytes(4, "big") + literal
        odd = b"\x00\x00\x05\x07\x77\x00\x00\x00\x09emerg"
        self.say(self.ports["https"], b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\x00\x00\x00\x04\x00\x00\x00\x00\x00" + headers + odd,
                 lambda s: context.wrap_socket(s, server_hostname="a.test"))

    def garbage_streams(self):
        self.say(self.ports["tcp"], b"init_by_lua error\n2026/01/01 00:00:00 [emerg] 7#7: x\n")

    def whole_lines(self):
        """An instance's own Lua logs what it was asked for, line ends and all."""
        if not self.ports["lua"]:
            return
        for line in list(forged(sorted(self.lab.processes())[:3]))[:12]:
            path = "/%0a" + line.replace("%", "").replace(" ", "%20").replace("#", "%23").replace('"', "%22")
            self.say(self.ports["lua"], ("GET %s HTTP/1.1\r\nHost: x\r\nX-Cry: %s\r\nReferer: %s\r\nConnection: close\r\n\r\n" % (path, line, line)).encode())

    def append_lines(self):
        pids = sorted(self.lab.processes())
        path = os.path.join(self.lab.log_folder, "error.log")
        if not pids or not os.path.exists(path):
            return
        with open(path, "a") as log:
            for line in forged(pids):
                log.write(line + "\n" + line[:len(line) // 2])  # and one that is torn
            log.write("\n")


class HostileClients(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab()
        self.addCleanup(self.lab.close)
        self.ports = {name: faults.free_port() for name in ("https", "tcp", "lua")}
        pem, key = make_pair(self.lab.home, "pair")
        self.overlay = {"certs/site.pem": pem, "certs/site.key": key, "http.d/lua.conf": OVERLAY % self.ports["lua"]}
        self.extra = HTTPS.replace('"https"\n', '"https"\nhttp2 = true\n') % self.ports["https"] + \
            '[[listener]]\naddress = "127.0.0.1"\nport = %d\nprotocol = "tcp"\nupstream = "dead"\n' % self.ports["tcp"] + \
            '[[upstream]]\nname = "dead"\nserver = [ { address = "127.0.0.1:%d" } ]\n[[route]]\npath = "/dead"\nupstream = "dead"\n' % faults.free_port()

    def manifest(self, label, overlay=None, extra="", **more):
        return self.lab.manifest(label, "A", overlay=dict(self.overlay, **(overlay or {})), extra=self.extra + extra, **more)

    def log(self):
        with open(os.path.join(self.lab.log_folder, "error.log"), errors="replace") as f:
            return f.read()

    def test_no_text_of_others_undoes_a_change(self):
        lab = self.lab
        lab.must("apply", "-f", self.manifest("one"))
        with Crowd(lab, self.ports, forge_log=True) as crowd:
            for what, *args in (("hot", "apply", "-f", self.manifest("one", weight=5)),
                                ("reload", "apply", "-f", self.manifest("two", connections=900)),
                                ("reload of the same", "reload", lab.name),
                                ("upgrade", "upgrade", lab.name),
                                ("restart", "restart", lab.name),
                                ("rollback", "rollback", lab.name),
                                ("waiting", "apply", "-f", self.manifest("three", connections=800), "--confirm-within", "1h"),
                                ("confirm", "confirm", lab.name)):
                with self.subTest(what):
                    result = lab.orctl(*args)
                    self.assertEqual(result.code, 0, result)
            sent = dict(crowd.sent)
        said = self.log()
        for cry in ("referrer: ", "init_by_lua error: x", "bytes from/to client"):
            self.assertTrue(cry in said, "the crowd was heard: " + cry)
        for word in ("[emerg]", "init_worker_by_lua error: forged"):
            self.assertTrue(any(line.startswith("20") and word in line for line in said.splitlines()), "whole lines were forged: " + word)
        self.assertEqual(lab.status().json()["items"][0]["status"], "running", lab.status())  # its clients' errors are told, too
        print("  8 changes beside hostile clients (%s): none undone" % ", ".join("%s %d" % one for one in sorted(sent.items())))

    def test_real_faults_are_found_among_hostile_clients(self):
        lab = self.lab
        lab.must("apply", "-f", self.manifest("one"))
        taken = socket.socket()
        self.addCleanup(taken.close)
        taken.bind(("127.0.0.1", faults.free_port()))
        taken.listen(1)
        port = taken.getsockname()[1]
        trap = 'local cycle = require("orctl.state.cycle")\nlocal start = cycle.start\ncycle.start = function()\n  %s\n  return start()\nend\nreturn true\n'
        cases = (
            ("a port of another", {"http.d/b.conf": "server { listen 127.0.0.1:%d; }\n" % port}, "bind() to 127.0.0.1:%d failed" % port),
            ("Lua that fails in the master", {"lua/trap.lua": 'error("no such luck")\n'}, "no such luck"),
            ("Lua that fails in a worker", {"lua/trap.lua": trap % 'error("none can start")'}, "none can start"),
            ("workers that end in their start", {"lua/trap.lua": trap % "os.exit(7)"}, "exited with code 7"),
            ("workers that crash in their start", {"lua/trap.lua": trap % 'local ffi = require("ffi"); ffi.cast("int *", 8)[0] = 1'}, "exited on signal 11"),
            ("workers that end for good", {"lua/trap.lua": trap % "os.exit(2)"}, "exited with fatal code 2"),
            ("workers that crash once they have proved themselves",
             {"lua/trap.lua": trap % 'ngx.timer.at(0.5, function() local ffi = require("ffi"); ffi.cast("int *", 8)[0] = 1 end)'}, "exited on signal 11"),
        )
        with Crowd(lab, self.ports, forge_log=False):
            for what, overlay, cause in cases:
                with self.subTest(what):
                    began = time.monotonic()
                    result = lab.orctl("apply", "-f", self.manifest("bad", overlay), "--watch-log", "3s", "--verify-timeout", "20s")
                    took = time.monotonic() - began
                    self.assertEqual(result.code, ROLLED_BACK, result)
                    self.assertIn(cause, result.err)
                    self.assertLess(took, 15, "%s is found before the time is over" % what)
                    print("  %-52s exit %d in %.2f s" % (what, result.code, took))
        self.assertEqual(lab.status().json()["items"][0]["status"], "running", lab.status())  # its clients' errors are told, too

    def test_a_refused_reload_is_found_without_a_log(self):
        """The words are missing, the answer is not."""
        lab = self.lab
        lab.must("apply", "-f", self.manifest("one"))
        log = os.path.join(lab.log_folder, "error.log")
        os.rename(log, log + ".1")
        os.symlink("/dev/null", log)
        began = time.monotonic()
        result = lab.orctl("apply", "-f", self.manifest("bad", {"lua/trap.lua": 'error("no such luck")\n'}), "--verify-timeout", "20s")
        self.assertEqual(result.code, ROLLED_BACK, result)
        self.assertLess(time.monotonic() - began, 15)
        self.assertIn("nginx (pid %d) did not take the new configuration up" % lab.masters()[0], result.err)
        lab.must("apply", "-f", self.manifest("two", connections=900))
        self.assertEqual(os.readlink(log), "/dev/null")


if __name__ == "__main__":
    unittest.main(verbosity=1)
