#!/usr/bin/python3
"""What the gateway costs, beside static nginx, a constant Lua peer and HAProxy: one table of ratios
with their bars. Then TLS, HTTP/2, WebSocket and large bodies beside static nginx, and what an update
costs, beside `nginx -s reload` and HAProxy's `set server`. Exit 1 when a bar is not met.

  tests/install.sh bench && tests/bench/gateway.py               all, about 8 minutes on a quiet machine
  tests/bench/gateway.py --rounds 1 --seconds 1 --updates 100    only to see that it works

Each proxy has one worker on core 0; the servers and wrk are on core 1. Each slice of a variant
stands between two slices of static nginx, and its ratio is to their mean. CPU is what the kernel
says the worker ran (/proc/PID/schedstat): the figure to trust; requests per second are noisy as soon
as core 1 is full. A slice begins when the cores are idle, and is repeated when its proxy had to wait
for its core.
"""
import argparse
import os
import re
import statistics
import subprocess
import sys
import time

import protocols
import updates
from proxies import CONST, FILTER, LOG, REWRITE, HAProxy, Nginx, Static, cpu_of, emptied, large_document, without
from table import Table, spread

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from harness import NginxBackends, children, wait_for  # noqa: E402

HEALTH = {"type": "http", "path": "/", "interval": "1s", "timeout": "1s"}
POLICIES = {"canary": {"upstream": "next", "percent": 5, "by": "client"},
         "rate_limit": {"requests": 1000000, "burst": 1000000},
         "request_headers": {"set": {"X-Team": "payments"}, "remove": ["X-Debug"]},
         "response_headers": {"set": {"X-Served-By": "gateway"}, "remove": ["X-Powered-By"]}}
POLICY = {"limit": 16 << 20, "cap": 16 << 20}
BUSY, WAITED, TRIES = 0.15, 0.12, 4  # of a core while nothing runs; of a slice; for a quiet slice
UNIT = {"us": 1, "ms": 1000, "s": 1000000}


def busy():
    """The part of the time that any core worked, over 50 ms."""
    def read():
        with open("/proc/stat") as f:
            fields = [int(x) for x in f.readline().split()[1:]]
        return sum(fields), fields[3] + fields[4]
    total, idle = read()
    time.sleep(0.05)
    total2, idle2 = read()
    return 1 - (idle2 - idle) / max(1, total2 - total)


class Figures:
    """Requests per second, CPU per request, median and 99th percentile of one slice."""

    def __init__(self, out, cpu):
        requests = int(re.search(r"(\d+) requests in", out).group(1))
        self.rps = float(re.search(r"Requests/sec:\s*([\d.]+)", out).group(1))
        self.cpu = cpu / 1000 / requests
        self.p50, self.p99 = (
            float(number) * UNIT[unit] for number, unit in
            (re.search(r"%d%%\s+([\d.]+)(us|ms|s)" % p, out).groups() for p in (50, 99)))


class Bench:
    def __init__(self, options):
        self.options = options
        self.noisy = 0

    def quiet(self, proxy, work):
        """What `work` gives, and the nanoseconds of CPU that the proxy ran for it, from a try in which nothing else was in its way."""
        pid = proxy.pids()[0]
        for attempt in range(TRIES):
            end = time.monotonic() + 5
            while busy() > BUSY and time.monotonic() < end:
                pass
            ran, waited = cpu_of(pid)
            begin = time.monotonic_ns()
            out = work()
            ran2, waited2 = cpu_of(pid)
            if (waited2 - waited) / (time.monotonic_ns() - begin) < WAITED:
                break
        else:
            self.noisy += 1
        return out, ran2 - ran

    def wrk(self, proxy):
        out = subprocess.run(
            ["taskset", "-c", "1", "wrk", "--latency", "-t1", "-c%d" % self.options.connections,
             "-d%ds" % self.options.seconds, "-H", "Host: test", "http://127.0.0.1:%d/" % proxy.port],
            capture_output=True, text=True, check=True).stdout
        if "Non-2xx" in out or "Socket errors" in out:
            raise SystemExit("requests failed:\n" + out)
        return out

    def slice(self, proxy):
        return Figures(*self.quiet(proxy, lambda: self.wrk(proxy)))

    def throughput(self, variants):
        """Ratios of each variant to static nginx, one for each round, and static's own figures."""
        own = []
        ratios = {name: [] for name in variants if name != "static"}
        for proxy in variants.values():
            os.sched_setaffinity(proxy.pids()[0], {0})
            self.slice(proxy)
        names = list(ratios)
        for n in range(self.options.rounds):
            own.append(self.slice(variants["static"]))
            for name in names[n % len(names):] + names[:n % len(names)]:
                mine = self.slice(variants[name])
                own.append(self.slice(variants["static"]))
                ratios[name].append({
                    field: getattr(mine, field) * 2 / (getattr(own[-1], field)
                                                       + getattr(own[-2], field))
                    for field in ("rps", "cpu", "p50", "p99")})
        return own, ratios


