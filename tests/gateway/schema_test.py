#!/usr/bin/python3
"""schemas/gateway.json and lua/orctl/document/gateway.lua agree on every document."""
import copy
import json
import os
import random
import re
import sys
import unittest

import jsonschema

from harness import ROOT, GatewayTest, document, encode

sys.path.insert(0, os.path.join(ROOT, "tests", "schema"))
import schema_files  # noqa: E402

# What a schema cannot say.
BEYOND = re.compile(r"is listed twice|is named twice|there is no upstream|stands above|is too long: "
                    r"at most|goes with balance|needs hash|sticky does not go|"
                    r"\"\[.*\" is not an IPv4 or \[IPv6\] literal|, not both|has no meaning "
                    r"there|needs an upstream or a redirect|is written by the gateway|as a segment"
                    r"|the type of the check is missing|needs a module|there is no module"
                    r"|does not compile|min asks for more|exclude each other|before it begins|own upstream|which names users"
                    r"|would be a tunnel")
ALLOWED = {"type", "properties", "required", "additionalProperties", "items", "enum", "pattern",
           "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
           "default", "description", "propertyNames", "examples", "x-authority", "x-impact", "x-key",
           "x-phase", "x-policies", "x-secret"}
GOOD = document([{"address": "10.0.0.1:8080", "weight": 10},
                 {"address": "[::1]:8080", "weight": 1, "backup": True}],
                routes=[{"host": "www.test1.com", "path": "/", "upstream": "up"},
                        {"host": "*.test1.com", "path": "/api", "upstream": "up"},
                        {"path": "/", "upstream": "up"},
                        {"hosts": ["a.test", "*.b.test"], "path": "/x", "match": "exact",
                         "methods": ["GET", "M-SEARCH"], "headers": {"X-Canary": "1"},
                         "upstream": "up", "rewrite": "/y/",
                         "canary": {"upstream": "by-user", "percent": 5, "by": "client"},
                         "rate_limit": {"requests": 10, "per": "1s", "burst": 5, "by": "route"},
                         "connect_timeout": "1s",
                         "send_timeout": "2s", "client_max_body_size": "16m",
                         "request_headers": {"set": {"X-A": "b c"}, "remove": ["X-B"]},
                         "response_headers": {"add": {"X-C": "d"}},
                         "obey_x_accel": ["buffering"], "upgrades": ["tcp", "X-Proto/1.0"]},
                        {"path": "/r", "redirect": {"status": 301, "target": "https://{host}/",
                                                    "keep_path": True, "keep_query": False}},
                        {"path": "/s", "strip_prefix": True, "upstream": "up"}],
                balance="round_robin", connect_timeout="5s", send_timeout="60s",
                read_timeout="60s", retries=2,
                health={"type": "http", "path": "/ping", "interval": "3s", "timeout": "2s",
                        "rise": 2, "fall": 3, "interval_when_down": "1s", "stable_after": 5,
                        "interval_when_stable": "1m", "jitter": 20, "method": "HEAD",
                        "host": "a.test:80", "headers": {"X-A": "b c"}, "tls": True,
                        "status": ["200-299", 404], "body": "^ok", "tls_server_name": "a.test",
                        "tls_verify": False, "require": "any",
                        "checks": [{"name": "a"}, {"name": "b", "type": "tcp", "send": "x\n",
                                                   "expect": "y", "rise": 1},
                                   {"name": "c", "type": "lua", "module": "one",
                                    "settings": {"a_1": "x"}},
                                   {"name": "d", "type": "error_ratio", "window": "5s",
                                    "max_errors": 10, "min_requests": 3},
                                   {"name": "e", "type": "latency", "max_latency": "1s"}],
                        "flap": {"after": 2, "window": "1m", "hold": "10s", "max_hold": "5m"}},
                outlier={"consecutive_failures": 3, "error_ratio": 50, "min_requests": 5,
                         "interval": "5s", "ejection_time": "10s", "max_ejection_time": "1m",
                         "max_ejected": 30, "panic_threshold": 40})
