#!/usr/bin/python3
"""The admin endpoint takes what it must and refuses the rest, always with a problem document."""
import json
import os
import random
import resource
import socket
import time
import unittest

from harness import NAME, Answer, GatewayTest, Instance, UnixConnection, document, encode, memory, receive_all, wait_for


class Admin(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.i = Instance(document(["127.0.0.1:1"]))
        cls.addClassCleanup(cls.i.close)
        cls.i.start()

    def tearDown(self):
        self.assertNotIn("[alert]", self.i.errors())
        self.assertNotIn("lua entry thread aborted", self.i.errors())

    def refused(self, status, method="GET", path="/v1/status", body=None, **headers):
        answer = self.i.admin(method, path, body,
                              {k.replace("_", "-"): v for k, v in headers.items()})
        return self.assert_problem(answer, status), answer

    def raw(self, data):
        """Status and problem of the answer to raw bytes."""
        answer = self.i.raw_admin(data)
        head, _, body = answer.partition(b"\r\n\r\n")
        self.assertIn(b"application/problem+json", head, answer[:300])
        return int(head.split()[1]), json.loads(body)["status"]

    def test_status_has_its_members(self):
        status = self.i.status()
        self.assertEqual(set(status), {"leaving", "overrides", "override_version", "name", "generation", "digest", "tree", "workers",
                                       "worker_count", "worker", "uptime", "versions"})
        self.assertEqual(set(status["workers"][0]), {"id", "override_version", "pid", "generation", "digest", "tree", "certs"})
        self.assertEqual(status["name"], NAME)
        self.assertIn(status["worker"], [worker["pid"] for worker in status["workers"]])
        self.assertRegex(status["versions"]["nginx"], r"^1\.\d+\.\d+$")
        self.assertRegex(status["versions"]["ngx_lua"], r"^0\.10\.\d+$")

    def test_only_the_host_localhost_is_served(self):
        for host in ("evil.example", "127.0.0.1", "localhost.evil.example", "localhost:80"):
            self.refused(421, Host=host)
        self.assertEqual(self.raw(b"GET http://evil/v1/status HTTP/1.1\r\nHost: localhost\r\n"
                                  b"Connection: close\r\n\r\n"), (421, 421))
        self.assertEqual(self.raw(b"GET /v1/status HTTP/1.0\r\n\r\n"), (421, 421))

    def test_web_pages_are_refused(self):
        self.refused(403, Origin="http://localhost")
        self.refused(403, Origin="null")
        self.refused(403, Sec_Fetch_Site="same-origin")
        self.refused(403, "PUT", "/v1/config", document(["127.0.0.1:2"]), Origin="http://x")

    def test_unknown_paths_and_methods_are_refused(self):
        for path in ("/", "/v1", "/v1/", "/v1/statusx", "/v1/status/", "/v1/upstreams/",
                     "/v1/upstreams/up/x", "/v1/upstreams/none", "/v2/status", "/orctl_error"):
            self.refused(404, path=path)
        for method, path, allow in (("POST", "/v1/config", "GET, HEAD, PUT"),
                                    ("DELETE", "/v1/config", "GET, HEAD, PUT"),
                                    ("PUT", "/v1/status", "GET, HEAD"),
                                    ("PATCH", "/v1/upstreams", "GET, HEAD"),
                                    ("OPTIONS", "/v1/upstreams/up", "GET, HEAD, PUT"),
                                    ("POST", "/v1/overrides/up/1.2.3.4:1", "DELETE, PUT")):
            _, answer = self.refused(405, method, path)
            self.assertEqual(answer.headers["Allow"], allow)
        self.refused(405, "TRACE")

    def test_head_is_get_without_a_body(self):
        answer = self.i.admin("HEAD", "/v1/config")
        self.assertEqual((answer.status, answer.body), (200, b""))

    def test_put_needs_json(self):
        doc = document(["127.0.0.1:2"])
        for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", None):
            self.refused(415, "PUT", "/v1/config", doc, Content_Type=kind)
        for kind in ("application/json", "Application/JSON; charset=utf-8"):
            self.assertEqual(self.i.admin("PUT", "/v1/config", doc,
                                          {"Content-Type": kind}).status, 200)

    def test_bad_json_is_400_and_bad_documents_422_with_pointers(self):
        for body in (b"", b"{", b"{'a':1}", b"\xef\xbb{}", b"1e999", b'{"format":1e400}', b'{"format":1}{', b"[" * 50000,
                     b"[" * 65 + b"]" * 65, b'{"a":' * 70 + b"1" + b"}" * 70, b"NaN",
                     b"\xff\xfe\x00", b"\x00" * 100):
            self.refused(400, "PUT", "/v1/config", body)
        for body in (b"null", b"1", b'"x"', b"[]", b"{}", b"\xef\xbb\xbf{}", b'{"format":1e40}'):
            self.refused(422, "PUT", "/v1/config", body)
        body, _ = self.refused(422, "PUT", "/v1/config", {
            "format": 1, "upstreams": [{"name": "up", "servers": [
                {"address": "localhost:80"}, {"address": "1.1.1.1:1", "wieght": 3}]}],
            "routes": [{"path": "/", "upstream": "pu"}]})
        self.assertEqual([e["pointer"] for e in body["errors"]],
                         ["/routes/0/upstream", "/upstreams/0/servers/0/address",
                          "/upstreams/0/servers/1/wieght"])
        self.assertEqual(body["pointer"], "/routes/0/upstream")
        self.assertIn("host names are not resolved", body["errors"][1]["detail"])

    def test_an_empty_upstream_needs_leave(self):
        empty = document([])
        body, _ = self.refused(422, "PUT", "/v1/config", empty)
        self.assertIn("x-allow-empty", body["detail"])
        self.refused(422, "PUT", "/v1/config", empty, x_allow_empty="0")
        self.i.put(empty, x_allow_empty="1")

    def test_large_bodies_are_refused_by_length_and_chunked(self):
        head = b"PUT /v1/config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        size = 40 * 1024 * 1024
        self.assertEqual(self.raw(head + b"Content-Length: %d\r\n\r\n" % size), (413, 413))
        chunk = b"%x\r\n%s\r\n" % (size, b" " * size)
        self.assertEqual(self.raw(head + b"Transfer-Encoding: chunked\r\n\r\n" + chunk
                                  + b"0\r\n\r\n"), (413, 413))
        small = head.replace(b"/v1/config", b"/v1/status")
        self.assertEqual(self.raw(small + b"Content-Length: 65537\r\n\r\n"), (413, 413))

    def test_a_body_in_a_file_is_read(self):
        doc = document(["10.0.%d.%d:80" % (a, b) for a in range(30) for b in range(250)])
        self.assertGreater(len(encode(doc)), 200000)
        self.i.put(doc)
        self.assertEqual(self.i.admin("GET", "/v1/config").body, encode(doc))
        chunked = self.i.admin("PUT", "/v1/config", iter([encode(doc)[:99999],
                                                          encode(doc)[99999:] + b" "]))
        self.assertEqual(chunked.json()["changed"], True, chunked.text())

    def test_errors_of_nginx_itself_are_problems(self):
        get = b"GET /v1/status HTTP/1.1\r\nHost: localhost\r\n"
        self.assertEqual(self.raw(b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n"),
                         (414, 414))
        self.assertEqual(self.raw(get + b"X: " + b"a" * 33000 + b"\r\n\r\n"), (431, 431))
        for data in (b"garbage\r\n\r\n", b"GET /v1/status HTTP/1.1\r\n\r\n",
                     get + b"Host: localhost\r\n\r\n",
                     get + b"Content-Length: -1\r\n\r\n",
                     get + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
                     get + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"):
            self.assertEqual(self.raw(data), (400, 400), data[:60])

    def test_what_never_ends_is_closed_in_time(self):
        # Header and body have 3 s from their last byte on; all of these wait at once.
        head = b"PUT /v1/config HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        waiting = {}
        for data in (b"", b"GET /v1/sta", head, head + b"Content-Length: 50\r\n\r\n",
                     head + b"Content-Length: 50\r\n\r\n{\"format\":",
                     head + b"Transfer-Encoding: chunked\r\n\r\n5\r\n{\"for"):
            connection = socket.socket(socket.AF_UNIX)
            self.addCleanup(connection.close)
            connection.connect(os.path.join(self.i.run, "admin.sock"))
            connection.sendall(data)
            connection.settimeout(10)
            waiting[data] = connection
        begin = time.monotonic()
        for data, connection in waiting.items():
            answer = receive_all(connection)
            self.assertIn(answer[9:12], (b"", b"408"), data)
            self.assertLess(time.monotonic() - begin, 6, data)
        self.assertTrue(self.i.all_follow())

    def test_a_header_that_comes_byte_by_byte_is_closed_in_time(self):
        connection = socket.socket(socket.AF_UNIX)
        self.addCleanup(connection.close)
        connection.connect(os.path.join(self.i.run, "admin.sock"))
        connection.settimeout(0.05)  # the pace of the bytes
        begin, answer = time.monotonic(), None
        while answer is None:
            self.assertLess(time.monotonic() - begin, 6)
            try:
                connection.sendall(b"G")
                answer = connection.recv(65536)
            except socket.timeout:
                pass
            except ConnectionError:
                answer = b""
        self.assertGreater(time.monotonic() - begin, 2, "3 s are given")

    def test_1500_half_open_connections_keep_nobody_out(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE, (soft, hard))
        i = self.instance(document([self.backend("A").address]))
        for _ in range(3):
            half, begin = [], time.monotonic()
            for n in range(1500):
                connection = socket.socket(socket.AF_UNIX)
                self.addCleanup(connection.close)
                connection.connect(os.path.join(i.run, "admin.sock"))
                connection.settimeout(5)
                connection.sendall((b"", b"PUT /v1/config HTTP/1.1\r\nHost: localh",
                                    b"PUT /v1/config HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                                    b"application/json\r\nContent-Length: 9\r\n\r\n{")[n % 3])
                half.append(connection)
            for path in ("/v1/status", "/v1/config"):
                mark = time.monotonic()
                self.assertEqual(i.admin("GET", path).status, 200)
                self.assertLess(time.monotonic() - mark, 1)
            self.assertEqual(i.get().text(), "A")
            i.put(document([self.backend("A").address]))
            self.assertEqual(i.get().text(), "A")
            self.assertLess(time.monotonic() - begin, 3, "all 1,500 were still open")
            for connection in half:
                connection.close()

    def test_10000_malformed_bodies_keep_the_workers_and_the_document(self):
        self.i.put(document(["127.0.0.1:9"]))
        before, workers = self.i.admin("GET", "/v1/config").body, self.i.workers()
        rng = random.Random(7)
        seed = encode(document(["127.0.0.1:8"]))
        odd = [b"null", b"1e999", b'{"upstreams":{"1":"a"}}', b'{"routes":["\\ud800"]}',
               b'"' + b"A" * 30000, b"[[[[[[", b""]
        seen = set()
        connection = UnixConnection(os.path.join(self.i.run, "admin.sock"))
        self.addCleanup(connection.close)
        for n in range(10000):
            if n == 2000:
                base = memory(workers)
            body = bytearray(seed)
            for _ in range(rng.randint(1, 8)):
                kind = rng.randint(0, 6)
                at = rng.randrange(len(body) + 1)
                if kind == 0 and body:
                    body[at - 1] = rng.randrange(256)
                elif kind == 1:
                    body[at:at] = bytes(rng.choices(b'[]{}",:\\\x00\xff0e+-.', k=20))
                elif kind == 2:
                    del body[at:at + rng.randint(1, 9)]
                elif kind == 3:
                    body += b"[" * rng.choice([10, 100, 5000])
                elif kind == 4:
                    body = (body * 2)[:40000]
                elif kind == 5:
                    body = bytearray(rng.choice(odd))
                else:
                    body = bytearray(os.urandom(rng.randint(0, 300)))
            connection.request("PUT", "/v1/config", bytes(body) + b"!", {
                "Host": "localhost", "Content-Type": "application/json"})
            answer = Answer(connection.getresponse())
            seen.add(answer.status)
            answer.json()
        self.assertLessEqual(seen, {400, 422})
        self.assertEqual(self.i.workers(), workers)
        self.assertLess(memory(workers), base * 1.1 + (2 << 20), "memory is flat")
        self.assertEqual(self.i.admin("GET", "/v1/config").body, before)
        wait_for(self.i.all_follow, 2)


if __name__ == "__main__":
    unittest.main()
