#!/usr/bin/python3
"""Hot updates: the next request of every worker, no lost update, no failed request."""
import hashlib
import json
import threading
import unittest

from harness import GatewayTest, document, encode, wait_for


class Update(GatewayTest):
    def test_the_next_request_of_every_worker_sees_it_and_no_worker_is_replaced(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address]))
        workers = i.workers()
        kept = i.open_until_all()
        for connection in kept.values():
            self.addCleanup(connection.close)
        self.assertEqual(sorted(kept), workers)
        for n in range(50):
            new = (b, a)[n % 2]
            i.put(document([new.address]))
            for pid, connection in kept.items():
                connection.request("GET", "/", headers={"Host": "test"})
                self.assertEqual(connection.getresponse().read().decode(), new.name, pid)
        self.assertEqual(i.workers(), workers)

    def test_the_answer_names_generation_and_digest_and_all_workers_report_them(self):
        i = self.instance(document(["127.0.0.1:1"]))
        body = encode(document(["127.0.0.1:2"]))
        answer = i.admin("PUT", "/v1/config", body)
        digest = hashlib.sha256(body).hexdigest()
        self.assertEqual(answer.json(), {"generation": 2, "digest": digest, "changed": True})
        self.assertEqual(answer.headers["ETag"], '"2-%s"' % digest)
        status = wait_for(lambda: i.all_follow(generation=2, digest=digest), 1)
        self.assertEqual(status["worker_count"], 2)
        self.assertEqual(sorted(w["pid"] for w in status["workers"]), i.workers())
        got = i.admin("GET", "/v1/config")
        self.assertEqual((got.body, got.headers["ETag"]), (body, answer.headers["ETag"]))

    def test_identical_bytes_change_nothing(self):
        doc = document(["127.0.0.1:1"])
        i = self.instance(doc)
        self.assertEqual(i.put(doc), {"generation": 1, "changed": False,
                                      "digest": hashlib.sha256(encode(doc)).hexdigest()})

    def test_if_match_guards_the_document(self):
        i = self.instance(document(["127.0.0.1:1"]))
        old = i.admin("GET", "/v1/config").headers["ETag"]
        i.put(document(["127.0.0.1:2"]), If_Match=old)
        for tag in (old, "W/" + i.admin("GET", "/v1/config").headers["ETag"], '"x"', ""):
            answer = i.admin("PUT", "/v1/config", document(["127.0.0.1:3"]), {"If-Match": tag})
            self.assert_problem(answer, 412)
        i.put(document(["127.0.0.1:4"]), If_Match="*")
        self.assertEqual(i.status()["generation"], 3)

    def test_racing_puts_lose_no_update(self):
        # Each of 4 writers adds 15 servers by read, change, If-Match. All 60 must be there.
        i = self.instance(document(["127.0.0.1:1"]))
        conflicts = []

        def writer(number):
            for n in range(15):
                while True:
                    got = i.admin("GET", "/v1/config")
                    doc = got.json()
                    doc["upstreams"][0]["servers"].append(
                        {"address": "10.0.%d.%d:80" % (number, n)})
                    answer = i.admin("PUT", "/v1/config", doc,
                                     {"If-Match": got.headers["ETag"]})
                    if answer.status == 200:
                        break
                    conflicts.append(answer.status)
        threads = [threading.Thread(target=writer, args=(n,)) for n in range(4)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        servers = i.admin("GET", "/v1/config").json()["upstreams"][0]["servers"]
        self.assertEqual(len({s["address"] for s in servers}), 61)
        self.assertLessEqual(set(conflicts), {412})
        self.assertEqual(i.status()["generation"], 61)

    def test_racing_puts_without_if_match_leave_all_workers_on_the_last_one(self):
        i = self.instance(document(["127.0.0.1:1"]))
        results = []

        def writer(number):
            for n in range(50):
                results.append(i.put(document(["10.0.%d.%d:80" % (number, n + 1)])))
        threads = [threading.Thread(target=writer, args=(n,)) for n in range(2)]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        last = max(results, key=lambda r: r["generation"])
        self.assertEqual(sorted(r["generation"] for r in results), list(range(2, 102)))
        wait_for(lambda: i.all_follow(generation=last["generation"], digest=last["digest"]), 2)
        got = i.admin("GET", "/v1/config").body
        self.assertEqual(hashlib.sha256(got).hexdigest(), last["digest"])

    def test_an_unchanged_upstream_keeps_its_place_in_the_rotation(self):
        backends = [self.backend(n) for n in "ABC"]
        other = {"name": "other", "servers": [{"address": "127.0.0.1:1"}]}
        doc = document([b.address for b in backends])
        i = self.instance(doc, workers=1)
        names = [i.get().text()]
        for port in range(2, 30):
            other["servers"] = [{"address": "127.0.0.1:%d" % port}]
            i.put(dict(doc, upstreams=doc["upstreams"] + [other]))
            names.append(i.get().text())
        start = "ABC".index(names[0])
        self.assertEqual("".join(names), ("ABC" * 11)[start:start + 29])

    def test_a_document_that_does_not_fit_is_507_and_changes_nothing(self):
        small = document(["127.0.0.1:1"])
        i = self.instance(small, dict_size="128k")
        large = document(["10.%d.%d.1:80" % (a, b) for a in range(20) for b in range(100)])
        for _ in range(3):
            self.assert_problem(i.admin("PUT", "/v1/config", large), 507)
        self.assertEqual(i.admin("GET", "/v1/config").body, encode(small))
        self.assertEqual(i.status()["generation"], 1)
        i.put(document(["127.0.0.1:2"]))
        self.assertTrue(wait_for(lambda: i.all_follow(generation=2)))

    def test_memory_is_flat_over_1000_updates_of_a_document_of_a_tenth_of_the_dictionary(self):
        servers = ["10.0.%d.%d:80" % (a, b) for a in range(5) for b in range(100)]
        i = self.instance(document(servers), dict_size="1m")
        for n in range(1000):
            servers[n % 500] = "10.1.%d.%d:80" % (n // 250, n % 250)
            i.put(document(servers))
        self.assertEqual(i.status()["generation"], 1001)

    def test_counts_are_kept_per_server_and_go_with_it(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address, b.address]))

        def servers():
            items = i.admin("GET", "/v1/upstreams/up").json()["items"]
            return {s["address"]: s["requests"] for s in items[0]["servers"]}
        for _ in range(20):
            i.get()
        wait_for(lambda: sum(servers().values()) == 20, 2, "all counted")
        before = servers()[a.address]
        i.put(document([a.address]))
        for _ in range(5):
            i.get()
        wait_for(lambda: servers()[a.address] == before + 5, 2, "counts stay")
        wait_for(lambda: i.status()["leaving"] == 0, what="the server that left is forgotten")
        i.put(document([a.address, b.address]))
        self.assertEqual(servers()[b.address], 0)

    def test_upstreams_are_listed_with_empty_arrays_as_arrays(self):
        i = self.instance({"format": 1, "upstreams": [{"name": "none", "servers": []}],
                           "routes": []})
        self.assertEqual(i.admin("GET", "/v1/upstreams").json(), {"items": [
            {"name": "none", "balance": "round_robin", "min_healthy": 1, "servers": []}]})
        i.put({"format": 1, "upstreams": [], "routes": []})
        self.assertEqual(i.admin("GET", "/v1/upstreams").json(), {"items": []})
        self.assert_problem(i.admin("GET", "/v1/upstreams/none"), 404)
        self.assertEqual(json.loads(i.admin("GET", "/v1/config").body)["routes"], [])


if __name__ == "__main__":
    unittest.main()
