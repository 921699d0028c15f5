"""What an update costs: until it is in service, the connections it breaks, CPU, memory."""
import os
import signal
import statistics
import subprocess
import sys
import time

from proxies import HAProxy, Nginx, Static, cpu_of, large_document
from table import spread

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from clients import Clients  # noqa: E402
from harness import document, memory, wait_for  # noqa: E402

TRIALS, CONNECTIONS = 20, 32
SETTLED, LIMIT = 0.25, 5  # seconds without an answer of the old server; until we stop to wait for that


class Reload:
    """`nginx -s reload` of a static nginx."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.proxy = Static(document(addresses[:1]), workers=2).start()

    def prepare(self, number):
        self.old = self.proxy.workers()
        self.proxy.write_tree(document([self.addresses[number]]))

    def update(self, number):
        subprocess.run(self.proxy.command() + ["-s", "reload"], check=True,
                       stderr=subprocess.DEVNULL)

    def settle(self):
        wait_for(lambda: not set(self.old) & set(self.proxy.workers()), 30, "old workers are gone")


class Put:
    """Our PUT."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.proxy = Nginx(document(addresses[:1]), workers=2).start()

    def prepare(self, number):
        pass

    def update(self, number):
        self.proxy.put(document([self.addresses[number]]))

    def settle(self):
        pass


