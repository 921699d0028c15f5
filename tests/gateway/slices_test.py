#!/usr/bin/python3
"""A large document is read and built in slices: no request waits for more than one of them, and none sees a half of it."""
import json
import os
import signal
import sys
import threading
import unittest

sys.path.insert(0, os.path.dirname(__file__))
from harness import GatewayTest, document, wait_for

HERE = os.path.dirname(os.path.abspath(__file__))
LONGEST = 2000  # thousands of Lua instructions in one turn; a document built at once takes tens of thousands
POLICY = {"limit": 1 << 20, "cap": 1 << 20}


def servers(number, third):
    return [{"address": "10.%d.%d.%d:80" % (n >> 8, n & 255, third), "weight": n % 5 + 1} for n in range(number)]


class Slices(GatewayTest):
    def large(self, host, upstreams=400, routes=4000, more=()):
        """A document whose routes are for hosts that begin so; all lead to the server that is there."""
        balances = ("round_robin", "least_conn", "random", "hash", "ip_hash", "ewma")
        doc = document([self.server], routes=[{"hosts": ["%s%d.example" % (host, n)], "path": "/", "upstream": "up"} for n in range(routes)])
        for n in range(upstreams):
            up = {"name": "u%d" % n, "balance": balances[n % 6], "servers": servers(10, n % 200 + 1)}
            if up["balance"] == "hash":
                up["hash"] = "header:x-key"
            if n % 2:
                up["health"] = {"type": "tcp", "interval": "1h"}
            doc["upstreams"].append(up)
        doc["upstreams"] += more
        return doc

    def setUp(self):
        super().setUp()
        self.server = self.nginx_backends(1).addresses[0]


class Turns(Slices):
    def start(self, **more):
        with open(os.path.join(HERE, "turns.lua")) as file:
            overlay = {"turns.lua": file.read(), "orctl/overlay.list": "turns\n"}
        return self.instance(document([self.server]), workers=1, policy=POLICY, dict_size="64m", overlay=overlay, **more)

    def assert_short(self, instance, what):
        """No turn since the last call took long."""
        longest, where = instance.admin("GET", "/v1/status?turns=1").text().split("\n", 1)
        self.assertLess(int(longest), LONGEST, "%s: %s" % (what, where))

    def test_documents_of_many_parts(self):
        i = self.start()
        i.put(self.large("a"))
        self.assert_short(i, "the first one")
        again = self.large("b")
        for up in again["upstreams"][1:]:
            up["servers"] = up["servers"][1:]
        i.put(again)
        self.assertEqual([i.get(host=host).status for host in ("b0.example", "b3999.example", "a0.example")], [200, 200, 404])
        self.assert_short(i, "another in its place")
        i.put(again, x_save="1")
        self.assert_short(i, "the same")
        i.put(document([self.server]))
        self.assertEqual(i.get().status, 200)
        self.assert_short(i, "nearly nothing in its place")

    def test_an_upstream_of_many_servers(self):
        i = self.start()
        for balance, more in (("round_robin", {"slow_start": "10s"}), ("hash", {"hash": "header:x-key"}), ("least_conn", {"sticky": {"cookie": "s"}})):
            many = dict({"name": "many", "balance": balance, "servers": servers(10000, 1)}, **more)
            i.put(self.large("a", 1, 10, [many]))
            self.assert_short(i, balance)
        many["servers"] = many["servers"][1:]
        i.put_upstream(many)
        self.assert_short(i, "the upstream alone")

    def test_what_is_refused(self):
        i = self.start()
        for text in (b"[" + b"{}," * 200000 + b"{}]", b"[" + b"[1]," * 200000 + b"0]", b'{"a":"' + b"x" * 3000000 + b'"}', b"[" * 60 + b"1," * 100000,
                     b'{"format":1,"upstreams":[' + b"{}," * 9999 + b'{}],"routes":[]}'):
            self.assertIn(i.admin("PUT", "/v1/config", text).status, (400, 422))
            self.assert_short(i, text[:30])

    def test_what_is_asked_for(self):
        i = self.start()
        i.put(self.large("a"))
        for path in ("/v1/config", "/config", "/v1/upstreams", "/v1/health", "/metrics"):
            self.assertIn(i.admin("GET", path).status, (200, 409))
            self.assert_short(i, path)


