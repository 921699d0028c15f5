#!/usr/bin/python3
"""How a server is chosen: strategies, limits, sessions, budgets, over two workers and real servers."""
import collections
import hashlib
import os
import threading
import unittest

from harness import GatewayTest, before_location, document, free_port, wait_for


def text_of(instance, **options):
    return instance.get(**options).text()


def count(instance, n, **options):
    return collections.Counter(text_of(instance, **options) for _ in range(n))


class ChoiceTest(GatewayTest):
    def held(self, name):
        """A backend that holds its answers until the test ends."""
        release = threading.Event()
        self.addCleanup(release.set)
        backend = self.backend(name, behave=lambda request, head: not release.wait(20) and False)
        backend.release = release
        return backend

    def servers(self, instance):
        items = instance.admin("GET", "/v1/upstreams/up").json()["items"]
        return {s["address"]: s for s in items[0]["servers"]}

    def in_flight(self, instance, backend):
        return self.servers(instance)[backend.address]["in_flight"]

    def send(self, connection, headers=None):
        connection.request("GET", "/", headers=dict({"Host": "test"}, **(headers or {})))

    def connections(self, instance):
        """A kept connection to each worker."""
        found = list(instance.open_until_all().values())
        for connection in found:
            self.addCleanup(connection.close)
        return found

    def hold_one(self, instance, connection, total):
        self.send(connection)
        wait_for(lambda: sum(s["in_flight"] for s in self.servers(instance).values()) == total,
                 what="%d in flight" % total)


class Strategies(ChoiceTest):
    def test_least_conn_knows_what_the_other_worker_has_in_flight(self):
        a, b = self.held("A"), self.held("B")
        i = self.instance(document([{"address": a.address, "weight": 2}, b.address],
                                   balance="least_conn"))
        for n in range(3):
            for m, connection in enumerate(self.connections(i)):
                self.hold_one(i, connection, 2 * n + m + 1)
        self.assertEqual((self.in_flight(i, a), self.in_flight(i, b)), (4, 2))

    def test_an_idle_least_conn_shares_by_weight(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([{"address": a.address, "weight": 3}, b.address],
                                   balance="least_conn"), workers=1)
        got = count(i, 80)
        self.assertLessEqual(abs(got["A"] - 60), 1, got)

    def test_random_reaches_all_and_leaves_a_dead_one(self):
        backends = [self.backend(name) for name in "ABC"]
        i = self.instance(document([b.address for b in backends], balance="random"))
        self.assertEqual(set(count(i, 100)), set("ABC"))
        backends[1].close()
        self.assertEqual(set(count(i, 60)), set("AC"))

    def test_ewma_prefers_the_quick_server(self):
        hold = threading.Event()
        slow = self.backend("slow", behave=lambda request, head: hold.wait(0.1))
        quick = self.backend("quick")
        i = self.instance(document([slow.address, quick.address], balance="ewma"))
        got = count(i, 200)
        self.assertGreater(got["quick"], 180, got)

    def test_ewma_does_not_take_a_server_that_fails_at_once_for_a_quick_one(self):
        hold = threading.Event()
        good = self.backend("good", behave=lambda request, head: hold.wait(0.02))
        dead = "127.0.0.1:%d" % free_port()
        i = self.instance(document([dead, good.address], balance="ewma"), workers=1)
        self.assertEqual(count(i, 60), {"good": 60})
        self.assertLess(self.servers(i)[dead]["requests"], 10)