GOOD["upstreams"][0].update(slow_start="30s", retry_budget=20, all_down="fail", sticky={
    "cookie": "route", "path": "/app", "domain": "test1.com", "secure": True, "http_only": True,
    "ttl": "1h"})
GOOD["upstreams"][0]["servers"][0]["max_conns"] = 100
GOOD["upstreams"].append({"name": "by-user", "balance": "hash", "hash": "header:X-User",
                          "servers": []})
EDGES = {
    "address": ["1.2.3.4:1", "1.2.3.4:65535", "1.2.3.4:65536", "1.2.3.4:0", "1.2.3.4:080", "a:1",
                "01.2.3.4:1", "256.1.1.1:1", "1.2.3.4", "[::]:1", "[fe80::1%lo]:1", "[]:1", "",
                "::1:1", "[1:2:3:4:5:6:7:8]:1", "[g::]:1", "1.2.3.4:1 ", "1.2.3.4:99999",
                "1.2.3.4:10000", "255.255.255.255:59999", "1.2.3.4:65530", "1.2.3.4:65529"],
    "weight": [0, 1, 1.0, 1.5, 1000, 1001, -1, "1", True, None, 1e300],
    "backup": [True, False, 0, "true", None],
    "max_conns": [0, 1, 1000000, 1000001, 1.5, "1", None],
    "name": ["a", "A", "", "a" * 64, "a" * 65, "a-_9", "9a", "a.b", "-a", "up\n", "\u00e4"],
    "balance": ["round_robin", "least_conn", "random", "ip_hash", "hash", "ewma", "HASH", "", None,
                1],
    "hash": ["header:X-User", "cookie:a_b", "arg:q", "uri", "path", "host", "client", "header:",
             "header", "header:a b", "body:x", "URI", "uri:x", "header:" + "a" * 65,
             "header:" + "a" * 66, "header:a:b", "", None, 1],
    "slow_start": ["1s", "0s", "24h", "25h", None], "ttl": ["1s", "0s", "24h", "25h", None, 1],
    "cookie": ["a", "A-z_9", "a b", "a=b", "a;", "", "a" * 64, "a" * 65, None],
    "domain": ["a", "test1.com", ".a", "a.", "-a", "a-b.c", "a_b", "a;b", "a" * 253, "a" * 254, ""],
    "secure": [True, False, 0, "true", None], "http_only": [True, False, 1, None],
    "all_down": ["try_all", "fail", "", "try", None, 1],
    "retry_budget": [0, 1, 100, 101, -1, 2.5, "10", None],
    "read_timeout": ["1ms", "0s", "00s", "01s", "1", "s", "1d", "1.5s", "-1s", "99999999s",
                     "1000h", "24h", "999999ms", "1234567ms", "12345678ms", " 1s", "1S", 5, None],
    "type": ["http", "tcp", "lua", "error_ratio", "latency", "udp", "", None],
    "interval": ["1ms", "0s", "24h", "25h", 3], "timeout": ["100ms", "", None],
    "rise": [0, 1, 100, 101, 1.5], "fall": [0, 1.0, 100, 101, "3"],
    "retries": [0, 10, 11, -1, 2.0, 2.5, "2", None],
    "host": ["a", "*.a", "*", "*.", "a.", ".a", "a..b", "-a", "a-", "a_b", "A.B", "a:80", "*a.b",
             "a.*.b", "*.*.a", "a" * 253, "a" * 254, "[::1]", "1.2.3.4", "", "\u00e4.de", None],
    "path": ["/", "", "a", "/a b", "/a?b", "/a#b", "/~", "/\u007f", "/\u00e4", "/" + "a" * 1023,
             "/" + "a" * 1024, "/\"\\{}", "/[]", "/\t", "/!", None],
    "upstream": ["up", "Up", "", "down", None],
    "match": ["prefix", "exact", "regex", ""],
    "methods": [["GET", "GET"], ["get"], ["M-SEARCH", "A_B"], ["-A"], ["A" * 32], ["A" * 33], [""],
                ["GET\n"], ["A1"], ["GET"] * 33],
    "hosts": [["a"], ["a", "A"], ["*"], ["a:1"], ["a"] * 1001, [""]],
    "headers": [{"a-b": "*"}, {"a_b": "1"}, {"": "1"}, {"A": ""}, {"A": "x*"}, {"A": "x", "a": "x"},
                {"A\n": "1"}, {"a" * 129: "1"}],
    "X-A": ["", " a", "a ", "a b", "a\tb", "a\r\nb", "a\u0000", "\u00e4", "~!", "a" * 4096, "a" * 4097],
    "set": [{"Host": "a"}, {"x-b": "1"}, {"a b": "1"}, {"!#$%&'*+-.^_`|~9": "1"}, {"a:": "1"},
            {"a(": "1"}, {"connection": "close"}, {"Server": "1"}, {"\u00e4": "1"}],
    "remove": [["Host"], ["a", "A"], [""], ["x y"], ["a" * 128], ["a" * 129], ["a"] * 101],
    "target": ["/", "//a", "/a//b", "http://a", "https://a:0", "https://a:65535", "https://a:65536",
               "https://a:080", "https://*.a/", "https://a_b/", "https://-a/", "https://{host}x/",
               "https://{host}:1", "https://a/{host}", "ftp://a/", "https:///a", "a", "https://a?b=c",
               "/a?b?c", "/a#b", "/a b", "/a\r\nb", "https://a\\b/", "https://u@a/", "/%0d%0a", "/..",
               "/a/../b", "https://a/.", "/a?/../b", "/" + "a" * 1023, "/" + "a" * 1024, "https://a:",
               "https://[::1]/", "HTTPS://a/"],
    "status": [301, 302, 303, 304, 307, 308, 300, 309, 307.5, "301"],
    "rewrite": ["/", "/a/../b", "/..", "/a/.", "/...", "a", "/a%2e", "/a?b", "/a b", "/\r\n", "/\"",
                "/a//b", "/" + "a" * 1024],
    "client_max_body_size": ["0", "1k", "1M", "999999999g", "1234567890", "", "k", "1t", "-1", "1.5m",
                             "1 k"],
    "percent": [0, 100, 101, -1, 0.5, "5", None], "per": ["1s", "0s", "24h", "25h", None],
    "requests": [0, 1, 1000000, 1000001, 1.5, "1"], "burst": [0, 1, 1000000, 1000001, None],
    "by": ["client", "route", "header:X-User", "cookie:a_b", "arg:", "uri:x", "body", "", None, 1,
           "arg:" + "a" * 68, "arg:" + "a" * 69],
    "obey_x_accel": [["limit-rate"], ["buffering", "limit-rate"], ["limit-rate", "limit-rate"], [], ["redirect"], ["Buffering"],
                     ["buffering"] * 3, [""], [None], "buffering", True, None],
    "upgrades": [["a"], ["a/1"], ["a/"], ["/1"], ["a/b/c"], ["a b"], [""], ["h2c"], ["A", "a"], ["a\n"], ["a,b"], ["\u00e4"], ["a" * 64],
                 ["a" * 65], ["a/" + "b" * 62], [], ["x%d" % n for n in range(16)], ["x%d" % n for n in range(17)], [1], "a", None],
    "format": [1, 1.0, 0, 2, "1", True, None, []],
}
EDGES_OF_HEALTH = {
    "jitter": [0, 50, 51, -1], "stable_after": [0, 1, 10000, 10001],
    "method": ["GET", "OPTIONS", "DELETE", "get", ""],
    "headers": [{"a-b": "*"}, {"a_b": "1"}, {"": "1"}, {"A": ""}, {"A": " x"}, {"A": "x "},
                {"A": "x\ny"}, {"A\n": "1"}, {"a" * 128: "1"}, {"a" * 129: "1"}],
    "X-A": ["", "~", "a b", "\u00e4", "a" * 1024, "a" * 1025],
    "status": [[200], ["200"], ["200-299"], ["299-200"], ["200-600"], [99], [599], [600], [200.5],
               [200.0], [404] * 33, ["2xx"], [" 200-299"], ["200-299\n"]],
    "body": ["(", "a\nb", "\u00e4" * 1024, "\u00e4" * 1025, "a" * 1024, "a" * 1025, "[", "\\d+"],
    "expect": ["*", "", "^[+]"], "send": ["", "\u0000", "\u20ac" * 4096, "\u20ac" * 4097],
    "tls_server_name": ["a", "a:1", "", "*", "a" * 253, "a" * 254],
    "module": ["one", "two", "a.b", ".a", "a.", "a..b", "a/b", "", "a" * 128, "a" * 129],
    "settings": [{"": "x"}, {"1a": "x"}, {"_": "x"}, {"a" * 65: "x"}, {"a": 1}],
    "a_1": ["\u00e4" * 1024, "\u00e4" * 1025],
    "require": ["all", "any", "some"], "checks": [[], [{"name": "a"}] * 2, [{"name": "a"}] * 17],
    "max_errors": [0, 100, 101], "min_requests": [0, 1000000, 1000001],
    "after": [0, 100, 101, -1], "consecutive_failures": [0, 10000, 10001],
    "error_ratio": [0, 100, 101], "max_ejected": [0, 100, 101], "panic_threshold": [0, 100, 101],
}
for field, values in EDGES_OF_HEALTH.items():
    EDGES[field] = EDGES.get(field, []) + values
