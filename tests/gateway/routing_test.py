#!/usr/bin/python3
"""Requests find the upstream that the routes name."""
import posixpath
import random
import signal
import socket
import subprocess
import unittest
import urllib.parse

from harness import GatewayTest, ask, before_location, document, free_port, wait_for

MIB = 1 << 20
POLICY = {"limit": MIB, "cap": MIB}


class Recorder:
    """What backends have received: heads by lower-case name, with method, path and backend's name."""

    def __init__(self, test, *names):
        self.got = []
        self.backends = {}
        for name in names:
            self.backends[name] = test.backend(name, behave=self.behaviour(name))

    def behaviour(self, name):
        def behave(request, head):
            self.got.append(dict(head, name=name, line=request.server.seen[-1]))
        return behave

    def document(self, *routes):
        return {"format": 1, "routes": list(routes), "upstreams": [
            {"name": n, "servers": [{"address": b.address}]} for n, b in self.backends.items()]}

    @property
    def last(self):
        return self.got[-1]


def raw(instance, data, limit=10):
    """The bytes answered to raw bytes, until the connection is closed."""
    return ask(instance.port, data, limit)


def without_buffering(text):
    """nginx.conf whose server would have bodies go on while they come; its locations know better."""
    return before_location(text, "    proxy_request_buffering off;\n")


def chunked(size, path="/", host="test", chunk=8192):
    head = "POST %s HTTP/1.1\r\nHost: %s\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
    body = b""
    while size > 0:
        part = min(size, chunk)
        body += b"%x\r\n%s\r\n" % (part, b"x" * part)
        size -= part
    return (head % (path, host)).encode() + body + b"0\r\n\r\n"


def status_of(answer):
    return int(answer.split(b" ", 2)[1])


class Routing(GatewayTest):
    def setUp(self):
        self.backends = {n: self.backend(n) for n in ("exact", "wild", "any", "api")}

    def routes(self, routes):
        return {"format": 1, "routes": routes, "upstreams": [
            {"name": n, "servers": [{"address": b.address}]} for n, b in self.backends.items()]}

    def test_host_and_path_choose_the_upstream(self):
        i = self.instance(self.routes([
            {"host": "WWW.test1.com", "path": "/", "upstream": "exact"},
            {"host": "*.test1.com", "path": "/", "upstream": "wild"},
            {"host": "*.test1.com", "path": "/api/", "upstream": "api"},
            {"path": "/", "upstream": "any"}]))
        for host, path, name in [
                ("www.test1.com", "/", "exact"), ("www.TEST1.com", "/", "exact"),
                ("www.test1.com:8080", "/x", "exact"), ("www.test1.com.", "/x", "exact"),
                ("b.test1.com", "/", "wild"), ("c.b.test1.com", "/", "wild"),
                ("b.test1.com", "/api/x?y=1", "api"), ("b.test1.com", "/%61pi/x", "api"),
                ("b.test1.com", "/api/x/../", "api"), ("b.test1.com", "/api", "wild"),
                ("test1.com", "/", "any"), ("xtest1.com", "/", "any"), ("[::1]", "/", "any")]:
            with self.subTest(host=host, path=path):
                self.assertEqual(i.get(path, host).text(), name)

    def test_no_route_is_a_404_problem_and_keeps_the_connection(self):
        i = self.instance(self.routes([{"host": "a.b", "path": "/x", "upstream": "any"}]))
        for host, path in (("a.b", "/y"), ("b", "/x")):
            answer = i.get(path, host)
            self.assert_problem(answer, 404)
            self.assertNotEqual(answer.headers["Connection"], "close")
        self.assertEqual(i.get("/xy", "a.b").text(), "any")
        self.assertEqual(i.get("/y", "a.b", "HEAD").status, 404)
        self.assertEqual(i.get("/y", "a.b", "POST", "body").status, 404)

    def test_empty_upstream_is_a_503_problem(self):
        i = self.instance(document([]))
        answer = i.get()
        self.assert_problem(answer, 503)
        self.assertNotEqual(answer.headers["Connection"], "close")

    def test_the_backend_sees_host_and_client(self):
        heads = []

        def behave(request, head):
            heads.append(head)
        backend = self.backend(behave=behave)
        i = self.instance(document([backend.address]))
        i.get(host="www.test1.com:8080", headers={"X-Forwarded-For": "10.9.9.9"})
        self.assertEqual(heads[0]["host"], "www.test1.com:8080")
        self.assertEqual(heads[0]["x-forwarded-for"], "10.9.9.9, 127.0.0.1")
        self.assertNotIn("connection", heads[0])

    def test_a_backends_own_errors_pass_through_untouched(self):
        for status in (404, 500, 502, 503, 504):
            def behave(request, head, status=status):
                request.answer(status, "mine")
                return True
            i = self.instance(document([self.backend(behave=behave).address]))
            answer = i.get()
            self.assertEqual((answer.status, answer.text()), (status, "mine"))

    def test_a_client_cannot_forge_what_the_gateway_says_of_it(self):
        r = Recorder(self, "a")
        for policy in (None, POLICY):
            i = self.instance(r.document({"path": "/", "upstream": "a"}), policy=policy)
            i.get(host="a.test:81", headers={
                "X-Real-IP": "6.6.6.6", "x-real-ip": "6.6.6.6", "X_Real_IP": "6.6.6.6",
                "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil",
                "X-Forwarded-For": "6.6.6.6"})
            self.assertEqual(
                {n: v for n, v in r.last.items() if "real" in n or "forwarded" in n},
                {"x-real-ip": "127.0.0.1", "x-forwarded-proto": "http",
                 "x-forwarded-host": "a.test:81", "x-forwarded-for": "6.6.6.6, 127.0.0.1"})