# Variant, what it is compared with, and the bars for requests per second and for CPU per request.
BARS = [
    ("const", "static", None, None),
    ("haproxy", "static", None, None),
    ("ours", "static", 0.90, None),
    ("const, log", "const", None, None),
    ("const, both", "const", None, None),
    ("ours", "const", 0.95, 1.08),
    ("ours", "const, log", None, 1.02),
    ("ours", "const, both", None, None),
    ("balancer", "const, log", None, None),
    ("bare", "const", None, None),
    ("const, all", "static", None, None),
    ("policies", "static", 0.85, None),
    ("policies", "const, all", None, None),
    ("no checks", "ours", None, None),
    ("large", "ten", 0.97, 1.03),
]


def print_throughput(table, own, ratios, options, noisy):
    print("static: %.0f requests/s, %.2f us CPU per request, p50 %.0f us, p99 %.0f us; %d rounds of "
          "%d s, %d connections; %d slices were noisy" % (
              *(statistics.median(getattr(f, field) for f in own)
                for field in ("rps", "cpu", "p50", "p99")),
              options.rounds, options.seconds, options.connections, noisy))
    print("ours: metrics, health checks and access log on; policies: and a canary, a rate limit, headers edited both ways; "
          "const: a constant Lua peer, with an empty log phase, and an empty header filter, too; all: and the empty rewrite phase that policies need; balancer, bare: ours without "
          "header filter and with an empty log phase, or without any; "
          "ten, large: and 10 upstreams and routes; 1,000 upstreams of 10 servers, 10,000 routes")
    table.title("ratio", "requests/s", "CPU per request", "p50", "p99", "bars")
    for name, base, rps_bar, cpu_bar in BARS:
        rows = ratios[name]
        if base != "static":
            rows = [{f: a[f] / b[f] for f in a} for a, b in zip(rows, ratios[base])]
        fields = {f: [row[f] for row in rows] for f in ("rps", "cpu", "p50", "p99")}
        words = []
        if rps_bar:
            words.append(table.word(statistics.median(fields["rps"]), ">=", rps_bar, "requests/s "))
        if cpu_bar:
            words.append(table.word(statistics.median(fields["cpu"]), "<=", cpu_bar, "CPU "))
        table.line("%s / %s" % (name, base), spread(fields["rps"]), spread(fields["cpu"]),
                   "%.2f" % statistics.median(fields["p50"]),
                   "%.2f" % statistics.median(fields["p99"]), "; ".join(words))


def with_policies(doc):
    """The document with a canary, a rate limit and four edits of headers in its route."""
    return dict(doc, upstreams=doc["upstreams"] + [dict(doc["upstreams"][0], name="next")],
                routes=[dict(doc["routes"][0], **POLICIES)])


def throughput(table, backends, options):
    bench = Bench(options)
    backend, = wait_for(lambda: children(backends.process.pid), what="a worker of the backend")
    os.sched_setaffinity(backend, {1})
    four = backends.addresses[:4]
    doc = large_document(four, 1, 0, health=HEALTH)
    constant = CONST % backends.ports[0]
    variants = {
        "static": Static(doc).start(),
        "const": Nginx(doc, upstream=constant).start(),
        "const, log": Nginx(doc, upstream=constant, kept=[LOG]).start(),
        "const, both": Nginx(doc, upstream=constant, kept=[LOG, FILTER]).start(),
        "const, all": Nginx(with_policies(doc), policy=POLICY, upstream=constant, kept=[REWRITE, LOG, FILTER]).start(),
        "haproxy": HAProxy(four),
        "ours": Nginx(doc).start(),
        "balancer": Nginx(doc, edits=[without(FILTER), emptied(LOG)]).start(),
        "bare": Nginx(doc, edits=[without(FILTER, LOG)]).start(),
        "policies": Nginx(with_policies(doc), policy=POLICY).start(),
        "no checks": Nginx(large_document(four, 1, 0)).start(),
        "ten": Nginx(large_document(four, 10, 10, health=HEALTH)).start(),
        "large": Nginx(large_document(four, 1000, 9999, health=HEALTH)).start(),
    }
    try:
        own, ratios = bench.throughput(variants)
        print_throughput(table, own, ratios, options, bench.noisy)
    finally:
        for proxy in variants.values():
            proxy.close()
        os.sched_setaffinity(backend, {0, 1})


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=1)
    parser.add_argument("--connections", type=int, default=64)
    parser.add_argument("--updates", type=int, default=10000, help="of one upstream among 1,000")
    parser.add_argument("--part", choices=("requests", "protocols", "updates"), help="only this one")
    options = parser.parse_args()

    table = Table()
    backends = NginxBackends(8, large=1 << 20)
    if options.part in (None, "requests"):
        throughput(table, backends, options)
    if options.part in (None, "protocols"):
        protocols.run(table, backends, Bench(options), options)
    if options.part in (None, "updates"):
        updates.run(table, backends.addresses, options)
    backends.close()
    return 1 if table.failed else 0


if __name__ == "__main__":
    sys.exit(main())
