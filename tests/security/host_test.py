#!/usr/bin/python3
"""A host in a redirect or in a Host header is only ever one that a route can have, and only WebSockets are let through:
whatever a client writes, in HTTP/1.0, HTTP/1.1 and HTTP/2."""
import os
import random
import re
import socket
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gateway"))
import h2_frames as h2
from harness import GatewayTest, Instance, ask, before_location, document, free_port, receive_head, replaced, wait_for

POLICY = {"limit": 1 << 20, "cap": 1 << 20}
LABEL = r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?"
NAME = re.compile(r"^(%s)(\.%s)*\.?$" % (LABEL, LABEL))
ODD = [b"evil.com#.r.example", b"evil.com?.r.example", b"evil.com\\.r.example", b"evil.com%2f.r.example", b"evil.com%00.r.example",
       b"a@evil.com", b"a:@evil.com", b"a:80@evil.com", b"evil.com:80@a.r.example", b"evil.com@a.r.example", b"a.r.example:", b"a.r.example:80:80",
       b"a.r.example:0", b"a.r.example:65536", b"a.r.example:99999999999", b"a.r.example:80x", b"a.r.example:+80", b"a.r.example:-1", b"a.r.example: 80",
       b"a.r.example:080", b"a.r.example:@evil.com", b"a.r.example:#evil", b"a.r.example:/evil", b"a.r.example,evil.com", b"a.r.example;evil",
       b"evil.com/.r.example", b"evil.com .r.example", b"evil.com\t.r.example", b".r.example", b"..r.example", b"a..r.example", b"a.r..example",
       b"a.r.example..", b"-a.r.example", b"a-.r.example", b"*.r.example", b"x" * 250 + b".r.example", b"[::1", b"::1", b"[::1]x", b"[::1]:x", b"[evil.com]",
       b"[::1].r.example", b"[v1.x]", b"\xff.r.example", b"\xe2\x80\xae.r.example", b"{host}.r.example", b"$host.r.example", b"(a).r.example",
       b"'a'.r.example", b'"a".r.example', b"<a>.r.example", b"a|b.r.example", b"a^b.r.example", b"a`b.r.example", b"a=b.r.example", b"a!.r.example",
       b"a&b.r.example", b"a+b.r.example", b"a~b.r.example", b":80", b":", b".", b"-", b"a.r.example\x7f"]
GOOD = {b"a.r.example": b"a.r.example", b"A.R.Example": b"a.r.example", b"a.r.example.": b"a.r.example", b"a.r.example:8080": b"a.r.example:8080",
        b"a.r.example.:65535": b"a.r.example:65535", b"a_b.c-d.r.example:1": b"a_b.c-d.r.example:1", b"10.1.2.3:80": b"10.1.2.3:80",
        b"[::1]": b"[::1]", b"[2001:DB8::1]:443": b"[2001:db8::1]:443", b"localhost": b"localhost", b"xn--bcher-kva.r.example": b"xn--bcher-kva.r.example"}


def canonical(host):
    """What a server is sent for this Host; None if the request is refused. Says it in other words than nginx.conf."""
    name, colon, port = host.lower().partition(b":")
    if host.startswith(b"["):
        name, bracket, rest = host.lower().partition(b"]")
        colon, port, name = rest[:1], rest[1:], name + bracket
        if not re.fullmatch(rb"\[[0-9a-f:.]{2,45}\]", name) or (rest and colon != b":"):
            return None
    elif len(name) > 254 or not NAME.match(name.decode("latin-1")) or b"\n" in name:
        return None
    if colon and port and not (re.fullmatch(rb"[1-9][0-9]{0,4}", port) and int(port) < 65536):
        return None
    return (name[:-1] if name.endswith(b".") else name) + (colon + port if port else b"")


class Both(Instance):
    """Serves HTTP/2 in clear text, too."""

    def edit(self, text):
        self.h2_port = free_port()
        text = replaced(super().edit(text), ".header_filter()", ".header_filter_http2()", -1)  # as for a listener with http2
        return before_location(text, "    listen 127.0.0.1:%d http2;\n" % self.h2_port)


def ask_h2(port, frames):
    """What is answered to the first stream of a connection, and to the connection."""
    with socket.create_connection(("127.0.0.1", port), 10) as s:
        s.sendall(h2.start() + frames)
        answer = b""
        while not {0, 1} & set(h2.ended(answer)):
            part = s.recv(65536)
            if not part:
                break
            answer += part
        return answer