class Hash(ChoiceTest):
    def owners(self, instance, keys, header="X-User"):
        return {key: text_of(instance, headers={header: key}) for key in keys}

    def test_a_header_names_the_server_in_every_worker_and_over_a_reload(self):
        backends = [self.backend(name) for name in "ABC"]
        i = self.instance(document([b.address for b in backends], balance="hash",
                                   hash="header:X-User"))
        keys = ["user %d" % n for n in range(40)]
        before = self.owners(i, keys)
        self.assertEqual(set(before.values()), set("ABC"))
        for connection in self.connections(i):
            for key in keys:
                self.send(connection, {"X-User": key})
                self.assertEqual(connection.getresponse().read().decode(), before[key])
        i.hup()
        self.assertEqual(self.owners(i, keys), before)

    def test_a_server_that_leaves_moves_only_its_own_keys_and_finds_them_again(self):
        backends = [self.backend(name) for name in "ABC"]
        addresses = [b.address for b in backends]
        i = self.instance(document(addresses, balance="hash", hash="header:X-User"))
        keys = ["user %d" % n for n in range(60)]
        before = self.owners(i, keys)
        i.put(document(addresses[:2], balance="hash", hash="header:X-User"))
        after = self.owners(i, keys)
        for key in keys:
            if before[key] != "C":
                self.assertEqual(after[key], before[key])
        self.assertNotIn("C", after.values())
        i.put(document(addresses, balance="hash", hash="header:X-User"))
        self.assertEqual(self.owners(i, keys), before)
        backends[2].close()  # dies without a word: its keys go where they went when it left
        self.assertEqual(self.owners(i, keys), after)

    def test_every_kind_of_key_is_what_it_says(self):
        backends = [self.backend(name) for name in "ABCD"]
        i = self.instance(document([b.address for b in backends]))
        spread = {
            "header:X-User-ID": [dict(headers={"X-User-ID": "u%d" % n}) for n in range(24)],
            "cookie:sid": [dict(headers={"Cookie": "a=1; sid=s%d; b=2" % n}) for n in range(24)],
            "arg:user": [dict(path="/x?a=1&user=u%d" % n) for n in range(24)],
            "uri": [dict(path="/x?q=%d" % n) for n in range(24)],
            "path": [dict(path="/x/%d?q=1" % n) for n in range(24)],
            "host": [dict(host="h%d.test" % n) for n in range(24)],
        }
        same = [dict(path="/y", headers={"X-Other": "%d" % n}) for n in range(12)]
        for key, requests in spread.items():
            i.put(document([b.address for b in backends], balance="hash", hash=key))
            first = [text_of(i, **request) for request in requests]
            self.assertGreaterEqual(len(set(first)), 3, key)
            self.assertEqual([text_of(i, **request) for request in requests], first, key)
            # Without the key, the client's address names the server.
            self.assertEqual(len({text_of(i, **request) for request in same}), 1, key)
        i.put(document([b.address for b in backends], balance="hash", hash="path"))
        self.assertEqual(len({text_of(i, path="/x?q=%d" % n) for n in range(12)}), 1)
        i.put(document([b.address for b in backends], balance="hash", hash="client"))
        self.assertEqual(len({text_of(i, path="/%d" % n) for n in range(12)}), 1)

    def test_ip_hash_keeps_a_client_until_its_server_dies(self):
        backends = {name: self.backend(name) for name in "ABC"}
        i = self.instance(document([b.address for b in backends.values()], balance="ip_hash"))
        first = text_of(i)
        self.assertEqual(count(i, 20), {first: 20})
        backends[first].close()
        second = text_of(i)
        self.assertNotEqual(second, first)
        self.assertEqual(count(i, 20), {second: 20})

    def test_backups_take_over_the_keys_when_no_other_is_left(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address, {"address": b.address, "backup": True}],
                                   balance="hash", hash="uri"))
        self.assertEqual(count(i, 10), {"A": 10})
        a.close()
        self.assertEqual(count(i, 10), {"B": 10})