class SetServer:
    """HAProxy's `set server`."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.proxy = HAProxy(addresses[:1])

    def prepare(self, number):
        pass

    def update(self, number):
        self.proxy.set_server(0, self.addresses[number])

    def settle(self):
        pass


def trial(way, number):
    """Milliseconds of the call, until the first answer of the new server and, counted from the end
    of the call, until the last request that the old one took, both at most LIMIT; what broke."""
    way.prepare(number)
    new, seen, failed = "S%d" % number, [], []

    def judge(sent, host, status, text):
        (seen if status == 200 else failed).append((time.monotonic(), sent, text))
    with Clients(way.proxy.port, CONNECTIONS, mark=time.monotonic, judge=judge) as clients:
        wait_for(lambda: len(seen) > 200)
        begin = time.monotonic()
        way.update(number)
        called = time.monotonic()
        way.settle()

        def settled():
            now = time.monotonic()
            last = max((sent for _, sent, text in seen[-5000:] if text != new), default=called)
            return now - max(last, called) > SETTLED or now - called > LIMIT
        wait_for(settled, LIMIT + 5)
    first = min((at for at, _, text in seen if text == new and at > begin), default=begin + LIMIT)
    last = max((sent for _, sent, text in seen if text != new), default=called)
    return {"call": (called - begin) * 1e3,
            "first": (first - begin) * 1e3,
            "last": max(0, last - called) * 1e3,
            "broken": clients.closed + clients.refused + len(failed) + len(clients.faults)}


def propagation(table, addresses, trials):
    """Each way in turn, from one server to the next."""
    ways = {"nginx -s reload": Reload(addresses), "our PUT": Put(addresses),
            "HAProxy set server": SetServer(addresses)}
    found = {name: [] for name in ways}
    try:
        for n in range(trials):
            for name, way in ways.items():
                found[name].append(trial(way, (n + 1) % len(addresses)))
    finally:
        for way in ways.values():
            way.proxy.close()
    table.title("update under %d connections" % CONNECTIONS, "call, ms", "first on the new server, ms",
                "last on old", "broken", "bars")
    for name, trials in found.items():
        column = {key: [t[key] for t in trials] for key in trials[0]}
        broken = sum(column["broken"])
        words = []
        if name == "our PUT":
            words = [table.word(statistics.median(column["first"]), "<=", 5, "first "),
                     table.word(max(column["last"]), "<=", 0, "last on old "),
                     table.word(broken, "<=", 0, "broken ")]
        table.line(name, spread(column["call"], "%.1f"), spread(column["first"], "%.1f"),
                   "%.1f" % statistics.median(column["last"]),
                   "%.1f" % (broken / len(trials)), "; ".join(words))


class Large:
    """1,000 upstreams of 10 servers, of which the one that serves changes."""

    def __init__(self, addresses):
        self.addresses = addresses
        self.doc = large_document(addresses[:2], 1000, 1000)
        self.gateway = Nginx(self.doc, workers=2).start()
        self.asked, self.kept = 0, {}

    def change(self, n):
        at = n % len(self.addresses)
        self.doc["upstreams"][0]["servers"] = [{"address": self.addresses[at]}]
        return "S%d" % at

    def put_one(self):
        up = self.doc["upstreams"][0]
        answer = self.gateway.admin("PUT", "/v1/upstreams/up", up)
        if answer.status != 200:
            raise SystemExit("PUT: %d %s" % (answer.status, answer.text()))

    def put_all(self):
        self.gateway.put(self.doc)

    def ask(self, wanted):
        """A request to each worker, so that it follows."""
        if self.asked % 900 == 0:  # nginx ends a connection after 1,000 requests
            for connection in self.kept.values():
                connection.close()
            self.kept = self.gateway.open_until_all()
        self.asked += 1
        for connection in self.kept.values():
            connection.request("GET", "/", headers={"Host": "test"})
            got = connection.getresponse().read().decode()
            if got != wanted:
                raise SystemExit("%s answered, not %s" % (got, wanted))

    def run(self, count, put):
        """Milliseconds of each call, and milliseconds of CPU for an update in the busiest worker."""
        workers = self.gateway.workers()
        calls, before = [], [cpu_of(pid)[0] for pid in workers]
        for n in range(count):
            wanted = self.change(n)
            begin = time.monotonic()
            put()
            calls.append((time.monotonic() - begin) * 1e3)
            self.ask(wanted)
        spent = [cpu_of(pid)[0] - was for pid, was in zip(workers, before)]
        return calls, max(spent) / 1e6 / count

    def reload(self, count):
        """Milliseconds of `nginx -s reload` with as many upstreams, and of CPU in the master."""
        static = Static(self.doc, workers=2).start()
        calls, before = [], cpu_of(static.master.pid)[0]
        for _ in range(count):
            old = static.workers()
            begin = time.monotonic()
            static.master.send_signal(signal.SIGHUP)
            wait_for(lambda: set(static.workers()) - set(old), 30, "new workers")
            calls.append((time.monotonic() - begin) * 1e3)
            wait_for(lambda: not set(old) & set(static.workers()), 30, "old workers are gone")
        spent = (cpu_of(static.master.pid)[0] - before) / 1e6 / count
        static.close()
        return calls, spent


def one_of_1000(table, addresses, count):
    large = Large(addresses)
    few = max(3, min(50, count))
    rows = [("nginx, SIGHUP to new workers", *large.reload(min(10, few)), None),
            ("our PUT of the whole document", *large.run(few, large.put_all), None)]
    large.run(max(3, count // 10), large.put_one)
    before = memory(large.gateway.workers())
    rows.append(("our PUT of one upstream", *large.run(count, large.put_one), (2, 1)))
    after = memory(large.gateway.workers())
    large.gateway.close()
    table.title("one of 1,000 upstreams changes", "call, ms", "CPU of a process, ms", "", "", "bars")
    for name, calls, cpu, bars in rows:
        words = []
        if bars:
            words = [table.word(statistics.median(calls), "<=", bars[0], "call "),
                     table.word(cpu, "<=", bars[1], "CPU ")]
        table.line(name, spread(calls, "%.2f"), "%.2f" % cpu, "", "", "; ".join(words))
    table.line("memory over %d updates, MB" % count, "%.1f -> %.1f" % (before / 1e6, after / 1e6), "",
               "", "", table.word(after / before, "<=", 1.05))


def run(table, addresses, options):
    propagation(table, addresses, min(TRIALS, options.updates // 5))
    one_of_1000(table, addresses, options.updates)