def status(answer):
    return int(answer.split(b" ", 2)[1])


def field(answer, name):
    found = re.search(rb"(?mi)^%s: (.*?)\r?$" % name, answer.partition(b"\r\n\r\n")[0])
    return found and found.group(1)


class Case(GatewayTest):
    def setUp(self):
        self.heads = []

        def behave(request, head):
            self.heads.append((request.server.name, request.server.seen[-1], head))
            if head.get("upgrade") and "upgrade" in head.get("connection", "").lower():
                request.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: %s\r\n\r\n" % head["upgrade"].encode())
                for part in iter(lambda: request.connection.recv(1000), b""):
                    self.tunnelled.append(part)
                    request.connection.sendall(part)
                return True
            return False
        self.tunnelled = []
        self.servers = {name: self.backend(name, behave) for name in ("wild", "any", "shop", "other")}

    def both(self, routes, **options):
        instance = Both({"format": 1, "routes": routes, "upstreams": [
            {"name": n, "servers": [{"address": s.address}]} for n, s in self.servers.items()]}, workers=1, **options)
        self.addCleanup(instance.close)
        return instance.start()

    def hosts(self, **options):
        routes = [{"host": "*.r.example", "path": "/", "upstream": "wild"}, {"host": "shop.example", "path": "/", "upstream": "shop"},
                  {"host": "other.example", "path": "/", "upstream": "other"}, {"path": "/", "upstream": "any"}]
        if options:
            routes += [{"path": "/to/", "redirect": {"target": "https://{host}/x"}}, {"host": "*.r.example", "path": "/to/", "redirect": {"target": "https://{host}"}}]
        return self.both(routes, **options)