class Matching(GatewayTest):
    """Method, headers, hosts, exact path and timeouts: they need no phases of their own."""

    def setUp(self):
        self.r = Recorder(self, "a", "b", "c", "d")

    def test_hosts_exact_paths_methods_and_headers(self):
        i = self.instance(self.r.document(
            {"hosts": ["a.test", "*.B.test"], "path": "/", "upstream": "a"},
            {"hosts": ["a.test"], "path": "/x", "match": "exact", "upstream": "b"},
            {"host": "a.test", "path": "/", "methods": ["GET"], "headers": {"X-Canary": "1"},
             "upstream": "c"},
            {"host": "a.test", "path": "/", "methods": ["DELETE", "M-SEARCH"], "upstream": "d"},
            {"host": "a.test", "path": "/", "headers": {"x-user": "ann*"}, "upstream": "b"},
            {"host": "a.test", "path": "/", "headers": {"cookie": "*"}, "upstream": "d"},
            {"path": "/any", "methods": ["PUT"], "upstream": "b"}))
        for host, path, method, headers, name in [
                ("a.test", "/", "GET", {}, "a"), ("x.b.test", "/", "POST", {}, "a"),
                ("a.test", "/x", "GET", {"x-canary": "1"}, "b"), ("a.test", "/x/", "GET", {}, "a"),
                ("a.test", "/", "GET", {"x-CANARY": "1"}, "c"),
                ("a.test", "/", "GET", {"x-canary": "11"}, "a"),
                ("a.test", "/", "POST", {"x-canary": "1"}, "a"),
                ("a.test", "/", "DELETE", {"x-user": "ann"}, "d"),
                ("a.test", "/", "M-SEARCH", {}, "d"),
                ("a.test", "/", "GET", {"x-user": "anna"}, "b"),
                ("a.test", "/", "GET", {"x-user": "an"}, "a"),
                ("a.test", "/", "GET", {"cookie": "c=1"}, "d"),
                ("a.test", "/", "GET", {"cookie": "c=1", "x-canary": "1"}, "c"),
                ("a.test", "/any", "PUT", {}, "a"), ("other", "/any/x", "PUT", {}, "b")]:
            with self.subTest(host=host, path=path, method=method, headers=headers):
                self.assertEqual(i.get(path, host, method, headers=headers).text(), name)
        i.get("/", "a.test", "HEAD", headers={"x-canary": "1"})
        self.assertEqual(self.r.last["name"], "c")
        self.assert_problem(i.get("/any", "other", "GET"), 404)

    def test_header_conditions_change_while_running(self):
        canary = {"path": "/", "headers": {"x-canary": "1"}, "upstream": "b"}
        i = self.instance(self.r.document({"path": "/", "upstream": "a"}))
        for wanted in "b", "c", "d":
            canary["upstream"] = wanted
            i.put(self.r.document({"path": "/", "upstream": "a"}, canary))
            self.assertEqual(i.get(headers={"x-canary": "1"}).text(), wanted)
            self.assertEqual(i.get().text(), "a")

    def test_a_routes_own_timeouts_go_before_the_upstreams(self):
        silent = self.backend("S", behave=lambda request, head: request.rfile.read())
        doc = document([silent.address], read_timeout="30s", retries=0, routes=[
            {"path": "/quick", "read_timeout": "100ms", "upstream": "up"},
            {"path": "/connect", "connect_timeout": "20s", "read_timeout": "200ms",
             "upstream": "up"},
            {"path": "/", "upstream": "up"}])
        i = self.instance(doc)
        for path in "/quick", "/connect":
            self.assert_problem(i.get(path, timeout=10), 504)
        with self.assertRaises(TimeoutError):
            i.get("/", timeout=0.5)

    def test_a_route_with_a_policy_is_refused_until_a_reload_brings_the_phases(self):
        plain = self.r.document({"path": "/", "upstream": "a"})
        wanted = self.r.document({"path": "/", "upstream": "a"},
                                 {"path": "/api/", "strip_prefix": True, "upstream": "b"})
        i = self.instance(plain)
        answer = i.admin("PUT", "/v1/config", wanted)
        body = self.assert_problem(answer, 422, "/routes/1")
        self.assertEqual(body["pointer"], "/routes/1")
        self.assertIn("orctl apply", body["detail"])
        self.assertEqual(i.get("/api/x").text(), "a")
        i.policy = POLICY
        i.write_tree(wanted)
        i.hup()
        self.assertEqual((i.get("/api/x").text(), self.r.last["line"]), ("b", "GET /x"))
        i.put(self.r.document({"path": "/", "rewrite": "/new", "upstream": "a"}))
        self.assertEqual((i.get("/x").text(), self.r.last["line"]), ("a", "GET /new/x"))
        i.policy = None
        i.write_tree(plain)
        i.hup()
        self.assertEqual((i.get("/api/x").text(), self.r.last["line"]), ("a", "GET /api/x"))
        self.assertNotIn("attempt to", i.errors())

    def test_a_tree_whose_nginx_conf_lacks_the_phases_does_not_start(self):
        i = self.instance(self.r.document({"path": "/", "redirect": {"target": "/x"}}),
                          start=False)
        with self.assertRaisesRegex(AssertionError, "/routes/0: this route has a policy"):
            i.start()

    def test_workers_without_the_phases_keep_what_they_serve(self):
        """As a draining worker does that meets a document which only the next cycle can serve."""
        plain = self.r.document({"path": "/", "upstream": "a"})
        wanted = self.r.document({"path": "/", "rewrite": "/new", "upstream": "b"})
        i = self.instance(plain, workers=1, policy=POLICY)
        i.put(wanted)
        i.policy = None
        i.write_tree(plain)  # not a new document: the one that was sent stays current
        old = i.workers()
        i.master.send_signal(signal.SIGHUP)
        wait_for(lambda: not set(old) & set(i.workers()) and i.status()["workers"], what="reloaded")
        worker = i.status()["workers"][0]
        self.assertIn("/routes/0", worker["error"])
        self.assertEqual((i.get("/x").text(), self.r.last["line"]), ("a", "GET /x"))


