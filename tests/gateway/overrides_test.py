#!/usr/bin/python3
"""Overrides: what they change, how they end, what they survive."""
import hashlib
import json
import os
import re
import select
import shutil
import signal
import subprocess
import threading
import time
import unittest

from harness import NAME, NGINX, GatewayTest, document, replaced, wait_for


class Overrides(GatewayTest):
    def put(self, instance, server, upstream="up", status=200, **request):
        answer = instance.admin("PUT", "/v1/overrides/%s/%s" % (upstream, server), request)
        self.assertEqual(answer.status, status, answer.text())
        return answer.json()

    def servers(self, instance):
        items = instance.admin("GET", "/v1/upstreams/up").json()["items"]
        return {s["address"]: s for s in items[0]["servers"]}

    def overrides(self, instance):
        return instance.admin("GET", "/v1/overrides").json()["items"]

    def three(self, workers=1, **fields):
        backends = [self.backend(name) for name in "ABC"]
        addresses = [b.address for b in backends]
        # One worker: its turns are exact.
        return self.instance(document(addresses, **fields), workers=workers), addresses

    def names(self, instance, count=60):
        got = [instance.get().text() for _ in range(count)]
        return {name: got.count(name) for name in set(got)}

    def test_a_drained_server_gets_no_request_and_says_why(self):
        i, (a, b, c) = self.three()
        item = self.put(i, a, state="drain", reason="disk", by="sre", **{"for": "30m"})
        self.assertEqual((item["state"], item["reason"], item["by"]), ("drain", "disk", "sre"))
        self.assertLessEqual(item["expires_in"], 1800)
        self.assertGreater(item["expires_in"], 1790)
        self.assertEqual(set(self.names(i)), {"B", "C"})
        self.assertEqual(self.servers(i)[a]["state"], "drain")
        self.assertEqual(self.servers(i)[a]["override"]["reason"], "disk")
        self.assertEqual(i.status()["overrides"], 1)
        self.put(i, a, state="ready")
        self.assertEqual(self.overrides(i), [])
        self.assertEqual(set(self.names(i)), {"A", "B", "C"})

    def test_the_next_request_of_every_worker_follows(self):
        i, (a, _, _) = self.three(workers=2)
        found = i.open_until_all()
        for n in range(50):
            self.put(i, a, state="maint" if n % 2 == 0 else "ready")
            for connection in found.values():
                seen = set()
                for _ in range(3):
                    connection.request("GET", "/", headers={"Host": "test"})
                    seen.add(connection.getresponse().read())
                self.assertEqual(b"A" in seen, n % 2 == 1)
        for connection in found.values():
            connection.close()

    def test_half_of_weight_one_is_half_in_every_balancer(self):
        """The gateway's own counters say who got what: a third for 1/2 beside 1. With ewma the weight divides the wait
        that is expected, and latency has the last word."""
        def think(*_):
            time.sleep(0.002)  # far longer than a busy machine makes one of them wait
        backends = [self.backend(name, think) for name in "AB"]
        a, b = [x.address for x in backends]
        for balance, slack in (("round_robin", 0), ("least_conn", 1), ("random", 60), ("ewma", 200), ("hash", 60)):
            with self.subTest(balance):
                fields = {"balance": balance, **({"hash": "header:X-Key"} if balance == "hash" else {})}
                i = self.instance(document([a, b], **fields), workers=1)
                self.put(i, a, weight="50%")
                for n in range(600):
                    self.assertEqual(i.get(headers={"X-Key": str(n)}).status, 200)
                seen = {name: s["requests"] for name, s in self.servers(i).items()}
                self.assertEqual(seen[a] + seen[b], 600)
                self.assertLessEqual(abs(seen[a] - 200), slack, seen)
                self.assertLess(seen[a], seen[b])

    def test_a_promoted_weight_holds_before_and_after_its_document_and_when_that_is_taken_back(self):
        i, (a, b, _) = self.three()
        old, new = document([a, b]), document([{"address": a, "weight": 1}, {"address": b, "weight": 2}])
        i.put(old)
        self.put(i, a, weight="50%", by="sre")
        third = {"A": 20, "B": 40}
        self.assertEqual(self.names(i), third)
        lines = "%s 1\n%s 2\n" % (a, b)
        self.put(i, a, replaced_by=hashlib.sha256(lines.encode()).hexdigest())
        self.assertEqual(self.names(i), third)
        self.assertEqual(self.overrides(i)[0]["weight"], "50%")
        self.assertEqual(self.overrides(i)[0]["by"], "sre")
        self.assertNotIn("superseded", self.overrides(i)[0])
        for doc, superseded in ((new, True), (old, None), (new, True)):
            i.put(doc)
            self.assertEqual(self.names(i), third)
            self.assertEqual(self.overrides(i)[0].get("superseded"), superseded)
        i.admin("DELETE", "/v1/overrides/up/" + a)
        self.assertEqual(self.names(i), third)

    def test_the_guard_knows_every_way_to_write_no_weight(self):
        i, (a, _, _) = self.three(min_healthy=3)
        for weight in ("0%", "00%", "000%", 0):
            self.put(i, a, status=409, weight=weight)

    def test_weights_are_numbers_or_shares(self):
        i, (a, b, c) = self.three()
        self.put(i, a, weight=4)
        self.assertEqual(self.names(i), {"A": 40, "B": 10, "C": 10})
        self.put(i, a, weight="50%")
        self.assertEqual(self.names(i, 100), {"A": 20, "B": 40, "C": 40})
        self.assertEqual(self.servers(i)[a]["effective_weight"], 0.5)
        self.put(i, a, weight=0)
        self.assertEqual(set(self.names(i)), {"B", "C"})
        self.assertEqual(i.admin("DELETE", "/v1/overrides/up/" + a).status, 200)
        self.assertEqual(self.names(i), {"A": 20, "B": 20, "C": 20})

    def test_servers_are_added_and_removed(self):
        i, (a, b, c) = self.three()
        d = self.backend("D").address
        self.assertEqual(self.put(i, d, status=404)["status"], 404)
        self.put(i, a, status=422, add={})
        self.put(i, d, add={"weight": 3})
        self.assertEqual(self.names(i), {"A": 10, "B": 10, "C": 10, "D": 30})
        self.put(i, a, remove=True)
        self.assertEqual(self.names(i), {"B": 12, "C": 12, "D": 36})
        self.assertEqual(self.servers(i)[a]["state"], "removed")
        self.put(i, a, add={})
        self.put(i, d, remove=True)
        self.assertEqual(self.names(i), {"A": 20, "B": 20, "C": 20})
        self.assertEqual(self.overrides(i), [])

    def test_min_healthy_guards_and_can_be_overruled(self):
        i, (a, b, c) = self.three(min_healthy=2)
        self.put(i, a, state="drain")
        body = self.put(i, b, status=409, state="maint")
        self.assertEqual(body["code"], "min_healthy")
        self.put(i, b, status=409, remove=True)
        self.put(i, b, status=409, weight=0)
        self.put(i, a, state="maint")
        self.assertEqual(len(self.overrides(i)), 1)
        self.put(i, b, state="maint", ignore_min_healthy=True)
        self.assertEqual(set(self.names(i)), {"C"})

    def test_requests_that_make_no_sense_are_refused_and_change_nothing(self):
        i, (a, _, _) = self.three()
        for request in ({"state": "off"}, {"weight": -1}, {"weight": 1001}, {"weight": "x"},
                        {"weight": "5"}, {"for": "soon"}, {"for": "745h"}, {"remove": 1},
                        {"reason": "x" * 1001}, {"unknown": 1}, [], {"add": {"weight": 0}}):
            answer = i.admin("PUT", "/v1/overrides/up/" + a, request)
            self.assertEqual(answer.status, 422, request)
        for path in ("/up/none", "/up/1.2.3.4:0", "/none/" + a, "/up/9.9.9.9:1"):
            answer = i.admin("PUT", "/v1/overrides" + path, {"state": "drain"})
            self.assertEqual(answer.status, 404, path)
            self.assertEqual(i.admin("DELETE", "/v1/overrides" + path).status, 404)
        self.assertEqual(i.admin("PUT", "/v1/overrides/up/" + a, b"{").status, 400)
        self.assertEqual(self.overrides(i), [])

    def test_it_ends_by_itself(self):
        i, (a, _, _) = self.three()
        self.put(i, a, state="maint", **{"for": "300ms"})
        self.assertEqual(set(self.names(i, 6)), {"B", "C"})
        wait_for(lambda: not self.overrides(i), what="the override is over")
        self.assertEqual(set(self.names(i)), {"A", "B", "C"})

    def test_it_survives_reload_restart_and_a_new_document(self):
        i, (a, b, c) = self.three()
        self.put(i, a, state="drain", reason="disk", **{"for": "1h"})
        i.hup()
        self.assertEqual(set(self.names(i)), {"B", "C"})
        i.put(document([a, b]))
        self.assertEqual(set(self.names(i)), {"B"})
        i.master.terminate()
        i.master.wait()
        i.start()
        self.assertEqual(set(self.names(i)), {"B", "C"})
        item = self.overrides(i)[0]
        self.assertEqual(item["reason"], "disk")
        self.assertLessEqual(item["expires_in"], 3600)

    def test_it_survives_a_binary_upgrade(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address, b.address]), start=False)
        # nginx takes USR2 only as a daemon, and starts what it was started as.
        subprocess.run([shutil.which(NGINX)] + i.command()[1:], check=True, stderr=subprocess.DEVNULL)
        old = self.master_of(i)
        wait_for(i.up, what="nginx is up")
        self.put(i, a.address, state="drain", reason="disk")
        os.kill(old, signal.SIGUSR2)
        new = wait_for(lambda: self.master_of(i, not_pid=old), what="a new master")
        self.put(i, a.address, reason="disk of the old one")
        os.kill(old, signal.SIGQUIT)
        wait_for(lambda: not os.path.exists(os.path.join(i.run, "nginx.pid.oldbin")), what="gone")
        wait_for(i.up, what="the new master alone")
        self.assertEqual(set(self.names(i, 10)), {"B"})
        self.assertIn("disk", self.overrides(i)[0]["reason"])
        self.assertEqual(self.master_of(i), new)

    def master_of(self, instance, not_pid=None):
        """Pid of a daemon, which ends with the test."""
        try:
            with open(os.path.join(instance.run, "nginx.pid")) as f:
                pid = int(f.read())
        except (OSError, ValueError):
            return None
        if pid == not_pid:
            return None
        self.addCleanup(self.end, os.pidfd_open(pid))
        return pid

    @staticmethod
    def end(fd):
        try:
            signal.pidfd_send_signal(fd, signal.SIGTERM)
        except ProcessLookupError:
            pass
        select.select([fd], [], [], 10)
        os.close(fd)

    def test_it_ends_when_its_server_leaves_the_document(self):
        i, (a, b, c) = self.three()
        self.put(i, a, state="drain")
        self.put(i, "127.0.0.1:1", add={})
        i.put(document([b, c]))
        self.assertEqual([o["server"] for o in self.overrides(i)], ["127.0.0.1:1"])
        self.assertIn("has left the document", i.errors())
        i.put(document([b, c], routes=[]) | {"upstreams": []})
        self.assertEqual(self.overrides(i), [])

    def test_a_clock_that_jumps_ends_nothing_and_keeps_nothing(self):
        # The wall clock of a test cannot be moved; that of the file can: the time left is that of
        # the clock since boot, whatever the wall clock said.
        i, (a, _, _) = self.three()
        self.put(i, a, state="drain", **{"for": "1h"})
        i.master.terminate()
        i.master.wait()
        path = os.path.join(i.state, "overrides")
        with open(path, "rb") as f:
            head, payload = f.read().split(b"\n", 1)
        payload = re.sub(rb'"wall":\d+', b'"wall":1', payload)
        with open(path, "wb") as f:
            f.write(b"orctl-state 1 overrides %d %s\n%s" % (
                len(payload), hashlib.sha256(payload).hexdigest().encode(), payload))
        i.start()
        self.assertGreater(self.overrides(i)[0]["expires_in"], 3500)

    def test_in_flight_is_seen_until_the_last_request_of_a_drained_server_ends(self):
        release = threading.Event()
        self.addCleanup(release.set)
        slow = self.backend("slow", behave=lambda request, head: release.wait(20) and False)
        other = self.backend("other")
        i = self.instance(document([slow.address, other.address]))
        found = i.open_until_all()
        for connection in found.values():
            self.addCleanup(connection.close)
        self.put(i, other.address, state="maint")
        for connection in found.values():
            connection.request("GET", "/", headers={"Host": "test"})
        wait_for(lambda: self.servers(i)[slow.address]["in_flight"] == 2, what="two in flight")
        self.put(i, other.address, state="ready")
        self.put(i, slow.address, remove=True)
        self.assertEqual(set(self.names(i, 10)), {"other"})
        self.assertEqual(self.servers(i)[slow.address]["in_flight"], 2)
        release.set()
        for connection in found.values():
            self.assertEqual(connection.getresponse().read(), b"slow")
        wait_for(lambda: self.servers(i)[slow.address]["in_flight"] == 0, what="none in flight")

    def test_what_cannot_be_saved_is_not_done(self):
        i, (a, _, _) = self.three()
        os.mkdir(os.path.join(i.state, "overrides.new"))
        body = self.put(i, a, status=507, state="drain")
        self.assertIn("nothing was changed", body["detail"])
        self.assertEqual(self.overrides(i), [])
        self.assertEqual(set(self.names(i)), {"A", "B", "C"})
        os.rmdir(os.path.join(i.state, "overrides.new"))
        self.put(i, a, state="drain")