class Host(Case):
    def ask(self, instance, host, path=b"/", version=b"1.1", line=None, more=b""):
        del self.heads[:]
        line = line or b"GET %s HTTP/%s" % (path, version)
        return ask(instance.port, line + b"\r\n" + (b"Host: %s\r\n" % host if host is not None else b"") + more + b"Connection: close\r\n\r\n")

    def check(self, instance, host, version=b"1.1"):
        """One verdict for the server and for the redirect, and it is the one wanted."""
        wanted = canonical(host)
        answer = self.ask(instance, host, version=version)
        if wanted is None:
            self.assertEqual((status(answer), self.heads), (400, []), host)
        else:
            self.assertEqual(status(answer), 200, host)
            name, _, head = self.heads[0]
            self.assertEqual((head["host"].encode(), head["x-forwarded-host"].encode()), (wanted, wanted))
            self.assertEqual(name, "wild" if re.sub(rb":\d+$", b"", wanted).endswith(b".r.example") else "any")
        return wanted

    def check_redirect(self, instance, host):
        wanted, answer = canonical(host), self.ask(instance, host, b"/to/y?z")
        if wanted is None:
            self.assertEqual((status(answer), field(answer, b"Location")), (400, None), host)
        else:
            name = re.sub(rb":\d+$", b"", wanted)
            self.assertEqual(status(answer), 302)
            self.assertIn(field(answer, b"Location"), (b"https://%s/x/y?z" % name, b"https://%s/y?z" % name))

    def test_listed_hosts(self):
        for instance in (self.hosts(), self.hosts(policy=POLICY)):
            for host in ODD:
                if host != b"a.r.example:":
                    self.assertIsNone(self.check(instance, host), host)
            for host, wanted in GOOD.items():
                self.assertEqual(self.check(instance, host), wanted)
                self.check(instance, host, b"1.0")
            self.assertEqual(self.check(instance, b"a.r.example:"), b"a.r.example")  # RFC 3986 allows an empty port
        for host in ODD + list(GOOD):
            self.check_redirect(instance, host)
        answer = self.ask(instance, b"evil.com#.r.example")
        self.assertIn(b"application/problem+json", answer)
        self.assertIn(b"host is not a host name", answer)

    def test_every_byte_at_every_place(self):
        instance = self.hosts(policy=POLICY)
        for byte in range(256):
            if byte not in (10, 13):  # they end the field
                for at in (0, 1, 2, 4, 11):
                    self.check(instance, (b"a.r.example"[:at] + bytes((byte,)) + b"a.r.example"[at:]).strip(b" \t"))

    def test_hosts_made_by_chance(self):
        instance, chance = self.hosts(policy=POLICY), random.Random(8)
        pieces = [b"a", b"r", b"example", b".", b".", b"-", b"_", b":", b"80", b"0", b"@", b"#", b"?", b"/", b"\\", b"%", b"[", b"]", b"::1", b"evil.com", b",", b"~", b"\xc3"]
        good = 0
        for _ in range(800):
            host = b"".join(chance.choice(pieces) for _ in range(chance.randint(1, 6))) + chance.choice((b".r.example", b"", b"", b":80"))
            good += self.check(instance, host) is not None
            self.check_redirect(instance, host)
        self.assertGreater(good, 50)

    def test_the_request_line_goes_before_the_header(self):
        instance = self.hosts(policy=POLICY)
        for host in (b"anything-i-like.evil", b"other.example", b"shop.example", b"shop.example:81", b"a:b"):
            for version in (b"1.0", b"1.1"):
                for place, wanted in ((b"http://shop.example/admin", b"shop.example"), (b"http://SHOP.example:8080/admin", b"shop.example:8080"),
                                      (b"https://shop.example:81?q", b"shop.example:81"), (b"http://shop.example", b"shop.example")):
                    answer = self.ask(instance, host, line=b"GET %s HTTP/%s" % (place, version))
                    name, _, head = self.heads[0]
                    self.assertEqual((status(answer), name, head["host"].encode(), head["x-forwarded-host"].encode()), (200, "shop", wanted, wanted))
        for place in (b"http://evil.com#.r.example/", b"http://a@evil.com/", b"http://shop.example:0/", b"http://shop.example:99999/", b"http://a..r.example/",
                      b"ftp://shop.example/", b"http://-.r.example/", b"http:///x", b"http://shop.example\\@evil.com/", b"//evil.com\\x:1@/ http://shop.example/"):
            self.assertEqual((status(self.ask(instance, b"shop.example", line=b"GET %s HTTP/1.1" % place)), self.heads), (400, []), place)
        answer = self.ask(instance, b"evil.com", line=b"GET http://a.r.example:8443/to/y HTTP/1.1")
        self.assertEqual(field(answer, b"Location"), b"https://a.r.example/y")
        # a path that only looks like one
        answer = self.ask(instance, b"a.r.example", b"/http://shop.example/")
        self.assertEqual((status(answer), self.heads[0][0], self.heads[0][2]["host"]), (200, "wild", "a.r.example"))

    def test_a_request_without_a_host_and_one_with_two(self):
        instance = self.hosts(policy=POLICY)
        answer = self.ask(instance, None, version=b"1.0")
        self.assertEqual((status(answer), self.heads[0][0], self.heads[0][2]["host"]), (200, "any", "_"))
        self.assertEqual(status(self.ask(instance, None, b"/to/x", version=b"1.0")), 400)
        self.assertEqual(status(self.ask(instance, None)), 400)
        self.assertEqual(status(self.ask(instance, b"")), 400)
        self.assertEqual((status(self.ask(instance, b"shop.example", more=b"Host: other.example\r\n")), self.heads), (400, []))
        answer = self.ask(instance, b"shop.example", more=b"X-Forwarded-Host: evil.com\r\nX-Forwarded-Host: evil.net\r\n")
        self.assertEqual(self.heads[0][2]["x-forwarded-host"], "shop.example")

    def test_http2(self):
        instance = self.hosts(policy=POLICY)
        for host in [h for h in ODD if len(h) < 127] + list(GOOD):
            del self.heads[:]
            answer = ask_h2(instance.h2_port, h2.request(1, b"/", host))
            wanted = canonical(host)
            if wanted is None:
                self.assertIn(h2.statuses(answer).get(1, 400), (0, 400), host)
                self.assertEqual(self.heads, [], host)
            else:
                self.assertEqual(h2.statuses(answer), {1: 200}, host)
                self.assertEqual([head["host"].encode() for _, _, head in self.heads], [wanted])
        del self.heads[:]
        ask_h2(instance.h2_port, h2.request(1, b"/", b"shop.example", [(b"host", b"other.example")]))
        self.assertEqual([(name, head["host"]) for name, _, head in self.heads if (name, head["host"]) != ("shop", "shop.example")], [])
        # the authority stands in Host alone, as from a gateway that turned HTTP/1.1 into HTTP/2
        ask_h2(instance.h2_port, h2.request(1, b"/", None, [(b"host", b"shop.example:81")]))
        self.assertEqual(self.heads[-1][2]["host"], "shop.example:81")

    def test_what_asks_for_the_header_host_sees_the_same(self):
        """Limits, hashes and routes that name the header mean the host, whatever way it is written."""
        spellings = [(None, b"shop.example"), (None, b"SHOP.example"), (None, b"shop.example."), (None, b"Shop.Example.:81"), (None, b"shop.example:"),
                     (b"http://shop.example/", b"evil.com"), (b"http://SHOP.EXAMPLE.:80/", b"other.example")]

        def each(instance, version=b"1.1"):
            for place, host in spellings:
                yield self.ask(instance, host, version=version, line=place and b"GET %s HTTP/%s" % (place, version)), (place, host)
        for by in ("host", "header:Host", "header:host", "header:HOST"):
            instance = self.both([{"path": "/", "upstream": "any", "rate_limit": {"requests": 3, "per": "1h", "by": by}}], policy=POLICY)
            self.assertEqual([status(answer) for answer, _ in each(instance)], [200] * 3 + [429] * (len(spellings) - 3), by)
        instance = self.both([{"path": "/", "upstream": "any"}, {"path": "/", "headers": {"Host": "shop.example*"}, "upstream": "shop"},
                              {"path": "/only", "headers": {"host": "shop.example"}, "upstream": "wild"}])
        for answer, what in each(instance):
            self.assertEqual((status(answer), self.heads[0][0]), (200, "shop"), what)
        for line, host, wanted in ((b"GET http://other.example/ HTTP/1.1", b"shop.example", "any"), (b"GET http://shop.example/only HTTP/1.1", b"other.example", "wild"),
                                   (b"GET /only HTTP/1.1", b"SHOP.EXAMPLE.", "wild"), (b"GET /only HTTP/1.1", b"shop.example:81", "shop")):
            self.ask(instance, host, line=line)
            self.assertEqual(self.heads[0][0], wanted, (line, host))
        del self.heads[:]
        ask_h2(instance.h2_port, h2.request(1, b"/only", b"Shop.example"))
        self.assertEqual(self.heads[0][0], "wild")

    def test_the_log_says_the_same(self):
        instance = self.hosts()
        for host in (b"SHOP.example.:81", b"shop.example"):
            self.ask(instance, host)
        self.ask(instance, b"evil.com", line=b"GET http://Shop.example./ HTTP/1.1")
        def said():
            with open(os.path.join(instance.log, "access.log"), encoding="utf-8") as log:
                return log.read().count('"host":"shop.example"')
        wait_for(lambda: said() == 3, what="three lines")

    def test_a_path_never_becomes_a_host(self):
        routes = [{"path": "/", "redirect": {"target": "/"}}, {"path": "/old", "redirect": {"target": "/new"}},
                  {"path": "/abs", "redirect": {"target": "https://b.example"}}, {"path": "/own", "redirect": {"target": "https://{host}"}}]
        instance = self.both(routes, policy=POLICY)
        for path in (b"//evil.com", b"///evil.com", b"/%2fevil.com", b"/%2F%2Fevil.com", b"/\\evil.com", b"/%5cevil.com", b"/.//evil.com", b"/x/..//evil.com",
                     b"/x/%2e%2e//evil.com", b"/%09/evil.com", b"/%0d%0aLocation:%20https://evil.com", b"/@evil.com", b"/:80@evil.com", b"/.evil.com", b"/%20//evil.com"):
            for prefix in (b"", b"/old", b"/abs", b"/own"):
                for ask in (prefix + path, prefix + path[1:]):
                    if not ask.startswith(b"/"):
                        continue
                    answer = self.ask(instance, b"shop.example", ask)
                    location = field(answer, b"Location")
                    self.assertIn(status(answer), (302, 400, 404), ask)
                    self.assertEqual(answer.lower().count(b"\nlocation:"), 1 if location else 0)
                    if location:
                        self.assertRegex(location, rb"^(https://(b|shop)\.example/|/([^/\\]|$))", ask)
                        self.assertNotRegex(location, rb"[\x00-\x20\\\x7f-\xff]")


