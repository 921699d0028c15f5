#!/usr/bin/python3
"""Counts over all workers: in flight, over a reload, over the death of a worker."""
import os
import signal
import threading
import unittest

from harness import GatewayTest, document, wait_for


class Counters(GatewayTest):
    def held(self):
        """A backend that holds its answers until the event is set."""
        release = threading.Event()
        self.addCleanup(release.set)

        def behave(request, head):
            release.wait(20)
        return self.backend(behave=behave), release

    def server(self, instance, index=0):
        items = instance.admin("GET", "/v1/upstreams/up").json()["items"]
        return items[0]["servers"][index]

    def hold(self, connections):
        for connection in connections:
            self.addCleanup(connection.close)
            connection.request("GET", "/", headers={"Host": "test"})

    def test_requests_in_flight_are_summed_over_all_workers(self):
        backend, release = self.held()
        i = self.instance(document([backend.address]))
        found = i.open_until_all()
        self.hold(found.values())
        wait_for(lambda: self.server(i)["in_flight"] == 2, what="two in flight")
        release.set()
        for connection in found.values():
            self.assertEqual(connection.getresponse().read(), b"A")
        wait_for(lambda: self.server(i)["in_flight"] == 0, what="none in flight")
        self.assertEqual(self.server(i)["requests"], 2)

    def test_a_retry_takes_the_request_to_the_other_server(self):
        backend, release = self.held()
        i = self.instance(document(["127.0.0.1:1", backend.address]), workers=1)
        found = i.open_until_all()
        self.hold(found.values())
        wait_for(lambda: self.server(i, 1)["in_flight"] == 1, what="in flight")
        self.assertEqual(self.server(i, 0)["in_flight"], 0)
        release.set()
        for connection in found.values():
            connection.getresponse().read()
        wait_for(lambda: self.server(i, 1)["in_flight"] == 0, what="none in flight")

    def test_a_killed_worker_takes_its_requests_along_and_leaves_its_counts(self):
        backend, _ = self.held()
        i = self.instance(document([backend.address]))
        found = i.open_until_all()
        self.hold(found.values())
        wait_for(lambda: self.server(i)["in_flight"] == 2, what="two in flight")
        victim = sorted(found)[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: victim not in i.workers() and i.up(), what="a new worker")
        wait_for(lambda: self.server(i)["in_flight"] == 1, what="one in flight")
        self.assertEqual(self.server(i)["requests"], 2)

    def test_counts_go_on_over_reloads_and_rows_are_used_again(self):
        backend = self.backend()
        i = self.instance(document([backend.address]))
        for n in range(12):
            self.assertEqual(i.get().status, 200)
            i.hup()
        self.assertEqual(self.server(i)["requests"], 12)
        self.assertNotIn("rows of counters are taken", i.errors())

    def test_a_server_that_left_keeps_its_counters_while_a_request_runs(self):
        backend, release = self.held()
        other = self.backend("B")
        i = self.instance(document([backend.address]))
        found = i.open_until_all()
        self.hold(found.values())
        wait_for(lambda: self.server(i)["in_flight"] == 2, what="two in flight")
        i.put(document([other.address]))
        self.assertEqual(i.get().body, b"B")
        i.put(document([other.address, backend.address]))
        self.assertEqual(self.server(i, 1)["in_flight"], 2)
        i.put(document([other.address]))
        release.set()
        for connection in found.values():
            connection.getresponse().read()
        wait_for(lambda: i.status()["leaving"] == 0, what="forgotten")


if __name__ == "__main__":
    unittest.main()