class Saved(GatewayTest):
    def save(self, instance, doc):
        return instance.put(doc, x_save="1")

    def restart(self, instance, change=None):
        instance.master.terminate()
        instance.master.wait()
        if change:
            path = os.path.join(instance.state, "document")
            with open(path, "rb") as f:
                data = change(f.read())
            instance.write(path, data)
        return instance.start()

    def two(self):
        a, b = self.backend("A"), self.backend("B")
        return self.instance(document([a.address])), document([b.address])

    def test_a_saved_document_is_served_after_a_restart_from_the_first_request_on(self):
        i, doc = self.two()
        result = self.save(i, doc)
        self.restart(i)
        self.assertEqual(i.get().body, b"B")
        self.assertEqual(i.status()["digest"], result["digest"])
        i.hup()
        self.assertEqual(i.get().body, b"B")

    def test_an_unchanged_document_is_saved_too(self):
        i, doc = self.two()
        i.put(doc)
        self.assertFalse(self.save(i, doc)["changed"])
        self.restart(i)
        self.assertEqual(i.get().body, b"B")

    def test_one_that_was_not_saved_is_not_kept(self):
        i, doc = self.two()
        i.put(doc)
        self.restart(i)
        self.assertEqual(i.get().body, b"A")

    def test_torn_empty_and_foreign_files_are_refused_and_the_tree_serves(self):
        cut = [lambda data, n=n: data[:n] for n in (1, 20, 90, 100, -1)]
        for change in cut + [
                lambda data: b"\0" * len(data), lambda data: data.replace(b"up", b"uq", 1),
                lambda data: data.replace(b"document", b"overrides", 1),
                lambda data: data.replace(b"state 1", b"state 2", 1)]:
            i, doc = self.two()
            self.save(i, doc)
            self.restart(i, change)
            self.assertEqual(i.get().body, b"A")
            self.assertIn("the saved document is refused", i.errors())
            i.close()

    def test_an_empty_file_is_refused(self):
        i, doc = self.two()
        self.save(i, doc)
        self.restart(i, lambda data: b"")
        self.assertEqual(i.get().body, b"A")
        self.assertIn("empty", i.errors())

    def test_a_newer_tree_goes_before_an_older_file(self):
        i, doc = self.two()
        self.save(i, doc)
        c = self.backend("C")
        i.write_tree(document([c.address]))
        self.restart(i)
        self.assertEqual(i.get().body, b"C")
        self.assertIn("the tree has another document since", i.errors())

    def test_one_of_another_instance_is_refused(self):
        i, doc = self.two()
        self.save(i, doc)
        other = self.backend("O")
        j = self.instance(document([other.address]), start=False)
        with open(os.path.join(i.state, "document"), "rb") as f:
            saved = f.read()
        j.write(os.path.join(j.state, "document"), saved)
        j.edits.append(lambda text: replaced(text, 'init("%s"' % NAME, 'init("another"'))
        j.write_tree()
        j.start()
        self.assertEqual(j.get().body, b"O")
        self.assertIn("belongs to another instance", j.errors())

    def test_the_trees_document_pushed_hot_ends_what_was_saved(self):
        i, doc = self.two()
        self.save(i, doc)
        c = self.backend("C")
        i.put(document([c.address]), x_tree="1")
        self.assertFalse(os.path.exists(os.path.join(i.state, "document")))


