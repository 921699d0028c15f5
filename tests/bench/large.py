#!/usr/bin/python3
"""What an order costs on an instance with very many upstreams: one orctl against another, as ratios from one interleaved run.

    tests/bench/large.py --before ORCTL [--after ORCTL] [--upstreams N] [--rounds N]

Each binary serves an instance of its own on a host below a temporary root, by processes of its own. Timed are `weight` and
`drain` of one server, and an `apply` that changes the weight of one. Wall seconds, medians; the ratio is the median of the
ratios of neighbouring runs, with its quartiles. Keep the machine quiet.
"""
import argparse
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ROW = "%-22s %12s %12s   %s"


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Host:
    """An instance with `count` upstreams of two servers and a route for each, made by one binary."""

    def __init__(self, orctl, home, count):
        port = free_port()
        self.name = "prd_large_001_%d" % port
        self.argv = [orctl, "--root", os.path.join(home, "host"), "--supervisor", "process"]
        self.manifests = [os.path.join(home, "%d.toml" % weight) for weight in (10, 20)]
        for weight, path in zip((10, 20), self.manifests):
            with open(path, "w") as f:
                f.write(self.text(port, count, weight))
        self.turn = 0
        self.run("apply", "-f", self.manifests[0])

    def text(self, port, count, weight):
        parts = ['kind = "Instance"\nname = "%s"\n[[listener]]\naddress = "127.0.0.1"\nport = %d\n' % (self.name, port)]
        for i in range(count):
            parts.append('[[upstream]]\nname = "u%d"\n' % i)
            for base in (20000, 21000):
                parts.append('[[upstream.server]]\naddress = "127.0.0.1:%d"\nweight = %d\n' % (base + i % 1000, weight if i == 7 else 10))
        parts += ['[[route]]\npath = "/p%d"\nupstream = "u%d"\n' % (i, i) for i in range(count)]
        return "".join(parts)

    def run(self, *args):
        start = time.perf_counter()
        done = subprocess.run(self.argv + list(args), capture_output=True, text=True)
        if done.returncode != 0:
            raise SystemExit("%s: exit %d\n%s" % (" ".join(args), done.returncode, done.stderr))
        return time.perf_counter() - start

    def server(self, upstream):
        return "%s/u%d/127.0.0.1:%d" % (self.name, upstream, 20000 + upstream % 1000)

    def weight(self):
        return self.run("weight", self.server(8), "%d%%" % (40 + self.turn % 50), "--reason", "bench")

    def drain(self):
        seconds = self.run("drain", self.server(9), "--reason", "bench %d" % self.turn)
        self.run("ready", self.server(9))
        return seconds

    def apply(self):
        return self.run("apply", "-f", self.manifests[self.turn % 2])

    def close(self):
        subprocess.run(self.argv + ["delete", self.name, "--yes"], stdout=subprocess.DEVNULL)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", required=True)
    parser.add_argument("--after", default=os.path.join(TOP, "build", "release", "orctl"))
    parser.add_argument("--upstreams", type=int, default=10000)
    parser.add_argument("--rounds", type=int, default=5)
    args = parser.parse_args()
    home = tempfile.mkdtemp(prefix="orctl-bench-")
    os.chmod(home, 0o755)
    hosts = []
    try:
        for which in ("before", "after"):
            os.mkdir(os.path.join(home, which))
            hosts.append(Host(os.path.abspath(getattr(args, which)), os.path.join(home, which), args.upstreams))
        print(ROW % ("%d upstreams" % args.upstreams, "before", "after", "after : before [q1..q3]"))
        for what in ("weight", "drain", "apply"):
            pairs = []
            for turn in range(1, args.rounds + 1):
                for host in hosts:
                    host.turn = turn
                pairs.append([getattr(host, what)() for host in hosts])
            ratios = [after / before for before, after in pairs]
            quartiles = statistics.quantiles(ratios, n=4) if len(ratios) > 1 else ratios * 3
            print(ROW % (what, "%.0f ms" % (1000 * statistics.median(p[0] for p in pairs)), "%.0f ms" % (1000 * statistics.median(p[1] for p in pairs)),
                         "%.3f [%.3f..%.3f]" % (statistics.median(ratios), quartiles[0], quartiles[2])), flush=True)
    finally:
        for host in hosts:
            host.close()
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()