ANY = [None, True, 0, 1, -1, 1.5, "", "x", [], {}, [1], {"a": 1}, [[]], [{}], {"": None}]


def whole(schema):
    """`$` of Python also matches before a newline at the end; that of ECMA and POSIX does not."""
    if isinstance(schema, dict):
        return {k: re.sub(r"\$$", r"\\Z", v) if k == "pattern" and isinstance(v, str) else whole(v)
                for k, v in schema.items()}
    return [whole(v) for v in schema] if isinstance(schema, list) else schema


def places(value, path=()):
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value) \
        if isinstance(value, list) else ()
    for key, child in items:
        yield from places(child, path + (key,))


def replaced(value, path, new):
    if not path:
        return new
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = new
    return value


def removed(value, path):
    value = copy.deepcopy(value)
    at = value
    for key in path[:-1]:
        at = at[key]
    del at[path[-1]]
    return value


def as_read(value):
    """lua/orctl/lib/json.lua writes an empty object as {"": null}, so it reads that as an empty one."""
    if isinstance(value, dict):
        return {} if value == {"": None} else {k: as_read(v) for k, v in value.items()}
    return [as_read(v) for v in value] if isinstance(value, list) else value


def corpus():
    yield GOOD
    yield {"format": 1, "upstreams": [], "routes": []}
    for path in places(GOOD):
        for new in ANY + EDGES.get(path[-1] if path else "", []):
            yield replaced(GOOD, path, new)
        if path:
            yield removed(GOOD, path)
        target = GOOD
        for key in path:
            target = target[key]
        if isinstance(target, dict):
            yield replaced(GOOD, path, dict(target, extra=1))
            yield replaced(GOOD, path, dict(target, **{"a/~b": None}))
    rng = random.Random(5)
    every = list(places(GOOD))
    for _ in range(400):
        value = GOOD
        for _ in range(rng.randint(2, 3)):
            path = rng.choice([p for p in every if p])
            try:
                value = replaced(value, path, rng.choice(ANY + EDGES.get(path[-1], [])))
            except (KeyError, IndexError, TypeError):
                pass
        yield value


