#!/usr/bin/python3
"""10,000 documents, and 3,000 upstreams for them, made from sound ones by chance: each is refused, or
served as it stands; none kills a worker, none leaves memory behind."""
import collections
import copy
import json
import os
import random
import unittest

from harness import Answer, GatewayTest, UnixConnection, encode, memory, wait_for

COUNT, UPSTREAMS, SEED = 10000, 3000, 11


def seeds():
    """Sound documents with every kind of member."""
    server = {"address": "127.0.0.1:1"}
    return [
        {"format": 1, "upstreams": [{"name": "up", "servers": [server]}],
         "routes": [{"path": "/", "upstream": "up"}]},
        {"format": 1, "upstreams": [
            {"name": "a-1", "balance": "round_robin", "retries": 3, "connect_timeout": "500ms",
             "send_timeout": "1m", "read_timeout": "1h",
             "servers": [{"address": "127.0.0.1:2", "weight": 10, "backup": False},
                         {"address": "[::1]:3", "weight": 1000, "backup": True}]},
            {"name": "b_2", "servers": [server, {"address": "127.0.0.2:1"}],
             "health": {"type": "http", "path": "/ping", "interval": "1h", "timeout": "1ms",
                        "rise": 100, "fall": 1}},
            {"name": "c", "servers": [server], "health": {"type": "tcp", "interval": "1h"}}],
         "routes": [{"host": "www.test1.com", "path": "/api/", "upstream": "a-1"},
                    {"host": "*.test1.com", "path": "/", "upstream": "b_2"},
                    {"path": "/~x/%41", "upstream": "c"}]},
        {"format": 1, "upstreams": [{"name": "up", "min_healthy": 1, "servers": [server]},
                                    {"name": "one", "servers": [server]}],
         "routes": [{"hosts": ["a.test", "*.b.test"], "path": "/x", "match": "exact",
                     "methods": ["GET", "POST"], "headers": {"X-User": "1"}, "upstream": "up",
                     "canary": {"upstream": "one", "percent": 50, "by": "arg:x"},
                     "rate_limit": {"requests": 5, "per": "1s", "burst": 9, "by": "route"},
                     "strip_prefix": True, "client_max_body_size": "1m", "read_timeout": "3s",
                     "request_headers": {"set": {"X-A": "1"}, "add": {"X-B": "2"},
                                         "remove": ["X-C"]},
                     "response_headers": {"set": {"X-D": "4"}, "remove": ["X-E"]},
                     "obey_x_accel": ["buffering", "limit-rate"], "upgrades": ["tcp"]},
                    {"path": "/old/", "redirect": {"target": "/new/", "status": 308, "keep_path": True}},
                    {"path": "/", "upstream": "up"}]},
        {"format": 1, "upstreams": [], "routes": []},
    ]


VALUES = (None, True, False, 0, -1, 1, 2 ** 31, 2 ** 53, 2 ** 64, -2 ** 63, 1e308, 0.1, 1.0, "", "0",
          "1ms", "24h", "25h", "\0", "\x7f", "/", "/a?b", "*", "*.", "a" * 64, "a" * 65, "é", "/" * 1025,
          "127.0.0.1:65535", "127.0.0.1:65536", "127.0.0.1:01", "0.0.0.0:1", "[::]:1", "[::ffff:1.2.3.4]:1",
          "up", "upstreams", "http", "tcp", "$host", "%s%s%n", "\ud800", "1.2.3.4:5\n", [], {}, [[]],
          [None], {"": None}, {"": 1}, {"1": 1}, [{}])