class MaxConns(ChoiceTest):
    def counting(self, name):
        """A backend that knows how many requests it worked on at once, at most."""
        lock, hold = threading.Lock(), threading.Event()

        def behave(request, head):
            with lock:
                backend.now += 1
                backend.peak = max(backend.peak, backend.now)
            hold.wait(0.003)
            with lock:
                backend.now -= 1
        backend = self.backend(name, behave=behave)
        backend.now = backend.peak = 0
        return backend

    def test_the_next_server_is_used_and_503_answered_when_all_are_full(self):
        a, b = self.held("A"), self.held("B")
        i = self.instance(document([{"address": a.address, "max_conns": 1},
                                    {"address": b.address, "max_conns": 2}]))
        for n in range(2):
            for m, connection in enumerate(self.connections(i)[:2 - n]):
                self.hold_one(i, connection, 2 * n + m + 1)
        self.assertEqual((self.in_flight(i, a), self.in_flight(i, b)), (1, 2))
        self.assertEqual(self.servers(i)[b.address]["max_conns"], 2)
        for _ in range(6):
            self.assert_problem(i.get(), 503)
        a.release.set()
        wait_for(lambda: self.in_flight(i, a) == 0, what="A is free")
        self.assertEqual(count(i, 6), {"A": 6})

    def test_a_full_server_leaves_requests_to_a_backup(self):
        a, b = self.held("A"), self.backend("B")
        i = self.instance(document([{"address": a.address, "max_conns": 1},
                                    {"address": b.address, "backup": True}]))
        self.hold_one(i, self.connections(i)[0], 1)
        self.assertEqual(count(i, 10), {"B": 10})

    def test_it_is_never_exceeded_by_two_workers_whatever_the_strategy(self):
        a, b = self.counting("A"), self.counting("B")
        servers = [{"address": a.address, "max_conns": 3}, {"address": b.address, "max_conns": 2}]
        i = self.instance(document(servers))
        for balance in ("round_robin", "least_conn", "random", "ewma", "ip_hash"):
            i.put(document(servers, balance=balance))
            a.peak = b.peak = 0
            statuses = collections.Counter()

            def client(connection):
                for _ in range(40):
                    connection.request("GET", "/", headers={"Host": "test"})
                    answer = connection.getresponse()
                    answer.read()
                    statuses[answer.status] += 1
            connections = [c for _ in range(6) for c in self.connections(i)]
            threads = [threading.Thread(target=client, args=(c,)) for c in connections]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            for connection in connections:
                connection.close()
            self.assertEqual(sum(statuses.values()), 480, balance)
            self.assertLessEqual(set(statuses), {200, 503}, balance)
            self.assertGreater(statuses[503], 0, balance)  # there were more than five at once
            self.assertEqual((a.peak, b.peak), (3, 2), balance)
            wait_for(lambda: self.in_flight(i, a) + self.in_flight(i, b) == 0, what="all ended")


    def test_two_workers_never_take_the_last_place_at_the_same_time(self):
        # Both take and give back the one place for a while, and look around whenever they have it.
        stress = """        location = /stress { content_by_lua_block {
          local counters = require("orctl.lib.counters")
          local b, row = counters.block("peer", "stress"), counters.row()
          local TAKEN, INSIDE = counters.IN_FLIGHT, 9
          local had, both, ends = 0, 0, ngx.now() + 0.5
          repeat
            for _ = 1, 1000 do
              if counters.reserve(b, TAKEN, 1) then
                had = had + 1
                row[b + INSIDE] = 1
                if counters.sum(b, INSIDE) > 1 then both = both + 1 end
                row[b + INSIDE] = 0
                row[b + TAKEN] = row[b + TAKEN] - 1
              end
            end
            ngx.update_time()
          until ngx.now() > ends
          ngx.print(had, " ", both)
        } }
"""
        i = self.instance(document(["127.0.0.1:1"]), edits=[lambda text: before_location(text, stress)])
        connections = self.connections(i)
        for connection in connections:
            connection.request("GET", "/stress", headers={"Host": "test"})
        for connection in connections:
            had, both = map(int, connection.getresponse().read().split())
            self.assertGreater(had, 0)
            self.assertEqual(both, 0)


