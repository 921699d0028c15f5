#!/usr/bin/python3
"""Servers get their share, and one that fails is not noticed by anybody."""
import collections
import socket
import threading
import time
import unittest

from harness import GatewayTest, document, free_port


def count(instance, n, **options):
    return collections.Counter(instance.get(**options).text() for _ in range(n))


class Balance(GatewayTest):
    def test_requests_split_by_weight(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([{"address": a.address, "weight": 10}, b.address]), workers=1)
        self.assertEqual(count(i, 110), {"A": 100, "B": 10})

    def test_ipv6_servers_are_reached_and_retried(self):
        try:
            six = self.backend("six", host="::1")
        except OSError:
            self.skipTest("no IPv6 here")
        i = self.instance(document(["[0::1]:%d" % free_port(), six.address]))
        self.assertEqual(count(i, 20), {"six": 20})

    def test_one_dead_of_four_is_never_seen(self):
        backends = [self.backend(n) for n in "ABCD"]
        i = self.instance(document([b.address for b in backends]))
        count(i, 8)
        backends[2].close()
        answers = [i.get() for _ in range(200)]
        self.assertEqual({a.status for a in answers}, {200})
        got = collections.Counter(a.text() for a in answers)
        self.assertEqual(set(got), set("ABD"))

    def test_three_dead_of_four_are_never_seen_with_three_retries(self):
        alive = self.backend("A")
        i = self.instance(document([alive.address] + ["127.0.0.1:%d" % free_port()
                                                      for _ in range(3)], retries=3))
        self.assertEqual(count(i, 100), {"A": 100})

    def test_retries_are_limited_and_each_server_is_tried_once(self):
        dead = ["127.0.0.1:%d" % free_port() for _ in range(4)]
        i = self.instance(document(dead, retries=2), workers=1)
        self.assert_problem(i.get(), 502)
        items = i.admin("GET", "/v1/upstreams/up").json()["items"]
        self.assertEqual(sorted(s["requests"] for s in items[0]["servers"]), [0, 1, 1, 1])
        self.assertEqual(sum(s["failures"] for s in items[0]["servers"]), 3)

    def test_all_dead_is_a_502_problem_and_recovery_is_at_once(self):
        a = self.backend("A")
        i = self.instance(document([a.address, "127.0.0.1:%d" % free_port()]))
        a.close()
        for _ in range(4):
            self.assert_problem(i.get(), 502)
        self.backend("again", port=a.port)
        self.assertEqual(count(i, 10), {"again": 10})

    def test_backups_serve_only_when_no_other_server_is_left(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address, {"address": b.address, "backup": True}]))
        self.assertEqual(count(i, 20), {"A": 20})
        a.close()
        self.assertEqual(count(i, 20), {"B": 20})

    def test_an_upstream_of_backups_alone_serves(self):
        b = self.backend("B")
        i = self.instance(document([{"address": b.address, "backup": True}]))
        self.assertEqual(count(i, 3), {"B": 3})

    def test_a_post_that_was_sent_is_not_repeated(self):
        reads = lambda request, head: True  # reads the request and closes
        bad, other = self.backend(behave=reads), self.backend(behave=reads)
        i = self.instance(document([bad.address, other.address]))
        self.assert_problem(i.get(method="POST", body="pay"), 502)
        self.assertEqual(len(bad.seen) + len(other.seen), 1)

    def test_a_get_that_was_sent_is_repeated_elsewhere(self):
        bad, good = self.backend(behave=lambda request, head: True), self.backend("good")
        i = self.instance(document([bad.address, good.address]))
        self.assertEqual(count(i, 10), {"good": 10})
        self.assertGreater(len(bad.seen), 0)

    def test_a_post_goes_on_after_a_refused_connection(self):
        good = self.backend("good")
        i = self.instance(document(["127.0.0.1:%d" % free_port(), good.address]))
        self.assertEqual(count(i, 10, method="POST", body="pay"), {"good": 10})

    def test_a_kept_connection_that_the_only_server_closes_is_opened_anew(self):
        # Answers one request on a connection and closes it when the second has come.
        served = threading.local()

        def behave(request, head):
            served.count = getattr(served, "count", 0) + 1
            return served.count > 1
        a = self.backend("A", behave=behave)
        i = self.instance(document([a.address], retries=0), workers=1)
        self.assertEqual(count(i, 20), {"A": 20})

    def test_a_read_timeout_is_a_504_problem_in_time(self):
        release = threading.Event()
        self.addCleanup(release.set)
        slow = self.backend(behave=lambda request, head: release.wait(20))
        i = self.instance(document([slow.address], read_timeout="100ms"))
        begin = time.monotonic()
        self.assert_problem(i.get(), 504)
        self.assertLess(time.monotonic() - begin, 2)

    def test_a_slow_server_is_left_for_another_in_time(self):
        release = threading.Event()
        self.addCleanup(release.set)
        slow = self.backend(behave=lambda request, head: release.wait(20))
        good = self.backend("good")
        i = self.instance(document([slow.address, good.address], read_timeout="100ms"))
        self.assertEqual(count(i, 4), {"good": 4})

    def test_a_connect_timeout_is_kept(self):
        # A full backlog: the kernel drops further SYNs.
        full = socket.socket()
        self.addCleanup(full.close)
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for _ in range(4):
            filler = socket.socket()
            self.addCleanup(filler.close)
            filler.setblocking(False)
            filler.connect_ex(full.getsockname())
        i = self.instance(document(["127.0.0.1:%d" % full.getsockname()[1]],
                                   connect_timeout="150ms", read_timeout="3s"))
        begin = time.monotonic()
        self.assert_problem(i.get(), 504)
        self.assertLess(time.monotonic() - begin, 2)


if __name__ == "__main__":
    unittest.main()
