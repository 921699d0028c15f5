#!/usr/bin/python3
"""How long a request waits while a document of the largest size comes: beside the longest wait while nothing comes.

  tests/bench/gaps.py            a minute on a quiet machine
  tests/bench/gaps.py --many     the same of 40,000 servers with health checks

One worker; one client asks it again and again on one connection. The ratio is the figure to trust, in the median of the
rounds: what else runs on the machine makes both gaps longer.
"""
import argparse
import http.client
import os
import statistics
import sys
import threading
import time

from table import Table, spread

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from harness import Instance, NginxBackends, document, encode  # noqa: E402

QUIET = 2  # seconds before each round
BALANCES = ("round_robin", "least_conn", "random", "ip_hash", "ewma")


def largest(address, checked):
    """10,000 routes for 20,000 hosts, and 40,000 servers."""
    doc = document([address])
    for n in range(3999):
        up = {"name": "u%d" % n, "balance": BALANCES[n % 5],
              "servers": [{"address": "10.%d.%d.%d:80" % (n >> 8, n & 255, k + 1)} for k in range(10)]}
        doc["upstreams"].append(dict(up, health={"type": "tcp", "interval": "24h"}) if checked else up)
    doc["routes"] += [{"hosts": ["h%d.example" % n, "g%d.example" % n], "path": "/", "upstream": "u%d" % (n % 3999)}
                      for n in range(9999)]
    return doc


class Client(threading.Thread):
    """Asks until it is told to stop; `waits` are the milliseconds of each answer."""

    def __init__(self, gateway):
        super().__init__()
        self.gateway, self.waits, self.wrong, self.ends = gateway, [], 0, threading.Event()

    def run(self):
        connection = http.client.HTTPConnection("127.0.0.1", self.gateway.port, timeout=60)
        while not self.ends.is_set():
            begin = time.monotonic()
            connection.request("GET", "/", headers={"Host": "test"})
            answer = connection.getresponse()
            answer.read()
            self.waits.append((time.monotonic() - begin) * 1e3)
            self.wrong += answer.status != 200
            if len(self.waits) % 900 == 0:  # nginx ends a connection after 1,000 requests
                connection.close()
            time.sleep(0.0005)
        connection.close()


def waits_during(gateway, what):
    client = Client(gateway)
    client.start()
    what()
    client.ends.set()
    client.join()
    return client


class Rounds:
    def __init__(self, gateway, table):
        self.gateway, self.table = gateway, table

    def line(self, name, steps):
        """A line of the table: each step in turn, with a quiet time before it."""
        gaps, quiet, took, wrong = [], [], [], 0
        for step in steps:
            quiet.append(max(waits_during(self.gateway, lambda: time.sleep(QUIET)).waits))
            begin = time.monotonic()
            client = waits_during(self.gateway, step)
            took.append((time.monotonic() - begin) * 1e3)
            gaps.append(max(client.waits))
            wrong += client.wrong
        ratio = statistics.median(g / q for g, q in zip(gaps, quiet))
        self.table.line(name, spread(gaps, "%.1f"), spread(quiet, "%.1f"), "%.1f" % ratio, "%.0f" % statistics.median(took),
                        self.table.word(wrong, "<=", 0, "wrong answers "))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--many", action="store_true", help="with health checks")
    options = parser.parse_args()
    backends, table = NginxBackends(1), Table()
    address = backends.addresses[0]
    gateway = Instance(document([address]), workers=1, dict_size="96m").start()
    small, first = document([address]), largest(address, options.many)
    other = largest(address, options.many)
    for up in other["upstreams"][1:]:
        up["servers"] = up["servers"][1:]
    one = dict(first, routes=first["routes"][:-1])
    rounds = Rounds(gateway, table)

    def put(doc, wanted=200):
        status = gateway.admin("PUT", "/v1/config", doc).status
        if status != wanted:
            raise SystemExit("PUT: %d" % status)
    texts = {name: encode(doc) for name, doc in (("small", small), ("first", first), ("other", other), ("one", one))}

    def alternate(before, after):
        for _ in range(options.rounds):
            put(texts[before])
            yield lambda: put(texts[after])
    table.title("a document comes", "longest gap, ms", "quiet, ms", "ratio", "PUT, ms", "")
    rounds.line("the largest for a small one", alternate("small", "first"))
    rounds.line("all upstreams change", alternate("first", "other"))
    rounds.line("one route leaves", alternate("first", "one"))
    rounds.line("a small one for the largest", alternate("first", "small"))
    refused = b"[" + b"{}," * 10000000 + b"{}]"
    rounds.line("30 MB of {} are refused", [lambda: put(refused, 400)] * options.rounds)
    gateway.close()
    backends.close()
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