class Sticky(ChoiceTest):
    def session(self, instance, **options):
        """Server and cookie of a client that comes for the first time."""
        answer = instance.get(**options)
        return answer.text(), (answer.headers["Set-Cookie"] or "").split(";")[0]

    def test_a_cookie_keeps_a_client_at_its_server_over_updates_and_reloads(self):
        backends = {name: self.backend(name) for name in "ABCD"}
        addresses = [b.address for b in backends.values()]
        i = self.instance(document(addresses[:3], sticky={"cookie": "route"}))
        sessions = dict(self.session(i) for _ in range(12))
        self.assertEqual(set(sessions), set("ABC"))

        def all_stay():
            for name, cookie in sessions.items():
                for _ in range(4):
                    answer = i.get(headers={"Cookie": "x=1; %s" % cookie})
                    self.assertEqual(answer.text(), name)
                    self.assertIsNone(answer.headers["Set-Cookie"])
        all_stay()
        i.put(document(addresses[::-1], sticky={"cookie": "route"}, balance="least_conn"))
        all_stay()
        i.hup()
        all_stay()
        backends["B"].close()
        answer = i.get(headers={"Cookie": sessions["B"]})
        self.assertIn(answer.text(), set("ACD"))
        self.assertNotEqual(answer.headers["Set-Cookie"].split(";")[0], sessions["B"])
        i.put(document(addresses[1:], sticky={"cookie": "route"}))
        moved, cookie = self.session(i, headers={"Cookie": sessions["A"]})
        self.assertNotEqual(moved, "A")
        self.assertEqual(count(i, 6, headers={"Cookie": cookie}), {moved: 6})

    def test_the_key_of_the_cookies_is_the_instance_s_own_and_outlives_nginx(self):
        servers = [self.backend(name) for name in "AB"]
        doc = document([s.address for s in servers], sticky={"cookie": "route"})
        i, other = self.instance(doc), self.instance(doc)
        cookies = dict(self.session(i) for _ in range(8))
        others = dict(self.session(other) for _ in range(8))
        self.assertEqual((set(cookies), set(others)), (set("AB"), set("AB")))
        self.assertEqual(set(cookies.values()) & set(others.values()), set())
        self.assertEqual(os.stat(i.state + "/session_key").st_mode & 0o777, 0o600)

        def all_stay():
            for name, cookie in cookies.items():
                for _ in range(6):  # whichever worker is asked
                    answer = i.get(headers={"Cookie": cookie})
                    self.assertEqual((answer.text(), answer.headers["Set-Cookie"]), (name, None))
        all_stay()
        i.hup()
        all_stay()
        i.close_process()
        i.start()
        all_stay()
        # an upgrade: another master with the same state, beside the one that serves
        beside = self.instance(doc, start=False)
        beside.state = i.state
        beside.write_tree(doc)
        beside.start()
        for name, cookie in cookies.items():
            self.assertEqual(count(beside, 6, headers={"Cookie": cookie}), {name: 6})
        # what anybody can compute names nothing, as what another instance gave
        for server in servers:
            text = "up/" + server.address
            for forged in (hashlib.md5(text.encode()).hexdigest()[:16], hashlib.sha256(text.encode()).hexdigest()[:32],
                           others[server.name].split("=")[1], "", "0" * 32):
                answer = i.get(headers={"Cookie": "route=" + forged})
                self.assertIn(answer.headers["Set-Cookie"].split(";")[0], cookies.values())

    def test_a_key_that_cannot_be_kept_still_holds_for_all_workers(self):
        servers = [self.backend(name) for name in "AB"]
        i = self.instance(document([s.address for s in servers], sticky={"cookie": "route"}), start=False)
        os.mkdir(i.state + "/session_key")  # neither a file nor a place for one
        i.start()
        name, cookie = self.session(i)
        i.hup()
        self.assertEqual(count(i, 12, headers={"Cookie": cookie}), {name: 12})
        self.assertIn("sessions will not outlive nginx", i.errors())

    def test_the_cookie_says_nothing_of_the_address_and_has_its_attributes(self):
        a = self.backend("A")
        i = self.instance(document([a.address], sticky={"cookie": "route"}))
        cookie = i.get().headers["Set-Cookie"]
        self.assertRegex(cookie, r"^route=[0-9a-f]{32}; Path=/; HttpOnly$")
        i.put(document([a.address], sticky={
            "cookie": "r-2", "path": "/app", "domain": "test1.com", "secure": True,
            "http_only": False, "ttl": "1500ms"}))
        cookie = i.get().headers["Set-Cookie"]
        self.assertRegex(cookie, r"^r-2=[0-9a-f]{32}; Path=/app; Domain=test1.com; Max-Age=2; "
                                 r"Secure$")
        # With a time to live, every answer begins it anew.
        again = i.get(headers={"Cookie": cookie.split(";")[0]})
        self.assertEqual(again.headers["Set-Cookie"], cookie)

    def test_there_is_no_header_without_sticky_and_none_on_an_error(self):
        a = self.backend("A")
        i = self.instance(document([a.address]))
        self.assertNotIn("set-cookie", [name.lower() for name in i.get().headers])
        i.put(document(["127.0.0.1:%d" % free_port()], sticky={"cookie": "route"}))
        answer = i.get()
        self.assert_problem(answer, 502)
        self.assertNotIn("set-cookie", [name.lower() for name in answer.headers])

    def test_cookies_of_the_server_are_left_alone(self):
        def behave(request, head):
            request.wfile.write(b"HTTP/1.1 401 X\r\nSet-Cookie: own=1\r\nContent-Length: 0\r\n\r\n")
            return True
        a = self.backend("A", behave=behave)
        i = self.instance(document([a.address], sticky={"cookie": "route"}))
        cookies = i.get().headers.get_all("Set-Cookie")
        self.assertEqual(len(cookies), 2)
        self.assertIn("own=1", cookies)

    def test_a_forged_or_foreign_cookie_is_replaced(self):
        a = self.backend("A")
        i = self.instance(document([a.address], sticky={"cookie": "route"}))
        for value in ("", "0", "0" * 16, "A" * 4000, a.address, "%00", "../x"):
            answer = i.get(headers={"Cookie": "route=" + value})
            self.assertEqual((answer.status, answer.text()), (200, "A"))
            self.assertRegex(answer.headers["Set-Cookie"], r"^route=[0-9a-f]{32};")

    def test_a_drained_server_serves_its_sessions_and_one_in_maint_does_not(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address, b.address], sticky={"cookie": "route"}))
        sessions = dict(self.session(i) for _ in range(8))
        path = "/v1/overrides/up/" + a.address
        self.assertEqual(i.admin("PUT", path, {"state": "drain"}).status, 200)
        self.assertEqual(count(i, 10), {"B": 10})
        self.assertEqual(count(i, 10, headers={"Cookie": sessions["A"]}), {"A": 10})
        self.assertEqual(i.admin("PUT", path, {"state": "maint"}).status, 200)
        self.assertEqual(count(i, 10, headers={"Cookie": sessions["A"]}), {"B": 10})
        self.assertEqual(i.admin("PUT", path, {"state": "drain"}).status, 200)
        self.assertEqual(count(i, 10, headers={"Cookie": sessions["A"]}), {"A": 10})
        a.close()
        self.assertEqual(count(i, 10, headers={"Cookie": sessions["A"]}), {"B": 10})

    def test_a_session_leaves_a_server_that_is_down(self):
        sick = threading.Event()

        def behave(request, head):
            if sick.is_set() and request.server.seen[-1].endswith("/ping"):
                request.answer(500, "sick")
                return True
        a, b = self.backend("A", behave=behave), self.backend("B")
        i = self.instance(document([a.address, b.address], sticky={"cookie": "route"}, health={
            "type": "http", "path": "/ping", "interval": "50ms", "rise": 1, "fall": 1}))
        sessions = dict(self.session(i) for _ in range(8))
        sick.set()
        wait_for(lambda: self.servers(i)[a.address]["state"] == "down", what="A is down")
        wait_for(lambda: text_of(i, headers={"Cookie": sessions["A"]}) == "B", what="B serves")
        self.assertEqual(count(i, 10, headers={"Cookie": sessions["A"]}), {"B": 10})


