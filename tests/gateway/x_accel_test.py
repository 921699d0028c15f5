#!/usr/bin/python3
"""A server's X-Accel-* orders are obeyed on the routes that say so, and nowhere else; clients see none of them."""
import select
import socket
import threading
import unittest

from harness import GatewayTest, document, wait_for

POLICY = {"limit": 1 << 20, "cap": 1 << 20}
ALL = ["X-Accel-Redirect: /other", "X-Accel-Expires: 5", "X-Accel-Charset: koi8-r", "X-Accel-Limit-Rate: 1000", "X-Accel-Buffering: no"]
BUFFERING, LIMIT_RATE = {"obey_x_accel": ["buffering"]}, {"obey_x_accel": ["limit-rate"]}
LARGE = b"x" * 300000
HUGE = 24 << 20  # more than all sockets on the way hold


class XAccel(GatewayTest):
    def setUp(self):
        self.go, self.orders, self.heads, self.sent = threading.Event(), [], [], 0
        self.server = self.backend("A", self.behave)

    def behave(self, request, head):
        self.heads.append(head)
        start = "".join(line + "\r\n" for line in self.orders).encode()
        path = request.server.seen[-1].split(" ")[1]
        if path.endswith("/events"):  # the second event comes when the test says so
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + start + b"Transfer-Encoding: chunked\r\n\r\n8\r\nevent-1\n\r\n")
            self.go.wait(20)
            request.wfile.write(b"8\r\nevent-2\n\r\n0\r\n\r\n")
        elif path.endswith("/huge"):
            self.sending = request.connection.dup()  # may be asked after the answer has ended
            request.wfile.write(b"HTTP/1.1 200 OK\r\n" + start + b"Content-Length: %d\r\n\r\n" % HUGE)
            for _ in range(HUGE >> 14):
                request.wfile.write(b"x" * (1 << 14))
                self.sent += 1 << 14
        elif path.endswith("/large"):
            request.wfile.write(b"HTTP/1.1 200 OK\r\n" + start + b"Content-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
        else:
            return False
        return not request.one()

    def serve(self, *routes, **options):
        routes = [dict({"path": "/", "upstream": "up"}, **route) for route in routes]
        servers = [{"address": self.server.address, "max_conns": 20}]
        return self.instance(document(servers, routes=routes), workers=1, **dict({"policy": POLICY}, **options))

    def open(self, instance, path, lines=()):
        s = socket.create_connection(("127.0.0.1", instance.port), 20)
        self.addCleanup(s.close)
        s.sendall(("GET %s HTTP/1.1\r\nHost: test\r\nConnection: close\r\n%s\r\n" % (path, "".join(line + "\r\n" for line in lines))).encode())
        return s

    def let_nginx_work(self, instance, path):
        """Once the one worker has answered later requests, it has done what it could for those before."""
        wait_for(lambda: any(line.endswith(path) for line in self.server.seen), what="the server is asked")
        for _ in range(5):
            self.assertEqual(instance.get("/ping").status, 200)

    def read_now(self, s):
        """What has come until now."""
        data = b""
        s.setblocking(False)
        try:
            while True:
                part = s.recv(1 << 20)
                if not part:
                    break
                data += part
        except BlockingIOError:
            pass
        s.settimeout(20)
        return data

    def read_all(self, s):
        data = b""
        while True:
            part = s.recv(1 << 20)
            if not part:
                return data
            data += part

    def assert_hidden(self, data):
        head = data.partition(b"\r\n\r\n")[0].lower()
        self.assertIn(b"200 ok", head)
        self.assertNotIn(b"x-accel", head)

    def is_held_back(self, instance, path="/huge", lines=()):
        """Whether the server waits for a client that does not read: nginx buffers nothing."""
        del self.server.seen[:]
        self.sent, self.sending = 0, None
        s = self.open(instance, path, lines)
        still, before = 0, -1
        while self.sent < HUGE and still < 20:
            self.let_nginx_work(instance, path)
            is_full = self.sending and not select.select([], [self.sending], [], 0)[1]
            still, before = still + 1 if is_full and 0 < self.sent == before else 0, self.sent
        self.sending.close()
        held = self.sent < HUGE
        data = self.read_all(s)
        self.assert_hidden(data)
        self.assertEqual(len(data.partition(b"\r\n\r\n")[2]), HUGE)
        return held

    def is_slowed(self, instance, path="/large", lines=()):
        """Whether an answer that asks for a kilobyte a second comes no quicker."""
        del self.server.seen[:]
        s = self.open(instance, path, lines)
        data, still = b"", 0
        while still < 20 and len(data) < len(LARGE):
            self.let_nginx_work(instance, path)
            new = self.read_now(s)
            still, data = still + 1 if data and not new else 0, data + new
        slow = len(data) < 10000
        if not slow:
            data += self.read_all(s)
            self.assertEqual(len(data.partition(b"\r\n\r\n")[2]), len(LARGE))
        self.assert_hidden(data)
        s.close()
        return slow

    def assert_none_in_flight(self, instance):
        servers = lambda: instance.admin("GET", "/v1/upstreams/up").json()["items"][0]["servers"]
        wait_for(lambda: all(s["in_flight"] == 0 for s in servers()), what="nothing is in flight")

    def test_each_order_on_the_routes_that_obey_it(self):
        self.orders = ALL
        instance = self.serve({}, {"path": "/b", **BUFFERING}, {"path": "/slow", **LIMIT_RATE}, {"path": "/both", "obey_x_accel": ["limit-rate", "buffering"]})
        for path, slowed in (("", False), ("/b", False), ("/slow", True), ("/both", False)):  # nginx slows only what it buffers
            self.assertEqual(self.is_slowed(instance, path + "/large"), slowed, path)
        for path, held in (("", False), ("/b", True)):
            self.assertEqual(self.is_held_back(instance, path + "/huge"), held, path)
        self.orders = ["X-Accel-Buffering: no"]
        self.assertEqual([self.is_held_back(instance, path + "/huge") for path in ("", "/b", "/slow", "/both")], [False, True, False, True])
        self.orders = ["X-Accel-Limit-Rate: 1000"]
        self.assertEqual([self.is_slowed(instance, path + "/large") for path in ("", "/b", "/slow", "/both")], [False, False, True, True])
        self.orders = ["X-Accel-Buffering: yes"]
        self.assertFalse(self.is_held_back(instance, "/b/huge"))
        self.assert_none_in_flight(instance)

    def test_events_come_as_they_are_sent(self):
        """Whether or not the server orders anything, and whether or not the route obeys."""
        instance = self.serve({}, {"path": "/b", **BUFFERING})
        for self.orders in ([], ["X-Accel-Buffering: no"]):
            for path in ("/events", "/b/events"):
                self.go.clear()
                s, data = self.open(instance, path), b""
                while b"event-1\n" not in data:
                    data += s.recv(1000)
                self.assertNotIn(b"event-2", data)
                self.go.set()
                data += self.read_all(s)
                self.assertIn(b"event-2\n", data)
                self.assert_hidden(data)

    def test_no_route_obeys_the_rest(self):
        instance = self.serve({"obey_x_accel": ["buffering", "limit-rate"]})
        for order in ("Redirect: /other", "Redirect: @orctl_error", "Redirect: @orctl_accel_all", "Redirect: /.well-known/orctl/x", "Expires: 5", "Charset: koi8-r", "Expires: @1"):
            self.orders = ["X-Accel-" + order, "Content-Type: text/plain"]
            del self.server.seen[:]
            answer = instance.get("/large")
            self.assertEqual((answer.status, len(answer.body), answer.headers["Content-Type"], self.server.seen), (200, len(LARGE), "text/plain", ["GET /large"]))
            self.assertEqual([name for name in answer.headers if name.lower().startswith("x-accel")], [])
            self.assert_none_in_flight(instance)

    def test_requests_that_come_another_way(self):
        """Through the location for further fields of a connection; in_flight_test.py does it in HTTP/2, too."""
        self.orders = ["X-Accel-Buffering: no"]
        instance = self.serve({}, {"path": "/b", **BUFFERING})
        for lines in (["Connection: X-A", "X-A: 1"], ["Upgrade: h2c"], ["Connection: X-A", "Connection: X-B", "X-B: 1", "X-A: 1"]):
            self.assertEqual([self.is_held_back(instance, path + "/huge", lines) for path in ("", "/b")], [False, True], lines)
            self.assertEqual([{"x-a", "x-b", "upgrade"} & set(head) for head in self.heads], [set()] * len(self.heads))

    def test_the_other_policies_of_such_a_route_hold(self):
        instance = self.serve({"path": "/api/", "strip_prefix": True, "client_max_body_size": "10", "request_headers": {"set": {"X-R": "1"}}, "response_headers": {"set": {"X-S": "2"}},
                               "rate_limit": {"requests": 3, "per": "1h", "burst": 3}, **BUFFERING})
        answer = instance.get("/api/a%20b?q=1", headers={"X-R": "9"})
        self.assertEqual((answer.status, answer.headers["X-S"], self.server.seen, self.heads[-1]["x-r"]), (200, "2", ["GET /a%20b?q=1"], "1"))
        self.assertEqual(instance.get("/api/", method="POST", body=b"x" * 11).status, 413)
        answer = instance.get("/api/post", method="POST", body=b"hello")
        self.assertEqual((answer.status, self.server.seen[-1], self.heads[-1]["body"]), (200, "POST /post", b"hello"))
        self.assertEqual(instance.get("/api/").status, 429)
        self.server.close()
        instance.put(document([self.server.address], routes=[{"path": "/", "upstream": "up", **BUFFERING}]))
        answer = instance.get("/")
        self.assertEqual((answer.status, answer.headers["Content-Type"]), (502, "application/problem+json"))

    def test_it_is_hot_once_there_are_policies(self):
        self.orders = ["X-Accel-Buffering: no"]
        instance = self.serve({})
        self.assertFalse(self.is_held_back(instance))
        routes = lambda **more: document([self.server.address], routes=[{"path": "/", "upstream": "up", **more}])
        instance.put(routes(**BUFFERING))
        self.assertTrue(self.is_held_back(instance))
        instance.put(routes())
        self.assertFalse(self.is_held_back(instance))
        plain = self.serve({}, policy=None)
        answer = plain.admin("PUT", "/v1/config", routes(**BUFFERING))
        self.assertEqual((answer.status, answer.json()["errors"][0]["pointer"]), (422, "/routes/0"))

    def test_what_a_document_may_say(self):
        instance = self.serve({})
        for value in ([], ["redirect"], ["expires"], ["charset"], ["buffering", "buffering"], "buffering", ["Buffering"], [1], True):
            answer = instance.admin("PUT", "/v1/config", document([self.server.address], routes=[{"path": "/", "upstream": "up", "obey_x_accel": value}]))
            self.assertEqual((answer.status, answer.json()["errors"][0]["pointer"][:22]), (422, "/routes/0/obey_x_accel"), value)
        answer = instance.admin("PUT", "/v1/config", document([self.server.address], routes=[{"path": "/", "redirect": {"target": "/x"}, "obey_x_accel": ["buffering"], "upgrades": ["tcp"]}]))
        self.assertEqual(sorted(e["pointer"] for e in answer.json()["errors"]), ["/routes/0/obey_x_accel", "/routes/0/upgrades"])


if __name__ == "__main__":
    unittest.main()
