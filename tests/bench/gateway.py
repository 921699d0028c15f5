#!/usr/bin/python3
"""What the gateway costs beside a static nginx: one table of ratios.

Each variant is an nginx with one worker on core 0 and the same nginx.conf but for the upstream
blocks. Backend and wrk are on core 1. A round gives every variant a slice, in turn. CPU is what
the kernel says the worker ran (/proc/PID/schedstat), so it is the figure to trust; requests per
second are noisy as soon as core 1 is full.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from harness import Instance, NginxBackends, document  # noqa: E402

CONST = ("balancer_by_lua_block { require(\"ngx.balancer\").set_current_peer(\"127.0.0.1\", %d) }")
OURS = "balancer_by_lua_block { require(\"orctl.init\").balancer() }"


class Variant:
    def __init__(self, name, doc, upstream=None):
        self.name = name
        self.instance = Instance(doc, workers=1)
        if upstream:
            path = os.path.join(self.instance.tree, "nginx.conf")
            with open(path) as f:
                text = f.read()
            text = text.replace("server 127.0.0.1:1; " + OURS, upstream)
            Instance.write(path, text)
        self.instance.start()
        self.pid = self.instance.workers()[0]
        os.sched_setaffinity(self.pid, {0})

    def cpu(self):
        with open("/proc/%d/schedstat" % self.pid) as f:
            return int(f.read().split()[0])

    def slice(self, seconds, connections):
        """Requests per second and microseconds of CPU per request."""
        before = self.cpu()
        out = subprocess.run(
            ["taskset", "-c", "1", "wrk", "-t1", "-c%d" % connections, "-d%ds" % seconds,
             "-H", "Host: test", "http://127.0.0.1:%d/" % self.instance.port],
            capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in out or "Socket errors" in out:
            raise SystemExit("%s failed requests:\n%s" % (self.name, out))
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        rate = float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1))
        return rate, (self.cpu() - before) / 1000 / requests


def large_document(servers, upstreams, routes):
    doc = document(servers)
    for n in range(1, upstreams):
        doc["upstreams"].append({"name": "u%d" % n, "servers": [
            {"address": "10.%d.%d.%d:80" % (k, n // 250, n % 250)} for k in range(10)]})
    for n in range(routes):
        doc["routes"].append({"host": "h%d.test" % n if n % 2 else "*.w%d.test" % n,
                              "path": "/p%d" % n, "upstream": "u%d" % (n % (upstreams - 1) + 1)})
    return doc


def spread(values):
    q1, median, q3 = statistics.quantiles(values, n=4)
    return "%.3f [%.3f..%.3f]" % (median, q1, q3)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--connections", type=int, default=64)
    options = parser.parse_args()

    backends = NginxBackends(4)
    os.sched_setaffinity(int(subprocess.check_output(
        ["ps", "--ppid", str(backends.process.pid), "-o", "pid="])), {1})
    doc = document(backends.addresses)
    variants = [
        Variant("static", doc, " ".join("server %s;" % a for a in backends.addresses)),
        Variant("const", doc, "server 127.0.0.1:1; " + CONST % backends.ports[0]),
        Variant("ours", doc),
        Variant("large", large_document(backends.addresses, 1000, 10000)),
    ]
    figures = {v.name: [] for v in variants}
    for variant in variants:
        variant.slice(1, options.connections)
    for n in range(options.rounds):
        turn = n % len(variants)
        for variant in variants[turn:] + variants[:turn]:
            figures[variant.name].append(variant.slice(options.seconds, options.connections))
    rps, cpu = (statistics.median(f[i] for f in figures["static"]) for i in (0, 1))
    print("static: %.0f requests/s, %.2f us CPU per request; %d rounds of %d s, %d connections; "
          "large = 1,000 upstreams of 10 servers, 10,000 routes" % (
              rps, cpu, options.rounds, options.seconds, options.connections))
    print("%-16s %-24s %s" % ("ratio", "requests/s", "CPU per request"))
    for over, under in (("const", "static"), ("ours", "static"), ("ours", "const"),
                        ("large", "ours")):
        print("%-16s %-24s %s" % ("%s / %s" % (over, under), *(
            spread([a[i] / b[i] for a, b in zip(figures[over], figures[under])])
            for i in (0, 1))))


if __name__ == "__main__":
    main()
