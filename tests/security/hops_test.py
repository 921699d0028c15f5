#!/usr/bin/python3
"""What belongs to one connection (RFC 9110, 7.6.1) ends there: in requests and in answers, in HTTP/1.1 and in HTTP/2."""
import random
import re
import socket
import subprocess
import unittest

import h2.config
import h2.connection
import h2.events
import h2.exceptions

from host_test import POLICY, Case, ask_h2, field, status
import h2_frames as frames
from harness import ask, receive_head, wait_for

PROXY = [b"Proxy-Authenticate", b"Proxy-Authentication-Info", b"Proxy-Authorization", b"Proxy-Connection", b"Proxy-Features", b"Proxy-Instruction"]
NOT_FOR_SERVERS = PROXY + [b"TE", b"Trailer", b"HTTP2-Settings", b"Keep-Alive", b"Forwarded", b"Upgrade"]
NOT_FOR_CLIENTS = PROXY + [b"TE", b"Trailer", b"HTTP2-Settings", b"Keep-Alive", b"Upgrade"]


class Hops(Case):
    def instances(self, routes=({"path": "/", "upstream": "any"},)):
        return self.both(list(routes)), self.both(list(routes), policy=POLICY)

    def seen(self, instance, lines, method=b"GET", path=b"/", body=b""):
        """Status, and the head that the server saw, of a request with these lines."""
        del self.heads[:]
        answer = ask(instance.port, method + b" " + path + b" HTTP/1.1\r\nHost: shop.example\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n" + body)
        return status(answer), self.heads[-1][2] if self.heads else None

    def answer_with(self, *answers):
        """Servers answer the request for /N with the Nth of these bytes."""
        def behave(request, head):
            request.wfile.write(answers[int(request.server.seen[-1].split("/")[-1])])
            return True
        self.servers["any"].behave = behave

    def curl(self, instance, number=0):
        """What a real client of HTTP/2 makes of an answer: its exit code, the status, and the fields in lower case."""
        got = subprocess.run(["curl", "-s", "-i", "-m", "20", "--http2-prior-knowledge", "http://127.0.0.1:%d/%d" % (instance.h2_port, number)],
                             stdout=subprocess.PIPE, timeout=30)
        first, *rest = got.stdout.partition(b"\r\n\r\n")[0].split(b"\r\n")
        fields = dict(line.split(b": ", 1) for line in rest)
        return got.returncode, int(first.split(b" ")[1]) if first else 0, fields

    def strict(self, instance, number=0):
        """Status, and the fields in lower case, that a client of HTTP/2 gets which bears nothing; what it says if it fails."""
        client = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding=None))
        client.initiate_connection()
        client.send_headers(1, [(b":method", b"GET"), (b":scheme", b"http"), (b":authority", b"shop.example"), (b":path", b"/%d" % number)], end_stream=True)
        found = {}
        with socket.create_connection(("127.0.0.1", instance.h2_port), 20) as s:
            s.sendall(client.data_to_send())
            while part := s.recv(65536):
                try:
                    events = client.receive_data(part)
                except h2.exceptions.ProtocolError as error:
                    return repr(error), {}
                for event in events:
                    if isinstance(event, h2.events.ResponseReceived):
                        found = dict(event.headers)
                    elif isinstance(event, (h2.events.StreamEnded, h2.events.StreamReset)):
                        return int(found.get(b":status", 0)) if isinstance(event, h2.events.StreamEnded) else repr(event), found
        return "closed", {}

    def plain(self, instance, number=0, version=b"1.1", more=b""):
        """Status and fields, in lower case, of the same over HTTP/1.x; 0 if the answer is none of HTTP/1.x."""
        head = ask(instance.port, b"GET /%d HTTP/%s\r\nHost: shop.example\r\n%sConnection: close\r\n\r\n" % (number, version, more)).partition(b"\r\n\r\n")[0]
        first, *rest = head.split(b"\r\n")
        if not head.startswith(b"HTTP/1."):
            return 0, {}
        return status(head), {line.split(b": ", 1)[0].lower(): line.split(b": ", 1)[1] for line in rest}


