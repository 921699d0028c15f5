#!/usr/bin/python3
"""Active health checks, against servers that really come and go."""
import collections
import os
import signal
import threading
import unittest

from harness import GatewayTest, document, free_port, wait_for

HTTP = {"type": "http", "path": "/ping", "interval": "50ms", "timeout": "500ms", "rise": 2, "fall": 3}
TCP = {"type": "tcp", "interval": "50ms", "timeout": "500ms", "rise": 1, "fall": 1}


class Flapping:
    """Behaviour of a backend whose /ping can be made to fail; all else is answered."""

    def __init__(self):
        self.well = True
        self.pings = 0
        self.agents = set()

    def __call__(self, request, head):
        if head.get("user-agent") != "orctl":
            return False
        self.pings += 1
        request.answer(200 if self.well else 503, "")
        return True


class Health(GatewayTest):
    def servers(self, i, name="up"):
        items = i.admin("GET", "/v1/upstreams/" + name).json()["items"]
        return {s["address"]: s for s in items[0]["servers"]}

    def wait_state(self, i, backend, state):
        wait_for(lambda: self.servers(i)[backend.address]["state"] == state, 5, state)

    def texts(self, i, n=20):
        return collections.Counter(i.get().text() for _ in range(n))

    def pair(self, health, **options):
        self.ill = Flapping()
        self.a, self.b = self.backend("A", self.ill), self.backend("B", Flapping())
        self.doc = document([self.a.address, self.b.address], health=health, **options)
        return self.instance(self.doc)

    def test_a_failing_server_gets_no_requests_until_it_is_well_again(self):
        i = self.pair(HTTP, retries=0)
        self.assertEqual(set(self.texts(i)), {"A", "B"})
        for _ in range(2):
            self.ill.well = False
            self.wait_state(i, self.a, "down")
            self.assertEqual(self.servers(i)[self.a.address]["last_check"],
                             {"ok": False, "error": "status 503"})
            self.assertEqual(self.texts(i), {"B": 20})
            self.ill.well = True
            self.wait_state(i, self.a, "up")
            self.assertEqual(self.servers(i)[self.a.address]["last_check"], {"ok": True})
            self.assertEqual(set(self.texts(i)), {"A", "B"})

    def test_only_failures_in_a_row_count(self):
        turn = []

        def behave(request, head):
            if head.get("user-agent") != "orctl":
                return False
            turn.append(1)
            request.answer(503 if len(turn) % 3 else 200, "")
            return True
        a = self.backend("A", behave)
        i = self.instance(document([a.address], health=HTTP))
        seen = set()

        def look():
            seen.add(self.servers(i)[a.address]["state"])
            return len(turn) > 15
        wait_for(look, 10)
        self.assertEqual(seen, {"up"})

    def test_a_dead_server_is_found_by_tcp_and_its_return_too(self):
        i = self.pair(TCP, retries=0)
        self.a.close()
        self.wait_state(i, self.a, "down")
        wait_for(lambda: self.servers(i)[self.a.address]["last_check"]["error"]
                 == "connection refused", 5)
        self.assertEqual(self.texts(i), {"B": 20})
        self.backend("back", port=self.a.port)
        self.wait_state(i, self.a, "up")
        self.assertEqual(set(self.texts(i)), {"back", "B"})

    def test_with_all_servers_down_they_are_tried_anyway(self):
        i = self.pair(HTTP)
        self.ill.well = self.b.behave.well = False
        self.wait_state(i, self.a, "down")
        self.wait_state(i, self.b, "down")
        self.assertEqual(set(self.texts(i)), {"A", "B"})

    def test_a_backup_serves_while_the_others_are_down(self):
        ill = Flapping()
        a, b = self.backend("A", ill), self.backend("B", Flapping())
        i = self.instance(document([a.address, {"address": b.address, "backup": True}],
                                   health=HTTP))
        self.assertEqual(self.texts(i), {"A": 20})
        ill.well = False
        self.wait_state(i, a, "down")
        self.assertEqual(self.texts(i), {"B": 20})

    def test_the_state_outlives_updates_reloads_and_the_worker_that_probes(self):
        i = self.pair(dict(HTTP, rise=100))
        self.ill.well = False
        self.wait_state(i, self.a, "down")
        self.ill.well = True
        i.put(dict(self.doc, routes=[{"path": "/", "upstream": "up"},
                                     {"path": "/x", "upstream": "up"}]))
        self.assertEqual(self.texts(i), {"B": 20})
        self.doc["upstreams"][0]["retries"] = 3
        i.put(self.doc)
        self.assertEqual(self.texts(i), {"B": 20})
        i.hup()
        self.assertEqual(self.texts(i), {"B": 20})
        for pid in i.workers():
            os.kill(pid, signal.SIGKILL)
            wait_for(lambda: pid not in i.workers() and len(i.workers()) == 2)
        wait_for(i.up)
        self.assertEqual(self.texts(i), {"B": 20})
        pings = self.ill.pings
        wait_for(lambda: self.ill.pings > pings + 3, 5, "probes go on")
        self.doc["upstreams"][0]["health"]["rise"] = 1
        i.put(self.doc)
        self.wait_state(i, self.a, "up")

    def test_a_server_that_never_answers_does_not_keep_others_from_being_checked(self):
        release = threading.Event()
        self.addCleanup(release.set)
        mute = self.backend(behave=lambda request, head: release.wait(20))
        ill = Flapping()
        a = self.backend("A", ill)
        i = self.instance(document([a.address, mute.address],
                                   health=dict(HTTP, timeout="100ms")))
        self.wait_state(i, mute, "down")
        self.assertEqual(self.servers(i)[mute.address]["last_check"]["error"], "timeout")
        ill.well = False
        self.wait_state(i, a, "down")

    def test_without_health_nothing_is_probed_and_all_are_up(self):
        i = self.pair(HTTP)
        self.ill.well = False
        self.wait_state(i, self.a, "down")
        del self.doc["upstreams"][0]["health"]
        i.put(self.doc)
        server = self.servers(i)[self.a.address]
        self.assertEqual((server["state"], "last_check" in server), ("up", False))
        self.assertEqual(set(self.texts(i)), {"A", "B"})

    def test_one_worker_probes(self):
        i = self.pair(dict(HTTP, interval="100ms"))
        wait_for(lambda: self.ill.pings >= 3)
        first, workers = self.ill.pings, 2
        self.assertEqual(len(i.workers()), workers)
        mark = self.b.behave.pings
        wait_for(lambda: self.ill.pings >= first + 10)
        self.assertLessEqual(abs((self.b.behave.pings - mark) - 10), 2)

    def test_a_free_port_is_down_from_the_start_only_after_fall_failures(self):
        dead = "127.0.0.1:%d" % free_port()
        i = self.instance(document([dead], health=dict(TCP, fall=5)))
        wait_for(lambda: self.servers(i)[dead]["state"] == "down", 5)


if __name__ == "__main__":
    unittest.main()