TOKENS = [t.encode() for t in (
    "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "NaN", "Infinity",
    "-", "-0", "1e999", "0x10", "01", "9" * 400, "1." + "0" * 400, "//", "/*", "\n", "\t", "{}", "[]",
    "\"\":null,")] + [b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xc0\x80", b"\xed\xa0\x80"]


def places(value, found=None):
    """All (container, key) of a document."""
    found = [] if found is None else found
    keys = value.keys() if isinstance(value, dict) else range(len(value))
    for key in keys:
        found.append((value, key))
        if isinstance(value[key], (dict, list)):
            places(value[key], found)
    return found


def mutate_value(rng, doc):
    """Changes one place of the document by its meaning."""
    found = places(doc)
    if not found:
        return
    container, key = rng.choice(found)
    kind = rng.randrange(6)
    if kind == 0:
        del container[key]
    elif kind == 1:
        container[key] = copy.deepcopy(rng.choice(VALUES))
    elif kind == 2:  # a value that fits somewhere else
        other, name = rng.choice(found)
        container[key] = copy.deepcopy(other[name])
    elif kind == 3 and isinstance(container, list):
        container += [copy.deepcopy(container[key]) for _ in range(rng.choice((1, 3, 200)))]
    elif kind == 4 and isinstance(container, dict):
        container[rng.choice(("x", "", "format", "name", "servers", "1", "__index", "\0"))] = \
            copy.deepcopy(rng.choice(VALUES))
    elif kind == 5 and isinstance(container[key], str):
        at = rng.randrange(len(container[key]) + 1)
        container[key] = (container[key][:at] + rng.choice("09aZ_-./:*[]% \x01é")
                          + container[key][at + rng.randrange(2):])
    else:
        container[key] = rng.choice((1, -1)) * 10 ** rng.randrange(20)


def repeat_member(rng, body):
    """Names a member of an object twice, first with another value."""
    at = [n for n in range(len(body)) if body.startswith(b'{"', n)]
    if not at:
        return body
    start = rng.choice(at) + 1
    name = b'"' + body[start + 1:].partition(b'"')[0] + b'"'
    return body[:start] + name + b":" + rng.choice(TOKENS) + b"," + body[start:]


def nest(rng, body):
    """Puts a value deep into lists or objects."""
    depth = rng.choice((1, 30, 31, 32, 33, 1000, 60000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    at = [n + 1 for n in range(len(body)) if body.startswith(b":", n)] or [0]
    start = rng.choice(at)
    middle = b"1" + closing * (depth if rng.random() < 0.7 else depth - 1)
    return body[:start] + (opening * depth + middle)[:120000] + b"," * rng.randrange(2) + body[start:]


def mutate_bytes(rng, body):
    """Changes the text, whatever it means."""
    kind = rng.randrange(7)
    at = rng.randrange(len(body) + 1)
    if kind == 0:
        changed = bytearray(body)
        for _ in range(rng.randrange(1, 4)):
            changed[rng.randrange(len(body))] ^= 1 << rng.randrange(8)
        return bytes(changed)
    if kind == 1:
        return body[:at]
    if kind == 2:
        return body[:at] + rng.choice(TOKENS) + body[at:]
    if kind == 3:
        return body[:at] + body[at + rng.randrange(1, 40):]
    if kind == 4:
        return repeat_member(rng, body)
    if kind == 5:
        return nest(rng, body)
    other = rng.randrange(len(body) + 1)
    return body[:at] + body[min(at, other):max(at, other)] + body[at:]


def make(rng):
    doc = copy.deepcopy(rng.choice(seeds()))
    for _ in range(rng.choice((0, 1, 1, 2, 5))):
        mutate_value(rng, doc)
    body = encode(doc)
    for _ in range(rng.choice((0, 0, 1, 1, 3))):
        body = mutate_bytes(rng, body) or b" "
    return body[:1 << 20]


def change_layout(rng, body):
    """The same value with other white space between its parts: near to what orctl writes."""
    parts = body.decode().split("\n")
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(parts))
        line = parts[at]
        kind = rng.randrange(4)
        if kind == 0:
            parts[at] = line.strip()
        elif kind == 1:
            parts[at] = " " * rng.randrange(5) + line.strip()
        elif kind == 2 and at + 1 < len(parts):
            parts[at:at + 2] = [line + " " + parts[at + 1].strip()]
        else:
            parts[at:at + 1] = line.replace("{", "{\n  ").replace("}", "\n  }").split("\n")
    return "\n".join(parts).encode()


def in_layout(upstream):
    """An upstream as text in the layout of a document."""
    text = json.dumps({"u": [upstream]}, indent=1)
    return text[len("{\n \"u\": [\n  "):text.rindex("\n ]")].encode()


class Mutation(GatewayTest):
    maxDiff = None

    def test_10000_mutated_documents(self):
        i = self.instance(seeds()[0], policy={"limit": 1 << 20, "cap": 1 << 20})
        workers, rng, base = i.workers(), random.Random(SEED), None
        statuses, connection, in_service = collections.Counter(), None, encode(seeds()[0])
        for n in range(COUNT):
            if n % 500 == 0:  # nginx ends a connection after 1,000 requests
                connection = UnixConnection(os.path.join(i.run, "admin.sock"))
                self.addCleanup(connection.close)
            if n == COUNT * 2 // 5:
                base = memory(workers)
            body = make(rng)
            answer = self.request(connection, "PUT", body)
            statuses[answer.status] += 1
            said = answer.json()
            if answer.status == 200:
                in_service = body
                self.assert_sound(body)
                if statuses[200] % 10 == 0:
                    wait_for(lambda: i.all_follow(digest=said["digest"]), what=body)
            else:
                self.assertIn(answer.status, (400, 422), body)
                self.assertEqual(said["status"], answer.status)
            self.assertEqual(self.request(connection, "GET").body, in_service)
            if n % 100 == 0:
                self.assertIn(i.get().status, (404, 502, 503, 504))
        self.assertEqual(i.workers(), workers)
        end = memory(workers)
        for word in ("[alert]", "[emerg]", "lua entry thread aborted", "is not served"):
            self.assertNotIn(word, i.errors())
        self.assertGreater(min(statuses[s] for s in (200, 400, 422)), COUNT / 20, statuses)
        self.assertLess(end, base * 1.2 + (2 << 20), "memory is flat")
        i.put(seeds()[1])
        wait_for(i.all_follow)
        print("%d mutated documents: %s, no worker lost; memory %.1f -> %.1f MB" % (
            COUNT, ", ".join("%d x %d" % (statuses[s], s) for s in sorted(statuses)),
            base / 1e6, end / 1e6))

    def test_3000_mutated_upstreams_in_documents_of_any_layout(self):
        i, rng = self.instance(seeds()[0]), random.Random(SEED)
        workers, taken, refused = i.workers(), 0, 0
        for n in range(UPSTREAMS):
            if n % 10 == 0:
                doc = rng.choice(seeds()[:2])
                i.put(change_layout(rng, json.dumps(doc, indent=1).encode()))
            which = rng.randrange(len(doc["upstreams"]))
            name = doc["upstreams"][which]["name"]
            changed = {"u": dict(copy.deepcopy(doc["upstreams"][which]), retries=n % 11)}
            for _ in range(rng.choice((0, 0, 1, 2))):
                mutate_value(rng, changed)
            body = in_layout(changed.get("u"))
            if rng.random() < 0.4:
                body = change_layout(rng, body)
            if rng.random() < 0.3:
                body = mutate_bytes(rng, body)
            answer = i.admin("PUT", "/v1/upstreams/" + name, body)
            if answer.status == 200:
                taken += 1
                doc = dict(doc, upstreams=list(doc["upstreams"]))
                doc["upstreams"][which] = json.loads(body)
            else:
                refused += 1
                self.assertIn(answer.status, (400, 422), body)
            served = i.admin("GET", "/v1/config").body
            self.assertEqual(json.loads(served), doc, body)
        self.assertEqual(i.workers(), workers)
        self.assertNotIn("[alert]", i.errors())
        self.assertNotIn("lua entry thread aborted", i.errors())
        self.assertGreater(min(taken, refused), UPSTREAMS / 10)
        i.put(served + b" ")  # what has come of it is a sound document still
        wait_for(i.all_follow)
        print("%d mutated upstreams: %d taken, %d refused, the document was right after each" % (
            UPSTREAMS, taken, refused))

    def assert_sound(self, body):
        """What was taken is a document by the reading of another parser, too."""
        doc = json.loads(body)
        self.assertEqual(doc["format"], 1)
        names = [u["name"] for u in doc["upstreams"]]
        self.assertEqual(len(names), len(set(names)))
        for upstream in doc["upstreams"]:
            self.assertTrue(upstream["servers"])
        for route in doc["routes"]:
            self.assertTrue("redirect" in route or route["upstream"] in names)
            self.assertTrue(route["path"].startswith("/"))

    def request(self, connection, method, body=None):
        connection.request(method, "/v1/config", body, {
            "Host": "localhost", "Content-Type": "application/json"})
        return Answer(connection.getresponse())


if __name__ == "__main__":
    unittest.main()