class Requests(Hops):
    def test_fields_of_a_connection_do_not_reach_servers(self):
        for instance in self.instances():
            code, seen = self.seen(instance, [name + b": x" for name in NOT_FOR_SERVERS] + [b"Proxy-Status: x", b"Via: y", b"Connection: close"])
            self.assertEqual((code, {name.decode().lower() for name in NOT_FOR_SERVERS} & set(seen)), (200, set()))
            self.assertEqual((seen["proxy-status"], seen["via"]), ("x", "y"))
            del self.heads[:]
            ask_h2(instance.h2_port, frames.request(1, b"/", b"shop.example", [(name.lower(), b"x") for name in NOT_FOR_SERVERS]))
            self.assertEqual([{name.decode().lower() for name in NOT_FOR_SERVERS} & set(head) for _, _, head in self.heads], [set()])

    def test_every_line_of_connection_counts(self):
        kept = [b"X-Keep: 9", b"User-Agent: u", b"Cookie: a=b"]
        for instance in self.instances():
            for first in (b"close", b"keep-alive", b"X-C", b"", b"upgrade", b"te"):
                for more in ([b"X-A"], [b"x-b , X-A"], [b"te", b"X-A, X-B"], [b"X-A", b"X-A", b"X-B,close"], [b"close"] * 3 + [b"X-A"]):
                    lines = [b"X-A: 1", b"X-B: 2", b"X-B: 3", b"X-C: 4"] + kept + [b"Connection: " + value for value in [first] + more] + [b"Connection: close"]
                    code, seen = self.seen(instance, lines)
                    named = {name.lower() for value in [first] + more for name in re.findall(r"[^\s,]+", value.decode())}
                    self.assertEqual(code, 200, lines)
                    self.assertEqual({"x-a", "x-b", "x-c"} & set(seen), {"x-a", "x-b", "x-c"} - named, lines)
                    self.assertEqual([seen[n] for n in ("x-keep", "user-agent", "cookie", "host", "x-forwarded-host")], ["9", "u", "a=b", "shop.example", "shop.example"])
            # what frames the request, and what the gateway writes, no line takes away
            code, seen = self.seen(instance, [b"Connection: close", b"Connection: Host, X-Real-IP, Content-Length, X-Forwarded-For", b"Content-Length: 5"], b"POST", body=b"hello")
            self.assertEqual((code, seen["host"], seen["x-real-ip"], seen["x-forwarded-for"], seen["body"]), (200, "shop.example", "127.0.0.1", "127.0.0.1", b"hello"))
            # a request with more fields than there is room for in the quick look
            code, seen = self.seen(instance, [b"F%d: x" % n for n in range(200)] + [b"X-A: 1", b"Connection: close", b"Connection: X-A"])
            self.assertEqual((code, "x-a" in seen, seen["f199"]), (200, False, "x"))
            del self.heads[:]
            answer = ask(instance.port, b"GET / HTTP/1.1\r\nHost: shop.example\r\n" + b"".join(b"Connection: x%d\r\n" % n for n in range(65)) + b"Connection: close\r\n\r\n")
            self.assertEqual((status(answer), self.heads), (400, []))
            self.assertIn(b"too many fields", answer)

    def test_bodies_and_kept_connections_outlast_that(self):
        odd = b"X-A: 1\r\nConnection: keep-alive\r\nConnection: X-A\r\n"
        for instance in self.instances():
            del self.heads[:]
            large = b"0123456789" * 40000  # goes by way of a file
            requests = [b"POST /1 HTTP/1.1\r\nHost: shop.example\r\n" + odd + b"Content-Length: 5\r\n\r\nhello",
                        b"POST /2 HTTP/1.1\r\nHost: shop.example\r\n" + odd + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
                        b"POST /3 HTTP/1.1\r\nHost: shop.example\r\n" + odd + b"Content-Length: %d\r\n\r\n" % len(large) + large,
                        b"GET /4 HTTP/1.1\r\nHost: shop.example\r\nX-A: 1\r\nConnection: close\r\n\r\n"]
            answer = ask(instance.port, b"".join(requests))
            self.assertEqual(len(re.findall(rb"HTTP/1.1 200", answer)), 4)
            self.assertEqual([head["body"] for _, _, head in self.heads], [b"hello", b"hello world", large, b""])
            self.assertEqual(["x-a" in head for _, _, head in self.heads], [False, False, False, True])

    def test_so_does_a_second_try(self):
        def fail(request, head):
            self.heads.append(("first", request.server.seen[-1], head))
            return True  # closes without an answer
        first = self.backend("first", fail)
        for options in ({}, {"policy": POLICY}):
            instance = self.both([{"path": "/", "upstream": "two"}], **options)
            document = {"format": 1, "routes": [{"path": "/", "upstream": "two"}], "upstreams": [
                {"name": "two", "retries": 1, "servers": [{"address": first.address, "weight": 1000}, {"address": self.servers["any"].address, "backup": True}]}]}
            instance.put(document)
            code, seen = self.seen(instance, [b"X-A: 1", b"Connection: close", b"Connection: X-A", b"Content-Length: 5"], b"PUT", body=b"hello")
            self.assertEqual((code, [(name, "x-a" in head, head["body"]) for name, _, head in self.heads]),
                             (200, [("first", False, b"hello"), ("any", False, b"hello")]))

    def both(self, routes, **options):
        self.servers.setdefault("two", self.servers["any"])
        return super().both(routes, **options)


