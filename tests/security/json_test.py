#!/usr/bin/python3
"""What JSON is: the gateway and orctl give one verdict on every text, wherever a text comes in."""
import hashlib
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "gateway"))
from harness import NAME, GatewayTest, document, wait_for
from redis_test import KEY, Redis

ORCTL = os.environ.get("ORCTL", os.path.join(HERE, "..", "..", "build", "release", "orctl"))
# codes that speak of the text; all others speak of what a manifest may hold
TEXT_CODES = {"syntax", "too-deep", "duplicate-key", "not-text", "empty"}
NUMBERS = ["0", "-0", "1", "-1", "10", "1.5", "-1.05", "1e5", "1E+5", "1e-05", "0.0", "0e0", "123456789012345678901234567890", "1e308",
           "5.", "-5.", "5.e1", ".5", "-.5", "01", "-01", "00", "+1", "+", "-", "--1", "1e", "1e+", "1e5.5", "1.2.3", "NaN", "nan", "-nan",
           "Infinity", "-Infinity", "inf", "-inf", "0x10", "-0x1", "0b1", "1_000", "1e999", "-1e999", "1e-999", "0.", "1,5", "1f", "- 1"]
STRINGS = [b'"a"', b'""', b'"\\u0000"', b'"\\ud83d\\ude00"', b'"\\ud800"', b'"\\udc00"', b'"\\ud800\\u0041"', b'"\\udc00\\ud800"', b'"\\u12"',
           b'"\\u12g4"', b'"\\x41"', b'"\\\'"', b'"\\/"', b'"\\b\\f\\n\\r\\t\\\\\\""', b'"a\nb"', b'"a\tb"', b'"a\x00b"', b'"a\x1fb"', b'"a\x7fb"',
           b'"\xc3\xa4"', b'"\xff"', b'"\xc0\x80"', b'"\xed\xa0\x80"', b"'a'", b'"a', b'a"', b'"a\\"', b'"a\\\\"', b'"\r"', b'"\\\n"',
           b'"5."', b'"01:+"', b'"{}"', b'"/*"']
WORDS = [b"true", b"false", b"null", b"True", b"nul", b"nulll", b"truefalse", b"undefined", b"None", b"true1"]
BLANKS = [b"", b" ", b"\n", b"\t", b"\r\n", b"\x0b", b"\x0c", b"\xc2\xa0", b"\xef\xbb\xbf", b"\x00", b"//x\n", b"/* */", b"#x\n"]
# one fault each, for the ways in that take no bare value
FAULTS = [b"5.", b".5", b"-.5", b"01", b"+1", b"NaN", b"Infinity", b"0x10", b"1e999", b'"a\nb"', b'"\x01"', b'"\\ud800"', b'"\\udc00"', b'"\xff"',
          b"1,", b"1/**/", b"1//\n", b"1 \x00", b"'a'", b'1,"a":1,"a":2']


