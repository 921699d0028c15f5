#!/usr/bin/python3
"""Paths keep their bytes: what is matched, what the server or the client is told, and no path is led past a route's policies."""
import os
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "security"))
import h2_frames as h2
from harness import GatewayTest, ask
from host_test import Both, ask_h2, field, status

POLICY = {"limit": 1 << 20, "cap": 1 << 20}
# What follows a route's prefix, as sent; what the server is asked for and what Location says of it, where these are others.
KEPT = [b"/", b"", b"/x", b"/api/queues/%2F/orders", b"/api/v4/projects/group%2Fproj", b"/a%2fb", b"/caf%C3%A9%2Bx+y", b"/%2B+%20", b"//double//slash", b"/end//", b"///", b"/a;b=c/d;e",
        b"/;", b"/a%3Bb", b"/x/../y", b"/x/%2E%2e/y", b"/x/.%2e/", b"/.", b"/./", b"/x/..", b"/.../x", b"/.x/..y", b"/a%2F../b", b"/%E2%82%AC", b"/%ff%FE", b"/%7Euser/~user", b"/a%5Cb",
        b"/a:b@c", b"/a'()*!$&,=b", b"/%25", b"/%252F", b"/%3F%23", b"/%0d%0aX:%20y", b"/a%01", b"/http://evil.com/"]
ENCODED = {b"/caf\xc3\xa9": b"/caf%C3%A9", b"/a|b^c`{}\"<>": b"/a%7Cb%5Ec%60%7B%7D%22%3C%3E", b"/a\\b": b"/a%5Cb", b"/\xff": b"/%FF"}
QUERIES = [b"", b"?x=%2F&y=//../;z", b"?a?b", b"?\xc3\xa9"]


