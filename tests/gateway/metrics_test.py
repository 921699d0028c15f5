#!/usr/bin/python3
"""/metrics and the access log say what happened: over all workers, a reload and a worker's death."""
import collections
import json
import os
import re
import signal
import socket
import subprocess
import threading
import time
import unittest

from harness import GatewayTest, document, free_port, wait_for

SAMPLE = re.compile(r'^([a-z_]+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'([a-z0-9_]+)="((?:[^"\\]|\\.)*)"')
BOUNDS = ["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "30", "+Inf"]


class Metrics(dict):
    """{(name, labels): value}; labels are a sorted tuple of pairs."""

    def __init__(self, text):
        super().__init__()
        self.families = []
        for line in text.splitlines():
            if line.startswith("# TYPE"):
                self.families.append(line.split()[2])
            if not line.startswith("#"):
                name, labels, value = SAMPLE.match(line).groups()
                key = name, tuple(sorted(LABEL.findall(labels or "")))
                assert key not in self, "twice: %s" % line
                self[key] = float(value)

    def value(self, name, **labels):
        return self["openresty_" + name, tuple(sorted(labels.items()))]

    def all(self, name):
        return {labels: value for (n, labels), value in self.items() if n == "openresty_" + name}

    def codes(self, name, **labels):
        """Values by code of the series that have these labels."""
        found = collections.Counter()
        for have, value in self.all(name).items():
            if set(labels.items()) <= set(have):
                found[dict(have)["code"]] += value
        return dict(found)

    def buckets(self, name, **labels):
        return [self.value(name + "_bucket", le=le, **labels) for le in BOUNDS]


class Base(GatewayTest):
    def scrape(self, instance):
        answer = instance.admin("GET", "/metrics")
        self.assertEqual(answer.status, 200)
        self.assertEqual(answer.headers["Content-Type"],
                         "text/plain; version=0.0.4; charset=utf-8")
        return Metrics(answer.text())

    def counted(self, instance, requests):
        """The metrics, when that many requests have ended: a client may know of it first."""
        def look():
            m = self.scrape(instance)
            total = sum(m.codes("http_requests_total").values())
            self.assertLessEqual(total, requests)
            return m if total == requests else None
        return wait_for(look, what="%d requests counted" % requests)

    def shop(self, *addresses, **fields):
        doc = document(addresses, **fields)
        doc["routes"] = [{"host": "shop.test", "path": "/", "upstream": "up"},
                         {"host": "*.wild.test", "path": "/", "upstream": "up"},
                         {"path": "/api", "upstream": "up"}]
        return doc

    def log_lines(self, instance, count):
        path = os.path.join(instance.log, "access.log")

        def read():
            with open(path) as f:
                lines = f.read().splitlines()
            return lines if len(lines) >= count else None
        return [json.loads(line) for line in wait_for(read, what="%d lines" % count)]


class MetricsTest(Base):
    def test_requests_are_counted_by_host_of_the_route_and_status(self):
        def behave(request, head):
            status = int(head.get("x-status", 200))
            request.wfile.write(b"HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
                                % status)
            return True
        a = self.backend(behave=behave)
        i = self.instance(self.shop(a.address))
        for host, path, status, n in (("shop.test", "/", 200, 40), ("SHOP.test:80", "/x", 200, 5),
                                      ("shop.test", "/", 404, 3), ("shop.test", "/", 599, 1),
                                      ("a.wild.test", "/", 204, 2), ("b.wild.test", "/", 200, 4),
                                      ("evil.test", "/api", 200, 6)):
            for _ in range(n):
                i.get(path, host, headers={"X-Status": str(status)})
        for n in range(7):
            self.assertEqual(i.get("/nowhere", "random%d.test" % n).status, 404)
        m = self.counted(i, 68)
        self.assertEqual(m.codes("http_requests_total", server="shop.test"),
                         {"200": 45, "404": 3, "599": 1})
        self.assertEqual(m.codes("http_requests_total", server="*.wild.test"), {"204": 2, "200": 4})
        self.assertEqual(m.codes("http_requests_total", server="_"), {"200": 6, "404": 7})
        self.assertEqual(m.codes("upstream_requests_total", upstream="up", peer=a.address),
                         {"200": 55, "204": 2, "404": 3, "599": 1})
        self.assertEqual({dict(k)["server"] for k in m.all("http_requests_total")},
                         {"shop.test", "*.wild.test", "_"})
        self.assertEqual(m.value("http_request_duration_seconds_count", server="shop.test"), 49)
        self.assertEqual(m.value("upstream_response_duration_seconds_count", upstream="up"), 61)

    def test_what_nginx_answers_itself_is_counted(self):
        a = self.backend()
        i = self.instance(self.shop(a.address))
        with socket.create_connection(("127.0.0.1", i.port)) as s:
            s.sendall(b"nonsense\r\n\r\n")
            self.assertIn(b"400", s.recv(4096))
        a.close()
        self.assertEqual(i.get(host="shop.test").status, 502)
        i.put(self.shop(), x_allow_empty="1")
        self.assertEqual(i.get(host="shop.test").status, 503)
        m = self.counted(i, 3)
        self.assertEqual(m.codes("http_requests_total", server="_"), {"400": 1})
        self.assertEqual(m.codes("http_requests_total", server="shop.test"), {"502": 1, "503": 1})

    def test_what_a_policy_answers_is_counted_for_its_route(self):
        a = self.backend()
        doc = document([a.address], routes=[
            {"host": "old.test", "path": "/", "redirect": {"target": "http://new.test"}},
            {"host": "new.test", "path": "/", "upstream": "up", "client_max_body_size": "1k"},
            {"hosts": ["a.test", "b.test"], "path": "/x", "strip_prefix": True, "upstream": "up"}])
        i = self.instance(doc, policy={"limit": 1 << 20, "cap": 1 << 20})
        self.assertEqual(i.get(host="old.test").status, 302)
        self.assertEqual(i.get(host="new.test", method="POST", body="x" * 2000).status, 413)
        self.assertEqual(i.get(host="new.test", method="POST", body="x").status, 200)
        self.assertEqual(i.get("/x/y", "b.test").status, 200)
        m = self.counted(i, 4)
        self.assertEqual(m.all("http_requests_total"), {
            (("code", "302"), ("server", "old.test")): 1, (("code", "413"), ("server", "new.test")): 1,
            (("code", "200"), ("server", "new.test")): 1, (("code", "200"), ("server", "a.test")): 1})
        self.assertEqual(m.codes("upstream_requests_total"), {"200": 2})
        self.assertEqual(sorted(line["route"] for line in self.log_lines(i, 4)),
                         ["a.test/x upstream=up generation=1", "new.test/ upstream=up generation=1",
                          "new.test/ upstream=up generation=1", "old.test/ upstream=- generation=1"])

    def test_every_try_is_counted_with_its_own_status(self):
        dead, alive = "127.0.0.1:%d" % free_port(), self.backend("A")
        i = self.instance(self.shop(dead, alive.address), workers=1)
        for _ in range(20):
            self.assertEqual(i.get(host="shop.test").status, 200)
        m = self.counted(i, 20)
        self.assertEqual(m.codes("upstream_requests_total", peer=alive.address), {"200": 20})
        retries = m.value("upstream_retries_total", upstream="up")
        self.assertGreater(retries, 5)
        self.assertEqual(m.codes("upstream_requests_total", peer=dead), {"502": retries})
        self.assertEqual(m.value("upstream_response_duration_seconds_count", upstream="up"),
                         20 + retries)
        alive.close()
        self.assertEqual(i.get(host="shop.test").status, 502)
        m = self.counted(i, 21)
        self.assertEqual(m.codes("upstream_requests_total", peer=alive.address)["502"], 1)
        self.assertEqual(m.codes("upstream_requests_total", peer=dead), {"502": retries + 1})
        self.assertEqual(m.value("upstream_retries_total", upstream="up"), retries + 1)

    def test_durations_are_those_of_the_server_and_of_the_client(self):
        """A client that reads late is in the request's time and not in the server's."""
        slow, release = threading.Event(), threading.Event()

        def behave(request, head):
            if head.get("x-slow"):
                slow.wait(10)
            if head.get("x-large"):
                request.wfile.write(b"HTTP/1.1 200 X\r\nContent-Length: 16000000\r\n\r\n")
                request.wfile.write(b"x" * 16000000)
                release.set()
                return True
            return False
        a = self.backend(behave=behave)
        i = self.instance(self.shop(a.address), workers=1)
        for _ in range(10):
            i.get(host="shop.test")
        timer = threading.Timer(0.3, slow.set)
        timer.start()
        began = time.monotonic()
        i.get(host="shop.test", headers={"X-Slow": "1"})
        took = time.monotonic() - began
        m = self.counted(i, 11)
        for name, labels in (("http_request_duration_seconds", {"server": "shop.test"}),
                             ("upstream_response_duration_seconds", {"upstream": "up"})):
            buckets = m.buckets(name, **labels)
            self.assertEqual(buckets, sorted(buckets))
            self.assertEqual(buckets[-1], 11)
            self.assertEqual(buckets[BOUNDS.index("0.25")], 10)
            self.assertAlmostEqual(m.value(name + "_sum", **labels), took, delta=0.2)
        with socket.socket() as s:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            s.connect(("127.0.0.1", i.port))
            s.sendall(b"GET / HTTP/1.1\r\nHost: shop.test\r\nX-Large: 1\r\nConnection: close\r\n\r\n")
            self.assertTrue(release.wait(10))
            # nginx has all of it now, and the client begins to read a while later
            threading.Event().wait(0.6)
            while s.recv(65536):
                pass
        m = self.counted(i, 12)
        at = BOUNDS.index("0.5")
        self.assertEqual(m.buckets("http_request_duration_seconds", server="shop.test")[at], 11)
        self.assertEqual(m.buckets("upstream_response_duration_seconds", upstream="up")[at], 12)

    def test_how_long_a_websocket_is_open_is_no_latency(self):
        def behave(request, head):
            request.wfile.write(b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n")
            return True
        i = self.instance(self.shop(self.backend(behave=behave).address))
        i.get(host="shop.test", headers={"Upgrade": "websocket", "Connection": "upgrade"})
        m = self.counted(i, 1)
        self.assertEqual(m.codes("http_requests_total", server="shop.test"), {"101": 1})
        self.assertEqual(m.all("http_request_duration_seconds_count"), {})

    def test_counts_are_exact_over_workers_reload_and_a_killed_worker(self):
        backends = self.nginx_backends(2)
        i = self.instance(self.shop(*backends.addresses))
        sent = 0

        def send(connections, n):
            nonlocal sent
            for connection in connections.values():
                for _ in range(n):
                    connection.request("GET", "/", headers={"Host": "shop.test"})
                    self.assertEqual(connection.getresponse().read()[:1], b"S")
                    sent += 1
                connection.close()

        def check():
            m = self.counted(i, sent)
            self.assertEqual(m.codes("http_requests_total"), {"200": sent})
            self.assertEqual(m.codes("upstream_requests_total"), {"200": sent})
            self.assertEqual(m.value("http_request_duration_seconds_count", server="shop.test"), sent)
            self.assertEqual(len(m.all("lua_memory_bytes")), 2)
        send(i.open_until_all(), 150)
        check()
        i.hup()
        check()
        send(i.open_until_all(), 50)
        check()
        victim = i.workers()[0]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: len(i.workers()) == 2 and victim not in i.workers() and i.workers()
                 == sorted(w["pid"] for w in i.status()["workers"]), what="another worker")
        check()
        send(i.open_until_all(), 50)
        check()
        self.assertEqual(sent, 500)

    def test_a_busy_instance_satisfies_promtool(self):
        a = self.backend()
        doc = self.shop(a.address, "127.0.0.1:%d" % free_port(),
                        health={"type": "tcp", "interval": "50ms", "fall": 1})
        i = self.instance(doc)
        for n in range(20):
            i.get(host="shop.test")
            i.get("/none", "x%d" % n)
        i.admin("PUT", "/v1/overrides/up/" + a.address,
                {"weight": 5, "reason": "test", "by": "me"})
        wait_for(lambda: 0 in self.scrape(i).all("upstream_peer_up").values(), what="down")
        text = i.admin("GET", "/metrics").body
        self.assertGreater(len(Metrics(text.decode()).families), 20)
        found = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True)
        self.assertEqual((found.returncode, found.stdout, found.stderr), (0, b"", b""))
        bad = subprocess.run(["promtool", "check", "metrics"], input=b"# TYPE a counter\na 1\n",
                             capture_output=True)
        self.assertEqual(bad.returncode, 3)

    def test_the_example_for_prometheus_is_sound(self):
        path = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "prometheus.yml")
        found = subprocess.run(["promtool", "check", "config", "--syntax-only", path],
                               capture_output=True, text=True)
        self.assertEqual(found.returncode, 0, found.stdout + found.stderr)

    def test_state_of_servers_and_failed_checks(self):
        a, dead = self.backend(), "127.0.0.1:%d" % free_port()
        i = self.instance(document([a.address, dead], min_healthy=0, health={
            "type": "tcp", "interval": "50ms", "fall": 2}))
        m = wait_for(lambda: (lambda m: m if m.value(
            "upstream_peer_check_failures_total", upstream="up", peer=dead) > 1 else None)
            (self.scrape(i)), what="failed checks")
        m = self.scrape(i)
        self.assertEqual(m.value("upstream_peer_check_failures_total", upstream="up",
                                 peer=a.address), 0)
        m = wait_for(lambda: (lambda m: m if not m.value(
            "upstream_peer_up", upstream="up", peer=dead) else None)(self.scrape(i)), what="down")
        self.assertEqual(m.value("upstream_peer_up", upstream="up", peer=a.address), 1)
        self.assertEqual(m.value("config_overrides"), 0)
        answer = i.admin("PUT", "/v1/overrides/up/" + a.address,
                         {"state": "drain", "ignore_min_healthy": True})
        self.assertEqual(answer.status, 200, answer.text())
        m = self.scrape(i)
        self.assertEqual({(dict(k)["peer"], dict(k)["state"]) for k in m.all("upstream_peer_state")},
                         {(a.address, "drain"), (dead, "down")})
        self.assertEqual(m.value("upstream_peer_up", upstream="up", peer=a.address), 1)
        self.assertEqual(m.value("config_overrides"), 1)

    def test_requests_in_flight(self):
        release = threading.Event()
        self.addCleanup(release.set)

        def behave(request, head):
            release.wait(20)
        a = self.backend(behave=behave)
        i = self.instance(document([a.address]))
        threads = [threading.Thread(target=i.get) for _ in range(5)]
        for thread in threads:
            thread.start()
        in_flight = lambda: self.scrape(i).value("upstream_peer_requests_in_flight", upstream="up",
                                                 peer=a.address)
        wait_for(lambda: in_flight() == 5, what="five in flight")
        release.set()
        for thread in threads:
            thread.join()
        wait_for(lambda: in_flight() == 0, what="none in flight")

    def test_what_is_served_and_by_whom(self):
        i = self.instance(document(["127.0.0.1:1"]))
        status = i.status()
        before = int(time.time())
        m = self.scrape(i)
        self.assertEqual(m.value("config_info", sha256=status["digest"]), 1)
        self.assertEqual(m.value("config_generation"), status["generation"])
        self.assertEqual(m.value("config_last_reload_successful"), 1)
        self.assertLess(abs(m.value("config_last_reload_success_timestamp_seconds") - before), 30)
        memory = m.all("lua_memory_bytes")
        self.assertEqual(set(memory), {(("worker", "0"),), (("worker", "1"),)})
        for value in memory.values():
            self.assertTrue(50e3 < value < 50e6, memory)
        self.assertEqual(m.value("shared_dict_capacity_bytes", dict="orctl"), 32 << 20)
        self.assertTrue(1 << 20 < m.value("shared_dict_free_bytes", dict="orctl") < 32 << 20)
        i.put(document(["127.0.0.1:2"]))
        m = self.scrape(i)
        self.assertEqual(len(m.all("config_info")), 1)
        self.assertEqual(m.value("config_generation"), status["generation"] + 1)

    def test_connections_are_nginx_s_own_counts(self):
        a = self.backend()
        i = self.instance(document([a.address]))
        before = self.scrape(i)
        kept = i.open_until_all().values()
        for connection in kept:
            self.addCleanup(connection.close)
            connection.request("GET", "/", headers={"Host": "test"})
            connection.getresponse().read()
        now = self.scrape(i)
        self.assertGreaterEqual(now.value("connections", state="active"), 3)
        wait_for(lambda: self.scrape(i).value("connections", state="waiting") == 2, what="waiting")
        accepted = now.value("connections_accepted_total")
        self.assertGreaterEqual(accepted, before.value("connections_accepted_total") + 3)
        self.assertEqual(now.value("connections_handled_total"), accepted)

    def test_a_reload_that_the_gateway_refuses_is_told(self):
        i = self.instance(document(["127.0.0.1:1"]))
        i.write_tree({"format": 99})
        i.master.send_signal(signal.SIGHUP)
        successful = lambda: self.scrape(i).value("config_last_reload_successful")
        wait_for(lambda: successful() == 0, what="told")
        i.write_tree(document(["127.0.0.1:1"]))
        i.hup()
        self.assertEqual(successful(), 1)

    def test_series_end_when_what_they_name_leaves_and_begin_at_zero_when_it_comes_again(self):
        a, b = self.backend(), self.backend()
        both = self.shop(a.address, b.address)
        one = {"format": 1, "upstreams": [{"name": "other", "servers": [{"address": a.address}]}],
               "routes": [{"host": "other.test", "path": "/", "upstream": "other"}]}
        i = self.instance(both)
        for _ in range(10):
            i.get(host="shop.test")
        self.counted(i, 10)
        i.put(one)
        i.get(host="other.test")
        self.counted(i, 1)
        text = i.admin("GET", "/metrics").text()
        for gone in ("shop.test", 'upstream="up"', b.address):
            self.assertNotIn(gone, text)
        self.assertEqual(Metrics(text).codes("http_requests_total"), {"200": 1})

        wait_for(lambda: i.status()["leaving"] == 0, what="the counters are given back")
        i.put(both)
        m = self.scrape(i)
        self.assertEqual((m.all("upstream_requests_total"), m.all("http_requests_total")), ({}, {}))
        self.assertEqual(m.value("upstream_retries_total", upstream="up"), 0)
        i.get(host="shop.test")
        self.assertEqual(self.counted(i, 1).codes("http_requests_total", server="shop.test"),
                         {"200": 1})

    def test_a_host_that_stays_keeps_its_counts_when_routes_change(self):
        a = self.backend()
        i = self.instance(self.shop(a.address))
        i.get(host="shop.test")
        doc = self.shop(a.address)
        doc["routes"].append({"host": "new.test", "path": "/", "upstream": "up"})
        i.put(doc)
        i.get(host="shop.test")
        i.get(host="new.test")
        m = self.counted(i, 3)
        self.assertEqual(m.codes("http_requests_total", server="shop.test"), {"200": 2})
        self.assertEqual(m.codes("http_requests_total", server="new.test"), {"200": 1})
        self.assertEqual(m.codes("upstream_requests_total", upstream="up"), {"200": 3})

    def test_a_large_document_is_written_while_requests_are_served(self):
        a = self.backend()
        doc = document([a.address])
        for n in range(1000):
            doc["upstreams"].append({"name": "u%d" % n, "servers": [
                {"address": "10.%d.%d.%d:80" % (k, n // 250, n % 250)} for k in range(10)]})
        i = self.instance(doc, workers=1)
        stop, served = threading.Event(), []

        def ask():
            connection = list(i.open_until_all().values())[0]
            while not stop.is_set():
                connection.request("GET", "/", headers={"Host": "test"})
                connection.getresponse().read()
                served.append(time.monotonic())
            connection.close()
        self.scrape(i)  # compiles what the next one runs
        thread = threading.Thread(target=ask)
        thread.start()
        try:
            began = time.monotonic()
            text = i.admin("GET", "/metrics").text()
            ended = time.monotonic()
        finally:
            stop.set()
            thread.join()
        m = Metrics(text)
        self.assertEqual(len(m.all("upstream_peer_up")), 10001)
        self.assertEqual(m.value("metric_errors_total"), 0)
        self.assertEqual([], re.findall(r"delayed events|\[error\]", i.errors()))
        during = [at for at in served if began < at < ended]
        self.assertGreater(len(during), 20, "requests waited for the scrape")

    def test_the_number_of_samples_is_capped_and_what_is_left_out_is_counted(self):
        doc = {"format": 1, "routes": [], "upstreams": [
            {"name": "u%d" % n, "servers": [
                {"address": "10.%d.%d.%d:80" % (n, k // 250, k % 250)} for k in range(900)]}
            for n in range(40)]}
        i = self.instance(doc, workers=1, dict_size="64m")
        m = self.scrape(i)
        self.assertEqual(len(m), 100001)
        left_out = m.value("metric_errors_total")
        self.assertGreater(left_out, 8000)
        self.assertEqual(self.scrape(i).value("metric_errors_total"), 2 * left_out)

    def test_only_get_and_head(self):
        i = self.instance(document(["127.0.0.1:1"]))
        head = i.admin("HEAD", "/metrics")
        self.assertEqual((head.status, head.body), (200, b""))
        self.assert_problem(i.admin("POST", "/metrics", {}), 405)


class AccessLog(Base):
    def test_a_line_is_json_and_tells_who_served(self):
        dead, a = "127.0.0.1:%d" % free_port(), self.backend("A")
        i = self.instance(self.shop(dead, a.address), workers=1)
        for _ in range(2):
            i.get("/a?b=c\"d\\", "shop.test", method="POST", body="x")
        i.put(self.shop(a.address))
        i.get("/api/we\"ird", "weird")
        i.get("/none", "nobody")
        lines = self.log_lines(i, 4)
        for line in lines:
            self.assertEqual(list(line), ["time", "client", "host", "method", "uri", "status", "bytes", "seconds", "route",
                                          "peer", "peer_status", "peer_seconds", "tls", "error", "decided"])
        for line in lines[:2]:
            self.assertEqual((line["client"], line["host"], line["method"], line["uri"],
                              line["status"], line["bytes"], line["tls"], line["error"]),
                             ("127.0.0.1", "shop.test", "POST", "/a?b=c\"d\\", 200, 1, "", ""))
            self.assertEqual(line["route"], "shop.test/ upstream=up generation=1")
            self.assertIsInstance(line["seconds"], float)
            self.assertRegex(line["time"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
        retried = max(lines[:2], key=lambda line: len(line["peer"]))
        self.assertEqual(retried["peer"], "%s, %s" % (dead, a.address))
        self.assertEqual(retried["peer_status"], "502, 200")
        self.assertRegex(retried["peer_seconds"], r"^\d+\.\d{3}, \d+\.\d{3}$")
        self.assertEqual((lines[2]["route"], lines[2]["uri"], lines[2]["peer"],
                          lines[2]["peer_status"]),
                         ("/api upstream=up generation=2", "/api/we\"ird", a.address, "200"))
        self.assertEqual((lines[3]["route"], lines[3]["status"], lines[3]["error"], lines[3]["decided"]),
                         ("", 404, "404", "no_route"))


if __name__ == "__main__":
    unittest.main()
