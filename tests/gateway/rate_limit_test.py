#!/usr/bin/python3
"""A route takes as many requests of a client as it says, over all workers, and says when there is room."""
import concurrent.futures
import os
import re
import subprocess
import unittest

from harness import GatewayTest, wait_for

POLICY = {"limit": 1 << 20, "cap": 1 << 20}


class RateLimit(GatewayTest):
    def setUp(self):
        self.server = self.backend("A")

    def document(self, *limits, **fields):
        """A route for each limit, at /0, /1 and so on; an hour fills no bucket while a test runs."""
        return {"format": 1, "upstreams": [{"name": "up", "servers": [{"address": self.server.address}]}],
                "routes": [dict({"path": "/%d" % n, "upstream": "up"}, rate_limit=dict({"per": "1h"}, **one),
                                **fields) for n, one in enumerate(limits)]}

    def serve(self, *limits, **fields):
        return self.instance(self.document(*limits, **fields), policy=POLICY)

    def count(self, instance, number, path="/0", **headers):
        """How many of so many requests are let through, four at once."""
        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            codes = list(pool.map(lambda _: instance.get(path, headers=headers).status, range(number)))
        self.assertEqual(set(codes) - {200, 429}, set())
        return codes.count(200)

    def test_a_burst_is_let_through_and_no_more_whichever_worker_is_asked(self):
        i = self.serve({"requests": 20})
        self.assertIn(self.count(i, 100), range(20, 25))  # two workers may take the same token
        before = len(self.server.seen)
        answer = i.get("/0")
        self.assert_problem(answer, 429)
        self.assertIn(int(answer.headers["Retry-After"]), range(100, 181))
        self.assertNotEqual(answer.headers["Connection"], "close")
        self.assertEqual(len(self.server.seen), before)

    def test_what_names_a_client_has_a_bucket(self):
        i = self.serve({"requests": 9, "burst": 3, "by": "header:X-Api-Key"},
                       {"requests": 5, "by": "route"}, {"requests": 4, "by": "cookie:user"})
        long = "k" * 3000
        for key in ("a", "b", long, long + "1"):
            self.assertIn(self.count(i, 8, **{"X-Api-Key": key}), range(3, 6), key[:9])
        self.assertIn(self.count(i, 8), range(3, 6))  # by the client's address
        # a key that is that address has a bucket of its own
        self.assertIn(self.count(i, 8, **{"X-Api-Key": "127.0.0.1"}), range(3, 6))
        self.assertIn(self.count(i, 4, "/1", **{"X-Api-Key": "a"}) + self.count(i, 9, "/1"), range(5, 8))
        self.assertIn(self.count(i, 9, "/2", Cookie="user=a"), range(4, 7))
        self.assertIn(self.count(i, 9, "/2", Cookie="user=b; x=y"), range(4, 7))

    def test_buckets_outlive_an_update_and_a_reload_and_a_new_limit_holds_at_once(self):
        i = self.serve({"requests": 5})
        self.assertIn(self.count(i, 20), range(5, 8))
        i.put(self.document({"requests": 5}, {"requests": 1}))
        self.assertEqual(i.get("/0").status, 429)
        i.hup()
        self.assertEqual(i.get("/0").status, 429)
        i.put(self.document({"requests": 5, "burst": 25}))
        self.assertIn(self.count(i, 60), range(16, 25))
        document = self.document({"requests": 5})
        del document["routes"][0]["rate_limit"]
        i.put(document)
        self.assertEqual(self.count(i, 40), 40)

    def test_busy_workers_give_out_no_more(self):
        i = self.instance(dict(self.document({"requests": 100, "by": "route"}), upstreams=[
            {"name": "up", "servers": [{"address": self.nginx_backends(1).addresses[0]}]}]), policy=POLICY)
        subprocess.run(["wrk", "-t2", "-c64", "-d1s", "http://127.0.0.1:%d/0" % i.port],
                       check=True, stdout=subprocess.DEVNULL)
        text = i.admin("GET", "/metrics").text()
        passed, refused = (int(re.search(r'http_requests_total\{server="_",code="%s"\} (\d+)' % code, text).group(1))
                           for code in ("200", "429"))
        self.assertGreater(refused, 1000)
        self.assertIn(passed, range(100, 121))

    def test_a_narrower_limit_fills_no_bucket(self):
        i = self.serve({"requests": 20})
        self.assertIn(self.count(i, 40), range(20, 25))
        for burst in (10, 5, 1):
            i.put(self.document({"requests": 20, "burst": burst}))
            self.assertEqual(self.count(i, 5), 0)

    def test_the_keys_of_one_limit_push_out_none_of_another(self):
        """Nor those that are refused of the same one: a flood of new names takes the place of full buckets first."""
        i = self.serve({"requests": 3, "by": "header:X-Api-Key"}, {"requests": 1000000, "by": "header:X-Api-Key"})
        self.assertEqual(self.count(i, 8, **{"X-Api-Key": "a"}) > 2, True)
        self.assertEqual(i.get("/0", headers={"X-Api-Key": "a"}).status, 429)
        doc = self.document({"requests": 3, "by": "header:X-Api-Key"}, {"requests": 1000000, "by": "header:X-Api-Key"})
        doc["upstreams"][0]["servers"][0]["address"] = self.nginx_backends(1).addresses[0]
        i.put(doc)
        script = os.path.join(i.dir, "flood.lua")
        i.write(script, 'local n, salt = 0, tostring({})\nrequest = function()\n  n = n + 1\n'
                        '  return wrk.format("GET", nil, { ["X-Api-Key"] = salt .. n .. ("x"):rep(40) })\nend\n')
        for path in ("/1", "/0"):
            subprocess.run(["wrk", "-t1", "-c32", "-d3s", "-s", script, "http://127.0.0.1:%d%s" % (i.port, path)], check=True, stdout=subprocess.DEVNULL)
        self.assertEqual(i.get("/0", headers={"X-Api-Key": "a"}).status, 429)

    def test_a_limit_that_comes_where_another_was_begins_with_full_buckets(self):
        i = self.serve({"requests": 4, "by": "route"}, {"requests": 2, "by": "route"})
        self.assertIn(self.count(i, 9), range(4, 7))
        self.assertIn(self.count(i, 9, "/1"), range(2, 5))
        doc = self.document({"requests": 4, "by": "route"}, {"requests": 2, "by": "route"})
        doc["routes"][0].update(path="/other")
        i.put(doc)
        self.assertIn(self.count(i, 9, "/other"), range(4, 7))
        self.assertEqual(i.get("/1").status, 429)
        i.hup()
        self.assertEqual((i.get("/1").status, i.get("/other").status), (429, 429))

    def test_more_limits_than_there_is_room_for_are_refused(self):
        i = self.serve({"requests": 1})
        most = self.document(*[{"requests": 1}] * 1000)
        i.put(most)
        self.assertEqual([i.get("/999").status, i.get("/999").status], [200, 429])
        most["routes"].append(dict(most["routes"][0], path="/x"))
        self.assert_problem(i.admin("PUT", "/v1/config", most), 422, "/routes/1000/rate_limit")

    def test_it_works_beside_other_policies(self):
        i = self.serve({"requests": 2, "by": "route"}, strip_prefix=True, client_max_body_size="1k",
                       response_headers={"set": {"X-A": "1"}})
        self.assertEqual(i.get("/0", method="POST", body=b"x" * 2000).status, 413)  # took a token, too
        answer = i.get("/0/x")
        self.assertEqual((answer.status, answer.headers["X-A"], self.server.seen[-1]), (200, "1", "GET /x"))
        answer = i.get("/0/x")
        self.assert_problem(answer, 429)
        self.assertIsNone(answer.headers["X-A"])
        redirect = self.document({"requests": 1, "by": "route"})
        redirect["routes"][0].update(redirect={"target": "/there"}, match="exact")
        del redirect["routes"][0]["upstream"]
        i.put(redirect)
        self.assertEqual([i.get("/0").status for _ in range(2)], [302, 429])
        # what was answered is counted a moment later
        wait_for(lambda: 'requests_total{server="_",code="429"} 2\n' in i.admin("GET", "/metrics").text(), what="both are counted")

    def test_an_instance_without_the_phases_refuses_the_document(self):
        i = self.instance({"format": 1, "upstreams": [], "routes": []})
        answer = i.admin("PUT", "/v1/config", self.document({"requests": 1}))
        self.assertEqual(answer.status, 422)
        self.assertIn("/routes/0", answer.text())


if __name__ == "__main__":
    unittest.main()
