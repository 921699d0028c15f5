#!/usr/bin/python3
"""GET and POST /config: the Host-header document, for those who come from the balancer that had it."""
import copy
import json
import os
import unittest

from harness import ROOT, GatewayTest, document, wait_for

with open(os.path.join(ROOT, "tests", "gateway", "host-balancer.json"), encoding="utf-8") as sample:
    SAMPLE = json.load(sample)


def hosts(*servers, host="test", **health):
    return {"backends": [{"backend_name": "b", "health_check": health or {"enable": False},
                          "servers": [{"addr": "127.0.0.1", "port": s.port, "weight": 1}
                                      for s in servers]}],
            "hosts": [{"host": host, "backend_name": "b"}]}


class Compat(GatewayTest):
    def post(self, i, body, **headers):
        return i.admin("POST", "/config", body, {k.replace("_", "-"): v for k, v in headers.items()})

    def posted(self, i, body, **headers):
        answer = self.post(i, body, **headers)
        self.assertEqual(answer.status, 200, answer.text())
        self.assertEqual(answer.headers["Content-Type"], "application/json")
        return answer.json()

    def test_the_sample_is_taken_and_given_back(self):
        i = self.instance(document(["127.0.0.1:1"]))
        answer = self.posted(i, SAMPLE)
        self.assertEqual(answer["changed"], True)
        got = i.admin("GET", "/config")
        self.assertEqual((got.status, got.json()), (200, SAMPLE))
        self.assertEqual(i.admin("HEAD", "/config").status, 200)
        self.assertEqual(self.posted(i, SAMPLE)["changed"], False)
        self.assertEqual(len(i.admin("GET", "/v1/config").json()["upstreams"]), 2)

    def test_the_next_request_of_every_worker_is_served_from_it(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address]))
        kept = i.open_until_all()
        for connection in kept.values():
            self.addCleanup(connection.close)
        for one, name in ((b, b"B"), (a, b"A")) * 10:
            self.posted(i, hosts(one))
            for connection in kept.values():
                connection.request("GET", "/", headers={"Host": "test"})
                self.assertEqual(connection.getresponse().read(), name)
        self.assertEqual(i.get(host="other").status, 404)
        self.assertEqual(i.get(host="TEST:80").body, b"A")

    def test_weights_and_health_checks_work_as_there(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document(["127.0.0.1:1"]), workers=1)
        body = hosts(a, b, enable=True, type="tcp", interval=0.1, timeout=1, success=1, fail=1)
        body["backends"][0]["servers"][0]["weight"] = 3
        self.posted(i, body)
        self.assertEqual(sorted(i.get().body for _ in range(8)), [b"A"] * 6 + [b"B"] * 2)
        a.close()

        def states():
            servers = i.admin("GET", "/v1/upstreams/b").json()["items"][0]["servers"]
            return [s["state"] for s in servers] == ["down", "up"]
        wait_for(states)
        self.assertEqual({i.get().body for _ in range(8)}, {b"B"})

    def test_x_save_keeps_it_over_a_restart_and_without_it_the_tree_comes_back(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document([a.address]))
        self.posted(i, hosts(b))
        i.close_process()
        i.start()
        self.assertEqual(i.get().body, b"A")
        self.posted(i, hosts(b), x_save="1")
        i.close_process()
        i.start()
        self.assertEqual(i.get().body, b"B")
        self.assertEqual(i.admin("GET", "/config").json(), hosts(b))

    def test_one_of_two_who_change_it_at_once_is_told(self):
        a, b = self.backend("A"), self.backend("B")
        i = self.instance(document(["127.0.0.1:1"]))
        self.posted(i, hosts(a))
        tag = i.admin("GET", "/config").headers["ETag"]
        self.posted(i, hosts(b), If_Match=tag)
        self.assert_problem(self.post(i, hosts(a), If_Match=tag), 412)
        self.assertEqual(i.get().body, b"B")

    def test_bad_documents_change_nothing_and_are_told_with_pointers(self):
        i = self.instance(document(["127.0.0.1:1"]))
        self.posted(i, SAMPLE)
        before = i.admin("GET", "/v1/config").body
        for body in (b"", b"{", b"x", b"[" * 100):
            self.assert_problem(self.post(i, body), 400)
        for body in (b"null", b"[]", b"{}", document(["127.0.0.1:1"])):
            self.assert_problem(self.post(i, body), 422)

        def bad(pointer, change):
            value = copy.deepcopy(SAMPLE)
            change(value)
            self.assert_problem(self.post(i, value), 422, pointer)
        bad("/extra", lambda v: v.update(extra=1))
        bad("/hosts/0/backend_name", lambda v: v["hosts"][0].update(backend_name="x"))
        bad("/backends/1/servers/0/port", lambda v: v["backends"][1]["servers"][0].update(port=0))
        bad("/backends/1/backend_name", lambda v: v["backends"][1].update(backend_name="backend1"))
        bad("/backends/1/health_check/wait",
            lambda v: v["backends"][1]["health_check"].update(wait=1))
        self.assert_problem(self.post(i, SAMPLE, Content_Type="text/plain"), 415)
        self.assert_problem(self.post(i, SAMPLE, Origin="http://localhost"), 403)
        self.assert_problem(i.admin("PUT", "/config", SAMPLE), 405)
        empty = copy.deepcopy(SAMPLE)
        empty["backends"][0]["servers"] = []
        self.assert_problem(self.post(i, empty), 422)
        self.assertEqual(i.admin("GET", "/v1/config").body, before)
        self.posted(i, empty, x_allow_empty="1")

    def test_what_the_old_shape_cannot_say_is_named_and_nothing_is_left_out(self):
        doc = document([{"address": "127.0.0.1:1", "backup": False}, {"address": "127.0.0.1:2",
                        "backup": True}], retries=5, balance="round_robin")
        i = self.instance(doc)
        body = self.assert_problem(i.admin("GET", "/config"), 409)
        self.assertEqual([e["pointer"] for e in body["errors"]],
                         ["/upstreams/0/retries", "/upstreams/0/servers/1/backup", "/routes/0"])
        doc["routes"][0]["host"] = "test"
        doc["upstreams"][0].update(retries=2)
        doc["upstreams"][0]["servers"][1].update(backup=False)
        i.put(doc)
        self.assertEqual(i.admin("GET", "/config").json(), {
            "backends": [{"backend_name": "up", "health_check": {"enable": False}, "servers": [
                {"addr": "127.0.0.1", "port": 1}, {"addr": "127.0.0.1", "port": 2}]}],
            "hosts": [{"host": "test", "backend_name": "up"}]})

    def test_a_large_document_is_taken(self):
        i = self.instance(document(["127.0.0.1:1"]))
        body = {"backends": [{"backend_name": "b%d" % n, "health_check": {"enable": False},
                              "servers": [{"addr": "10.0.%d.%d" % (n // 250, n % 250), "port": 80}]}
                             for n in range(2000)],
                "hosts": [{"host": "h%d.test" % n, "backend_name": "b%d" % n} for n in range(2000)]}
        self.posted(i, body)
        self.assertEqual(i.admin("GET", "/config").json(), body)


if __name__ == "__main__":
    unittest.main()