class Upgrades(Hops):
    ROUTES = [{"path": "/", "upstream": "any"}, {"path": "/odd/", "upstream": "any", "upgrades": ["X-Proto/1.0", "tcp", "websocket"]}]

    def tunnel(self, instance, path, lines, version=b"1.1"):
        """Head of the answer, and what the tunnel echoed if there is one."""
        del self.heads[:]
        with socket.create_connection(("127.0.0.1", instance.port), 10) as s:
            s.sendall(b"GET " + path + b" HTTP/" + version + b"\r\nHost: shop.example\r\n" + b"".join(line + b"\r\n" for line in lines) + b"\r\n")
            answer = receive_head(s)
            echo = b""
            if b" 101 " in answer:
                s.sendall(b"hello")
                echo = s.recv(100)
            return answer, echo

    def assert_tunnel(self, instance, path, lines, protocol):
        answer, echo = self.tunnel(instance, path, lines)
        self.assertEqual((status(answer), echo, field(answer, b"Upgrade")), (101, b"hello", protocol), lines)
        seen = self.heads[-1][2]
        self.assertEqual((seen["upgrade"].encode(), seen["connection"]), (protocol, "upgrade"))

    def assert_none(self, instance, path, lines, version=b"1.1"):
        answer, echo = self.tunnel(instance, path, lines, version)
        self.assertEqual((status(answer), echo, {"upgrade", "connection"} & set(self.heads[-1][2])), (200, b"", set()), lines)

    def test_a_route_lets_through_what_it_names(self):
        for instance in self.instances(self.ROUTES):
            for upgrade, passes in ((b"x-proto/1.0", b"x-proto/1.0"), (b"TCP", b"TCP"), (b"h2c, Tcp", b"Tcp"), (b"tcp, X-Proto/1.0", b"tcp"), (b"tcp, websocket", b"websocket")):
                for connection in ([b"Upgrade"], [b"keep-alive, upgrade"], [b"X-A", b"upgrade"], [b"upgrade", b"X-A"]):
                    lines = [b"Upgrade: " + upgrade] + [b"Connection: " + value for value in connection]
                    self.assert_tunnel(instance, b"/odd/x", lines, passes)
                    if passes != b"websocket":
                        self.assert_none(instance, b"/x", lines + [b"Connection: close"])
            for upgrade in (b"h2c", b"H2C", b"h2", b"tcpx", b"x-proto", b"x-proto/1.1", b"tcp/1", b"TLS/1.0", b"HTTP/2.0", b","):
                self.assert_none(instance, b"/odd/x", [b"Upgrade: " + upgrade, b"Connection: Upgrade, close"])
            self.assert_none(instance, b"/odd/x", [b"Upgrade: tcp", b"Connection: close"])
            self.assert_none(instance, b"/odd/x", [b"Upgrade: tcp", b"Connection: Upgrade"], b"1.0")
            del self.heads[:]
            answer = ask_h2(instance.h2_port, frames.request(1, b"/odd/x", b"x.example", [(b"upgrade", b"tcp"), (b"connection", b"upgrade")]))
            self.assertEqual((frames.statuses(answer), ["upgrade" in head for _, _, head in self.heads]), ({1: 200}, [False]))
            wait_for(lambda: instance.admin("GET", "/v1/upstreams/any").json()["items"][0]["servers"][0]["in_flight"] == 0, what="no tunnel is counted any more")

    def test_a_websocket_that_a_second_line_asks_for(self):
        for instance in self.instances():
            self.assert_tunnel(instance, b"/", [b"Connection: keep-alive", b"Connection: Upgrade", b"Upgrade: websocket"], b"websocket")

    def test_it_is_hot(self):
        instance = self.instances()[0]
        lines = [b"Upgrade: tcp", b"Connection: Upgrade"]
        document = instance.admin("GET", "/v1/config").json()
        self.assert_none(instance, b"/odd/x", lines + [b"Connection: close"])
        document["routes"] = self.ROUTES
        instance.put(document)
        self.assert_tunnel(instance, b"/odd/x", lines, b"tcp")

    def test_none_that_carries_requests_can_be_let_through(self):
        instance = self.instances()[0]
        document = instance.admin("GET", "/v1/config").json()
        for name in ("h2c", "H2c", "h2", "h3", "HTTP", "HTTP/2.0", "http/1.1", "TLS/1.0", "tls"):
            document["routes"] = [{"path": "/", "upstream": "any", "upgrades": ["tcp", name]}]
            answer = instance.admin("PUT", "/v1/config", document)
            self.assertEqual(answer.status, 422)
            self.assertIn("tunnel for requests past every route", answer.text())