class Paths(GatewayTest):
    def setUp(self):
        self.got = []

        def behave(request, head):
            self.got.append((request.server.name, request.server.seen[-1].encode("latin-1").partition(b" ")[2]))
            return False
        self.servers = {name: self.backend(name, behave) for name in ("app", "admin")}

    def gateway(self, routes, **options):
        instance = Both({"format": 1, "routes": routes, "upstreams": [{"name": n, "servers": [{"address": s.address}]} for n, s in self.servers.items()]}, workers=1, **options)
        self.addCleanup(instance.close)
        return instance.start()

    def send(self, instance, target):
        """The answer, and what servers were asked for."""
        del self.got[:]
        answer = ask(instance.port, b"GET " + target + b" HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        return answer, list(self.got)

    def table(self, **more):
        routes = [{"path": "/plain/", "upstream": "app"}, {"path": "/rabbit/", "upstream": "app", "strip_prefix": True}, {"path": "/v1/", "upstream": "app", "rewrite": "/v2"},
                  {"path": "/v3/", "upstream": "app", "rewrite": "/v4/"}, {"path": "/mid", "upstream": "app", "rewrite": "/m"}, {"path": "/go/", "redirect": {"target": "https://{host}"}},
                  {"path": "/there/", "redirect": {"target": "/here/", "status": 301}}, {"path": "/same", "match": "exact", "upstream": "app", "rewrite": "/exact"}]
        return self.gateway(routes, policy=POLICY, **more)

    def test_only_the_prefix_changes(self):
        instance = self.table()
        for rest, said in [(one, one) for one in KEPT] + list(ENCODED.items()):
            for query in QUERIES:
                for prefix, before in ((b"/plain", b"/plain"), (b"/rabbit", b""), (b"/v1", b"/v2"), (b"/v3", b"/v4"), (b"/mid", b"/m"), (b"/%72abbit", b"")):
                    if rest == b"" and prefix != b"/mid":
                        continue  # is answered by no route
                    answer, got = self.send(instance, prefix + rest + query)
                    self.assertEqual((status(answer), got), (200, [("app", before + rest + query)]), prefix + rest + query)
                for prefix, before in ((b"/go", b"https://shop.example"), (b"/there", b"/here")):
                    if rest != b"":
                        answer, got = self.send(instance, prefix + rest + query)
                        self.assertEqual((status(answer), field(answer, b"Location"), got), (302 if prefix == b"/go" else 301, before + said + query, []))
        for target in (b"/same", b"/s%61me", b"//same", b"/./same"):
            self.assertEqual(self.send(instance, target + b"?q")[1], [("app", b"/exact?q")], target)

    def test_in_http2_and_in_absolute_form(self):
        instance = self.table()
        for rest in KEPT:
            if rest:
                for target in (b"http://shop.example/rabbit" + rest + b"?q", b"HTTP://SHOP.example:81/rabbit" + rest + b"?q"):
                    self.assertEqual(self.send(instance, target)[1], [("app", rest + b"?q")], target)
                del self.got[:]
                ask_h2(instance.h2_port, h2.request(1, b"/rabbit" + rest + b"?q", b"shop.example"))
                self.assertEqual(self.got, [("app", rest + b"?q")], rest)

    def test_a_path_that_comes_back_to_its_route_is_told_as_it_was_matched(self):
        instance = self.table()
        for target, wanted in ((b"/rabbit/../rabbit/a%2Fb", b"/a/b"), (b"/./rabbit/x%2By", b"/x+y"), (b"/rabbit/a/../../rabbit/b", b"/b"), (b"/rabbit/../rabbit/../rabbit/", b"/")):
            self.assertEqual(self.send(instance, target)[1], [("app", wanted)], target)
        self.assertEqual(status(self.send(instance, b"/x/../rabbit/y")[0]), 404)

    def test_what_is_no_path_reaches_no_server(self):
        for instance in (self.table(), self.gateway([{"path": "/", "upstream": "app"}, {"path": "/rabbit/", "upstream": "admin"}])):
            for target in (b"/rabbit/%00", b"/rabbit/a%00b", b"/%00", b"/rabbit/../../x", b"/..", b"/%2e%2e/x", b"/rabbit/%", b"/rabbit/%2", b"/rabbit/%zz", b"/rabbit/%2g", b"/rabbit/..%2F../%2e./x", b"rabbit/x", b"/rabbit/\x01", b"/rabbit/\x7f", b"*"):
                answer, got = self.send(instance, target)
                self.assertEqual((status(answer), got), (400, []), target)

    def test_a_path_never_climbs_out_of_its_route(self):
        routes = [{"path": "/api", "upstream": "app", "rewrite": "/new/"}, {"path": "/api-go", "redirect": {"target": "https://b.example/x/"}}]
        instance = self.gateway(routes, policy=POLICY)
        for rest in (b"../x", b"%2e%2e/x", b"..%2fx", b".", b"./x", b"..", b"%2E", b"..;/x"):
            for prefix in (b"/api", b"/api-go"):
                answer, got = self.send(instance, prefix + rest)
                self.assertEqual((status(answer), got), (404, []), prefix + rest)
        self.assertEqual(self.send(instance, b"/api..x")[1], [("app", b"/new/..x")])

    # Paths that mean one thing to the gateway and, to some server, something that another route is there for.
    TWO_WAYS = [b"/admin/..%2fpublic/x", b"/admin/x/..%2F..%2Fpublic/y", b"/admin/../public/x", b"/admin/%2e%2e/public/x", b"/admin/x/../../public/x", b"/public/..;/admin/x", b"/public/..;a=b/admin/x",
                b"/public/..%3b/admin/x", b"/public/..\\admin/x", b"/public/..%5Cadmin/x", b"/public/..%5cadmin%5cx", b"/public\\..\\admin\\x", b"/public/../admin/x", b"/public/%2e%2e/admin/x",
                b"/public/..%2fadmin/x", b"/x/..%2fadmin/x", b"/admin%2fx", b"/admin%2Fx", b"/%2fadmin%2fx", b"/public%2f..%2fadmin/x", b"/./x/..;/admin/x", b"/public/.;/..;/admin/x",
                b"/%61dmin/%2e%2e%2fpublic/x", b"/public/%2e%2e;/admin/x", b"/admin/..;/public/x", b"/admin\\x",
                b"/admin;x/y", b"/admin;/x", b"/admin%3bx=y/z", b"/;/admin/x", b"/;a=b/admin/x", b"/public/..;x/;y/admin;z/a", b"/public/x#/../../admin/secret", b"/public\\..\\admin/x#y", b"/public/..;/admin/x#/../../../public/z", b"/#/../admin/x", b"/x#;/..;y/admin/z"]
    # The same in other words: nobody could mean another route.
    ONE_WAY = {b"/admin/x": "admin", b"/%61dmin/x": "admin", b"//admin//x": "admin", b"/./admin/x": "admin", b"/admin/a%2Fb": "admin", b"/admin/a/../b": "admin", b"/admin/a/..;/b": "admin", b"/admin/%2e/x": "admin",
               b"/x/../admin/y": None, b"/public/a%2Fb": "app", b"/public/;x/..y": "app", b"/public/a;b/c": "app", b"/public/a%5Cb": "app", b"/public/.well-known/x": "app", b"/.well-known/x": "app",
               b"/y%2Fz": "app", b"/a/../b": "app", b"/a;x=../b": "app", b"/public/%252e%252e/x": "app", b"/admin/a;x/b;y": "admin", b"/admin/x#/y": "admin", b"/public/a#b": "app", b"/;x": "app", b"/adminx;y/z": "app"}

    def test_no_policy_is_passed(self):
        routes = [{"path": "/", "upstream": "app"}, {"path": "/public/", "upstream": "app"}, {"path": "/admin/", "upstream": "admin"}]
        limited = [dict(route, rate_limit={"requests": 1000}) if route["path"] == "/admin/" else route for route in routes]
        by_host = [dict(route, host=host) for route in routes for host in ("shop.example", "*.example")]
        for instance in (self.gateway(routes), self.gateway(limited, policy=POLICY), self.gateway(by_host)):
            for target in self.TWO_WAYS:
                for odd in (b"", b"?q=..", b"#f"):
                    answer, got = self.send(instance, target + odd)
                    self.assertEqual((status(answer), got), (404, []), target + odd)
                self.assertEqual(self.send(instance, b"http://shop.example" + target)[1], [])
                del self.got[:]
                ask_h2(instance.h2_port, h2.request(1, target, b"shop.example"))
                self.assertEqual(self.got, [], target)
            for target, name in self.ONE_WAY.items():
                for form in (target, b"http://shop.example" + target):
                    answer, got = self.send(instance, form)
                    self.assertEqual((status(answer), got), (200, [(name, target)]) if name else (404, []), target)
            for target in (b"http://shop.example", b"http://shop.example?q", b"/?", b"/?x=/../%2f"):
                self.assertEqual(status(self.send(instance, target)[0]), 200, target)

    def test_one_route_takes_them_as_they_are(self):
        for options in ({}, {"policy": POLICY}):
            instance = self.gateway([{"path": "/", "upstream": "app"}], **options)
            for target in self.TWO_WAYS:
                self.assertEqual(self.send(instance, target)[1], [("app", target)])


if __name__ == "__main__":
    unittest.main()
