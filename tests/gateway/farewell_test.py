#!/usr/bin/python3
"""Workers that are about to go end each connection with an answer that says so, and change nothing else of any answer."""
import json
import os
import signal
import socket
import unittest

import h2_frames as h2
from harness import GatewayTest, Instance, ask, closed_port, document, free_port, receive_head, replaced, wait_for

POLICY = {"limit": 1 << 20, "cap": 1 << 21}
SERVERS = """
  server {
    listen 127.0.0.1:%d;
    location / { proxy_http_version 1.1; proxy_set_header Connection ""; proxy_pass http://orctl_07; }
  }
"""
FAREWELL = os.path.join("lua", "orctl", "state", "farewell.lua")


class Polite(Instance):
    """Has HTTP/2 in clear text, a server of an overlay that uses the same pools, and farewells of another length."""
    lasts, holds = "1000", "1"

    def edit(self, text):
        self.h2_port, self.other_port = free_port(), free_port()
        text = replaced(super().edit(text), "    location / {\n", "    listen 127.0.0.1:%d http2;\n    location / {\n" % self.h2_port)
        first = "  server {\n    listen 127.0.0.1:%d" % self.port
        return replaced(text, first, SERVERS % self.other_port + first)

    def write_tree(self, doc=None, certs=None):
        path = os.path.join(self.tree, FAREWELL)
        with open(path, encoding="utf-8") as file:
            text = file.read()
        if "LASTS = 10 " in text:
            text = replaced(text, "LASTS = 10 ", "LASTS = %s " % self.lasts)
            self.write(path, replaced(text, "HOLDS = 1 ", "HOLDS = %s " % self.holds))
        super().write_tree(doc, certs)

    def order(self, workers=None, **more):
        return self.admin("PUT", "/v1/farewell", dict(more, workers=self.workers() if workers is None else workers))

    def say_farewell(self, hold=False):
        def told():
            answer = self.order(hold=hold).json()
            return answer["held" if hold else "told"] == answer["workers"] == self.workers_wanted
        wait_for(told, what="every worker says farewell")

    def log_lines(self, count):
        def read():
            with open(os.path.join(self.log, "access.log"), encoding="utf-8") as log:
                found = [json.loads(line) for line in log]
            return [found] if len(found) >= count else None
        return wait_for(read, what="%d lines of the log" % count)[0]


def connections(answer):
    """What the lines of Connection in an answer say."""
    head = answer.partition(b"\r\n\r\n")[0].lower()
    return [line.partition(b":")[2].strip() for line in head.split(b"\r\n") if line.startswith(b"connection:")]


def request(method="GET", path="/", more="", body=b"", version="1.1"):
    if body:
        more += "Content-Length: %d\r\n" % len(body)
    return ("%s %s HTTP/%s\r\nHost: test\r\n%s\r\n" % (method, path, version, more)).encode() + body


