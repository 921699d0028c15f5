#!/usr/bin/python3
"""Counts of requests in flight end with the request, whatever way it takes through nginx."""
import json
import os
import random
import signal
import socket
import struct
import threading
import unittest

import h2_frames as h2
from harness import GatewayTest, Instance, document, free_port, replaced, wait_for

# What an overlay may add; X-Accel-Redirect is obeyed here, as no route allows it in the gateway's own server.
SERVER = """
    listen 127.0.0.1:%(h2)d http2;
    mirror /mirrored;
    location = /rows { content_by_lua_block {
      local counters = require("orctl.lib.counters")
      local json = require("orctl.lib.json")
      local rows = json.array()
      counters.each_row(function(row)
        for address in ngx.var.args:gmatch("[^,]+") do
          local at = counters.find("peer", "up/" .. address)
          rows[#rows + 1] = at and row[at + counters.IN_FLIGHT] or 0
        end
      end)
      ngx.say(json.encode(rows))
    } }
    location /caught {
      proxy_intercept_errors on;
      error_page 500 503 504 = /ok;
      error_page 502 = @again;
      proxy_pass http://$orctl_shard;
    }
    location @again { proxy_pass http://$orctl_shard; }
    location / {
      proxy_ignore_headers Set-Cookie;
"""
OTHER = """
  server {
    listen 127.0.0.1:%(other)d;
    location / { proxy_ignore_headers Set-Cookie; proxy_pass http://orctl_07; }
  }
"""
PATHS = ["/ok", "/ok", "/reset", "/half", "/torn", "/big", "/hang", "/accel", "/loop", "/accel-reset", "/accel-caught", "/error", "/unavailable",
         "/caught/error", "/caught/reset", "/caught/hang", "/caught/loop", "/early", "/ws", "/mirrored", "/stream", "/hint"]


def behave(request, head):
    """Does what the last part of the path says; true ends the connection."""
    what = request.server.seen[-1].split("/")[-1]
    if what.startswith("accel") or what == "loop":
        to = {"accel": "/ok", "loop": "/loop", "accel-reset": "/reset", "accel-caught": "/caught/error"}[what]
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: %s\r\nContent-Length: 0\r\n\r\n" % to.encode())
    elif what == "stream":
        request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Accel-Buffering: no\r\nX-Accel-Limit-Rate: 1000000\r\nContent-Length: 200000\r\n\r\n" + b"x" * 150000)
        return True
    elif what == "hint":
        request.wfile.write(b"HTTP/1.1 103 Early Hints\r\n\r\n")
        return True
    elif what == "reset":
        request.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.connection.close()
        return True
    elif what == "half":
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Le")
        return True
    elif what == "torn":
        request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n0123456789")
        return True
    elif what == "big":
        request.answer(200, "x" * 300000)
    elif what == "hang":
        request.connection.recv(1)  # until nginx has had enough
        return True
    elif what in ("error", "unavailable"):
        request.answer(500 if what == "error" else 503, what)
    elif what == "ws" and head.get("upgrade"):
        request.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: %s\r\n\r\n" % head["upgrade"].encode())
        for part in iter(lambda: request.connection.recv(1000), b""):
            if part == b"bye":
                break
            request.connection.sendall(part)
        return True
    elif what == "early":
        request.answer(200, "early")
        return True
    else:
        request.answer(200, request.server.name)
    return False if request.one() else True


class Crooked(Instance):
    """An instance whose nginx takes every way that there is."""

    def edit(self, text):
        self.ports = {"h2": free_port(), "other": free_port()}
        text = replaced(super().edit(text), "    location / {\n", SERVER % self.ports)
        first = "  server {\n    listen 127.0.0.1:%d" % self.port
        return replaced(text, first, OTHER % self.ports + first)