class Connection(Case):
    KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

    def instances(self):
        routes = [{"host": "shop.example", "path": "/admin", "upstream": "other"}, {"path": "/", "upstream": "any"}]
        return self.both(routes), self.both(routes, policy=POLICY)

    def send(self, instance, fields, version=b"1.1", more=b"", wait=b""):
        """Head of the answer, what came after it, and the head that the server saw."""
        del self.heads[:]
        with socket.create_connection(("127.0.0.1", instance.port), 10) as s:
            s.sendall(b"GET / HTTP/" + version + b"\r\nHost: shop.example\r\n" + b"".join(f + b"\r\n" for f in fields) + b"\r\n" + more)
            answer = receive_head(s)
            head, _, rest = answer.partition(b"\r\n\r\n")
            while wait and wait not in rest:
                part = s.recv(65536)
                if not part:
                    break
                rest += part
        return head + b"\r\n", rest, self.heads[0][2] if self.heads else None

    def test_websockets_go_through(self):
        for instance in self.instances():
            for upgrade, connection in ((b"websocket", b"Upgrade"), (b"WebSocket", b"keep-alive, Upgrade"), (b"websocket, x", b"upgrade,keep-alive"),
                                        (b"h2c, websocket", b"close, Upgrade"), (b"websocket", b"Upgrade, X-A")):
                head, rest, seen = self.send(instance, [b"Upgrade: " + upgrade, b"Connection: " + connection, self.KEY.strip(), b"X-A: 1"], more=b"hello", wait=b"hello")
                self.assertEqual((status(head), rest), (101, b"hello"), (upgrade, connection))
                self.assertEqual((seen["upgrade"], seen["connection"], field(head, b"Upgrade"), seen["host"]), ("websocket", "upgrade", b"websocket", "shop.example"))
                self.assertEqual("x-a" in seen, b"X-A" not in connection)

    def test_nothing_else_does(self):
        for instance in self.instances():
            for upgrade in (b"h2c", b"H2C", b"h2c, h2", b"h2", b"TLS/1.0", b"x-evil", b"websocketx", b"xwebsocket", b"websocket/13", b"web socket", b"websocket;h2c", b"\xff", b","):
                for connection in (b"Upgrade", b"Upgrade, HTTP2-Settings", b"keep-alive, Upgrade, HTTP2-Settings"):
                    head, _, seen = self.send(instance, [b"Upgrade: " + upgrade, b"Connection: " + connection, b"HTTP2-Settings: AAMAAABkAAQAAP__"])
                    self.assertEqual(status(head), 200, (upgrade, connection))
                    self.assertEqual({"upgrade", "http2-settings", "connection"} & set(seen), set(), upgrade)
            for version, fields in ((b"1.0", [b"Upgrade: websocket", b"Connection: Upgrade"]), (b"1.1", [b"Upgrade: websocket"]), (b"1.1", [b"Upgrade: websocket", b"Connection: close"]),
                                    (b"1.1", [b"HTTP2-Settings: AAMA"]), (b"1.1", [b"Upgrade: websocket", b"Connection: x-upgrade"]), (b"1.1", [b"Upgrade: websocket", b"Connection: upgraded"])):
                head, _, seen = self.send(instance, fields, version)
                self.assertEqual((status(head), {"upgrade", "http2-settings", "connection"} & set(seen)), (200, set()), fields)

    def test_a_tunnel_of_h2c_is_none(self):
        """After `Upgrade: h2c` a client speaks HTTP/2 on the connection: no byte of that reaches a server."""
        for instance in self.instances():
            del self.tunnelled[:]
            for frames in (h2.start() + h2.request(3, b"/admin/index.html"), h2.PREFACE):
                before = len(self.servers["other"].seen)
                self.send(instance, [b"Upgrade: h2c", b"Connection: Upgrade, HTTP2-Settings", b"HTTP2-Settings: AAMAAABkAAQAAP__"], more=frames)
                self.assertEqual((len(self.heads), self.tunnelled), (1, []))
                self.assertEqual(len(self.servers["other"].seen), before)

    def test_an_uninvited_101_opens_no_tunnel(self):
        def behave(request, head):
            request.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n")
            request.connection.settimeout(0.5)  # what a tunnel brings is there at once
            try:
                got.append(request.connection.recv(1000))
            except socket.timeout:
                got.append(b"")
            return True
        got = []
        server = self.backend("X", behave)
        instance = self.instance(document([server.address]))
        with socket.create_connection(("127.0.0.1", instance.port), 10) as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: test\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n")
            s.sendall(b"GET /through-the-tunnel HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n")
            try:
                while s.recv(1000):
                    pass
            except ConnectionError:
                pass
        wait_for(lambda: got, what="the server's connection ended")
        self.assertNotIn(b"tunnel", got[0])

    def test_what_connection_names_goes_no_further(self):
        for instance in self.instances():
            fields = [b"X-A: 1", b"X-B: 2", b"X-B: 3", b"X-C: 4", b"Keep-Alive: timeout=5", b"Proxy-Connection: keep-alive", b"TE: trailers", b"Trailer: X-T", b"X-Real-IP: 6.6.6.6",
                      b"X-Forwarded-For: 7.7.7.7", b"Cookie: a=b"]
            head, _, seen = self.send(instance, fields + [b"Connection: X-A,x-b , close,HOST, Content-Length, X-Real-IP, X-Forwarded-For, X-Forwarded-Host"])
            self.assertEqual(status(head), 200)
            self.assertEqual({"x-a", "x-b", "keep-alive", "proxy-connection", "te", "trailer", "connection", "upgrade"} & set(seen), set())
            self.assertEqual([seen[n] for n in ("x-c", "host", "x-real-ip", "x-forwarded-for", "x-forwarded-host", "cookie")],
                             ["4", "shop.example", "127.0.0.1", "7.7.7.7, 127.0.0.1", "shop.example", "a=b"])
            answer = ask(instance.port, b"POST / HTTP/1.1\r\nHost: shop.example\r\nConnection: close, X-A, Content-Length\r\nX-A: 1\r\nContent-Length: 5\r\n\r\nhello")
            self.assertEqual((status(answer), self.heads[-1][2]["body"], "x-a" in self.heads[-1][2]), (200, b"hello", False))
            head, rest, _ = self.send(instance, [b"Connection: " + b",".join(b"x%d" % n for n in range(65))], wait=b"}")
            self.assertEqual(status(head), 400)
            self.assertIn(b"too many fields", rest)

    def test_policies_hold_for_such_requests_too(self):
        routes = [{"path": "/", "upstream": "any", "rate_limit": {"requests": 2, "per": "1h"}, "request_headers": {"set": {"X-Set": "own"}}, "client_max_body_size": "10"},
                  {"path": "/v2/", "upstream": "any", "strip_prefix": True}, {"path": "/there", "redirect": {"target": "https://{host}/here"}}]
        instance = self.both(routes, policy=POLICY)
        odd = b"Connection: close, X-Set\r\nX-Set: theirs\r\n"

        def send(line, more=b"", body=b""):
            return ask(instance.port, line + b" HTTP/1.1\r\nHost: shop.example\r\n" + odd + more + b"\r\n" + body)
        self.assertEqual(status(send(b"GET /v2/a%2Fb?q")), 200)
        self.assertEqual(self.heads[-1][1].split("?")[-1], "q")
        self.assertEqual(field(send(b"GET /there"), b"Location"), b"https://shop.example/here")
        self.assertEqual(status(send(b"GET /")), 200)
        self.assertEqual(self.heads[-1][2]["x-set"], "own")
        self.assertEqual(status(send(b"POST /", b"Content-Length: 11\r\n", b"x" * 11)), 413)
        self.assertEqual(status(send(b"GET /")), 429)

    def test_http2_carries_no_field_of_a_connection(self):
        def behave(request, head):
            self.heads.append(("x", request.server.seen[-1], head))
            request.wfile.write(b"HTTP/1.1 200 OK\r\nUpgrade: h2,h2c\r\nConnection: Upgrade, Keep-Alive\r\nKeep-Alive: timeout=5\r\nProxy-Connection: x\r\n"
                                b"Content-Length: 2\r\n\r\nok")
            return True
        self.servers["any"].behave = behave
        for instance in self.instances():
            del self.heads[:]
            answer = ask_h2(instance.h2_port, h2.request(1, b"/", b"x.example", [(b"upgrade", b"websocket"), (b"http2-settings", b"AAMA")]))
            for name in (b"upgrade", b"proxy-connection", b"keep-alive"):
                self.assertNotIn(name, answer)
            self.assertEqual(h2.statuses(answer).get(1), 200)
            self.assertEqual([{"upgrade", "http2-settings", "connection"} & set(head) for _, _, head in self.heads], [set()])
            head, _, _ = self.send(instance, [])
            self.assertEqual([field(head, n) for n in (b"Upgrade", b"Proxy-Connection", b"Keep-Alive")], [None] * 3)

    def test_a_server_may_ask_for_an_upgrade(self):
        def behave(request, head):
            request.wfile.write(b"HTTP/1.1 426 Upgrade Required\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nContent-Length: 0\r\n\r\n")
            return True
        self.servers["any"].behave = behave
        instance = self.instances()[0]
        head, _, _ = self.send(instance, [])
        self.assertEqual((status(head), field(head, b"Upgrade")), (426, b"websocket"))
        answer = ask_h2(instance.h2_port, h2.request(1, b"/"))
        self.assertNotIn(b"upgrade", answer)


if __name__ == "__main__":
    unittest.main()
