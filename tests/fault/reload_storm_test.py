#!/usr/bin/python3
"""A hundred reloads at once, under connections that never end: draining workers do not pile up."""
import os
import random
import socket
import socketserver
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults

CALLERS, EACH = 10, 10
MOST_GENERATIONS, MOST_GROWTH = 2, 0.20
LONG_CONNECTIONS = 16


class Endless(socketserver.BaseRequestHandler):
    """Answers a byte at a time, and never comes to the end."""

    def handle(self):
        try:
            self.request.recv(4096)
            self.request.sendall(b"HTTP/1.1 200 OK\r\n\r\n" + b"." * 100000)  # more than nginx holds back
            while True:
                self.request.sendall(b".")
                time.sleep(0.1)
        except OSError:
            pass


def manifest(lab, port):
    path = lab.manifest("storm", "old", extra='[[upstream]]\nname = "endless"\nserver = [ { address = "127.0.0.1:%d" } ]\n' % port)
    with open(path, "a") as f:
        f.write('[[route]]\npath = "/endless"\nupstream = "endless"\n')
    return path


def proc(pid, name):
    try:
        with open("/proc/%s/%s" % (pid, name)) as f:
            return f.read()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def resident(pid):
    return int(proc(pid, "statm").split()[1]) * os.sysconf("SC_PAGE_SIZE") // 1024


def draining(master):
    """How many generations of workers still end their requests: those born within half a second are of one reload."""
    born = []
    for pid in proc(master, "task/%s/children" % master).split():
        if "worker process is shutting down" in proc(pid, "cmdline") and (stat := proc(pid, "stat")):
            born.append(int(stat.rpartition(")")[2].split()[19]))
    born.sort()
    return sum(1 for i, tick in enumerate(born) if i == 0 or tick - born[i - 1] > 50)


class Storm(unittest.TestCase):
    def hold_connection(self, lab, stop, longest=None):
        """Asks for what never ends, again and again; leaves after a while, so that every generation of workers has some."""
        while not stop.is_set():
            try:
                with socket.create_connection(("127.0.0.1", lab.port), timeout=longest or 5) as s:
                    s.sendall(b"GET /endless HTTP/1.1\r\nHost: x\r\n\r\n")
                    end = time.monotonic() + (longest or random.uniform(0.2, 3))
                    while not stop.is_set() and time.monotonic() < end and s.recv(4096):
                        self.received.add(threading.get_ident())
            except OSError:
                stop.wait(0.02)

    def setUp(self):
        self.received = set()
        self.server, self.stop, self.threads = faults.Server(Endless), threading.Event(), []

    def start(self, work, *args):
        thread = threading.Thread(target=work, args=args, daemon=True)
        thread.start()
        self.threads.append(thread)

    def tearDown(self):
        self.stop.set()
        self.server.close()
        for thread in self.threads:
            thread.join(10)

    def watch(self, master, seen, stop):
        while not stop.is_set():
            seen["generations"] = max(seen["generations"], draining(master))
            seen["resident"] = max(seen["resident"], resident(master))
            stop.wait(0.02)

    def test_a_hundred_reloads_never_leave_more_than_two_generations_draining(self):
        with faults.Lab() as lab:
            lab.must("apply", "-f", manifest(lab, self.server.server_address[1]))
            lab.must("reload", lab.name)
            master = lab.masters()[0]
            before, seen = resident(master), {"generations": 0, "resident": 0}
            for _ in range(LONG_CONNECTIONS):
                self.start(self.hold_connection, lab, self.stop)
            self.start(self.watch, master, seen, self.stop)
            began, results = time.monotonic(), []

            def call():
                for _ in range(EACH):
                    results.append(lab.orctl("reload", lab.name, "--lock-timeout", "5m"))

            callers = [threading.Thread(target=call) for _ in range(CALLERS)]
            with faults.Traffic(lab) as traffic:
                for t in callers:
                    t.start()
                for t in callers:
                    t.join()
            took = time.monotonic() - began
            self.assertEqual([str(r) for r in results if r.code != 0], [])
            self.assertEqual(lab.masters(), [master])
            done = sum(1 for r in results if "one reload does for both" not in r.err)
            after = resident(master)
            growth = after / before - 1
            print("\n  %d reloads asked for in %.0f s, %d done; at most %d generations draining; master %d kB before, %d kB after (%+.0f %%), %d kB at most; %d of %d requests failed"
                  % (len(results), took, done, seen["generations"], before, after, 100 * growth, seen["resident"], len(traffic.failed), sum(traffic.bodies.values()) + len(traffic.failed)), flush=True)
            self.assertEqual(traffic.failed, [])
            self.assertGreaterEqual(done, 2)
            self.assertLessEqual(seen["generations"], MOST_GENERATIONS)
            self.assertLess(growth, MOST_GROWTH)

    def test_who_cannot_wait_for_old_workers_is_told_which_they_are(self):
        with faults.Lab() as lab:
            path = manifest(lab, self.server.server_address[1])
            with open(path) as f:
                short = f.read()
            with open(path, "w") as f:
                f.write(short.replace('worker_shutdown_timeout = "2s"', 'worker_shutdown_timeout = "60s"'))
            lab.must("apply", "-f", path)
            master = lab.masters()[0]
            self.hold_one(lab, 1)
            lab.must("reload", lab.name, "--watch-log", "0s")
            # the old worker without a connection has gone, so the other one takes none any more either
            faults.wait_for(lambda: len(proc(master, "task/%s/children" % master).split()) == 3, 60, "one old worker drains")
            self.hold_one(lab, 2)
            with open(path, "w") as f:
                f.write(short)
            lab.must("apply", "-f", path, "--watch-log", "0s")
            faults.wait_for(lambda: draining(master) == 2, 60, "two generations drain")
            workers = lab.workers()
            result = lab.orctl("reload", lab.name, "--lock-timeout", "100ms")
            self.assertEqual(result.code, 8, result)
            self.assertRegex(result.err, r"after 4s the workers of earlier reloads still end their requests \(pids \d+ .*\d+\); nothing was changed")
            self.assertRegex(result.err, r"hint: .*kill -TERM \d+")
            self.assertEqual(lab.workers(), workers)

    def hold_one(self, lab, number):
        self.start(self.hold_connection, lab, self.stop, 3600)
        faults.wait_for(lambda: len(self.received) == number, 60, "connection %d is served" % number)


if __name__ == "__main__":
    unittest.main(verbosity=1)