class Retries(ChoiceTest):
    def test_a_budget_limits_retries_to_a_part_of_the_requests(self):
        dead, good = "127.0.0.1:%d" % free_port(), self.backend("good")
        i = self.instance(document([dead, good.address], retry_budget=20), workers=1)
        statuses = collections.Counter(i.get().status for _ in range(100))
        self.assertEqual(set(statuses), {200, 502})
        # 50 of 100 first tries go to the dead server, or a few less, as a retry moves the turn on;
        # 20 of them may be repeated.
        servers = self.servers(i)
        retries = servers[dead]["requests"] + servers[good.address]["requests"] - 100
        self.assertLessEqual(abs(retries - 20), 1, servers)
        self.assertEqual(statuses[200], servers[good.address]["requests"])
        # A try that is not repeated is a failure like any other, and has ended.
        self.assertEqual(servers[dead]["failures"], servers[dead]["requests"])
        wait_for(lambda: self.servers(i)[dead]["in_flight"] == 0, what="all ended")
        i.put(document([dead, good.address]))
        self.assertEqual(count(i, 50), {"good": 50})

    def test_a_refused_retry_tells_what_became_of_the_try(self):
        hold = threading.Event()
        self.addCleanup(hold.set)
        slow = self.backend(behave=lambda request, head: hold.wait(20))
        other = self.backend(behave=lambda request, head: hold.wait(20))
        i = self.instance(document([slow.address, other.address], retry_budget=0, retries=1,
                                   read_timeout="100ms"), workers=1)
        for n in range(5):
            self.assert_problem(i.get(), 504)
            self.assertEqual(len(slow.seen) + len(other.seen), min(2 * n + 2, n + 4))