class Answers(Hops):
    def answer(self, head, body=b"ok"):
        return b"HTTP/1.1 200 OK\r\n" + head + b"Content-Length: %d\r\n\r\n" % len(body) + body

    def test_fields_of_a_connection_do_not_reach_clients(self):
        fields = b"".join(name + b": x\r\n" for name in NOT_FOR_CLIENTS)
        self.answer_with(self.answer(fields + b"Connection: keep-alive, Upgrade\r\nProxy-Status: own\r\nX-Own: 1\r\n"))
        for instance in self.instances():
            head = ask(instance.port, b"GET /0 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
            self.assertEqual([(n, field(head, n)) for n in NOT_FOR_CLIENTS if field(head, n)], [])
            self.assertEqual((status(head), field(head, b"Proxy-Status"), field(head, b"X-Own"), field(head, b"Connection")), (200, b"own", b"1", b"close"))
            code, got, fields = self.curl(instance)
            self.assertEqual((code, got, [n for n in NOT_FOR_CLIENTS + [b"Connection"] if n.lower() in fields]), (0, 200, []))
            self.assertEqual((fields[b"proxy-status"], fields[b"x-own"]), (b"own", b"1"))

    def test_what_an_answer_names_does_not_either(self):
        named = b"X-A: 1\r\nX_B: 2\r\nX-A: 3\r\nSet-Cookie: a=b\r\nX-Own: 1\r\n"
        self.answer_with(self.answer(named + b"Connection: X-A, x_b\t,close,Content-Length , Date,Server\r\n"),
                         self.answer(b"Connection: " + b",".join(b"x%d" % n for n in range(65)) + b"\r\n"))
        for instance in self.instances():
            code, got, fields = self.curl(instance)
            self.assertEqual((code, got, [n for n in (b"x-a", b"x_b", b"connection") if n in fields]), (0, 200, []))
            self.assertEqual({b"set-cookie", b"x-own", b"date", b"server", b"content-length"} - set(fields), set())
            self.assertEqual(self.curl(instance, 1)[:2], (0, 502))
            for version in (b"1.0", b"1.1"):
                # the third has a field of one connection that nginx.conf does not know of
                for more in (b"", b"Cookie: a=b\r\n", b"Connection: X-Z\r\n"):
                    got, fields = self.plain(instance, 0, version, more)
                    self.assertEqual((got, [n for n in (b"x-a", b"x_b") if n in fields], fields[b"connection"]), (200, [], b"close"), more)
                    self.assertEqual({b"set-cookie", b"x-own", b"date", b"server", b"content-length"} - set(fields), set())
                    self.assertEqual(self.plain(instance, 1, version, more)[0], 502)

    def test_whatever_an_answer_names(self):
        """Any spelling of Connection, and any field, of any kind of answer, to any client."""
        own = [b"X-A", b"x-b", b"ETag", b"Last-Modified", b"Cache-Control", b"Content-Type", b"Content-Language", b"Content-Encoding", b"Location", b"Set-Cookie",
               b"WWW-Authenticate", b"Vary", b"Link", b"Retry-After", b"Accept-Ranges", b"Strict-Transport-Security", b"Expires", b"Refresh", b"X_under", b"Via"]
        head = b"".join(name + b": Wed, 21 Oct 2015 07:28:00 GMT\r\n" for name in own)
        codes = [b"200 OK", b"204 No Content", b"301 Moved", b"304 Not Modified", b"404 Not Found", b"426 Upgrade Required", b"500 X", b"503 X"]
        spellings = [b"%s", b"%s, close", b"close,%s", b"keep-alive , \t%s", b"%s,%s", b",,%s,", b"Upgrade, %s, X-None"]
        cases = [(name, code, spelling.replace(b"%s", chance(name))) for chance in (bytes.upper, bytes.lower) for name in own
                 for code, spelling in zip(codes, spellings + [b"%s"])]
        self.answer_with(*[b"HTTP/1.1 " + code + b"\r\n" + head + b"Connection: " + value + b"\r\n" + (b"" if code[:3] in (b"204", b"304") else b"Content-Length: 0\r\n") + b"\r\n"
                           for _, code, value in cases])
        for instance in self.instances():
            for number, (name, code, value) in enumerate(cases):
                got, fields = self.plain(instance, number)
                self.assertEqual((got, {n.lower() for n in own} - set(fields)), (int(code[:3]), {name.lower()}), (code, value))

    def test_a_route_sets_a_field_that_an_answer_names(self):
        self.answer_with(self.answer(b"X-A: theirs\r\nConnection: X-A\r\n"))
        instance = self.both([{"path": "/", "upstream": "any", "response_headers": {"set": {"X-A": "ours"}}}], policy=POLICY)
        self.assertEqual(self.curl(instance)[2][b"x-a"], b"ours")

    def test_no_answer_makes_a_client_of_http2_fail(self):
        chance = random.Random(9)
        parts = [name + b": x\r\n" for name in NOT_FOR_CLIENTS] + [b"Connection: upgrade, te\r\n", b"Connection: X-A\r\n", b"X-A: 1\r\n", b"TE: gzip\r\n", b"Upgrade: h2c\r\n"]
        codes = [b"100 Continue", b"101 Switching Protocols", b"102 Processing", b"103 Early Hints", b"199 X", b"000 X", b"099 X"]
        answers = [b"HTTP/1.1 " + code + b"\r\n" + more + b"\r\n" for code in codes for more in (b"", b"Content-Length: 0\r\n", b"Connection: Upgrade\r\nUpgrade: websocket\r\n")]
        answers += [b"HTTP/1.1 103 Early Hints\r\n\r\n" + self.answer(b""), b"no HTTP", b""]
        early = len(answers)
        for _ in range(40):
            head = b"".join(chance.sample(parts, chance.randint(1, 6)))
            answers.append(chance.choice((self.answer(head), b"HTTP/1.1 200 OK\r\n" + head + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nX-A: 1\r\n\r\n",
                                          b"HTTP/1.1 204 X\r\n" + head + b"\r\n", b"HTTP/1.1 426 X\r\n" + head + b"Content-Length: 0\r\n\r\n", b"HTTP/1.0 200 OK\r\n" + head + b"\r\nok")))
        self.answer_with(*answers)
        for instance in self.instances():
            got = [self.curl(instance, n)[:2] for n in range(len(answers))]
            self.assertEqual([(answers[n], one) for n, one in enumerate(got) if one[0] != 0], [])
            self.assertEqual({code for _, code in got[:early]}, {502})
            # nor one of HTTP/1.1 wait for an answer behind one that is none; to nginx what is no HTTP is HTTP/0.9, whose client is told without a head
            got = [self.plain(instance, n) for n in range(len(answers))]
            self.assertEqual({code for n, (code, _) in enumerate(got[:early]) if answers[n] != b"no HTTP"}, {502})
            self.assertEqual([(answers[n], fields) for n, (code, fields) in enumerate(got) if {name.lower() for name in NOT_FOR_CLIENTS} & set(fields) - ({b"upgrade"} if code == 426 else set())], [])
            self.assertEqual([(answers[n], fields) for n, (code, fields) in enumerate(got) if re.search(rb"Connection: X-A\r\n", answers[n]) and b"x-a" in fields
                              and not re.search(rb"Connection: (?!X-A).*Connection: X-A", answers[n], re.S)], [])
            wait_for(lambda: instance.admin("GET", "/v1/upstreams/any").json()["items"][0]["servers"][0]["in_flight"] == 0, what="nothing is in flight")
            self.assertNotRegex(instance.errors(), r"lua entry thread|failed to run|attempt to")

    def test_fields_that_http2_does_not_know(self):
        """What an answer of HTTP/1.1 may hold and one of HTTP/2 may not: blanks are taken away, and what is no field is no answer."""
        blank = [b"%s:\tv", b"%s: v\t", b"%s: v \t ", b"%s: \t v", b"%s:\t", b"%s:\t \t"]
        names = [b"X-Own", b"ETag", b"Content-Type", b"Location", b"Set-Cookie", b"Last-Modified", b"Cache-Control", b"Vary", b"Link", b"Retry-After",
                 b"WWW-Authenticate", b"Expires", b"Refresh", b"Accept-Ranges", b"X_y"]
        good = [(name, form % name) for name in names for form in blank]
        bad = [b"X(Y): 1", b"X\x80Y: 1", b"\"q\": 1", b"X/Y: 1", b"X{}: 1", b"X,Y: 1", b"X;: 1"]
        bad += [name + b": a" + byte + b"b" for name in (b"X-C", b"Content-Type", b"Set-Cookie", b"Location") for byte in (b"\x01", b"\x08", b"\x0b", b"\x0c", b"\x1b", b"\x1f", b"\x7f")]
        fine = [b"X-8: \xff\xfe\xc3\xa9", b"X!#$%&'*+.^_`|~-y: 1", b"X-In: a\tb c", b"X-E:", b"X-Q: \"a\\\"b\"", b"Set-Cookie: a=b\r\nSet-Cookie: c=d"]
        some = [b"Content-Length: 2", b"Content-Length: 3", b"@: 1", b"\xc3\xa9: 1", b"Server: a\x01b", b"Date: \x7f"]  # nginx has its own mind of these
        lines = [line for _, line in good] + bad + fine + some
        self.answer_with(*[self.answer(line + b"\r\n", b"ok") for line in lines])
        for instance in self.instances():
            got = [self.strict(instance, n) for n in range(len(lines))]
            self.assertEqual([(lines[n], one) for n, (one, _) in enumerate(got) if one not in ((200, 502) if lines[n] in some else (502,) if lines[n] in bad else (200,))], [])
            for (name, line), (_, fields) in zip(good, got):
                self.assertEqual(fields.get(name.lower(), b""), b"v" if b"v" in line else b"", line)
            self.assertNotRegex(instance.errors(), r"lua entry thread|failed to run|attempt to")


if __name__ == "__main__":
    unittest.main()
