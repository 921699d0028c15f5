#!/usr/bin/python3
"""Passive ejection, by real requests that really fail."""
import collections
import os
import signal
import time
import unittest

from harness import GatewayTest, document, free_port, wait_for


class Failing:
    """Behaviour of a backend that answers 500 as long as it is ill."""

    def __init__(self):
        self.ill = False

    def __call__(self, request, head):
        if self.ill:
            request.answer(500, request.server.name)
        return self.ill


class Outlier(GatewayTest):
    def start_with(self, count, workers=2, **outlier):
        self.backends = [self.backend(name, Failing()) for name in "ABCDEF"[:count]]
        self.doc = document([b.address for b in self.backends], outlier=outlier)
        return self.instance(self.doc, workers=workers)

    def states(self, i):
        items = i.admin("GET", "/v1/upstreams/up").json()["items"]
        return [s["state"] for s in items[0]["servers"]]

    def item(self, i, number):
        return i.admin("GET", "/v1/health").json()["items"][number]

    def requests(self, i, count=20):
        return collections.Counter(i.get().text() for _ in range(count))

    def wait_states(self, i, *states, send=0):
        def found():
            self.requests(i, send)
            return self.states(i) == list(states)
        wait_for(found, 10, states)

    def test_a_server_that_fails_again_and_again_is_left_out_for_a_while(self):
        i = self.start_with(3, consecutive_failures=4, ejection_time="1s")
        self.requests(i)
        self.assertEqual(self.states(i), ["up", "up", "up"])
        self.backends[1].behave.ill = True
        self.wait_states(i, "up", "ejected", "up", send=12)
        start = time.monotonic()
        item = self.item(i, 1)
        self.assertEqual(item["state"], "ejected")
        self.assertRegex(item["reason"], r"^\d+ failures in a row$")
        self.assertEqual(item["checks"], [])
        self.assertEqual(set(self.requests(i)), {"A", "C"})
        # It comes back by itself, and as it is still ill it goes for twice as long.
        self.wait_states(i, "up", "up", "up")
        first = time.monotonic() - start
        self.assertGreater(first, 0.7)
        self.wait_states(i, "up", "ejected", "up", send=12)
        start = time.monotonic()
        self.backends[1].behave.ill = False
        self.wait_states(i, "up", "up", "up")
        self.assertGreater(time.monotonic() - start, 1.7)
        self.assertEqual(set(self.requests(i)), {"A", "B", "C"})
        self.assertNotIn("reason", self.item(i, 1))

    def test_a_dead_server_is_left_out_and_no_client_sees_it(self):
        dead = "127.0.0.1:%d" % free_port()
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address, dead, b.address],
                                   outlier={"consecutive_failures": 3, "ejection_time": "1h"}))

        def sent():
            self.assertEqual({i.get().status for _ in range(6)}, {200})
            return self.states(i) == ["up", "ejected", "up"]
        wait_for(sent)
        failures = [s["failures"] for s in
                    i.admin("GET", "/v1/upstreams").json()["items"][0]["servers"]]
        self.requests(i, 30)
        self.assertEqual([s["failures"] for s in
                          i.admin("GET", "/v1/upstreams").json()["items"][0]["servers"]], failures)

    def test_good_answers_in_between_begin_the_count_anew(self):
        turn = []

        def behave(request, head):
            turn.append(1)
            request.answer(200 if len(turn) % 3 == 0 else 503, "")
            return True
        a, b = self.backend("A", behave), self.backend("B")
        # One worker: in a row means in a row of its own.
        i = self.instance(document([a.address, b.address],
                                   outlier={"consecutive_failures": 3}), workers=1)
        for _ in range(10):
            self.requests(i, 6)
            self.assertEqual(self.states(i), ["up", "up"])
        self.assertGreater(len(turn), 20)

    def test_a_high_error_ratio_over_an_interval_ejects(self):
        turn = []

        def behave(request, head):
            turn.append(1)
            request.answer(200 if len(turn) % 2 else 503, "")
            return True
        a, b, c = self.backend("A", behave), self.backend("B"), self.backend("C")
        i = self.instance(document([a.address, b.address, c.address], outlier={
            "consecutive_failures": 0, "error_ratio": 40, "min_requests": 5, "interval": "300ms",
            "ejection_time": "1h"}))
        self.wait_states(i, "ejected", "up", "up", send=30)
        self.assertRegex(self.item(i, 0)["reason"], r"^\d+ of \d+ requests failed$")

    def test_no_more_than_a_part_is_left_out_and_never_the_last(self):
        i = self.start_with(4, consecutive_failures=2, ejection_time="1h", max_ejected=50,
                            panic_threshold=0)
        for b in self.backends:
            b.behave.ill = True
        wait_for(lambda: self.requests(i, 16) and self.states(i).count("ejected") == 2)
        for _ in range(5):
            self.requests(i, 16)
            self.assertEqual(self.states(i).count("ejected"), 2)
        self.doc["upstreams"][0]["outlier"]["max_ejected"] = 100
        i.put(self.doc)
        wait_for(lambda: self.requests(i, 16) and self.states(i).count("ejected") == 3)
        for _ in range(5):
            self.requests(i, 16)
            self.assertEqual(self.states(i).count("ejected"), 3)

    def test_with_too_few_left_nobody_is_left_out(self):
        i = self.start_with(4, consecutive_failures=2, ejection_time="1h", max_ejected=100,
                            panic_threshold=60)
        for b in self.backends[:2]:
            b.behave.ill = True
        wait_for(lambda: self.requests(i, 16) and "ejected" in self.states(i))
        for _ in range(5):
            self.requests(i, 16)
            self.assertEqual(self.states(i).count("ejected"), 1)
        # Two more go down by their checks: the one that was ejected serves again.
        out = self.states(i).index("ejected")
        self.doc["upstreams"][0]["health"] = {"type": "tcp", "interval": "50ms", "fall": 1,
                                              "rise": 1}
        i.put(self.doc)
        self.backends[2].close()
        self.backends[3].close()
        wait_for(lambda: self.states(i).count("down") == 2)
        wait_for(lambda: self.states(i)[out] == "up")
        self.assertEqual(set(self.requests(i)), {"A", "B"})

    def test_the_last_server_stays(self):
        i = self.start_with(1, consecutive_failures=1, max_ejected=100, panic_threshold=0)
        self.backends[0].behave.ill = True
        for _ in range(10):
            self.assertEqual(set(self.requests(i, 10)), {"A"})
            self.assertEqual(self.states(i), ["up"])

    def test_an_ejection_outlives_reloads_and_the_worker_that_watches(self):
        i = self.start_with(3, consecutive_failures=3, ejection_time="1h")
        self.backends[0].behave.ill = True
        self.wait_states(i, "ejected", "up", "up", send=12)
        self.backends[0].behave.ill = False
        i.hup()
        self.assertEqual(self.states(i), ["ejected", "up", "up"])
        for pid in i.workers():
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: pid not in i.workers() and len(i.workers()) == 2)
        wait_for(i.up)
        self.assertEqual(set(self.requests(i)), {"B", "C"})
        # Others are still watched.
        self.backends[1].behave.ill = True
        self.doc["upstreams"][0]["outlier"].update(max_ejected=100, panic_threshold=0)
        i.put(self.doc)
        self.wait_states(i, "ejected", "ejected", "up", send=12)

    def test_without_outlier_all_serve_again(self):
        i = self.start_with(3, consecutive_failures=3, ejection_time="1h")
        self.backends[0].behave.ill = True
        self.wait_states(i, "ejected", "up", "up", send=12)
        del self.doc["upstreams"][0]["outlier"]
        i.put(self.doc)
        self.assertEqual(self.states(i), ["up", "up", "up"])
        self.assertEqual(set(self.requests(i)), {"A", "B", "C"})
        self.assertEqual(i.admin("GET", "/v1/health").json(), {"items": []})


if __name__ == "__main__":
    unittest.main()
