#!/usr/bin/python3
"""A share of a route's requests goes to its canary, the same clients while it grows, hot."""
import json
import os
import re
import unittest

from harness import GatewayTest, closed_port, wait_for


class Canary(GatewayTest):
    def setUp(self):
        self.old, self.new = self.backend("old"), self.backend("new")

    def document(self, percent, by=None, **fields):
        canary = {"upstream": "new", "percent": percent}
        if by:
            canary["by"] = by
        return {"format": 1,
                "upstreams": [dict({"name": one.name, "servers": [{"address": one.address}]}, **fields)
                              for one in (self.old, self.new)],
                "routes": [{"host": "a.test", "path": "/", "upstream": "old", "canary": canary},
                           {"path": "/", "upstream": "old"}]}

    def users(self, instance, header="X-User: %d", count=400):
        """Numbers of the users whom the new version answers."""
        name, value = header.split(": ")
        return {n for n in range(count)
                if instance.get(host="a.test", headers={name: value % n}).text() == "new"}

    def test_a_share_stays_with_its_users_while_it_grows(self):
        i = self.instance(self.document(0, "header:X-User"))
        self.assertEqual(self.users(i), set())
        before = set()
        for percent in (10, 50):
            i.put(self.document(percent, "header:X-User"))
            users = self.users(i)
            # four standard deviations of 400 fair draws
            spread = 4 * (400 * percent * (100 - percent)) ** 0.5 / 100
            self.assertLess(abs(len(users) - 4 * percent), spread)
            self.assertLess(before, users)
            before = users
        i.hup()
        self.assertEqual(self.users(i), before)
        i.put(self.document(100, "header:X-User"))
        self.assertEqual(len(self.users(i)), 400)
        self.assertEqual(i.get(host="b.test").text(), "old")

    def test_cookies_arguments_and_addresses_name_a_user_too(self):
        i = self.instance(self.document(50, "cookie:user"))
        by_cookie = self.users(i, "Cookie: a=b; user=%d", 200)
        self.assertIn(len(by_cookie), range(60, 141))
        # without the cookie, and with an empty one, the client's address decides: all or nobody
        self.assertIn(len(self.users(i, "X: %d", 20)), (0, 20))
        self.assertEqual(len(self.users(i, "Cookie: user=; n=%d", 20)), len(self.users(i, "X: %d", 20)))
        i.put(self.document(50, "arg:user"))
        by_argument = {n for n in range(200) if i.get("/?user=%d" % n, "a.test").text() == "new"}
        self.assertEqual(by_argument, by_cookie)
        i.put(self.document(50, "client"))
        self.assertIn(len(self.users(i, count=20)), (0, 20))

    def test_without_a_name_each_request_is_drawn(self):
        i = self.instance(self.document(50))
        self.assertIn(len(self.users(i, count=200)), range(60, 141))
        self.assertIn(len(self.users(i, "X: 1%d", 200)), range(60, 141))

    def test_a_retry_stays_with_the_version_of_the_first_try(self):
        dead = [closed_port() for _ in range(2)]
        for one in dead:
            self.addCleanup(one.close)
        document = self.document(50, retries=2)
        for upstream in document["upstreams"]:
            upstream["servers"] += [{"address": "127.0.0.1:%d" % one.getsockname()[1]} for one in dead]
        i = self.instance(document)
        got = [i.get(host="a.test").text() for _ in range(60)]
        self.assertEqual(set(got), {"old", "new"})
        log = os.path.join(i.log, "access.log")

        def lines():
            with open(log) as f:
                return [json.loads(line) for line in f]
        wait_for(lambda: len(lines()) == 60, what="60 lines are logged")
        versions = {"old": self.old.address, "new": self.new.address}
        retried = 0
        for line in lines():
            peers = line["peer"].split(", ")
            retried += len(peers) > 1
            said = line["route"].split("upstream=")[1].split()[0]
            self.assertEqual(peers[-1], versions[said], line)
        self.assertGreater(retried, 0)

    def test_its_requests_count_for_its_own_upstream(self):
        i = self.instance(self.document(100))
        for _ in range(5):
            i.get(host="a.test")
        counted = re.compile(r'requests_total\{[^}]*upstream="new"[^}]*\} 5\n')  # a request counts once it has ended
        wait_for(lambda: counted.search(i.admin("GET", "/metrics").text()), what="all five are counted")
        self.assertNotRegex(i.admin("GET", "/metrics").text(), r'requests_total\{[^}]*upstream="old"[^}]*\} [1-9]')

    def test_a_document_whose_canary_leads_nowhere_is_refused(self):
        i = self.instance(self.document(1))
        document = self.document(1)
        document["routes"][0]["canary"]["upstream"] = "gone"
        self.assert_problem(i.admin("PUT", "/v1/config", document), 422, "/routes/0/canary/upstream")
        document["routes"][0]["canary"]["upstream"] = "old"
        self.assert_problem(i.admin("PUT", "/v1/config", document), 422, "/routes/0/canary/upstream")
        for by, header in (("header:X-User", "x-user"), ("cookie:user", "Cookie")):
            document = self.document(1, by)
            document["routes"][0]["request_headers"] = {"remove": [header]}
            self.assert_problem(i.admin("PUT", "/v1/config", document), 422, "/routes/0/canary/by")


if __name__ == "__main__":
    unittest.main()