class AllDown(ChoiceTest):
    def sick(self, name):
        def behave(request, head):
            if request.server.seen[-1].endswith("/ping"):
                request.answer(500, "sick")
                return True
        return self.backend(name, behave=behave)

    def test_try_all_sends_requests_and_fail_answers_503(self):
        a, b = self.sick("A"), self.sick("B")
        health = {"type": "http", "path": "/ping", "interval": "50ms", "rise": 1, "fall": 1}
        i = self.instance(document([a.address, b.address], health=health), workers=1)
        wait_for(lambda: {s["state"] for s in self.servers(i).values()} == {"down"},
                 what="all are down")
        self.assertEqual(count(i, 10), {"A": 5, "B": 5})
        i.put(document([a.address, b.address], health=health, all_down="fail"))
        for _ in range(10):
            self.assert_problem(i.get(), 503)
        i.put(document([a.address, b.address], health=health, all_down="try_all"))
        self.assertEqual(set(count(i, 10)), {"A", "B"})

    def test_a_retry_does_not_fall_back_on_servers_that_are_down(self):
        sick = self.sick("A")
        refusing = self.backend("B")
        health = {"type": "http", "path": "/ping", "interval": "50ms", "rise": 1, "fall": 100}
        i = self.instance(document([sick.address, refusing.address], health=dict(health, fall=1),
                                   all_down="fail"), workers=1)
        wait_for(lambda: self.servers(i)[sick.address]["state"] == "down", what="A is down")
        i.put(document([sick.address, refusing.address], health=health, all_down="fail"))
        refusing.close()
        self.assert_problem(i.get(), 502)
        self.assertNotIn("GET /", sick.seen)


class SlowStart(ChoiceTest):
    def test_an_added_server_gets_little_at_first_and_its_share_in_the_end(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address], slow_start="1h"))
        i.put(document([a.address, b.address], slow_start="1h"))
        got = count(i, 200)
        self.assertLessEqual(got["B"], 4, got)
        self.assertGreaterEqual(got["B"], 1, got)
        self.assertLess(self.servers(i)[b.address]["effective_weight"], 0.1)
        # An update that changes something else does not begin or end it.
        i.put(document([a.address, b.address], slow_start="1h", retries=1))
        self.assertLessEqual(count(i, 100)["B"], 3)
        i.put(document([a.address, b.address], slow_start="100ms", retries=1))
        wait_for(lambda: abs(count(i, 20)["B"] - 10) <= 2, what="half of the requests")
        wait_for(lambda: self.servers(i)[b.address]["effective_weight"] == 1, what="whole weight")

    def test_nobody_starts_slowly_at_the_start_or_after_a_reload(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address], slow_start="1h"), workers=1)
        i.put(document([a.address, b.address], slow_start="1h"))
        self.assertLessEqual(count(i, 100)["B"], 2)
        i.hup()
        self.assertEqual(count(i, 20), {"A": 10, "B": 10})

    def test_a_server_that_comes_back_to_health_starts_slowly(self):
        sick = threading.Event()

        def behave(request, head):
            if sick.is_set() and request.server.seen[-1].endswith("/ping"):
                request.answer(500, "sick")
                return True
        a, b = self.backend("A", behave=behave), self.backend("B")
        i = self.instance(document([a.address, b.address], slow_start="1h", health={
            "type": "http", "path": "/ping", "interval": "50ms", "rise": 1, "fall": 1}), workers=1)
        self.assertEqual(count(i, 20), {"A": 10, "B": 10})
        sick.set()
        wait_for(lambda: self.servers(i)[a.address]["state"] == "down", what="A is down")
        self.assertEqual(count(i, 20), {"B": 20})
        sick.clear()
        wait_for(lambda: self.servers(i)[a.address]["state"] == "up", what="A is up")
        got = count(i, 200)
        self.assertLessEqual(got["A"], 4, got)
        self.assertGreaterEqual(got["A"], 1, got)

    def test_a_server_that_is_ready_again_starts_slowly(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address, b.address], slow_start="1h"), workers=1)
        path = "/v1/overrides/up/" + a.address
        self.assertEqual(i.admin("PUT", path, {"state": "maint"}).status, 200)
        self.assertEqual(count(i, 10), {"B": 10})
        self.assertEqual(i.admin("DELETE", path).status, 200)
        self.assertLessEqual(count(i, 100)["A"], 2)


if __name__ == "__main__":
    unittest.main()