class Farewell(GatewayTest):
    def polite(self, doc, lasts="1000", holds="1", **options):
        Polite.lasts, Polite.holds = lasts, holds
        instance = Polite(doc, **options)
        self.addCleanup(instance.close)
        return instance.start()

    def answer_on(self, connection, data):
        """The whole answer, of one that says its length."""
        connection.sendall(data)
        got = receive_head(connection)
        head, _, body = got.partition(b"\r\n\r\n")
        length = [int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        while length and len(body) < length[0]:
            body += connection.recv(65536)
        return head + b"\r\n\r\n" + body

    def assert_last(self, answer, status=b"200"):
        self.assertEqual(answer.split(b" ")[1], status, answer)
        self.assertEqual(connections(answer), [b"close"], answer)

    def kept(self, instance):
        """A connection that has had an answer and may be used again."""
        s = socket.create_connection(("127.0.0.1", instance.port), 10)
        self.addCleanup(s.close)
        self.assertEqual(connections(self.answer_on(s, request(path="/first"))), [b"keep-alive"])
        return s

    def test_a_body_that_arrives_meanwhile_is_whole(self):
        """Whatever snippets say of buffering: what a server does not get of a body it would read from the next request."""
        bodies = []

        def take(_, head):
            bodies.append(len(head["body"]))
            return False
        server = self.backend("A", take)
        snippet = lambda text: replaced(text, "  proxy_http_version 1.1;\n", "  proxy_http_version 1.1;\n  proxy_request_buffering off;\n")
        for options in ({}, {"policy": POLICY}):
            with self.subTest(options):
                i = self.polite(document([server.address]), edits=[snippet], **options)
                ways = ("", "Connection: X-A\r\n")
                kept = [(self.kept(i), more) for more in ways]
                i.say_farewell()
                del bodies[:]
                for s, more in kept + [(socket.create_connection(("127.0.0.1", i.port), 10), more) for more in ways]:
                    with s:
                        s.sendall(request("POST", "/", more + "Content-Length: 300000\r\n") + b"x" * 1000)
                        self.assert_last(self.answer_on(s, b"x" * 299000))
                self.assertEqual(bodies, [300000] * 4)
                self.assertEqual(set(server.seen), {"GET /first", "POST /"})

    def test_the_next_answer_of_a_kept_connection_ends_it(self):
        server = self.backend("A")
        for options in ({}, {"policy": POLICY}):
            with self.subTest(options):
                i = self.polite(document([server.address]), **options)
                kept = [self.kept(i) for _ in range(6)]
                i.say_farewell()
                for n, s in enumerate(kept):
                    data = request(("GET", "POST")[n % 2], "/kept", body=b"x" * 100 * (n % 2))
                    self.assert_last(self.answer_on(s, data))
                    self.assertEqual(s.recv(1), b"", "nginx ends it, too")
                with socket.create_connection(("127.0.0.1", i.port), 10) as s:
                    self.assert_last(self.answer_on(s, request()))  # and a new one has one answer

    def test_every_way_of_a_request(self):
        """What clients and servers see but for Connection is what it is at other times, and so is what the log says."""
        seen = []

        def behave(request, head):
            seen.append((request.server.seen[-1], head.get("connection"), head["host"], head.get("x-a"), head["body"]))
            if request.server.seen[-1].endswith("/down"):
                return True  # without a byte
        large = bytes(range(256)) * 4096  # goes through a file
        chunked = b"5\r\nhello\r\n0\r\n\r\n"
        ways = [request(), request("POST", "/", body=b"small"), request("PUT", "/large", body=large), request("POST", "/c", "Transfer-Encoding: chunked\r\n") + chunked,
                request("HEAD", "/head"), request("GET", "/x%2Fy//z?a=b%20c"), request("GET", "/hops", "Connection: X-A\r\nX-A: 1\r\n"),
                request("POST", "/twice", "Connection: keep-alive\r\nConnection: X-A\r\nX-A: 1\r\n", b"hops"), request("GET", "/old", "Connection: keep-alive\r\n", version="1.0"),
                request("GET", "/close", "Connection: close\r\n"), request("GET", "/elsewhere/"), request("GET", "/down"), request("OPTIONS", "/"),
                request("GET", "http://test/absolute")]
        server = self.backend("A", behave)
        routes = [{"path": path, "upstream": "up"} for path in ("/", "/elsewhere/")]
        routes[1]["path"], routes[1]["host"] = "/", "nobody.test"
        fields = ("host", "method", "uri", "status", "bytes", "peer", "peer_status", "error", "decided", "route")

        def told(instance):
            seen.clear()
            before = len(instance.log_lines(0))
            answers = []
            for data in ways:
                with socket.create_connection(("127.0.0.1", instance.port), 10) as s:
                    if data.startswith((b"HEAD", b"GET /down")):
                        data = data.replace(b"Host:", b"Connection: close\r\nHost:")
                    answer = ask(instance.port, data) if b"Connection: close" in data else self.answer_on(s, data)
                    answers.append((answer, connections(answer)))
            lines = instance.log_lines(before + len(ways))[before:]
            plain = [b"\r\n".join(line for line in answer.split(b"\r\n") if not line.lower().startswith((b"connection:", b"date:"))) for answer, _ in answers]
            self.assertTrue(all(len(line["peer_seconds"].split(" ")) <= 3 for line in lines), lines)
            return plain, list(seen), [{name: line[name] for name in fields} for line in lines], [one for _, one in answers]
        for options in ({}, {"policy": POLICY}):
            with self.subTest(options):
                i = self.polite(document([server.address], routes=routes), workers=1, **options)
                usual = told(i)
                self.assertIn([b"keep-alive"], usual[3])
                i.say_farewell()
                last = told(i)
                for at, name in enumerate(("answers", "what the server sees", "lines of the log")):
                    for n, way in enumerate(usual[at]):
                        self.assertEqual(last[at][n], way, name)
                self.assertEqual(last[3], [[b"close"]] * len(ways))
                errors = [line for line in i.errors().splitlines() if "[notice]" not in line and "[warn]" not in line]
                self.assertEqual([line for line in errors if "prematurely closed" not in line], [])  # of /down

    def test_own_answers(self):
        server, dead = self.backend("A"), closed_port()
        self.addCleanup(dead.close)
        routes = [{"host": "a.test", "path": "/", "upstream": "up"}, {"host": "dead.test", "path": "/", "upstream": "dead"}]
        doc = document([server.address], routes)
        doc["upstreams"].append({"name": "dead", "servers": [{"address": "127.0.0.1:%d" % dead.getsockname()[1]}]})
        for options in ({}, {"policy": POLICY}):
            with self.subTest(options):
                i = self.polite(doc, **options)
                i.say_farewell()
                count = 0
                for host, status, decided in (("a.test", 200, ""), ("b.test", 404, "no_route"), ("dead.test", 502, "no_answer")):
                    answer = ask(i.port, b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % host.encode())  # until nginx ends it
                    self.assert_last(answer, b"%d" % status)
                    count += 1
                    line = i.log_lines(count)[-1]
                    peer = {200: server.address, 404: "", 502: "127.0.0.1:%d" % dead.getsockname()[1]}[status]
                    self.assertEqual((line["status"], line["peer"], line["decided"]), (status, peer, decided))
                text = i.admin("GET", "/metrics").text()
                for host, code in (("a.test", 200), ("dead.test", 502), ("_", 404)):
                    self.assertTrue('http_requests_total{server="%s",code="%d"} 1\n' % (host, code) in text, "each is counted once")

    def test_a_retry_and_a_session_go_on(self):
        server, dead = self.backend("A"), closed_port()
        self.addCleanup(dead.close)
        i = self.polite(document([server.address, "127.0.0.1:%d" % dead.getsockname()[1]], retries=1, sticky={"cookie": "s"}))
        i.say_farewell()
        for _ in range(10):
            answer = ask(i.port, request())
            self.assert_last(answer)
            self.assertIn(b"\r\nset-cookie: s=", answer.lower())
        self.assertIn("127.0.0.1:%d, %s" % (dead.getsockname()[1], server.address), {line["peer"] for line in i.log_lines(10)})

    def test_what_has_no_such_answer_is_left_alone(self):
        def upgrade(request, head):
            if not head.get("upgrade"):
                return False
            request.wfile.write(b"HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n")
            request.wfile.write(request.connection.recv(100))
            return True
        server = self.backend("A", upgrade)
        for options in ({}, {"policy": POLICY}):
            with self.subTest(options):
                i = self.polite(document([server.address]), **options)
                i.say_farewell()
                with socket.create_connection(("127.0.0.1", i.port), 10) as s:
                    s.sendall(request(path="/ws", more="Connection: Upgrade\r\nUpgrade: websocket\r\n"))
                    self.assertIn(b" 101 ", receive_head(s))
                    s.sendall(b"echo")
                    self.assertEqual(s.recv(100), b"echo")
                with socket.create_connection(("127.0.0.1", i.h2_port), 10) as s:
                    s.sendall(h2.start())
                    for stream in (1, 3):  # no field of one connection may stand in HTTP/2
                        s.sendall(h2.request(stream, b"/two"))
                        got = b""
                        while stream not in h2.ended(got):
                            got += s.recv(65536)
                        self.assertEqual(h2.statuses(got), {stream: 200})
                        self.assertNotIn(b"connection", got)
                with socket.create_connection(("127.0.0.1", i.other_port), 10) as s:
                    for _ in range(2):
                        self.assertEqual(self.answer_on(s, request(path="/other")).split(b" ")[1], b"200")

    def test_a_request_in_http_2_waits_until_its_answer_comes_with_goodbye(self):
        server = self.backend("A")
        for options in ({}, {"policy": POLICY}):
            with self.subTest(options):
                i = self.polite(document([server.address]), holds="30", **options)
                with socket.create_connection(("127.0.0.1", i.h2_port), 20) as s:
                    s.sendall(h2.start() + h2.request(1, b"/before"))
                    got = b""
                    while 1 not in h2.ended(got):
                        got += s.recv(65536)
                    i.say_farewell(hold=True)
                    s.sendall(h2.request(3, b"/held") + h2.request(5, b"/post", method=b"POST", end=False) + h2.frame(h2.DATA, h2.END_STREAM, 5, b"x"))
                    # the connection is read before the signal: a request that comes later is refused by GOAWAY
                    wait_for(lambda: "openresty_connections{state=\"writing\"} 3" in i.admin("GET", "/metrics").text(), 20, "nginx has the requests")
                    old = set(i.workers())
                    i.master.send_signal(signal.SIGHUP)
                    got = b""
                    while not {3, 5} <= set(h2.ended(got)):
                        part = s.recv(65536)
                        self.assertTrue(part, "the answers come")
                        got += part
                wait_for(lambda: not old & set(i.workers()), what="the old workers have gone")
                self.assertEqual(h2.statuses(got), {3: 200, 5: 200})
                self.assertEqual(list(h2.ended(got))[0], 0, "GOAWAY comes first")
        self.assertEqual(sorted(server.seen), sorted(["GET /before", "GET /held", "POST /post"] * 2))

    def test_what_is_held_back_goes_on_if_nothing_follows(self):
        server = self.backend("A")
        for options in ({}, {"policy": POLICY}):
            with self.subTest(options):
                i = self.polite(document([server.address]), holds="0.3", **options)
                i.say_farewell(hold=True)
                with socket.create_connection(("127.0.0.1", i.h2_port), 20) as s:
                    s.sendall(h2.start() + h2.request(1, b"/held"))
                    got = b""
                    while 1 not in h2.ended(got):
                        got += s.recv(65536)
                    self.assertEqual((h2.statuses(got), 0 in h2.ended(got)), ({1: 200}, False))

    def test_an_order_that_nothing_follows_ends_by_itself(self):
        server = self.backend("A")
        i = self.polite(document([server.address]), lasts="0.3")
        i.say_farewell()
        wait_for(lambda: connections(self.answer_on_new(i)) == [b"keep-alive"], 20, "both workers have ended it")
        i.say_farewell()  # and it may be said again
        wait_for(lambda: connections(self.answer_on_new(i)) == [b"keep-alive"], 20, "the same")

    def answer_on_new(self, instance):
        with socket.create_connection(("127.0.0.1", instance.port), 10) as s:
            return self.answer_on(s, request())

    def test_a_reload_ends_it(self):
        server = self.backend("A")
        i = self.polite(document([server.address]))
        i.say_farewell()
        i.hup()
        for _ in range(10):
            self.assertEqual(connections(self.answer_on_new(i)), [b"keep-alive"])
        i.say_farewell()
        self.assertEqual(connections(self.answer_on_new(i)), [b"close"])

    def test_a_worker_that_begins_says_it_too(self):
        i = self.polite(document([self.backend("A").address]), workers=1)
        i.say_farewell()
        victim = i.workers()[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: i.workers() and i.workers() != [victim] and i.up(), what="another worker")
        wait_for(lambda: connections(self.answer_on_new(i)) == [b"close"], what="it says farewell")

    def test_orders_to_others_are_refused(self):
        i = self.polite(document([self.backend("A").address]))
        for workers in ([], [1], "x", 7, {"a": i.workers()[0]}):
            self.assert_problem(i.order(workers), 409)
        self.assert_problem(i.admin("PUT", "/v1/farewell", b"{"), 409)
        self.assert_problem(i.admin("GET", "/v1/farewell"), 405)
        self.assertEqual(connections(self.answer_on_new(i)), [b"keep-alive"])


if __name__ == "__main__":
    unittest.main()
