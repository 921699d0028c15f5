#!/usr/bin/python3
"""What the command line costs, as ratios from one interleaved run.

    tests/bench/cli.py [--rounds N] [--manifests N]

Builds the release preset and prints two rows: `orctl version` against /bin/true, and `orctl validate` of a folder of
manifests against reading the same files with toml++ alone. Wall seconds, medians; the ratio is the median of the ratios of
neighbouring runs, with its quartiles. Keep the machine quiet.
"""
import argparse
import os
import shutil
import statistics
import subprocess
import tempfile
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BUILD = os.path.join(TOP, "build", "release")

MANIFEST = """kind = "Instance"
name = "prd_mod{0}_{1:03d}_{2}"
labels = {{ team = "team{0}", tier = "edge" }}

[nginx]
worker_processes = 2

[[upstream]]
name = "main"
server = [
  {{ address = "10.0.{3}.1:8080", weight = 10 }},
  {{ address = "10.0.{3}.2:8080", weight = 10 }},
  {{ address = "10.0.{3}.3:8080", weight = 1, backup = true }},
]

[upstream.health]
type = "http"
path = "/ping"
interval = "3s"

[[route]]
host = "www{0}.example.com"
path = "/"
upstream = "main"
"""


def seconds(command):
    start = time.perf_counter()
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def compare(what, ours, other, rounds):
    for command in (ours, other):
        seconds(command)
    pairs = [(seconds(ours), seconds(other)) for _ in range(rounds)]
    ratios = sorted(a / b for a, b in pairs)
    quartiles = statistics.quantiles(ratios, n=4)
    print("%-34s %9.2f ms %9.2f ms   %5.2f [%.2f..%.2f]" % (
        what, 1000 * statistics.median(a for a, _ in pairs), 1000 * statistics.median(b for _, b in pairs),
        statistics.median(ratios), quartiles[0], quartiles[2]))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--manifests", type=int, default=10000)
    args = parser.parse_args()
    subprocess.run(["cmake", "--preset", "release"], cwd=TOP, check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["cmake", "--build", "--preset", "release", "--target", "orctl", "bench_read_toml"], cwd=TOP,
                   check=True, stdout=subprocess.DEVNULL)
    orctl = os.path.join(BUILD, "orctl")
    folder = tempfile.mkdtemp(prefix="orctl-bench-")
    try:
        for i in range(args.manifests):
            with open(os.path.join(folder, "m%05d.toml" % i), "w") as f:
                f.write(MANIFEST.format(i // 999, i % 999 + 1, 1024 + i, i % 250))
        print("%-34s %12s %12s   %s" % ("", "orctl", "other", "ratio [q1..q3]"))
        compare("version : /bin/true", [orctl, "version"], ["/bin/true"], args.rounds * 3)
        compare("validate %d : toml++ alone" % args.manifests, [orctl, "validate", "-f", folder],
                [os.path.join(BUILD, "bench_read_toml"), folder], args.rounds)
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
