#!/usr/bin/python3
"""Requests find the upstream that the routes name."""
import unittest

from harness import GatewayTest, document


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
                ("b.test1.com", "/x/../api/", "api"), ("b.test1.com", "/api", "wild"),
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


if __name__ == "__main__":
    unittest.main()