class Between(Slices):
    def large(self, host, *more):
        return super().large(host, 100, 1500, *more)

    def each_worker(self, instance):
        connections = instance.open_until_all()
        for connection in connections.values():
            self.addCleanup(connection.close)
        return connections

    def serves(self, connections, host, status):
        """What each worker answers for a host."""
        for pid, connection in connections.items():
            connection.request("GET", "/", headers={"Host": host})
            answer = connection.getresponse()
            answer.read()
            self.assertEqual(answer.status, status, "%s of worker %d" % (host, pid))

    def put_beside(self, instance, doc):
        """A thread that puts a document; its answer is in the list."""
        answers = []
        thread = threading.Thread(target=lambda: answers.append(instance.admin("PUT", "/v1/config", doc).status))
        thread.start()
        return thread, answers

    def test_whoever_is_told_finds_it_in_every_worker(self):
        i = self.instance(document([self.server]), policy=POLICY, dict_size="64m")
        connections = self.each_worker(i)
        for host, before in (("a", "none"), ("b", "a"), ("c", "b")):
            i.put(self.large(host))
            self.serves(connections, host + "1499.example", 200)
            self.serves(connections, before + "0.example", 404)

    def test_the_old_one_serves_until_the_new_one_is_whole(self):
        i = self.instance(self.large("a"), policy=POLICY, dict_size="64m")
        connections = self.each_worker(i)
        thread, answers = self.put_beside(i, self.large("b"))
        seen = set()
        while thread.is_alive():
            for connection in connections.values():
                got = []
                for host in ("a0.example", "b0.example", "a1499.example", "b1499.example"):
                    connection.request("GET", "/", headers={"Host": host})
                    answer = connection.getresponse()
                    answer.read()
                    got.append(answer.status)
                seen.add(tuple(got))
            if len(seen) > 1:
                break
        thread.join()
        self.assertEqual(answers, [200])
        # a document may come between two of the four requests, and no half of one
        self.assertLessEqual({got for got in seen if got[0] == got[2] and got[1] == got[3]} & {(200, 200, 200, 200), (404, 404, 404, 404)}, set())
        self.serves(connections, "b0.example", 200)

    def test_small_changes_and_orders_beside_a_large_one(self):
        i = self.instance(self.large("a"), policy=POLICY, dict_size="64m")
        connections = self.each_worker(i)
        other = self.backend("other")
        for host in ("b", "c"):
            thread, answers = self.put_beside(i, self.large(host))
            i.put_upstream({"name": "u0", "servers": [{"address": other.address}]})
            status = i.admin("PUT", "/v1/overrides/up/" + self.server, {"state": "drain", "ignore_min_healthy": True}).status
            self.assertEqual(status, 200)
            # whatever has been served since, a drained server gets no request
            for _ in range(5):
                self.serves(connections, "up", 404)
            self.assertEqual(i.admin("DELETE", "/v1/overrides/up/" + self.server).status, 200)
            thread.join()
            self.assertEqual(answers, [200])
            self.serves(connections, host + "0.example", 200)

    def test_two_large_ones_at_once(self):
        i = self.instance(self.large("a"), policy=POLICY, dict_size="64m")
        connections = self.each_worker(i)
        threads = [self.put_beside(i, self.large(host)) for host in ("b", "c")]
        for thread, answers in threads:
            thread.join()
            self.assertEqual(answers, [200])
        served = json.loads(i.admin("GET", "/v1/config").body)["routes"][0]["hosts"][0]
        self.serves(connections, served, 200)
        self.serves(connections, "a0.example", 404)
        self.serves(connections, "b0.example" if served[0] == "c" else "c0.example", 404)

    def test_a_reload_and_the_end_of_a_worker_in_the_middle(self):
        i = self.instance(self.large("a"), policy=POLICY, dict_size="64m")
        hosts = iter("bcdefghij")
        for asked in (1, 100):
            for end in (i.hup, lambda: os.kill(i.workers()[0], signal.SIGKILL), lambda: os.kill(i.workers()[-1], signal.SIGQUIT)):
                host = next(hosts)
                thread, answers = self.put_beside(i, self.large(host))
                for _ in range(asked):
                    i.get(host="a0.example")
                end()
                thread.join()
                wait_for(lambda: len(i.workers()) == 2 and i.up(), what="two workers that agree")
                if answers != [200]:  # the worker that was to answer is gone
                    i.put(self.large(host))
                self.serves(self.each_worker(i), host + "0.example", 200)


if __name__ == "__main__":
    unittest.main()