class Texts:
    """JSON texts made by chance: sound ones, and such with a fault or two."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def blank(self):
        odd = self.random.random() < 0.02
        return self.random.choice(BLANKS if odd else BLANKS[:5])

    def scalar(self):
        few = self.random.random() < 0.8
        kind = self.random.choice([[n.encode() for n in (NUMBERS[:14] if few else NUMBERS)],
                                   STRINGS[:4] if few else STRINGS, WORDS[:3] if few else WORDS])
        return self.random.choice(kind)

    def value(self, depth):
        kind = self.random.random()
        if depth == 0 or kind < 0.5:
            return self.scalar()
        parts = [self.blank() + (self.value(depth - 1) if kind < 0.75 else self.member(depth)) + self.blank()
                 for _ in range(self.random.randint(0, 3))]
        body = b",".join(parts) or self.blank()
        odd = self.random.random()
        body += b"," if odd < 0.02 else b""
        open_, close = (b"[", b"]") if kind < 0.75 else (b"{", b"}")
        return open_ + body + (b"" if odd > 0.99 else close)

    def member(self, depth):
        name = b'"%c"' % self.random.choice(b"abcdefghij") if self.random.random() < 0.9 else self.random.choice(STRINGS)
        return name + self.blank() + b":" + self.blank() + self.value(depth - 1)

    def text(self):
        tail = self.random.choice([b"\x00", b"\x00garbage", b"]", b"x", b"1", b"{}"]) if self.random.random() < 0.05 else b""
        return self.blank() + self.value(3) + self.blank() + tail


def fixed_texts():
    scalars = [n.encode() for n in NUMBERS] + STRINGS + WORDS + [b"", b" ", b"\x00", b"[1,]", b'{"a":1,}', b"{,}", b"[,]", b"[1 2]", b"{1:2}",
                                                                 b'{"a" 1}', b"{a:1}", b'{"a":1}}', b"[1]]", b"{} {}", b'{"a":{},"a":[]}']
    nested = [b"[" * n + b"1" + b"]" * n for n in (1, 31, 32, 33, 63, 64, 65, 66, 500)] + [b'{"a":' * n + b"1" + b"}" * n for n in (63, 64, 65)]
    whole = [blank + b'{"a":1}' for blank in BLANKS] + [b'{"a":1}' + blank for blank in BLANKS] + [b'{"a"%s:%s1}' % (b, b) for b in BLANKS]
    return scalars + nested + whole + [b"[%s]" % s for s in scalars] + [b'{"a":%s}' % s for s in scalars] + [b'{%s:1}' % s for s in scalars]


class Json(GatewayTest):
    def orctl_refuses(self, texts):
        """For each text, whether orctl finds a fault in the text itself."""
        folder = tempfile.mkdtemp(prefix="orctl-test-")
        self.addCleanup(shutil.rmtree, folder)
        flags = []
        for number, text in enumerate(texts):
            with open("%s/%d.json" % (folder, number), "wb") as file:
                file.write(text)
            flags += ["-f", "%d.json" % number]
        answer = subprocess.run([ORCTL, "validate", "-o", "json"] + flags, cwd=folder, capture_output=True, timeout=60)
        faults = json.loads(answer.stdout)["errors"]
        self.assertEqual({f["file"] for f in faults}, {"%d.json" % n for n in range(len(texts))})  # none is an instance
        refused = {f["file"] for f in faults if f["code"] in TEXT_CODES}
        return ["%d.json" % number in refused for number in range(len(texts))]

    def gateway_refuses(self, instance, text):
        answer = instance.admin("PUT", "/v1/config", text)
        self.assertIn(answer.status, (400, 422), text)  # none is a document
        return answer.status == 400

    def test_orctl_and_the_gateway_give_one_verdict_on_every_text(self):
        server = self.backend()
        instance = self.instance(document([server.address]), workers=1)
        made = Texts(9)
        texts = fixed_texts() + [made.text() for _ in range(1500)]
        verdicts = self.orctl_refuses(texts)
        self.assertGreater(min(verdicts.count(True), verdicts.count(False)), 300)
        differ = [(text, refused) for text, refused in zip(texts, verdicts) if self.gateway_refuses(instance, text) != refused]
        self.assertEqual(differ, [])

    def test_every_way_in_refuses_what_is_not_json_and_changes_nothing(self):
        server = self.backend()
        instance = self.instance(document([server.address]), workers=1)
        before = instance.status()
        ways = [("PUT", "/v1/config", b'{"format":%s,"upstreams":[],"routes":[]}'),
                ("POST", "/config", b'{"backends":%s,"hosts":[]}'),
                ("PUT", "/v1/upstreams/up", b'{"name":"up","retries":%s,"servers":[]}'),
                ("PUT", "/v1/overrides/up/" + server.address, b'{"weight":%s}')]
        for method, path, frame in ways:
            for fault in FAULTS:
                answer = instance.admin(method, path, frame % fault)
                self.assertEqual(answer.status, 400, (path, fault, answer.text()))
                self.assertIn("not a JSON document", answer.text())
        after = instance.status()
        self.assertEqual([after[k] for k in ("digest", "generation", "override_version")],
                         [before[k] for k in ("digest", "generation", "override_version")])

    def test_a_saved_document_that_is_not_json_is_not_served(self):
        server = self.backend("A")
        instance = self.instance(document([server.address]), workers=1)
        base = instance.status()["digest"]
        instance.close_process()
        good = json.dumps(document([], routes=[])).encode()
        for fault in (b"\x00", b"\x00garbage", b" 5.", b"/**/"):
            payload = json.dumps({"base": base, "name": NAME}).encode() + b"\n" + good + fault
            with open(instance.state + "/document", "wb") as file:
                file.write(b"orctl-state 1 document %d %s\n" % (len(payload), hashlib.sha256(payload).hexdigest().encode()) + payload)
            os.chmod(instance.state + "/document", 0o644)
            instance.start()
            self.assertEqual(instance.get().text(), "A", fault)
            self.assertIn("the saved document is refused", instance.errors())
            instance.close_process()
            instance.truncate_errors()

    @unittest.skipUnless(shutil.which("redis-server"), "no redis")
    def test_a_source_that_is_not_json_is_not_served(self):
        server = self.backend("A")
        redis = Redis()
        self.addCleanup(redis.close)
        good = json.dumps(document([server.address])).encode()
        redis.set(good)
        source = {"host": "127.0.0.1", "port": redis.port, "key": KEY, "database": 0, "interval": "100ms", "timeout": "2s"}
        instance = self.instance(document([server.address], retries=1), settings={"source": source}, workers=1)
        served = wait_for(lambda: instance.status()["source"]["ok"] and instance.status()["digest"], what="read")
        for fault in FAULTS:
            redis.set(good.replace(b'"routes"', b'"x":%s,"routes"' % fault))
            wait_for(lambda: not instance.status()["source"]["ok"], what="refused")
            self.assertIn("not a JSON document", instance.status()["source"]["error"], fault)
            self.assertEqual(instance.status()["digest"], served)
            redis.set(good)
            wait_for(lambda: instance.status()["source"]["ok"], what="read again")


if __name__ == "__main__":
    unittest.main()
