#!/usr/bin/python3
"""What breaks other balancers, done to ours under load: reload, a killed
worker, invalid documents, dead servers, updates in quick succession, a thousand hot updates."""
import itertools
import os
import signal
import time
import unittest

from clients import Clients, Truth
from harness import GatewayTest, closed_port, document, encode, memory, wait_for


def ask(connection, host="test"):
    """The text answered on a kept connection."""
    connection.request("GET", "/", headers={"Host": host})
    return connection.getresponse().read().decode()


class Probes(GatewayTest):
    def kept(self, instance):
        connections = instance.open_until_all()
        for connection in connections.values():
            self.addCleanup(connection.close)
        self.assertEqual(sorted(connections), instance.workers())
        return connections

    def dead(self):
        """A port where nothing listens, for as long as the test runs."""
        held = closed_port()
        self.addCleanup(held.close)
        return held.getsockname()[1]

    def assert_sound(self, clients):
        self.assertEqual(clients.faults[:5], [])
        self.assertGreater(clients.answers, 0)

    def test_reloads_under_load_answer_every_request(self):
        servers = self.nginx_backends(4).addresses
        i = self.instance(document(servers[:1]))
        i.put(document(servers[1:2]))  # hotter than the tree: a reload must not go back

        def right(mark, host, status, text):
            return None if (status, text) == (200, "S1") else "%d %s" % (status, text[:200])
        with Clients(i.port, 32, judge=right) as held, \
                Clients(i.port, 8, fresh=True, judge=right) as fresh:
            for _ in range(3):
                mark = fresh.answers
                i.hup()
                wait_for(lambda: fresh.answers > mark + 2000, what="traffic goes on")
        self.assert_sound(fresh)
        self.assert_sound(held)
        self.assertEqual(fresh.refused, 0)
        # nginx ends the connections that are idle when a worker retires.
        self.assertLessEqual(held.closed, 3 * 32)
        print("3 reloads: 0 of %d requests on fresh and 0 of %d on kept connections answered wrong; "
              "nginx ended %d kept connections" % (fresh.answers, held.answers, held.closed))

    def test_a_killed_worker_costs_only_its_own_connections(self):
        servers = self.nginx_backends(4).addresses
        i = self.instance(document(servers[:1]))
        count, lost, answers = 32, 0, 0
        for n in range(6):
            name = "S%d" % (n % 4)
            generation = i.put(document([servers[n % 4]]))["generation"]

            def right(mark, host, status, text):
                return None if (status, text) == (200, name) else "%d %s" % (status, text[:200])
            victim = i.workers()[n % 2]
            with Clients(i.port, count, judge=right) as clients:
                wait_for(lambda: clients.answers > 2000)
                os.kill(victim, signal.SIGKILL)
                wait_for(lambda: len(i.workers()) == 2 and victim not in i.workers())
                wait_for(lambda: i.all_follow(generation=generation))
                mark = clients.answers
                wait_for(lambda: clients.answers > mark + 2000)
            self.assert_sound(clients)
            self.assertEqual(clients.refused, 0)
            self.assertLessEqual(clients.closed, count)
            lost, answers = lost + clients.closed, answers + clients.answers
            for pid, connection in self.kept(i).items():
                self.assertEqual(ask(connection), name, pid)
        print("6 workers killed: 0 of %d requests answered wrong, %d connections went with their "
              "worker" % (answers, lost))

    def test_invalid_documents_change_nothing_and_health_checks_go_on(self):
        a, b = self.backend("A"), self.backend("B")
        doc = document([a.address, b.address], retries=0, health={
            "type": "tcp", "interval": "50ms", "timeout": "500ms", "rise": 1, "fall": 2})
        i = self.instance(doc)
        workers, before = i.workers(), i.admin("GET", "/v1/config")
        sound = encode(doc)
        refused = [(400, sound[:cut]) for cut in range(0, len(sound), 7)]
        refused += [(422, sound.replace(b.address.encode(), text)) for text in (
            b"127.0.0.1:99999", b"127.0.0.1:0", b"no.such.host.invalid:80", b"localhost:80",
            b"127.0.0.1", b"300.0.0.1:80", b"0.0.0.1", b"127.0.0.1:80 down", b"unix:/run/x")]
        refused += [(422, sound.replace(b'"50ms"', text)) for text in (
            b'"0ms"', b"50", b'"-1s"', b'"50 ms"', b'"1d"', b"null", b"{}")]

        def servers():
            items = i.admin("GET", "/v1/upstreams/up").json()["items"]
            return {s["address"]: s["state"] for s in items[0]["servers"]}

        def refuse_all():
            for status, body in refused:
                self.assert_problem(i.admin("PUT", "/v1/config", body), status)
            self.assertEqual({i.get().text() for _ in range(20)}, wanted)
        wanted = {"A", "B"}
        refuse_all()
        wait_for(lambda: servers() == {a.address: "up", b.address: "up"})
        b.close()
        wait_for(lambda: servers()[b.address] == "down", what="the death is noticed")
        wanted = {"A"}
        refuse_all()
        self.backend("B", port=b.port)
        wait_for(lambda: servers()[b.address] == "up", what="the return is noticed")
        after = i.admin("GET", "/v1/config")
        self.assertEqual((after.body, after.headers["ETag"]), (before.body, before.headers["ETag"]))
        self.assertEqual(i.workers(), workers)
        self.assertTrue(i.all_follow(generation=1))
        print("%d invalid documents refused, nothing changed" % (2 * len(refused)))

    def test_one_of_four_dead_without_health_checks_is_seen_by_nobody(self):
        servers = self.nginx_backends(3).addresses + ["127.0.0.1:%d" % self.dead()]
        i = self.instance(document(servers))
        clients = Clients(i.port).finish(20000)
        self.assert_sound(clients)
        self.assertEqual((clients.closed, clients.refused), (0, 0))
        items = i.admin("GET", "/v1/upstreams/up").json()["items"]
        self.assertGreater(items[0]["servers"][3]["failures"], 1000, "it was tried")
        print("1 of 4 servers dead: 0 of %d requests failed" % clients.answers)

    def test_all_dead_is_an_error_and_whoever_comes_back_serves_at_once(self):
        for health in (None, {"type": "tcp", "interval": "50ms", "rise": 2, "fall": 2}):
            ports = [self.dead() for _ in range(3)]
            addresses = ["127.0.0.1:%d" % port for port in ports]
            i = self.instance(document(addresses, **({"health": health} if health else {})))

            def states():
                items = i.admin("GET", "/v1/upstreams/up").json()["items"]
                return {s["state"] for s in items[0]["servers"]}
            if health:
                wait_for(lambda: states() == {"down"})
            for _ in range(10):
                answer = i.get()
                self.assertIn(answer.status, (502, 503))
                self.assert_problem(answer, answer.status)
            clients = Clients(i.port, 16, judge=lambda mark, host, status, text:
                              None if status in (502, 503) else status).finish(2000)
            self.assert_sound(clients)
            for port in ports:
                back = self.backend("back", port=port)
                self.assertEqual({(a.status, a.text()) for a in (i.get() for _ in range(12))},
                                 {(200, "back")})
                back.close()
                self.assertIn(i.get().status, (502, 503))
            i.close()

    def test_of_1000_pairs_of_quick_updates_the_last_holds_on_every_worker(self):
        servers = self.nginx_backends(8).addresses
        count, pairs, requests = 20, 1000, 0
        ups = {"u%02d" % n: 0 for n in range(count)}

        def upstream(name):
            return {"name": name, "servers": [{"address": servers[ups[name]]}]}

        def doc():
            return {"format": 1, "upstreams": [upstream(name) for name in ups],
                "routes": [{"host": name + ".test", "path": "/", "upstream": name}
                           for name in ups]}
        i = self.instance(doc())
        gaps = itertools.cycle((0, 0.0005, 0.002, 0.008, 0.05))
        for n, name in zip(range(pairs), itertools.cycle(ups)):
            if n % 200 == 0:  # nginx ends a connection after 1,000 requests
                kept = self.kept(i)
            for pid, connection in kept.items():
                self.assertEqual(ask(connection, name + ".test"), "S%d" % ups[name],
                                 "pair %d was lost in worker %d" % (n - count, pid))
            for wait, whole in ((next(gaps), n % 4 < 2), (0, n % 2 == 0)):
                ups[name] = (ups[name] + 1 + n % 6) % 8
                i.put(doc()) if whole else i.put_upstream(upstream(name))
                time.sleep(wait)  # the stimulus, not an assertion: that long between the two
            for pid, connection in kept.items():
                self.assertEqual(ask(connection, name + ".test"), "S%d" % ups[name],
                                 "pair %d, worker %d" % (n, pid))
                requests += 2
        for connection in kept.values():
            for name, at in ups.items():
                self.assertEqual(ask(connection, name + ".test"), "S%d" % at)
        print("%d pairs of updates, 0 to 50 ms apart: 0 lost, seen by %d requests to %d workers"
              % (pairs, requests, len(kept)))

    def test_1000_hot_updates_in_30_s_under_64_connections(self):
        updates, warm, step = 1000, 1000, 0.012
        servers = self.nginx_backends(8).addresses
        # a and b share no server: an answer for one by a server of the other is misrouted.
        mine = {"a": range(0, 4), "b": range(4, 8)}

        def choose(n):
            chosen = {name: [one[n % 4], one[(n + n // 4 % 3 + 1) % 4]] for name, one in mine.items()}
            if n % 3:  # only one of them changes
                name = "ab"[n % 3 - 1]
                chosen = dict(now, **{name: chosen[name]})
            return chosen

        def upstream(name, chosen):
            return {"name": name, "servers": [{"address": servers[at]} for at in chosen[name]]}

        def doc(chosen):
            return {"format": 1, "upstreams": [upstream(name, chosen) for name in chosen],
                "routes": [{"host": name + ".test", "path": "/", "upstream": name}
                           for name in chosen]}

        def names(chosen):
            return {name + ".test": {"S%d" % at for at in ats} for name, ats in chosen.items()}
        now = choose(0)
        i = self.instance(doc(now))
        workers, truth = i.workers(), Truth(names(now))
        kept, asked = self.kept(i), 0
        with Clients(i.port, 64, ("a.test", "b.test"), mark=truth.mark,
                     judge=truth.judge) as clients:
            wait_for(lambda: clients.answers > 1000)
            begin = time.monotonic()
            for n in range(1, warm + updates + 1):
                if n == warm + 1:
                    base, begin, first = memory(workers), time.monotonic(), clients.answers
                now = chosen = choose(n)
                truth.begin(names(chosen))
                if n % 3:
                    i.put_upstream(upstream("ab"[n % 3 - 1], chosen))
                else:
                    i.put(doc(chosen))
                truth.acknowledged()
                if n % 10 == 0:
                    for connection in kept.values():
                        for name in mine:
                            self.assertIn(ask(connection, name + ".test"),
                                          names(chosen)[name + ".test"])
                            asked += 1
                if n > warm:  # the stimulus: updates come at an even pace
                    time.sleep(max(0, begin + (n - warm) * step - time.monotonic()))
            took, answers = time.monotonic() - begin, clients.answers - first
        peak = memory(workers)
        self.assertEqual(clients.faults[:5], [])
        self.assertEqual((clients.closed, clients.refused), (0, 0))
        self.assertLess(took, 30)
        self.assertEqual(i.workers(), workers)
        self.assertEqual(i.status()["generation"], 1 + warm + updates)
        self.assertLess(peak, base * 1.1 + (1 << 20), "memory of the workers is flat")
        print("%d updates in %.1f s: 0 of %d requests failed, were reset or misrouted; %d times the "
              "first request after an update asked a worker; memory %.1f -> %.1f MB" % (
                  updates, took, answers, asked, base / 1e6, peak / 1e6))


if __name__ == "__main__":
    unittest.main()