class OneUpstream(GatewayTest):
    def large(self, count, layout):
        doc = {"format": 1, "upstreams": [
            {"name": "u%d" % n, "servers": [{"address": "10.0.%d.%d:80" % (n // 250, n % 250)}]}
            for n in range(count)]}
        doc["upstreams"].append({"name": "up", "servers": [{"address": "127.0.0.1:1"}]})
        doc["routes"] = [{"path": "/", "upstream": "up"}]
        return json.dumps(doc, indent=layout).encode()

    def put(self, instance, name, value, status=200, **headers):
        answer = instance.admin("PUT", "/v1/upstreams/" + name, value,
                                {k.replace("_", "-"): v for k, v in headers.items()})
        self.assertEqual(answer.status, status, answer.text())
        return answer

    def test_it_replaces_one_in_every_layout_of_the_document(self):
        a, b = self.backend("A"), self.backend("B")
        for layout in (None, 1, 2):
            i = self.instance(self.large(50, layout))
            for backend in (a, b, a):
                up = {"name": "up", "servers": [{"address": backend.address}]}
                result = self.put(i, "up", up).json()
                self.assertEqual(i.get().text(), backend.name)
                doc = i.admin("GET", "/v1/config").json()
                self.assertEqual(doc["upstreams"][-1], up)
                self.assertEqual(len(doc["upstreams"]), 51)
                self.assertEqual(doc["upstreams"][3]["name"], "u3")
                self.assertEqual(i.status()["digest"], result["digest"])
            self.assertTrue(wait_for(lambda: i.all_follow(), what="all follow"))
            i.close()

    def test_the_digest_is_that_of_the_whole_document_written_as_orctl_writes_it(self):
        i = self.instance(self.large(5, 1))
        wanted = self.large(5, 1).replace(b"127.0.0.1:1", b"127.0.0.1:2")
        text = wanted[wanted.index(b'{\n   "name": "up"'):wanted.index(b"\n  }\n ],\n") + 4]
        order = self.put(i, "up", text).json()["digest"]
        self.assertEqual(i.admin("GET", "/v1/config").body, wanted)
        self.assertEqual(i.put(wanted)["digest"], order)

    def test_what_is_wrong_with_it_is_said_at_its_place(self):
        i = self.instance(self.large(2, 1))
        for name, value, pointer in (
                ("up", {"name": "up"}, "/servers"),
                ("up", {"name": "u1", "servers": []}, "/name"),
                ("up", {"name": "up", "servers": [{"address": "x"}]}, "/servers/0/address"),
                ("up", {"name": "up", "servers": [{"address": "1.1.1.1:1"}] * 2},
                 "/servers/1/address"),
                ("up", {"name": "up", "servers": []}, "/upstreams")):
            answer = self.put(i, name, value, 422, **({"x_allow_empty": "1"} if name == "u1" else {}))
            self.assertEqual(answer.json()["pointer"], pointer)
        self.put(i, "none", {"name": "none", "servers": [{"address": "1.1.1.1:1"}]}, 404)
        self.put(i, "up", b"{", 400)
        self.assertEqual(i.status()["generation"], 1)

    def test_if_match_holds(self):
        i = self.instance(self.large(2, 1))
        tag = i.admin("GET", "/v1/config").headers["ETag"]
        up = {"name": "up", "servers": [{"address": "127.0.0.1:2"}]}
        self.put(i, "up", up, If_Match=tag)
        self.put(i, "up", up, 412, If_Match=tag)


if __name__ == "__main__":
    unittest.main()
