#!/usr/bin/python3
"""Answers of the gateway's own are no failures: nothing in error.log, no peer in access.log, and what decided; a dead pool is told from a scan."""
import http.client
import json
import os
import socket
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "security"))
import h2_frames as h2
from harness import GatewayTest, ask, document, free_port, wait_for
from host_test import Both, ask_h2

POLICY = {"limit": 1000, "cap": 1 << 20}


def head_of(port, data):
    """The head of what is answered to raw bytes, of which the server may want more."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(data)
        head = b""
        while b"\r\n\r\n" not in head and (part := s.recv(4096)):
            head += part
        return head


class OwnAnswers(GatewayTest):
    def gateway(self, doc, **options):
        instance = Both(doc, workers=1, **options)
        self.addCleanup(instance.close)
        return instance.start()

    def lines(self, instance, count):
        def read():
            with open(os.path.join(instance.log, "access.log"), encoding="utf-8") as log:
                found = [json.loads(line) for line in log]
            return found if len(found) >= count else None
        return wait_for(read, what="%d lines of the log" % count)

    def assert_quiet(self, instance):
        self.assertEqual([line for line in instance.errors().splitlines() if "[notice]" not in line and "listen ... http2" not in line], [])  # which this test says itself

    def all(self, instance, requests):
        """Sends requests {method, path, headers, body} on one kept connection; their statuses."""
        connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=10)
        try:
            connection.connect()
            name, statuses = connection.sock.getsockname(), []
            for request in requests:
                connection.request(request.get("method", "GET"), request.get("path", "/"), request.get("body"), request.get("headers", {}))
                answer = connection.getresponse()
                self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
                answer.read()
                statuses.append(answer.status)
                self.assertEqual(connection.sock and connection.sock.getsockname(), name, "the connection is kept")
            return statuses
        finally:
            connection.close()

    def test_no_route(self):
        a, b = self.backend("A"), self.backend("B")
        routes = [{"host": "shop.example", "path": "/x/", "upstream": "up"}]
        requests = [{"headers": {"Host": "bot%d.invalid" % n}} for n in range(50)]
        requests += [{"path": "/y", "headers": {"Host": "shop.example"}}, {"path": "/x/..%2fy", "headers": {"Host": "shop.example"}}, {"method": "POST", "body": b"x" * 900}, {"method": "PUT", "body": b"x"},
                     {"method": "DELETE"}, {"path": "/.env"}, {"headers": {"Connection": "X-A"}}, {"headers": {"Upgrade": "websocket", "Connection": "upgrade"}}]
        for retries in (0, 2):
            for options in ({}, {"policy": POLICY}):
                instance = self.gateway(document([a.address, b.address], routes, retries=retries), **options)
                self.assertEqual(self.all(instance, requests), [404] * len(requests))
                self.assertEqual(h2.statuses(ask_h2(instance.h2_port, h2.request(1, b"/"))), {1: 404})
                lines = self.lines(instance, len(requests) + 1)
                self.assertEqual({(line["status"], line["peer"], line["peer_status"], line["error"], line["decided"]) for line in lines}, {(404, "", "", "404", "no_route")})
                self.assert_quiet(instance)
                # and what is the servers' own 404 is theirs
                self.assertEqual(instance.get("/x/", "shop.example").status, 200)
                line = self.lines(instance, len(lines) + 1)[-1]
                self.assertIn((line["peer"], line["peer_status"], line["decided"]), [(one.address, "200", "") for one in (a, b)])
        self.assertEqual(set(a.seen + b.seen), {"GET /x/"})

    def test_no_server(self):
        a, b = self.backend("A"), self.backend("B")
        for options in ({}, {"policy": POLICY}):
            for retries in (0, 1):
                instance = self.gateway(document([a.address, b.address], retries=retries), **options)
                for server in (a, b):
                    answer = instance.admin("PUT", "/v1/overrides/up/" + server.address, {"state": "maint", "reason": "x", "ignore_min_healthy": True})
                    self.assertEqual(answer.status, 200, answer.text())
                self.assertEqual(self.all(instance, [{"path": "/%d" % n} for n in range(20)] + [{"method": "POST", "body": b"x" * 900}]), [503] * 21)
                self.assertEqual({(line["status"], line["peer"], line["peer_status"], line["decided"], line["route"]) for line in self.lines(instance, 21)},
                                 {(503, "", "", "no_server", self.lines(instance, 1)[0]["route"])})
                self.assertIn("upstream=up", self.lines(instance, 1)[0]["route"])
                self.assert_quiet(instance)

    def test_policies(self):
        a = self.backend("A")
        routes = [{"path": "/", "upstream": "up"}, {"path": "/limited", "upstream": "up", "rate_limit": {"requests": 1, "per": "1h"}}, {"path": "/small", "upstream": "up", "client_max_body_size": "10"},
                  {"path": "/api", "upstream": "up", "rewrite": "/new/"}]
        instance = self.gateway(document([a.address], routes), policy=POLICY)
        chunked = b"Transfer-Encoding: chunked\r\n\r\n14\r\n" + b"x" * 20 + b"\r\n0\r\n\r\n"
        wanted = []
        for head, status, decided in ((b"GET /limited", 200, ""), (b"GET /limited", 429, "rate_limit"), (b"POST /small", 413, "client_max_body_size"), (b"GET /api../x", 404, "no_route"), (b"GET /", 200, "")):
            more = chunked if b"POST" in head else b"\r\n"
            answer = ask(instance.port, head + b" HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + more)
            self.assertEqual(int(answer.split(b" ", 2)[1]), status, answer)
            wanted.append((status, a.address if status == 200 else "", "200" if status == 200 else "", decided))
        ask(instance.port, b"GET / HTTP/1.1\r\nHost: evil.com#\r\nConnection: close\r\n\r\n")
        wanted.append((400, "", "", "bad_request"))
        self.assertEqual([(line["status"], line["peer"], line["peer_status"], line["decided"]) for line in self.lines(instance, len(wanted))], wanted)
        self.assert_quiet(instance)

    def test_what_nginx_turns_away(self):
        """Before any of our phases: no server was asked, and the log says what was wrong."""
        a = self.backend("A")
        long = b"x" * 40000
        requests = [(b"NO HTTP\r\n\r\n", 400, "bad_request"), (b"GET / HTTP/1.1\r\n\r\n", 400, "bad_request"), (b"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"),
                    (b"GET /../.. HTTP/1.1\r\nHost: x\r\n\r\n", 400, "bad_request"), (b"TRACE / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", 405, "method"),
                    (b"GET /" + long + b" HTTP/1.1\r\nHost: x\r\n\r\n", 414, "uri_length"), (b"GET / HTTP/1.1\r\nHost: x\r\nX-A: " + long + b"\r\n\r\n", 400, "bad_request"),
                    (b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", 501, "transfer_encoding"), (b"GET / HTTP/3.0\r\nHost: x\r\n\r\n", 505, "http_version"),
                    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: x\r\n\r\n", 400, "bad_request")]
        for options in ({}, {"policy": POLICY}):
            instance = self.gateway(document([a.address]), **options)
            for n, (data, status, decided) in enumerate(requests, 1):
                ask(instance.port, data)
                line = self.lines(instance, n)[-1]
                self.assertEqual((line["status"], line["peer"], line["peer_status"], line["decided"]), (status, "", "", decided), data[:60])
        self.assertEqual(a.seen, [])

    def test_too_large(self):
        """A length that is too large is 413 on whatever way the request goes, and the largest that may be is served there."""
        most, ways = 1 << 20, [{}, {"Connection": "X-A"}, {"Upgrade": "h2c"}, {"Connection": "upgrade", "Upgrade": "websocket"}, {"Host": "nobody.invalid"}]
        for options in ({}, {"policy": POLICY}):
            a = self.backend("A")
            routes = [{"path": "/", "upstream": "up", **({"client_max_body_size": str(most)} if options else {})}]
            instance = self.gateway(document([a.address], routes), **options)

            def post(length, way):
                connection = http.client.HTTPConnection("127.0.0.1", instance.port, timeout=10)
                connection.request("POST", "/", b"x" * length, way)
                status = connection.getresponse().status
                connection.close()
                return status
            self.assertEqual([post(most + 1, way) for way in ways], [413] * len(ways))
            for length in (b"1048577", b"0001048577", b"9999999", b"1050000", b"3000000000", b"20000000000000"):
                for method, more in ((b"POST", b""), (b"HEAD", b"Connection: X-A, close\r\n"), (b"PUT", b"Expect: 100-continue\r\n")):
                    answer = head_of(instance.port, method + b" / HTTP/1.1\r\nHost: x\r\n" + more + b"Content-Length: " + length + b"\r\n\r\n")
                    self.assertEqual(answer.split(b" ", 2)[1], b"413", (method, length))
            self.assertEqual(h2.statuses(ask_h2(instance.h2_port, h2.request(1, b"/", b"x", [(b"content-length", b"1048577"), (b"connection", b"x-a")], b"POST", False))), {1: 413})
            lines = self.lines(instance, len(ways) + 19)
            self.assertEqual({(line["status"], line["peer"], line["decided"]) for line in lines}, {(413, "", "client_max_body_size")})
            self.assert_quiet(instance)
            self.assertEqual(a.seen, [])
            self.assertEqual([post(most, way) for way in ways], [200] * len(ways))

    def test_a_dead_pool_is_one(self):
        dead = ["127.0.0.%d:%d" % (n, free_port()) for n in (1, 2, 3)]
        for options in ({}, {"policy": POLICY}):
            for retries in (0, 1, 2, 5):
                instance = self.gateway(document(dead, retries=retries), **options)
                self.assertEqual(self.all(instance, [{}] * 3), [502] * 3)
                for line in self.lines(instance, 3):
                    tries = min(retries, 2) + 1
                    self.assertEqual((line["status"], line["decided"], len(line["peer"].split(", ")), line["peer_status"]), (502, "no_answer", tries, ", ".join(["502"] * tries)))
                self.assertEqual(instance.errors().count("connect() failed"), 3 * tries)


if __name__ == "__main__":
    unittest.main()
