#!/usr/bin/python3
"""GET /v1/summary: what the last minute brought, and which servers are up, with and without checks; over a reload and the death of
a worker."""
import os
import signal
import threading
import unittest

from harness import GatewayTest, closed_port, document, wait_for


class Summary(GatewayTest):
    def dead(self):
        """An address where nothing listens."""
        held = closed_port()
        self.addCleanup(held.close)
        return "127.0.0.1:%d" % held.getsockname()[1]

    def summary(self, instance):
        return instance.admin("GET", "/v1/summary").json()

    def upstream(self, instance, index=0):
        return self.summary(instance)["upstreams"][index]

    def counted(self, instance, requests, errors):
        def there():
            now = self.summary(instance)
            return (now["requests"], now["errors"]) == (requests, errors)
        wait_for(there, what="%d requests, %d errors" % (requests, errors))

    def counts(self, instance, up, down, off):
        """Waits until the first upstream has so many of each."""
        def there():
            now = self.upstream(instance)
            return (now["up"], now["down"], now["off"]) == (up, down, off) and now
        return wait_for(there, what="up, down, off: %s" % ((up, down, off),))

    def test_requests_and_errors_are_those_of_all_hosts_and_workers(self):
        backend = self.backend()
        dead = self.dead()
        doc = {"format": 1, "upstreams": [{"name": "up", "servers": [{"address": backend.address}]},
                                          {"name": "dead", "servers": [{"address": dead}]}],
               "routes": [{"path": "/", "host": "good", "upstream": "up"}, {"path": "/", "host": "bad", "upstream": "dead"}]}
        i = self.instance(doc)
        self.counted(i, 0, 0)
        for _ in range(20):
            self.assertEqual(i.get(host="good").status, 200)
        for _ in range(5):
            self.assertEqual(i.get(host="bad").status, 502)
        self.assertEqual(i.get(host="nobody").status, 404)
        self.counted(i, 26, 5)
        self.assertEqual(self.summary(i)["seconds"], 60)
        # what came before a host left is counted all the same
        i.put(dict(doc, routes=doc["routes"][:1]))
        self.assertEqual(i.get(host="good").status, 200)
        self.counted(i, 27, 5)
        i.put(doc)
        self.assertEqual(i.get(host="bad").status, 502)
        self.counted(i, 28, 6)

    def test_a_server_without_checks_is_known_by_its_last_tries(self):
        backend = self.backend()
        dead = self.dead()
        i = self.instance(document([backend.address, dead]))
        self.counts(i, 2, 0, 0)
        for _ in range(8):
            self.assertEqual(i.get().status, 200)
        now = self.counts(i, 1, 1, 0)
        self.assertEqual(now["faults"], [{"server": dead, "state": "failing", "reason": "its last tries failed"}])
        self.assertEqual(now["servers"], 2)

    def test_an_answer_brings_it_back(self):
        dead = self.dead()
        i = self.instance(document([dead]))
        self.assertEqual(i.get().status, 502)
        self.counts(i, 0, 1, 0)
        self.backend(port=int(dead.rsplit(":")[1]))
        self.assertEqual(i.get().status, 200)
        self.counts(i, 1, 0, 0)

    def test_a_server_that_answers_with_errors_is_up_and_its_errors_are_counted(self):
        backend = self.backend(behave=lambda request, head: request.answer(500, "no") or True)
        i = self.instance(document([backend.address]))
        for _ in range(3):
            self.assertEqual(i.get().status, 500)
        self.counted(i, 3, 3)
        self.counts(i, 1, 0, 0)

    def test_servers_that_checks_or_operators_took_out(self):
        backend = self.backend()
        dead = self.dead()
        check = {"type": "tcp", "interval": "100ms", "timeout": "100ms", "rise": 1, "fall": 1, "jitter": 0, "name": "tcp"}
        i = self.instance(document([backend.address, dead], health={"checks": [check]}))
        now = self.counts(i, 1, 1, 0)
        self.assertEqual(now["faults"][0]["server"], dead)
        self.assertEqual(now["faults"][0]["state"], "down")
        self.assertIn("refused", now["faults"][0]["reason"])
        self.assertEqual(i.admin("PUT", "/v1/overrides/up/" + backend.address,
                                 {"state": "drain", "by": "me", "ignore_min_healthy": True}).status, 200)
        self.counts(i, 0, 1, 1)

    def test_counts_outlive_a_reload_and_a_worker_that_drains_adds_its_last_requests(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def behave(request, head):
            if "x-held" in head:
                release.wait(20)
        backend = self.backend(behave=behave)
        i = self.instance(document([backend.address]))
        for _ in range(4):
            self.assertEqual(i.get().status, 200)
        self.counted(i, 4, 0)
        held = threading.Thread(target=lambda: i.get(headers={"X-Held": "1"}, timeout=30))
        held.start()
        self.addCleanup(held.join)
        self.addCleanup(release.set)
        wait_for(lambda: i.admin("GET", "/v1/upstreams/up").json()["items"][0]["servers"][0]["in_flight"] == 1, what="held")
        old = i.workers()
        i.write_tree()
        i.master.send_signal(signal.SIGHUP)
        wait_for(lambda: i.all_follow() and i.status()["tree"].endswith("2"), what="reloaded")
        wait_for(lambda: len(self.summary(i)["draining"]) == 1, what="only the one that holds a request drains")
        draining = self.summary(i)["draining"]
        self.assertIn(draining[0]["pid"], old)
        self.assertGreaterEqual(draining[0]["seconds"], 0)
        self.counted(i, 4, 0)
        release.set()
        held.join()
        self.counted(i, 5, 0)
        wait_for(lambda: self.summary(i)["draining"] == [], what="none drains")
        self.assertEqual(self.summary(i)["fallen"], 0)

    def test_a_worker_that_was_killed_is_told_and_its_counts_stay(self):
        backend = self.backend()
        i = self.instance(document([backend.address]))
        for _ in range(6):
            self.assertEqual(i.get().status, 200)
        self.counted(i, 6, 0)
        self.assertEqual(self.summary(i)["fallen"], 0)
        victim = i.workers()[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: victim not in i.workers() and i.all_follow(), what="another one has begun")
        wait_for(lambda: self.summary(i)["fallen"] == 1, what="told")
        self.counted(i, 6, 0)

    def test_thousands_of_servers_are_told_in_few_words(self):
        servers = ["127.0.%d.%d:1" % (n // 200, n % 200 + 1) for n in range(4000)]
        i = self.instance(document(servers, retries=0))
        answer = i.admin("GET", "/v1/summary")
        self.assertEqual(answer.json()["upstreams"], [{"name": "up", "servers": 4000, "up": 4000, "down": 0, "off": 0, "faults": []}])
        self.assertLess(len(answer.body), 1000)
        self.assertEqual(i.get().status, 502)
        self.assertEqual(wait_for(lambda: self.upstream(i)["down"], what="found among all"), 1)

    def test_it_is_only_read(self):
        i = self.instance(document(["127.0.0.1:1"]))
        answer = i.admin("PUT", "/v1/summary", {})
        self.assertEqual((answer.status, answer.headers["Allow"]), (405, "GET, HEAD"))


if __name__ == "__main__":
    unittest.main()
