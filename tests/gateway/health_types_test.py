#!/usr/bin/python3
"""Every type of check against real servers, and conditions of several checks."""
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import threading
import unittest

from harness import GatewayTest, document, free_port, wait_for

QUICK = {"interval": "50ms", "timeout": "500ms", "rise": 1, "fall": 1, "flap": {"after": 0}}
CHECK = """
local _M = {}
function _M.check(server, settings)
  local socket = ngx.socket.tcp()
  socket:settimeout(settings.timeout * 1000)
  local ok, err = socket:connect(server.host, server.port)
  if not ok then return false, err end
  socket:send("who " .. server.upstream .. " " .. server.address .. "\\n")
  local line
  line, err = socket:receive("*l")
  socket:close()
  if settings.raise == line then error("raised on purpose") end
  if settings.silent == line then return false end
  return line == settings.answer, err or "got " .. tostring(line)
end
return _M
"""
ENDLESS = "return { check = function() return require('ngx.semaphore').new():wait(60) end }"
EMPTY = "return {}"
OVERLAY = {"line.lua": CHECK, "endless.lua": ENDLESS, "empty.lua": EMPTY,
           "orctl/overlay.list": "line\nendless\nempty\n"}


class Talker(threading.Thread):
    """A server that answers each line, or each connection if `greeting`, with `answer`."""

    def __init__(self, answer, greeting=False):
        super().__init__(daemon=True)
        self.answer, self.greeting, self.heard = answer, greeting, []
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.socket.getsockname()[1]
        self.start()

    def run(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection:
                try:
                    if not self.greeting:
                        self.heard.append(connection.recv(4096))
                    connection.sendall(self.answer)
                except OSError:
                    pass

    def close(self):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.join(5)


class Certificates:
    """A certificate for "health.test" that has signed itself, and a server that speaks TLS with it."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="orctl-test-")
        os.chmod(self.dir, 0o755)
        self.key, self.pem = os.path.join(self.dir, "key"), os.path.join(self.dir, "pem")
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-subj", "/CN=health.test", "-addext", "subjectAltName=DNS:health.test",
                        "-keyout", self.key, "-out", self.pem], check=True,
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.names = []
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(self.pem, self.key)
        self.context.sni_callback = lambda _, name, __: self.names.append(name)

    def wrap(self, backend):
        accept = backend.get_request

        def get_request():
            connection, address = accept()
            return self.context.wrap_socket(connection, server_side=True), address
        backend.get_request = get_request

    def close(self):
        shutil.rmtree(self.dir)


class HealthTypes(GatewayTest):
    def items(self, i):
        return i.admin("GET", "/v1/health").json()["items"]

    def wait_for_state(self, i, state, error=None, address=None):
        """Waits until the server is in `state`, and its last check says `error`."""
        def found():
            for item in self.items(i):
                if address in (None, item["server"]):
                    last = item["checks"] and item["checks"][0].get("error", "")
                    if item["state"] == state and item["checks"] \
                            and (error is None or error in last):
                        return item
        try:
            return wait_for(found, 10)
        except AssertionError:
            self.fail("not %s (%s): %s\n%s" % (state, error, self.items(i), i.errors()[-2000:]))

    def put_health(self, i, **health):
        self.doc["upstreams"][0]["health"] = dict(QUICK, **health)
        i.put(self.doc)

    def one(self, address, **health):
        self.doc = document([address], health=dict(QUICK, **health))
        return self.instance(self.doc, overlay=OVERLAY)

    def test_http_sends_what_it_was_told(self):
        heads = []

        def behave(request, head):
            heads.append((request.server.seen[-1], head))
            request.answer(204, "")
            return True
        a = self.backend("A", behave)
        i = self.one(a.address, type="http", method="HEAD", path="/up", host="www.test1.com:81",
                     headers={"X-Probe": "a b", "user-agent": "probe/1"})
        self.wait_for_state(i, "up")
        seen, head = heads[0]
        self.assertEqual(seen, "HEAD /up")
        self.assertEqual(head["host"], "www.test1.com:81")
        self.assertEqual(head["x-probe"], "a b")
        self.assertEqual(head["user-agent"], "probe/1")

    def test_http_status_codes_and_ranges(self):
        status = [200]

        def behave(request, head):
            request.answer(status[0], "")
            return True
        a = self.backend("A", behave)
        i = self.one(a.address, type="http", status=["200-299", 404])
        for code, state in ((200, "up"), (300, "down"), (299, "up"), (403, "down"), (404, "up"),
                            (500, "down")):
            status[0] = code
            self.wait_for_state(i, state, "" if state == "up" else "status %d" % code)

    def test_http_body(self):
        text = ["all is fine here"]

        def behave(request, head):
            request.answer(200, text[0])
            return True
        a = self.backend("A", behave)
        i = self.one(a.address, type="http", body="is (fine|good)")
        self.wait_for_state(i, "up")
        text[0] = "all is bad"
        self.wait_for_state(i, "down", "the body does not match")
        text[0] = "x" * 60000 + "is good"
        self.wait_for_state(i, "up")
        text[0] = "x" * 70000 + "is good"  # beyond what is read
        self.wait_for_state(i, "down", "the body does not match")
        self.put_health(i, type="http", body="^$")
        text[0] = ""
        self.wait_for_state(i, "up")

    def test_a_body_in_pieces_and_a_connection_that_stays_open(self):
        pieces = []
        release = threading.Event()
        self.addCleanup(release.set)

        def behave(request, head):
            for piece in pieces:
                request.wfile.write(piece)
            release.wait(5)
            return True
        a = self.backend("A", behave)
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        pieces[:] = [head, b"5\r\nall i\r\n", b"6;x=y\r\ns fine\r\n", b"0\r\n\r\n"]
        i = self.one(a.address, type="http", body="^all is fine$")
        self.wait_for_state(i, "up", "")
        self.assertLess(self.items(i)[0]["checks"][0]["seconds"], 0.3)
        pieces[:] = [head, b"3\r\nbad\r\n0\r\n\r\n"]
        self.wait_for_state(i, "down", "the body does not match")
        pieces[:] = [b"HTTP/1.1 200 OK\r\ncontent-length: 11\r\n\r\nall is", b" fine"]
        self.wait_for_state(i, "up", "")
        pieces[:] = [b"HTTP/1.1 200 OK\r\nContent-Length:3\r\n\r\nbad"]
        self.wait_for_state(i, "down", "the body does not match")
        pieces[:] = [head, b"ffffffff\r\nall is"]
        self.wait_for_state(i, "down", "timeout")

    def test_an_answer_that_drips_ends_at_the_time_limit(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def behave(request, head):
            while not release.wait(0.05):
                request.wfile.write(b"H")
            return True
        a = self.backend("A", behave)
        i = self.one(a.address, type="http", timeout="300ms")
        self.wait_for_state(i, "down", "timeout")

    def test_what_is_not_http_is_bad(self):
        talker = Talker(b"SSH-2.0-OpenSSH_9.2p1\r\n")
        self.addCleanup(talker.close)
        i = self.one(talker.address, type="http")
        self.wait_for_state(i, "down", "the answer is not HTTP")

    def test_tcp_sends_and_expects(self):
        talker = Talker(b"+PONG\r\n")
        self.addCleanup(talker.close)
        i = self.one(talker.address, type="tcp", send="PING\r\n", expect="^[+]PONG\r\n")
        self.wait_for_state(i, "up")
        self.assertEqual(talker.heard[0], b"PING\r\n")
        talker.answer = b"-LOADING\r\n"
        self.wait_for_state(i, "down", "the answer does not match")
        talker.answer = b""
        self.wait_for_state(i, "down", "no answer")

    def test_tcp_takes_a_greeting(self):
        talker = Talker(b"220 mail.test ESMTP\r\n", greeting=True)
        self.addCleanup(talker.close)
        i = self.one(talker.address, type="tcp", expect="^220 ")
        self.wait_for_state(i, "up")

    def tls_backend(self):
        certificates = Certificates()
        self.addCleanup(certificates.close)
        a = self.backend("A")
        certificates.wrap(a)
        return a, certificates

    def trusting(self, address, certificates, **health):
        self.doc = document([address], health=dict(QUICK, **health))
        return self.instance(self.doc, nginx='trusted_certificate = "%s"' % certificates.pem)

    def test_tls_without_and_with_verification(self):
        a, certificates = self.tls_backend()
        i = self.trusting(a.address, certificates, type="http", tls=True)
        self.wait_for_state(i, "up")
        self.assertEqual(certificates.names[0], None)
        self.put_health(i, type="http", tls=True, tls_verify=True, tls_server_name="health.test")
        wait_for(lambda: "health.test" in certificates.names)
        self.wait_for_state(i, "up")
        self.put_health(i, type="http", tls=True, tls_verify=True, tls_server_name="other.test")
        self.wait_for_state(i, "down", "TLS: certificate host mismatch")
        self.put_health(i, type="http", tls=True, tls_verify=True, host="health.test:8443")
        self.wait_for_state(i, "up")
        self.put_health(i, type="tcp", tls=True, tls_verify=True, tls_server_name="health.test")
        self.wait_for_state(i, "up")

    def test_tls_of_a_stranger_is_refused_only_when_it_is_verified(self):
        a, _ = self.tls_backend()
        other = Certificates()
        self.addCleanup(other.close)
        i = self.trusting(a.address, other, type="http", tls=True, tls_server_name="health.test")
        self.wait_for_state(i, "up")
        self.put_health(i, type="http", tls=True, tls_verify=True, tls_server_name="health.test")
        self.wait_for_state(i, "down", "TLS: 18")

    def test_tls_with_a_server_that_has_none(self):
        i = self.one(self.backend("A").address, type="http", tls=True)
        self.wait_for_state(i, "down", "TLS: ")

    def test_a_module_of_the_user(self):
        talker = Talker(b"well\n")
        self.addCleanup(talker.close)
        i = self.one(talker.address, type="lua", module="line", settings={"answer": "well"})
        self.wait_for_state(i, "up")
        self.assertEqual(talker.heard[0], b"who up %s\n" % talker.address.encode())
        talker.answer = b"ill\n"
        self.wait_for_state(i, "down", "got ill")
        self.put_health(i, type="lua", module="line", settings={"raise": "ill"})
        self.wait_for_state(i, "down", "raised on purpose")
        self.put_health(i, type="lua", module="line", settings={"silent": "ill"})
        self.wait_for_state(i, "down", "the check says no")
        self.put_health(i, type="lua", module="empty")
        self.wait_for_state(i, "down", "module empty has no function check")
        self.put_health(i, type="lua", module="endless", timeout="100ms")
        self.wait_for_state(i, "down", "timeout")

    def test_a_module_that_the_tree_has_not_is_refused(self):
        a = self.backend("A")
        i = self.one(a.address, type="tcp")
        self.doc["upstreams"][0]["health"] = {"type": "lua", "module": "nobody"}
        self.assert_problem(i.admin("PUT", "/v1/config", self.doc), 422,
                            "/upstreams/0/health/module")
        self.assert_problem(i.admin("PUT", "/v1/upstreams/up", self.doc["upstreams"][0]), 422,
                            "/health/module")

    def test_conditions_of_several_checks(self):
        well = {"/a": True, "/b": True, "/c": True}

        def behave(request, head):
            path = request.server.seen[-1].split()[1]
            request.answer(200 if well[path] else 503, "")
            return True
        a = self.backend("A", behave)
        checks = [{"name": name, "path": "/" + name} for name in "abc"]
        i = self.one(a.address, type="http", checks=checks)

        def expect(text, state):
            for name in "abc":
                well["/" + name] = name in text

            def reached():
                item = self.items(i)[0]
                return item["state"] == state and all(
                    check["ok"] == (check["name"] in text) for check in item["checks"]) \
                    and len(item["checks"]) == 3 and item
            return wait_for(reached, 10, (text, state))
        for text, state in (("abc", "up"), ("ab", "down"), ("abc", "up")):
            item = expect(text, state)
        self.assertEqual([c["type"] for c in item["checks"]], ["http"] * 3)
        self.put_health(i, type="http", checks=checks, require="any")
        for text, state in (("c", "up"), ("", "down"), ("b", "up")):
            expect(text, state)
        self.put_health(i, type="http", checks=checks, min=2)
        for text, state in (("ab", "up"), ("a", "down"), ("ac", "up"), ("", "down")):
            item = expect(text, state)
        self.assertEqual(set(item["reason"].split("; ")),
                         {"a: status 503", "b: status 503", "c: status 503"})
        # A change of the condition alone counts at once, without a new result.
        expect("a", "down")
        self.put_health(i, type="http", checks=checks, require="any", interval="1h")
        expect("a", "up")

    def test_passive_signals_among_the_checks(self):
        bad = [False]

        def behave(request, head):
            if head.get("user-agent") == "orctl":
                return False
            if bad[0]:
                request.answer(500, "no")
            return bad[0]
        a, b = self.backend("A", behave), self.backend("B")
        self.doc = document([a.address, b.address], health=dict(QUICK, checks=[
            {"name": "ping", "type": "http"},
            {"name": "errors", "type": "error_ratio", "window": "500ms", "max_errors": 50,
             "min_requests": 5}]))
        i = self.instance(self.doc)
        for _ in range(20):
            self.assertEqual(i.get().status, 200)
        bad[0] = True

        def ejected():
            for _ in range(4):
                i.get()
            return self.items(i)[0]["state"] == "down"
        wait_for(ejected, 10)
        item = [one for one in self.items(i) if one["state"] == "down"][0]
        self.assertEqual(item["server"], a.address)
        self.assertRegex(item["reason"], r"errors: \d+ of \d+ requests failed")
        self.assertEqual({i.get().text() for _ in range(10)}, {"B"})
        bad[0] = False
        # Without requests nothing bad is said any more: the server is tried again.
        self.wait_for_state(i, "up", address=a.address)

    def test_latency_among_the_checks(self):
        slow = threading.Event()

        def behave(request, head):
            if slow.is_set() and head.get("user-agent") != "orctl":
                threading.Event().wait(0.15)
            return False
        a, b = self.backend("A", behave), self.backend("B")
        i = self.instance(document([a.address, b.address], health=dict(QUICK, checks=[
            {"name": "ping", "type": "tcp"},
            {"name": "slow", "type": "latency", "window": "2s", "max_latency": "100ms",
             "min_requests": 3}])))
        for _ in range(12):
            i.get()
        self.assertEqual({one["state"] for one in self.items(i)}, {"up"})
        slow.set()

        def down():
            i.get()
            return [one for one in self.items(i) if one["state"] == "down"]
        item = wait_for(down, 10)[0]
        self.assertEqual(item["server"], a.address)
        self.assertRegex(item["reason"], r"slow: \d+ requests took \d+ ms on average")

    def test_the_last_probes_are_kept(self):
        dead = "127.0.0.1:%d" % free_port()
        i = self.one(dead, type="tcp")
        item = wait_for(lambda: [one for one in self.items(i) if one["probes"] > 25], 10)[0]
        self.assertEqual(len(item["history"]), 20)
        self.assertGreaterEqual(item["failed"], item["probes"] - 1)
        for probe in item["history"]:
            self.assertEqual((probe["name"], probe["ok"], probe["error"]),
                             ("tcp", False, "connection refused"))
            self.assertRegex(probe["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
            self.assertGreaterEqual(probe["seconds"], 0)
        times = [probe["at"] for probe in item["history"]]
        self.assertEqual(times, sorted(times))
        self.assertEqual(item["reason"], "tcp: connection refused")
        self.assertLessEqual(item["since"], times[-1])


if __name__ == "__main__":
    unittest.main()
