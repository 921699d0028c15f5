#!/usr/bin/python3
"""How large a document may be: orctl and the gateway say the same, and the largest one lets requests through while it is taken (how long they wait: slices_test.py)."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gateway"))
from harness import GatewayTest, document

ORCTL = os.environ.get("ORCTL", os.path.join(HERE, "..", "..", "build", "release", "orctl"))
POLICY = {"limit": 1 << 20, "cap": 1 << 20}


def routes(number, **fields):
    return {"routes": [dict({"host": "h%d.example" % n, "path": "/", "upstream": "up"}, **fields) for n in range(number)]}


def with_hosts(number):
    lists = [["h%d.example" % n for n in range(begin, min(begin + 1000, number))] for begin in range(0, number, 1000)]
    return {"routes": [{"hosts": hosts, "path": "/", "upstream": "up"} for hosts in lists]}


def with_servers(number):
    return {"upstreams": [{"name": "u%d" % begin, "servers": [{"address": "10.%d.%d.1:80" % (n >> 8, n & 255)} for n in range(begin, min(begin + 1000, number - 1))]}
                          for begin in range(0, number - 1, 1000)]}  # and one that is there


# what is made, the most of it, and the field that is named beyond
SIZES = [(routes, 10000, "/routes"), (with_hosts, 20000, "/routes/20/hosts"), (with_servers, 40000, "/upstreams/40/servers"),
         (lambda n: routes(n, rate_limit={"requests": 1}), 1000, "/routes/1000/rate_limit")]


class Size(GatewayTest):
    def document(self, more):
        doc = document([self.server.addresses[0]])
        doc["routes"] = more.get("routes", []) + doc["routes"][:0 if len(more.get("routes", [])) in (1000, 10000) else 1]
        doc["upstreams"] += more.get("upstreams", [])
        return doc

    def orctl_accepts(self, doc):
        manifest = {"kind": "Instance", "name": "dev_size_001_8080", "listener": [{"address": "0.0.0.0", "port": 8080}], "route": doc["routes"],
                    "upstream": [dict({k: v for k, v in up.items() if k != "servers"}, server=up["servers"]) for up in doc["upstreams"]]}
        with tempfile.TemporaryDirectory(prefix="orctl-test-") as folder:
            with open(folder + "/m.json", "w") as file:
                json.dump(manifest, file)
            answer = subprocess.run([ORCTL, "validate", "-f", folder + "/m.json", "-o", "json"], capture_output=True, timeout=120)
        return json.loads(answer.stdout)["errors"]

    def test_both_have_the_same_limits(self):
        self.server = self.nginx_backends(1)
        instance = self.instance(document([self.server.addresses[0]]), policy=POLICY, dict_size="64m")
        for make, most, pointer in SIZES:
            with self.subTest(most=most, pointer=pointer):
                good, large = self.document(make(most)), self.document(make(most + 1))
                self.assertEqual(self.orctl_accepts(good), [])
                self.assertEqual(instance.admin("PUT", "/v1/config", good, {"x-allow-empty": "1"}).status, 200)
                faults = self.orctl_accepts(large)
                self.assertEqual(len(faults), 1, faults[:3])
                self.assertIn("%d" % most, faults[0]["message"] + faults[0].get("hint", ""))
                self.assert_problem(instance.admin("PUT", "/v1/config", large, {"x-allow-empty": "1"}), 422, pointer)
                self.assertEqual(instance.admin("GET", "/v1/config").json(), good)

    def test_requests_go_on_while_the_largest_document_is_taken(self):
        self.server = self.nginx_backends(1)
        instance = self.instance(document([self.server.addresses[0]]), policy=POLICY, dict_size="64m")
        doc = self.document(routes(9999))
        doc["routes"] = doc["routes"][:9999] + [{"path": "/", "upstream": "up"}]
        answers, done = [], threading.Event()

        def ask():
            while not done.is_set():
                answers.append(instance.get(timeout=30).status)
        clients = [threading.Thread(target=ask) for _ in range(3)]
        for client in clients:
            client.start()
        instance.put(doc)
        for n in (0, 5000, 9998):  # at once, whichever worker is asked
            self.assertEqual([instance.get(host="h%d.example" % n).status for _ in range(4)], [200] * 4)
        done.set()
        for client in clients:
            client.join()
        self.assertEqual(set(answers), {200})


if __name__ == "__main__":
    unittest.main()