class Policies(GatewayTest):
    def setUp(self):
        self.r = Recorder(self, "a", "b")

    def serve(self, *routes, policy=None):
        return self.instance(self.r.document(*routes), policy=policy or POLICY)

    def test_paths_are_rewritten(self):
        i = self.serve({"path": "/api/", "strip_prefix": True, "upstream": "a"},
                       {"path": "/api", "strip_prefix": True, "upstream": "a"},
                       {"path": "/old/", "rewrite": "/new", "upstream": "a"},
                       {"path": "/one", "match": "exact", "rewrite": "/two/", "upstream": "a"},
                       {"path": "/", "upstream": "b"})
        for path, wanted in [
                ("/api/x", "/x"), ("/api/x?q=%2F&r=a%20b", "/x?q=%2F&r=a%20b"), ("/api/", "/"),
                ("/api", "/"), ("/apical", "/cal"), ("/%61pi/x", "/x"),
                ("/api//x", "//x"), ("/api/a%2Fb", "/a%2Fb"), ("/api/a%20b%25", "/a%20b%25"),
                ("/api/%0d%0aX-Evil:%201", "/%0d%0aX-Evil:%201"), ("/api/%3fa%23", "/%3fa%23"),
                ("/api/%252e%252e/x", "/%252e%252e/x"), ("/api/x?/../y", "/x?/../y"),
                ("/api/%c3%a4", "/%c3%a4"), ("/api/\\x", "/\\x"),
                ("/api/" + "a" * 4000, "/" + "a" * 4000),
                ("/api/" + "%20" * 1500, "/" + "%20" * 1500),
                ("/old/x/y/", "/new/x/y/"), ("/old/", "/new/"), ("/one?a", "/two/?a"),
                # a route without a rewrite passes on what the client has sent
                ("/x//y/%2F/../z?a=b", "/x//y/%2F/../z?a=b"), ("/one/", "/one/")]:
            with self.subTest(path=path[:80]):
                self.assertEqual(i.get(path).status, 200)
                self.assertEqual(self.r.last["line"], "GET " + wanted)

    def test_no_path_escapes_its_route(self):
        i = self.serve({"path": "/api", "rewrite": "/in/", "upstream": "a"},
                       {"path": "/", "upstream": "b"})
        for path in ("/api../secret", "/api..", "/api./x", "/api%2e%2e/secret",
                     "/api%2e%2e%2fsecret", "/x/../api../secret", "/api../"):
            answer = i.get(path)
            self.assert_problem(answer, 404)
        # some server would take them for paths of the other route
        for path in ("/api/../secret", "/api/%2e%2e/secret", "/api%2f..%2fsecret", "/x/../api/y", "/api/\\..\\x"):
            self.assert_problem(i.get(path), 404)
        self.assertEqual(self.r.got, [])
        for path in ("/api/../../secret", "/api/%2e%2e/%2e%2e/secret"):
            self.assertEqual(i.get(path).status, 400)
        self.assertEqual([g["line"] for g in self.r.got if g["name"] == "a"], [])

    def test_random_targets_stay_below_the_rewrite_and_end_no_header(self):
        i = self.serve({"path": "/api", "rewrite": "/in/side/", "upstream": "a"},
                       {"path": "/", "upstream": "b"})
        rng = random.Random(7)
        parts = ["/", "..", ".", "%2e", "%2F", "%5c", "%0d%0a", "%00", "a", "//", "%25", ";", "?",
                 "\\", "%c0%af", "%3f", "&", "=", "#", "\"", "<", "{", "~", "%7f", "@"]
        for _ in range(1500):
            path = "/api" + "".join(rng.choice(parts) for _ in range(rng.randint(1, 7)))
            before = len(self.r.got)
            status = status_of(raw(i, ("GET %s HTTP/1.0\r\nHost: t\r\n\r\n" % path).encode()))
            self.assertIn(status, (200, 400, 404), path)
            if len(self.r.got) == before:
                continue
            got = self.r.last
            self.assertLessEqual(set(got) - {"name", "line", "body"},
                                 {"host", "x-real-ip", "x-forwarded-for", "x-forwarded-proto",
                                  "x-forwarded-host", "connection"}, path)
            if got["name"] == "a":
                sent = got["line"].split(" ", 1)[1].split("?")[0]
                self.assertTrue(sent.startswith("/in/side/"), (path, sent))
                self.assertNotRegex(sent, r"[^!-~]", path)
                place = posixpath.normpath(urllib.parse.unquote(sent, "latin-1").replace("\\", "/"))
                self.assertTrue((place + "/").startswith("/in/side/"), (path, sent))

    def test_redirects(self):
        i = self.serve(
            {"host": "old.test", "path": "/", "redirect": {
                "status": 308, "target": "https://new.test"}},
            {"host": "tls.test", "path": "/", "redirect": {"target": "https://{host}:8443/"}},
            {"path": "/a/", "redirect": {"status": 301, "target": "/b/?z=1"}},
            {"path": "/p", "match": "exact", "redirect": {
                "status": 307, "target": "https://new.test/q", "keep_query": False}},
            {"path": "/gone/", "redirect": {"target": "/here", "keep_path": False},
             "response_headers": {"set": {"Cache-Control": "no-store"}}},
            {"path": "/", "upstream": "a"})
        for host, path, status, location in [
                ("old.test", "/", 308, "https://new.test/"),
                ("old.test", "/x%20y?q=1", 308, "https://new.test/x%20y?q=1"),
                ("old.test", "/%0d%0aSet-Cookie:%20a=b", 308,
                 "https://new.test/%0d%0aSet-Cookie:%20a=b"),
                ("old.test", "//evil.test/", 308, "https://new.test//evil.test/"),
                ("old.test", "/.evil.test", 308, "https://new.test/.evil.test"),
                ("TLS.test:80", "/x", 302, "https://tls.test:8443/x"),
                ("t", "/a/x?y", 301, "/b/x?z=1&y"), ("t", "/a/?%0d%0aX:1", 301, "/b/?z=1&%0d%0aX:1"),
                ("t", "/p?q", 307, "https://new.test/q"), ("t", "/gone/x?a", 302, "/here?a")]:
            with self.subTest(host=host, path=path):
                answer = i.get(path, host)
                self.assertEqual((answer.status, answer.headers["Location"]), (status, location))
                self.assertIsNone(answer.headers["Set-Cookie"])
                self.assertNotEqual(answer.headers["Connection"], "close")
        self.assertEqual(i.get("/gone/").headers["Cache-Control"], "no-store")
        self.assertEqual(i.get("/a/", method="POST", body="x" * 1000).status, 301)
        self.assertEqual(self.r.got, [])
        self.assertEqual(i.get("/").text(), "a")

    def test_a_redirect_with_a_body_leaves_the_connection_in_step(self):
        i = self.serve({"path": "/a", "redirect": {"target": "/b", "keep_path": False}},
                       {"path": "/", "upstream": "a"})
        answer = raw(i, b"POST /a HTTP/1.1\r\nHost: t\r\nContent-Length: 30\r\n\r\n"
                        b"GET /smuggled HTTP/1.1\r\n\r\n....GET /step HTTP/1.1\r\nHost: t\r\n"
                        b"Connection: close\r\n\r\n")
        self.assertEqual(answer.count(b"HTTP/1.1 "), 2, answer)
        self.assertEqual([g["line"] for g in self.r.got], ["GET /step"])

    def test_request_headers(self):
        i = self.serve({"path": "/", "upstream": "a", "request_headers": {
            "set": {"X-Team": "pay; a=\"b\" $host %41", "Accept-Encoding": "identity",
                    "x_under": "1"},
            "add": {"X-Via": "gate"}, "remove": ["Cookie", "x-secret", "X-None"]}},
            {"path": "/plain", "upstream": "b"})
        i.get(headers={"X-Team": "forged", "x-via": "client", "Cookie": "c=1", "X-Secret": "s",
                       "Accept-Encoding": "gzip", "X-Kept": "k"})
        got = self.r.last
        self.assertEqual(got["x-team"], "pay; a=\"b\" $host %41")
        self.assertEqual((got["x-kept"], got["accept-encoding"], got["x_under"]),
                         ("k", "identity", "1"))
        self.assertEqual(got["x-via"], "gate")  # the last of both, as this backend keeps one
        for name in ("cookie", "x-secret", "x-none"):
            self.assertNotIn(name, got)
        i.get("/plain", headers={"X-Team": "mine", "Cookie": "c=1"})
        self.assertEqual((self.r.last["x-team"], self.r.last["cookie"]), ("mine", "c=1"))

    def test_response_headers(self):
        def behave(request, head):
            request.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-Powered-By: old\r\n"
                                b"Set-Cookie: a=1\r\nX-Frame: yes\r\nContent-Type: text/x\r\n\r\nok")
            return True
        backend = self.backend("H", behave=behave)
        edits = {"set": {"X-Frame": "DENY", "Strict-Transport-Security": "max-age=1; a, b",
                         "X_Under": "u", "Content-Type": "text/y"},
                 "add": {"Set-Cookie": "b=2", "X-New": "n"}, "remove": ["X-Powered-By", "x-none"]}
        i = self.instance(document([backend.address], routes=[
            {"path": "/", "upstream": "up", "response_headers": edits},
            {"path": "/plain", "upstream": "up"}]), policy=POLICY)
        for _ in range(3):
            answer = i.get()
            self.assertEqual(answer.text(), "ok")
            self.assertIsNone(answer.headers["X-Powered-By"])
            self.assertEqual(answer.headers.get_all("X-Frame"), ["DENY"])
            self.assertEqual(answer.headers.get_all("Set-Cookie"), ["a=1", "b=2"])
            self.assertEqual((answer.headers["X-New"], answer.headers["X_Under"]), ("n", "u"))
            self.assertEqual(answer.headers["Strict-Transport-Security"], "max-age=1; a, b")
            self.assertEqual(answer.headers["Content-Type"], "text/y")
        answer = i.get("/plain")
        self.assertEqual((answer.headers["X-Powered-By"], answer.headers["X-Frame"]),
                         ("old", "yes"))

    def test_answers_of_the_gateway_itself_are_not_edited(self):
        dead = self.backend()
        dead.close()
        i = self.instance(document([dead.address], routes=[
            {"path": "/", "upstream": "up", "response_headers": {"set": {"X-A": "1"}}}]),
            policy=POLICY)
        answer = i.get()
        self.assert_problem(answer, 502)
        self.assertIsNone(answer.headers["X-A"])

    def test_bodies_are_limited_with_and_without_a_length(self):
        limits = {"limit": 3000, "cap": 200000}
        i = self.serve({"path": "/small", "client_max_body_size": "1k", "upstream": "a"},
                       {"path": "/large", "client_max_body_size": "200000", "upstream": "a"},
                       {"path": "/", "upstream": "b"}, policy=limits)
        for path, limit in (("/small", 1024), ("/large", 200000), ("/", 3000)):
            for size in (0, 1, limit - 1, limit, limit + 1, limit + 5000, 200001):
                wanted = 200 if size <= limit else 413
                with self.subTest(path=path, size=size):
                    before = len(self.r.got)
                    answer = i.get(path, method="POST", body=b"x" * size)
                    self.assertEqual(answer.status, wanted)
                    self.assertEqual(status_of(raw(i, chunked(size, path))), wanted)
                    got = self.r.got[before:]
                    self.assertEqual([len(g["body"]) for g in got],
                                     [size, size] if wanted == 200 else [])
        self.assert_problem(i.get("/small", method="POST", body=b"x" * 2000), 413)
        answer = i.admin("PUT", "/v1/config", self.r.document(
            {"path": "/", "client_max_body_size": "1m", "upstream": "a"}))
        self.assert_problem(answer, 422, "/routes/0/client_max_body_size")
        i.put(self.r.document({"path": "/", "client_max_body_size": "2k", "upstream": "a"}))
        self.assertEqual(i.get("/small", method="POST", body=b"x" * 2000).status, 200)

    def test_bodies_are_limited_where_nginx_does_not_keep_them_at_once(self):
        i = self.instance(self.r.document({"path": "/", "client_max_body_size": "1k", "upstream": "a"}),
                          policy=POLICY, edits=[without_buffering])
        for size, wanted in ((1024, 200), (200000, 413)):
            self.assertEqual(status_of(raw(i, chunked(size))), wanted)

    def test_bodies_over_http2_are_limited_without_a_length(self):
        port = free_port()
        self.instance(self.r.document({"path": "/", "client_max_body_size": "1k", "upstream": "a"}),
                      policy=POLICY, edits=[lambda text: before_location(text, "    listen 127.0.0.1:%d http2;\n" % port)])
        for size, wanted in ((1024, 200), (1025, 413), (200000, 413)):
            before = len(self.r.got)
            said = subprocess.run(
                ["curl", "-sS", "--http2-prior-knowledge", "-o", "/dev/null", "-w",
                 "%{http_version} %{http_code}", "-X", "POST", "-T", "-", "-H", "Host: test",
                 "http://127.0.0.1:%d/" % port], input=b"x" * size, capture_output=True, timeout=30)
            self.assertEqual((said.stdout.decode(), said.stderr), ("2 %d" % wanted, b""))
            self.assertEqual([len(g["body"]) for g in self.r.got[before:]],
                             [size] if wanted == 200 else [])

    def test_a_saved_document_that_needs_more_than_nginx_has_is_refused_at_start(self):
        def limited(size, upstream):
            return self.r.document({"path": "/", "client_max_body_size": size,
                                    "upstream": upstream})
        i = self.instance(limited("1k", "a"), policy={"limit": 1000, "cap": 4096})
        i.put(limited("4k", "b"), x_save="1")
        self.assertEqual(i.get().text(), "b")
        i.master.terminate()
        i.master.wait(10)
        i.policy = {"limit": 1000, "cap": 2048}
        i.write_tree()
        i.start()
        self.assertEqual(i.get().text(), "a")
        self.assertIn("/routes/0/client_max_body_size: nginx itself takes at most 2048", i.errors())

    def test_no_limit_where_the_route_says_so(self):
        i = self.serve({"path": "/all", "client_max_body_size": "0", "upstream": "a"},
                       {"path": "/", "upstream": "b"}, policy={"limit": 1000, "cap": 0})
        for path, status in (("/all", 200), ("/", 413)):
            self.assertEqual(i.get(path, method="POST", body=b"x" * 3 * MIB).status, status)
            self.assertEqual(status_of(raw(i, chunked(3 * MIB, path))), status)

    def test_timeouts_methods_and_headers_work_beside_policies(self):
        silent = self.backend("S", behave=lambda request, head: request.rfile.read())
        i = self.instance(document([silent.address], retries=0, routes=[
            {"path": "/", "methods": ["GET"], "headers": {"x-a": "1"}, "strip_prefix": True,
             "read_timeout": "100ms", "upstream": "up"}]), policy=POLICY)
        self.assert_problem(i.get(headers={"x-a": "1"}), 504)
        self.assert_problem(i.get(), 404)

    def test_policies_change_with_the_next_request_of_every_worker(self):
        i = self.serve({"path": "/", "rewrite": "/0", "upstream": "a"})
        connections = i.open_until_all()
        for connection in connections.values():
            self.addCleanup(connection.close)
        for n in range(1, 20):
            route = {"path": "/", "rewrite": "/%d" % n, "upstream": "ab"[n % 2],
                     "response_headers": {"set": {"X-N": str(n)}}}
            i.put(self.r.document(route))
            for connection in connections.values():
                connection.request("GET", "/x", headers={"Host": "t"})
                answer = connection.getresponse()
                self.assertEqual((answer.read(), answer.headers["X-N"], self.r.last["line"]),
                                 (b"ab"[n % 2:n % 2 + 1], str(n), "GET /%d/x" % n))

    def test_an_upstream_that_goes_while_a_body_arrives_is_a_404(self):
        i = self.serve({"path": "/", "rewrite": "/n", "upstream": "a"})
        with socket.create_connection(("127.0.0.1", i.port), 10) as s:
            s.sendall(b"POST /x HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n"
                      b"Expect: 100-continue\r\n\r\n")
            self.assertIn(b"100 Continue", s.recv(1000))
            i.put({"format": 1, "upstreams": [], "routes": [
                {"path": "/", "redirect": {"target": "/z"}}]})
            s.sendall(b"x" * 10)
            self.assertEqual(status_of(s.recv(1000)), 404)
        self.assertNotIn("attempt to", i.errors())


if __name__ == "__main__":
    unittest.main()