class Client:
    """Does things to a gateway by chance, most of them unfriendly."""

    def __init__(self, instance, seed):
        self.instance, self.random, self.faults = instance, random.Random(seed), []

    def run(self, count):
        ways = [self.plain, self.plain, self.abort, self.partial_body, self.chunked, self.websocket, self.http2, self.old, self.hops, self.other]
        for _ in range(count):
            try:
                self.random.choice(ways)()
            except (ConnectionError, socket.timeout):
                pass  # what a client sees is not asked here
            except Exception as error:  # noqa: a thread has nobody else to tell
                self.faults.append(repr(error))

    def connect(self, port=None):
        # who waits longer goes away, which is one more way
        s = socket.create_connection(("127.0.0.1", port or self.instance.port), 1)
        if self.random.random() < 0.3:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # ends in a reset
        return s

    def head(self, more="", method="GET", version="1.1", path=None):
        return ("%s %s HTTP/%s\r\nHost: test\r\n%s\r\n" % (method, path or self.random.choice(PATHS), version, more)).encode()

    def read_all(self, s):
        while s.recv(65536):
            pass

    def plain(self):
        with self.connect() as s:
            s.sendall(self.head() * self.random.randint(0, 3) + self.head("Connection: close\r\n"))
            self.read_all(s)

    def abort(self):
        with self.connect() as s:
            s.sendall(self.head())
            if self.random.random() < 0.5:
                s.recv(self.random.choice((1, 100, 20000)))

    def partial_body(self):
        with self.connect() as s:
            s.sendall(self.head("Content-Length: 30000\r\n", "POST") + b"x" * self.random.choice((0, 1, 20000, 30000)))
            if self.random.random() < 0.5:
                s.shutdown(socket.SHUT_WR)
                self.read_all(s)

    def chunked(self):
        with self.connect() as s:
            s.sendall(self.head("Transfer-Encoding: chunked\r\nConnection: close\r\n", "POST") + b"5\r\nhello\r\n" * self.random.randint(0, 2000)
                      + self.random.choice((b"0\r\n\r\n", b"zz\r\n")))
            self.read_all(s)

    def websocket(self):
        with self.connect() as s:
            s.sendall(self.head("Connection: Upgrade\r\nUpgrade: %s\r\n" % self.random.choice(("websocket", "h2c", "websocket, x", "h9")), path="/ws"))
            if b" 101 " in s.recv(1000):
                s.sendall(b"hello")
                s.recv(100)
                if self.random.random() < 0.5:
                    s.sendall(b"bye")
                    self.read_all(s)

    def http2(self):
        with self.connect(self.instance.ports["h2"]) as s:
            streams = range(1, 2 * self.random.randint(1, 8), 2)
            s.sendall(h2.start() + b"".join(h2.request(n, self.random.choice(PATHS).encode()) for n in streams))
            if self.random.random() < 0.5:
                s.recv(200)
                s.sendall(b"".join(h2.frame(h2.RST_STREAM, 0, n, b"\0\0\0\x08") for n in streams if self.random.random() < 0.5))
            data, wanted = b"", self.random.randint(0, len(streams))
            while len(h2.ended(data)) < wanted and 0 not in h2.ended(data) and len(data) < 65000:
                part = s.recv(65536)
                if not part:
                    break
                data += part

    def old(self):
        with self.connect() as s:
            s.sendall(self.head(version="1.0"))
            self.read_all(s)

    def hops(self):
        with self.connect() as s:
            s.sendall(self.head("X-A: 1\r\nConnection: close%sX-A\r\n" % self.random.choice((", ", "\r\nConnection: "))))
            self.read_all(s)

    def other(self):
        with self.connect(self.instance.ports["other"]) as s:
            s.sendall(self.head("Connection: close\r\n"))
            self.read_all(s)


