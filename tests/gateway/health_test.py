#!/usr/bin/python3
"""Active health checks, against servers that really come and go."""
import collections
import os
import signal
import threading
import time
import unittest

from harness import GatewayTest, document, free_port, owner_of, wait_for

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
            last = self.servers(i)[self.a.address]["last_check"]
            self.assertEqual((last["name"], last["ok"], last["error"]),
                             ("http", False, "status 503"))
            self.assertEqual(self.texts(i), {"B": 20})
            self.ill.well = True
            self.wait_state(i, self.a, "up")
            last = self.servers(i)[self.a.address]["last_check"]
            self.assertEqual((last["ok"], "error" in last), (True, False))
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
        wait_for(lambda: self.ill.pings > pings + 3, 60, "probes go on")
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

    def pings_between(self, i, backend, count):
        """Seconds that `count` further probes take, as the history tells."""
        first = backend.behave.pings
        start = time.monotonic()
        wait_for(lambda: backend.behave.pings >= first + count, 30)
        return time.monotonic() - start

    def test_a_server_that_is_down_is_asked_at_a_pace_of_its_own(self):
        i = self.pair(dict(HTTP, interval="50ms", interval_when_down="1h", fall=2))
        self.ill.well = False
        self.wait_state(i, self.a, "down")
        asked = self.ill.pings
        # The other server counts the time: it is asked twenty times more.
        self.pings_between(i, self.b, 20)
        self.assertLessEqual(self.ill.pings, asked + 1)

    def test_a_stable_server_is_asked_seldom_until_the_settings_change(self):
        i = self.pair(dict(HTTP, interval_when_stable="1h", stable_after=4))
        plain = self.backend("C", Flapping())
        self.doc["upstreams"].append({"name": "other", "servers": [{"address": plain.address}],
                                      "health": HTTP})
        i.put(self.doc)
        wait_for(lambda: self.ill.pings >= 4 and self.b.behave.pings >= 4)
        self.pings_between(i, plain, 20)
        self.assertEqual((self.ill.pings, self.b.behave.pings), (4, 4))
        # A shorter pace counts at once, not after the hour; the state is kept.
        self.doc["upstreams"][0]["health"] = dict(HTTP, interval_when_stable="60ms",
                                                  stable_after=4)
        i.put(self.doc)
        wait_for(lambda: self.ill.pings >= 10)

    def test_first_checks_are_spread_and_later_ones_jittered(self):
        dead = ["127.0.0.1:%d" % free_port() for _ in range(30)]
        i = self.instance(document(dead, health=dict(TCP, interval="1s", jitter=50)))

        def histories():
            items = i.admin("GET", "/v1/health").json()["items"]
            return all(item["probes"] >= 3 for item in items) and items
        items = wait_for(histories, 20)

        def seconds(probe):
            minutes, rest = probe["at"][14:-1].split(":")
            return int(minutes) * 60 + float(rest)
        firsts = [seconds(item["history"][0]) for item in items]
        # Thirty servers in one second: if all came at once, they would lie within one tick.
        ticks = {round((t - min(firsts)) / 0.05) for t in firsts}
        self.assertGreater(len(ticks), 8)
        gaps = [(seconds(b) - seconds(a)) % 3600 for item in items
                for a, b in zip(item["history"], item["history"][1:])]
        self.assertGreater(max(gaps) - min(gaps), 0.3)
        self.assertGreaterEqual(min(gaps), 0.45)

    def test_thresholds_changed_while_running_keep_the_state(self):
        i = self.pair(dict(HTTP, fall=100))
        self.ill.well = False
        asked = self.ill.pings
        wait_for(lambda: self.ill.pings >= asked + 5)
        self.assertEqual(self.servers(i)[self.a.address]["state"], "up")
        # The failures so far count: one more is enough.
        self.doc["upstreams"][0]["health"]["fall"] = 5
        self.doc["upstreams"][0]["health"]["interval"] = "60ms"
        asked = self.ill.pings
        i.put(self.doc)
        self.wait_state(i, self.a, "down")
        self.assertLessEqual(self.ill.pings - asked, 3)
        self.doc["upstreams"][0]["health"]["rise"] = 100
        i.put(self.doc)
        self.ill.well = True
        asked = self.ill.pings
        wait_for(lambda: self.ill.pings >= asked + 5)
        self.assertEqual(self.servers(i)[self.a.address]["state"], "down")
        self.assertEqual(self.servers(i)[self.b.address]["state"], "up")

    def test_members_and_checks_change_together(self):
        i = self.pair(HTTP)
        wait_for(lambda: self.ill.pings > 2)
        c = self.backend("C", Flapping())
        gone = self.b
        self.doc["upstreams"][0]["servers"] = [{"address": self.a.address}, {"address": c.address}]
        self.doc["upstreams"][0]["health"] = dict(HTTP, path="/other")
        i.put(self.doc)
        wait_for(lambda: "GET /other" in self.a.seen and "GET /other" in c.seen)
        # What left is not asked any more: at most the probe that was under way.
        asked = gone.behave.pings
        self.pings_between(i, c, 10)
        self.assertLessEqual(gone.behave.pings, asked + 1)
        self.assertEqual([s["server"] for s in i.admin("GET", "/v1/health").json()["items"]],
                         [self.a.address, c.address])

    def test_an_invalid_document_changes_nothing_about_checks(self):
        i = self.pair(HTTP)
        for bad in ({"type": "http", "body": "("}, {"type": "icmp"}, {}, {"type": "http", "rise": 0}):
            answer = i.admin("PUT", "/v1/config", document([self.b.address], health=bad))
            self.assertEqual(answer.status, 422)
        self.assertEqual(i.admin("PUT", "/v1/config", b"{").status, 400)
        self.pings_between(i, self.a, 3)
        self.ill.well = False
        self.wait_state(i, self.a, "down")
        self.assertEqual(self.texts(i), {"B": 20})

    def test_a_server_in_maintenance_is_not_asked_and_comes_back_as_it_went(self):
        i = self.pair(HTTP)
        self.ill.well = False
        self.wait_state(i, self.a, "down")
        path = "/v1/overrides/up/" + self.a.address
        self.assertEqual(i.admin("PUT", path, {"state": "maint"}).status, 200)
        wait_for(lambda: self.servers(i)[self.a.address]["state"] == "maint")
        self.pings_between(i, self.b, 2)
        asked = self.ill.pings
        self.pings_between(i, self.b, 10)
        self.assertEqual(self.ill.pings, asked)
        self.assertEqual(i.admin("DELETE", path).status, 200)
        self.assertEqual(self.servers(i)[self.a.address]["state"], "down")
        self.ill.well = True
        self.wait_state(i, self.a, "up")

    def prober(self, i):
        """The process at the other end of a connection that a probe has made to A."""
        for connection in list(self.a.open):
            try:
                port = connection.getpeername()[1]
            except OSError:
                continue
            pid = owner_of(i.workers(), port, self.a.port)
            if pid:
                return pid
        return None

    def held(self):
        """An instance whose probes of A hang until `release`, so that their maker can be seen."""
        release = threading.Event()
        self.addCleanup(release.set)
        self.times = []

        def behave(request, head):
            self.times.append(time.monotonic())
            release.wait(0.2)
            request.answer(200, "")
            return True
        self.a = self.backend("A", behave)
        i = self.instance(document([self.a.address], health=dict(HTTP, timeout="5s")), workers=3)
        wait_for(lambda: self.times)
        return i

    def test_another_worker_probes_when_the_leading_one_is_killed(self):
        i = self.held()
        for _ in range(3):
            first = wait_for(lambda: self.prober(i), 60, "a worker probes")
            os.kill(first, signal.SIGKILL)
            wait_for(lambda: first not in i.workers() and len(i.workers()) == 3)
            count = len(self.times)
            wait_for(lambda: len(self.times) > count + 3, 60, "probes go on")
            self.assertNotEqual(wait_for(lambda: self.prober(i)), first)

    def test_another_worker_probes_when_the_leading_one_hangs(self):
        i = self.held()
        first = wait_for(lambda: self.prober(i), 60, "a worker probes")
        os.kill(first, signal.SIGSTOP)
        try:
            second = wait_for(lambda: (self.prober(i) or first) != first and self.prober(i), 15,
                              "another worker probes")
            self.assertIn(second, i.workers())
            count = len(self.times)
            wait_for(lambda: len(self.times) > count + 3, 60, "probes go on")
        finally:
            os.kill(first, signal.SIGCONT)
        # It wakes up and finds that another one leads: there is one that probes.
        wait_for(lambda: i.admin("GET", "/v1/status").status == 200)
        count = len(self.times)
        wait_for(lambda: len(self.times) > count + 8, 10)
        probers = set()

        def look():
            probers.add(self.prober(i))
            return len(self.times) > count + 16
        wait_for(look, 10)
        self.assertNotIn(first, probers)

    def test_a_server_that_flips_often_stays_down(self):
        i = self.pair(dict(HTTP, rise=1, fall=1, flap={
            "after": 2, "window": "1h", "hold": "1500ms", "max_hold": "2s"}))
        def flip():
            self.ill.well = False
            self.wait_state(i, self.a, "down")
            start = time.monotonic()
            self.ill.well = True
            self.wait_state(i, self.a, "up")
            return time.monotonic() - start
        self.assertLess(flip(), 1)
        self.assertGreater(flip(), 1.3)
        third = flip()
        self.assertGreater(third, 1.8)
        self.assertLess(third, 3)

    def test_a_server_that_is_held_down_says_so_and_outlives_its_leader(self):
        i = self.pair(dict(HTTP, rise=1, fall=1, flap={
            "after": 1, "window": "1h", "hold": "1h", "max_hold": "1h"}))
        self.ill.well = False
        self.wait_state(i, self.a, "down")
        self.ill.well = True

        def reason():
            item = i.admin("GET", "/v1/health").json()["items"][0]
            return item["checks"][0]["ok"] and "held down" in item.get("reason", "")
        wait_for(reason)
        i.hup()
        asked = self.ill.pings
        wait_for(lambda: self.ill.pings > asked + 5)
        self.assertEqual(self.servers(i)[self.a.address]["state"], "down")
        self.doc["upstreams"][0]["health"]["flap"] = {"after": 0}
        i.put(self.doc)
        self.wait_state(i, self.a, "up")

    def test_one_worker_probes(self):
        i = self.pair(dict(HTTP, interval="100ms"))
        wait_for(lambda: self.ill.pings >= 3)
        first, workers = self.ill.pings, 2
        self.assertEqual(len(i.workers()), workers)
        mark = self.b.behave.pings
        wait_for(lambda: self.ill.pings >= first + 10)
        self.assertLessEqual(abs((self.b.behave.pings - mark) - 10), 5)  # two that probe would make it 20

    def test_a_free_port_is_down_from_the_start_only_after_fall_failures(self):
        dead = "127.0.0.1:%d" % free_port()
        i = self.instance(document([dead], health=dict(TCP, fall=5)))
        wait_for(lambda: self.servers(i)[dead]["state"] == "down", 5)


if __name__ == "__main__":
    unittest.main()