class Schema(GatewayTest):
    @classmethod
    def setUpClass(cls):
        cls.schema = schema_files.load("gateway")

    def test_the_schema_uses_only_what_all_its_readers_know(self):
        def look(schema):
            self.assertLessEqual(set(schema), ALLOWED)
            for key in ("additionalProperties", "propertyNames"):
                if isinstance(schema.get(key), dict):
                    look(schema[key])
                else:
                    self.assertIs(schema.get(key, False), False)
            if "pattern" in schema:
                self.assertNotRegex(schema["pattern"], r"\\[dDwWsSbB]|\(\?|\[[^\]]*\\")
            for child in schema.get("properties", {}).values():
                look(child)
            if "items" in schema:
                look(schema["items"])
        look(self.schema)
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_document_lua_agrees_with_it_on_a_corpus(self):
        validator = jsonschema.Draft7Validator(whole(self.schema))
        i = self.instance(document(["127.0.0.1:1"]), workers=1, policy={"limit": 1, "cap": 0},
                          overlay={"orctl/overlay.list": "one\n", "one.lua": "return {}"})
        good = bad = 0
        for value in corpus():
            answer = i.admin("PUT", "/v1/config", encode(value), {"x-allow-empty": "1"})
            text = encode(value).decode()[:2000]
            value = as_read(value)
            self.assertIn(answer.status, (200, 422), text)
            if validator.is_valid(value):
                good += 1
                if answer.status == 422:
                    for error in answer.json()["errors"]:
                        self.assertRegex(error["detail"], BEYOND, text)
            else:
                bad += 1
                self.assertEqual(answer.status, 422, text)
                pointers = {e["pointer"] for e in answer.json()["errors"]}
                for error in validator.iter_errors(value):
                    pointer = "".join("/" + str(part).replace("~", "~0").replace("/", "~1")
                                      for part in error.absolute_path)
                    self.assertTrue([p for p in pointers if p == pointer
                                     or p.startswith(pointer + "/")], (pointer, pointers, text))
        self.assertGreater(good, 60)
        self.assertGreater(bad, 600)

    def test_defaults_are_the_ones_that_are_used(self):
        source = ""
        policies = ["policy/" + one["name"] for one in schema_files.policies()]
        for name in ["document/gateway", "balancer/rules"] + policies:
            with open(os.path.join(ROOT, "lua", "orctl", name + ".lua")) as f:
                source += f.read()
        upstream = self.schema["properties"]["upstreams"]["items"]
        fields, route = upstream["properties"], self.schema["properties"]["routes"]["items"]
        for kind, variable in ((upstream, "up"), (fields["servers"]["items"], "one"),
                               (route["properties"]["redirect"], "value"),
                               (fields["sticky"], "value")):
            for name, field in kind["properties"].items():
                if field.get("default") is True:
                    self.assertIn("%s.%s ~= false" % (variable, name), source)
                elif "default" in field:
                    self.assertIn("%s.%s or %s" % (variable, name, json.dumps(field["default"])),
                                  source)

    def test_defaults_of_health_are_the_ones_that_are_used_and_told(self):
        with open(os.path.join(ROOT, "lua", "orctl", "health", "rules.lua")) as f:
            source = f.read()
        upstream = schema_files.load("instance")["properties"]["upstream"]["items"]["properties"]
        documents = self.schema["properties"]["upstreams"]["items"]["properties"]
        kinds = {"health": documents["health"], "flap": documents["health"]["properties"]["flap"],
                 "outlier": documents["outlier"]}
        manifest = {"health": upstream["health"], "flap": upstream["health"]["properties"]["flap"],
                    "outlier": upstream["outlier"]}
        count = 0
        for kind, told in manifest.items():
            for name, field in kinds[kind]["properties"].items():
                if "default" not in field:
                    continue
                count += 1
                default, words = field["default"], told["properties"][name]
                if name != "require":
                    lua = json.dumps(default).replace("[", "{ ").replace("]", " }")
                    self.assertRegex(source, r"[ {]%s = %s[ ,]" % (name, re.escape(lua)))
                if "default" in words:
                    self.assertEqual(words["default"], default, name)
                else:
                    text = ", ".join(default) if isinstance(default, list) else \
                        json.dumps(default).strip('"')
                    self.assertIn("Default: %s." % text, words["description"])
        self.assertGreater(count, 25)


if __name__ == "__main__":
    unittest.main()