class InFlight(GatewayTest):
    def crooked(self, routes=None, lasts=None, **options):
        self.servers = [self.backend(name, behave) for name in "ABC"]
        servers = [{"address": s.address, "max_conns": 1000} for s in self.servers[:2]] + [{"address": self.servers[2].address}]
        instance = Crooked(document(servers, balance="least_conn", read_timeout="50ms", retries=1, connect_timeout="1s", sticky={"cookie": "s"}, routes=routes), **options)
        self.addCleanup(instance.close)
        if lasts:  # a farewell, in seconds
            path = os.path.join(instance.tree, "lua/orctl/state/farewell.lua")
            with open(path, encoding="utf-8") as file:
                instance.write(path, replaced(file.read(), "LASTS = 10 ", "LASTS = %s " % lasts))
        return instance.start()

    def counts(self, instance):
        """For each worker there ever was and each server."""
        rows = json.loads(instance.get("/rows?" + ",".join(s.address for s in self.servers)).text())
        self.assertGreaterEqual(len(rows), 3 * instance.workers_wanted, instance.errors()[-3000:])
        return rows

    def assert_none_in_flight(self, instance):
        wait_for(lambda: not any(self.counts(instance)), what="nothing is in flight: %s" % self.counts(instance))

    def run_clients(self, instance, seeds, count):
        clients = [Client(instance, seed) for seed in seeds]
        threads = [threading.Thread(target=client.run, args=(count,)) for client in clients]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([fault for client in clients for fault in client.faults], [])

    def test_random_ways_through_nginx_end_at_nothing_in_flight(self):
        instance = self.crooked()
        self.run_clients(instance, range(8), 30)
        self.assert_none_in_flight(instance)
        asked = {line.split(" ")[1] for server in self.servers for line in server.seen}
        self.assertEqual(asked & set(PATHS), set(PATHS))  # every way was taken
        self.assertEqual(instance.get("/ok").status, 200)
        self.assertNotIn("lua entry thread aborted", instance.errors())

    def test_the_same_with_the_phases_of_policies(self):
        instance = self.crooked(policy={"limit": 1 << 20, "cap": 1 << 20})
        self.run_clients(instance, range(20, 26), 15)
        self.assert_none_in_flight(instance)

    def test_the_same_where_a_route_obeys_orders(self):
        instance = self.crooked(policy={"limit": 1 << 20, "cap": 1 << 20}, routes=[
            {"path": "/", "upstream": "up", "obey_x_accel": ["buffering", "limit-rate"], "upgrades": ["h9"]},
            {"path": "/caught", "upstream": "up"}, {"path": "/mirrored", "upstream": "up", "obey_x_accel": ["buffering"]}])
        self.run_clients(instance, range(30, 38), 30)
        self.assert_none_in_flight(instance)
        asked = {line.split(" ")[1] for server in self.servers for line in server.seen}
        self.assertEqual(asked & set(PATHS), set(PATHS))
        self.assertEqual(instance.get("/ok").status, 200)
        self.assertNotIn("lua entry thread aborted", instance.errors())

    def test_the_same_of_workers_that_say_farewell_again_and_again(self):
        for seed, options in ((40, {}), (50, {"policy": {"limit": 1 << 20, "cap": 1 << 20}})):
            instance = self.crooked(lasts="0.06", **options)
            over, told, chance = threading.Event(), set(), random.Random(seed)

            def say():
                while not over.is_set():
                    answer = instance.admin("PUT", "/v1/farewell", {"workers": instance.workers()}).json()
                    told.add(answer["told"])
                    over.wait(chance.random() / 8)
            thread = threading.Thread(target=say)
            thread.start()
            try:
                wait_for(lambda: 2 in told, what="both workers say it")
                self.run_clients(instance, range(seed, seed + 6), 20)
            finally:
                over.set()
                thread.join()
            self.assert_none_in_flight(instance)
            self.assertEqual(instance.get("/ok").status, 200)
            self.assertNotIn("lua entry thread aborted", instance.errors())

    def test_an_order_of_a_server_to_nginx_ends_its_try(self):
        instance = self.crooked()
        for _ in range(20):
            self.assertEqual(instance.get("/accel").status, 200)
        self.assert_none_in_flight(instance)

    def test_a_worker_that_is_killed_takes_its_requests_with_it(self):
        instance = self.crooked()
        tunnels = []
        for _ in range(12):
            s = socket.create_connection(("127.0.0.1", instance.port), 10)
            self.addCleanup(s.close)
            s.sendall(b"GET /ws HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            self.assertIn(b" 101 ", s.recv(1000))
            tunnels.append(s)
        self.assertGreaterEqual(sum(self.counts(instance)), 12)  # and those of the mirror
        for pid in instance.workers():
            os.kill(pid, signal.SIGKILL)
        wait_for(instance.up, what="new workers")
        self.assert_none_in_flight(instance)

    def test_servers_give_the_gateway_no_orders(self):
        """In the gateway's own server: none is obeyed, and no client sees one."""
        def order(request, head):
            request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Accel-Redirect: /other\r\nX-Accel-Expires: 5\r\nX-Accel-Limit-Rate: 1\r\n"
                                b"X-Accel-Buffering: no\r\nX-Accel-Charset: koi8-r\r\nContent-Type: text/plain\r\nContent-Length: 4000\r\n\r\n" + b"x" * 4000)
            return True
        server = self.backend("A", order)
        instance = self.instance(document([dict(address=server.address, max_conns=1)]))
        servers = lambda: instance.admin("GET", "/v1/upstreams/up").json()["items"][0]["servers"]
        for _ in range(5):
            # a client may have its answer before the request has ended for the gateway
            wait_for(lambda: servers()[0]["in_flight"] == 0, what="nothing is in flight")
            answer = instance.get("/")
            self.assertEqual((answer.status, len(answer.body), answer.headers["Content-Type"]), (200, 4000, "text/plain"))
            self.assertEqual([name for name in answer.headers if name.lower().startswith("x-accel")], [])
        self.assertEqual(set(server.seen), {"GET /"})


if __name__ == "__main__":
    unittest.main()
