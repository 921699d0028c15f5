#!/usr/bin/python3
"""Workers killed at any moment while documents are written: what was acknowledged last holds, and no
worker serves anything else."""
import hashlib
import http.client
import os
import random
import signal
import threading
import time
import unittest

from harness import GatewayTest, document, wait_for

KILLS, ROUND = 150, 5  # kills, and how many of them before everything is looked at


class Writer:
    """Puts one document after the other, and knows which may be in service now."""

    def __init__(self, instance, servers):
        self.instance, self.servers = instance, servers
        self.number, self.acknowledged, self.unanswered = 0, 0, 0
        self.generation = 1
        self.in_doubt = []  # numbers of updates without an answer since the last acknowledged one
        self.faults = []
        self.go, self.idle, self.end = threading.Event(), threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def document(self, number):
        # The timeout makes every document a different one.
        return document([self.servers[number % len(self.servers)]],
                        read_timeout="%ds" % (number + 1))

    def run(self):
        while not self.end.is_set():
            if not self.go.wait(0.05):
                self.idle.set()
                continue
            self.idle.clear()
            self.write()

    def write(self):
        self.number += 1
        doc = self.document(self.number)
        path, body = (("/v1/config", doc) if self.number % 2 else
                      ("/v1/upstreams/up", doc["upstreams"][0]))
        try:
            answer = self.instance.admin("PUT", path, body)
        except (OSError, http.client.HTTPException):
            self.unanswered += 1
            self.in_doubt.append(self.number)
            return
        if answer.status == 200 and answer.json()["generation"] > self.generation:
            self.acknowledged, self.in_doubt = self.number, []
            self.generation = answer.json()["generation"]
        else:
            self.faults.append("%d %s" % (answer.status, answer.text()))

    def pause(self):
        self.go.clear()
        self.idle.clear()
        if not self.idle.wait(30):
            raise AssertionError("a write takes longer than 30 s")

    def close(self):
        self.end.set()
        self.thread.join()


class KillWorker(GatewayTest):
    def test_150_kills_under_writes(self):
        servers = self.nginx_backends(4).addresses
        i = self.instance(document(servers[:1]))
        writer, rng, longest = Writer(i, servers), random.Random(3), 0
        self.addCleanup(writer.close)
        for _ in range(KILLS // ROUND):
            writer.go.set()
            for _ in range(ROUND):
                mark, begin = writer.acknowledged, time.monotonic()
                wait_for(lambda: writer.acknowledged > mark + 2, 60, "writes go on")
                longest = max(longest, time.monotonic() - begin)
                time.sleep(rng.random() * 0.005)  # the stimulus: any moment of a write
                victims = rng.sample(i.workers(), rng.choice((1, 1, 1, 2)))
                for pid in victims:
                    os.kill(pid, signal.SIGKILL)
                wait_for(lambda: len(i.workers()) == 2 and not set(victims) & set(i.workers()))
            writer.pause()
            self.look(i, writer)
        self.assertEqual(writer.faults, [])
        self.assertLess(longest, 4, "writes go on, whatever the dead worker held")
        self.assertNotIn("[alert] shared memory", i.errors())
        print("%d kills, %d updates acknowledged, %d in doubt: the last acknowledged one held each "
              "time, no worker disagreed; the longest wait for writes was %.1f s" % (
                  KILLS, writer.generation - 1, writer.unanswered, longest))

    def look(self, i, writer):
        """The document in service is the last one acknowledged, or one sent later whose answer was
        lost; all workers say so, and serve it."""
        status = wait_for(lambda: {w["pid"] for w in i.status()["workers"]} == set(i.workers())
                          and i.all_follow(), 15, "all workers agree")
        served = i.admin("GET", "/v1/config")
        found = [n for n in [writer.acknowledged] + writer.in_doubt
                 if writer.document(n) == served.json()]
        self.assertTrue(found, "an acknowledged document was lost, served is %s" % served.text())
        self.assertEqual(hashlib.sha256(served.body).hexdigest(), status["digest"])
        self.assertGreaterEqual(status["generation"], writer.generation)
        for pid, connection in i.open_until_all().items():
            self.addCleanup(connection.close)
            connection.request("GET", "/", headers={"Host": "test"})
            self.assertEqual(connection.getresponse().read().decode(), "S%d" % (found[0] % 4), pid)


if __name__ == "__main__":
    unittest.main()
