#!/usr/bin/python3
"""schemas/gateway.json and lua/orctl/document.lua agree on every document."""
import copy
import json
import os
import random
import re
import unittest

import jsonschema

from harness import ROOT, GatewayTest, document, encode

# What a schema cannot say.
BEYOND = re.compile(r"is listed twice|is named twice|there is no upstream|stands above|is too long: "
                    r"at most|\"\[.*\" is not an IPv4 or \[IPv6\] literal")
ALLOWED = {"type", "properties", "required", "additionalProperties", "items", "enum", "pattern",
           "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "definitions",
           "$ref", "default", "description"}
GOOD = document([{"address": "10.0.0.1:8080", "weight": 10},
                 {"address": "[::1]:8080", "weight": 1, "backup": True}],
                routes=[{"host": "www.test1.com", "path": "/", "upstream": "up"},
                        {"host": "*.test1.com", "path": "/api", "upstream": "up"},
                        {"path": "/", "upstream": "up"}],
                balance="round_robin", connect_timeout="5s", send_timeout="60s",
                read_timeout="60s", retries=2,
                health={"type": "http", "path": "/ping", "interval": "3s", "timeout": "2s",
                        "rise": 2, "fall": 3})
EDGES = {
    "address": ["1.2.3.4:1", "1.2.3.4:65535", "1.2.3.4:65536", "1.2.3.4:0", "1.2.3.4:080", "a:1",
                "01.2.3.4:1", "256.1.1.1:1", "1.2.3.4", "[::]:1", "[fe80::1%lo]:1", "[]:1", "",
                "::1:1", "[1:2:3:4:5:6:7:8]:1", "[g::]:1", "1.2.3.4:1 ", "1.2.3.4:99999",
                "1.2.3.4:10000", "255.255.255.255:59999", "1.2.3.4:65530", "1.2.3.4:65529"],
    "weight": [0, 1, 1.0, 1.5, 1000, 1001, -1, "1", True, None, 1e300],
    "backup": [True, False, 0, "true", None],
    "name": ["a", "A", "", "a" * 64, "a" * 65, "a-_9", "9a", "a.b", "-a", "up\n", "\u00e4"],
    "balance": ["round_robin", "random", "", None, 1],
    "read_timeout": ["1ms", "0s", "00s", "01s", "1", "s", "1d", "1.5s", "-1s", "99999999s",
                     "1000h", "24h", "999999ms", "1234567ms", "12345678ms", " 1s", "1S", 5, None],
    "type": ["http", "tcp", "udp", "", None],
    "interval": ["1ms", "0s", "24h", "25h", 3], "timeout": ["100ms", "", None],
    "rise": [0, 1, 100, 101, 1.5], "fall": [0, 1.0, 100, 101, "3"],
    "retries": [0, 10, 11, -1, 2.0, 2.5, "2", None],
    "host": ["a", "*.a", "*", "*.", "a.", ".a", "a..b", "-a", "a-", "a_b", "A.B", "a:80", "*a.b",
             "a.*.b", "*.*.a", "a" * 253, "a" * 254, "[::1]", "1.2.3.4", "", "\u00e4.de", None],
    "path": ["/", "", "a", "/a b", "/a?b", "/a#b", "/~", "/\u007f", "/\u00e4", "/" + "a" * 1023,
             "/" + "a" * 1024, "/\"\\{}", "/[]", "/\t", "/!", None],
    "upstream": ["up", "Up", "", "down", None],
    "format": [1, 1.0, 0, 2, "1", True, None, []],
}
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
        with open(os.path.join(ROOT, "schemas", "gateway.json")) as f:
            cls.schema = json.load(f)

    def test_the_schema_uses_only_what_all_its_readers_know(self):
        def look(schema):
            self.assertLessEqual(set(schema), ALLOWED)
            self.assertIn(schema.get("additionalProperties", False), (False,))
            if "pattern" in schema:
                self.assertNotRegex(schema["pattern"], r"\\[dDwWsSbB]|\(\?|\[[^\]]*\\")
            for key in ("properties", "definitions"):
                for child in schema.get(key, {}).values():
                    look(child)
            if "items" in schema:
                look(schema["items"])
        look(self.schema)
        jsonschema.Draft7Validator.check_schema(self.schema)

    def test_document_lua_agrees_with_it_on_a_corpus(self):
        validator = jsonschema.Draft7Validator(whole(self.schema))
        i = self.instance(document(["127.0.0.1:1"]), workers=1)
        good = bad = 0
        for value in corpus():
            answer = i.admin("PUT", "/v1/config", encode(value), {"x-allow-empty": "1"})
            text = encode(value).decode()[:2000]
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
                    pointer = "".join("/" + str(part) for part in error.absolute_path)
                    self.assertTrue([p for p in pointers if p == pointer
                                     or p.startswith(pointer + "/")], (pointer, pointers, text))
        self.assertGreater(good, 60)
        self.assertGreater(bad, 600)

    def test_defaults_are_the_ones_that_are_used(self):
        with open(os.path.join(ROOT, "lua", "orctl", "document.lua")) as f:
            source = f.read()
        for kind, variable in (("upstream", "up"), ("server", "one"), ("health", "value")):
            for name, field in self.schema["definitions"][kind]["properties"].items():
                if "default" in field:
                    self.assertIn("%s.%s or %s" % (variable, name, json.dumps(field["default"])),
                                  source)


if __name__ == "__main__":
    unittest.main()
