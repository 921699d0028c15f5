#!/usr/bin/python3
"""Whatever stands in a manifest has an effect where it stands, or `validate` says that it has none: every field of the schema, on instances
that have listeners of one protocol only. An effect is what orctl renders: where nobody asks by HTTP, nothing inside http{} is one."""
import json
import os
import re
import shutil
import subprocess
import tempfile
import unittest

from harness import ROOT, programs

with open(os.path.join(ROOT, "schemas", "instance.json"), encoding="utf-8") as schema:
    SCHEMA = json.load(schema)

# Fields that are the instance's own and nothing of its traffic, and those that only make sense as a whole.
OF_THE_INSTANCE = {"kind", "name", "labels", "layout", "files", "nginx.binary", "nginx.user", "admin.listen", "admin.token_file"}
# What a listener and an upstream need to be there at all, which every manifest below has.
THERE = {"source.type", "upstream.health.type", "upstream.health.check.type", "listener.protocol", "listener.upstream", "listener.port", "listener.address", "upstream.name", "upstream.server.address", "certificate.name", "certificate.certificate", "certificate.key"}
SAMPLES = {"route.match": "exact", "route.upstream": "other", "route.hosts": ["a.example", "b.example"], "certificate.hosts": ["a.example"], "nginx.trusted_certificate": "/etc/ssl/certs/ca-certificates.crt",
           "upstream.health.headers": {"X-A": "1"}, "upstream.health.status": ["200"]}
NOTHING = object()
# What stands beside a field so that it may stand there.
WITH = {"upstream.hash": {"balance": "hash"}, "source": {"type": "redis", "host": "127.0.0.1", "key": "k"}, "upstream.sticky": {"cookie": "s"}, "upstream.health": {"type": "http", "path": "/"},
        "upstream.outlier": {"error_ratio": 50},
        "route.redirect": {"target": "/there/"}, "route.canary": {"upstream": "other", "percent": 50}, "route.rate_limit": {"requests": 7},
        "certificate": {"name": "a", "certificate": "certs/a.pem", "key": "certs/a.key"}}


def fields(node=SCHEMA, path=()):
    """(path, schema) of every field and of every table."""
    if "$ref" in node:
        node = dict(SCHEMA["definitions"][node["$ref"].split("/")[-1]], **{k: v for k, v in node.items() if k != "$ref"})
    if path:
        yield ".".join(path), node
    items = node.get("items", {})
    for name, one in (node.get("properties") or (items.get("properties") if "properties" in items else {}) or {}).items():
        yield from fields(one, path + (name,))


def value_of(name, node):
    """A value that is allowed and not the default; None for what has none by itself."""
    if name in SAMPLES:
        return SAMPLES[name]
    default = node.get("default")
    for one in node.get("examples", []) + node.get("enum", []):
        if one != default:
            return one
    kind = node.get("type")
    if kind == "boolean":
        return not default
    if kind == "integer":
        return (default if default is not None else node.get("minimum", 0)) + 1
    return None


def is_about(said, name):
    """A diagnostic is about a field where it stands, or names it as one of an upstream that a listener cannot have."""
    field = re.sub(r"\[\d+\]", "", said["field"])
    if field == name or name.startswith(field + ".") or field.startswith(name + "."):
        return True
    member = re.escape(name.split(".")[1]) if name.startswith("upstream.") else "$."
    return field == "listener.upstream" and re.search(r"\b%s\b.* of upstream|says: %s" % (member, member), said["message"]) is not None


class NoEffect(unittest.TestCase):
    maxDiff = None

    def setUp(self):
        self.known = {}
        self.dir = tempfile.mkdtemp(prefix="orctl-test-")
        self.addCleanup(shutil.rmtree, self.dir, True)
        os.makedirs(self.dir + "/files/certs")
        for end, args in (("key", ["ecparam", "-name", "prime256v1", "-genkey", "-noout"]), ("pem", ["req", "-x509", "-new", "-key", self.dir + "/files/certs/a.key", "-days", "90", "-subj", "/CN=a.example"])):
            subprocess.run(["openssl", *args, "-out", self.dir + "/files/certs/a." + end], check=True, capture_output=True)

    def base(self, protocol):
        listener = {"address": "127.0.0.1", "port": 8080, "protocol": protocol}
        spec = {"kind": "Instance", "name": "tst_effect_001_8080", "files": "files/", "nginx": {}, "listener": [listener],
                "upstream": [{"name": name, "server": [{"address": "127.0.0.1:%d" % port}, {"address": "127.0.0.2:%d" % port}]} for name, port in (("up", 81), ("other", 82))]}
        if protocol in ("tcp", "udp"):
            listener["upstream"] = "up"
            spec["listener"].append({"address": "127.0.0.1", "port": 8081, "protocol": protocol, "upstream": "other"})
        else:
            spec["route"] = [{"path": "/", "upstream": "up"}, {"path": "/other/", "upstream": "other"}]
        if protocol == "https":
            spec["certificate"] = [{"name": "a", "certificate": "certs/a.pem", "key": "certs/a.key"}]
        return spec

    def with_field(self, spec, name, value):
        """`spec` with a value at "upstream.server.weight", in the first item of each list; NOTHING: with what stands beside it alone."""
        at, path = spec, name.split(".")
        for i, part in enumerate(path[:-1]):
            table = ".".join(path[:i + 1])
            if part not in at:
                made = dict({"path": "/", "upstream": "up"} if table == "route" else WITH.get(table, {}))
                at[part] = [made] if table in ("route", "certificate") else made
            if table == "route.redirect":
                del at["upstream"]
            at = at[part][0] if isinstance(at[part], list) else at[part]
        at.update(WITH.get(name, {}))
        if value is not NOTHING:
            at[path[-1]] = value
        return spec

    def orctl(self, spec, *args):
        with open(self.dir + "/m.json", "w", encoding="utf-8") as manifest:
            json.dump(spec, manifest, indent=1)
        return subprocess.run([programs.orctl(), "--root", self.dir, *args, "-f", self.dir + "/m.json"], capture_output=True, text=True)

    def said(self, spec, name):
        """What validate says of the field, its exit code, and all that it says."""
        done = self.orctl(spec, "validate", "-o", "json")
        answer = json.loads(done.stdout)
        all_said = answer["errors"] + answer["warnings"]
        return [one for one in all_said if is_about(one, name)], done.returncode, all_said

    def rendered(self, spec, file):
        key = json.dumps(spec) + file
        if key not in self.known:
            self.known[key] = self.orctl(spec, "render", "--file", file).stdout
        return self.known[key]

    def conf(self, spec, protocol):
        """nginx.conf as far as it has to do with this traffic."""
        conf = self.rendered(spec, "nginx.conf")
        conf = conf.replace(digest(conf), "DIGEST").replace(digest(conf)[:32], "DIGEST")
        if protocol not in ("tcp", "udp") or not conf:
            return conf
        start = conf.index("\nhttp {\n")
        return conf[:start] + conf[conf.index("\n}\n", start):]

    def has_effect(self, spec, other, protocol):
        """Whether two manifests give anything else to this traffic; the second is none of those that are refused."""
        files = [] if protocol in ("tcp", "udp") else ["gateway.json", "settings.json"] + (["certs.json"] if protocol == "https" else [])
        return any(self.rendered(spec, file) != self.rendered(other, file) for file in files) or self.conf(spec, protocol) != self.conf(other, protocol)

    def test_every_field_on_every_protocol(self):
        silent, wrong, looked = [], [], 0
        for protocol in ("http", "https", "tcp", "udp"):
            for name, node in fields():
                value = value_of(name, node)
                if value is None or name in OF_THE_INSTANCE or name in THERE:
                    continue
                spec = self.with_field(self.base(protocol), name, value)
                found, code, texts = self.said(spec, name)
                looked += 1
                if any(d["severity"] == "error" for d in found):
                    continue  # is refused where it stands
                if code != 0:
                    wrong.append((protocol, name, [(one["field"], one["message"]) for one in texts if one["severity"] == "error"]))
                    continue
                plain = self.with_field(self.base(protocol), name, NOTHING)
                if not self.conf(plain, protocol):
                    plain = self.base(protocol)  # what stands beside the field wants it
                found = [one for one in found if one["code"] in ("not-for-protocol", "unused-certificate")]
                if self.has_effect(spec, plain, protocol) == bool(found):
                    silent.append((protocol, name, "no effect, nothing said" if not found else "has an effect: %s" % found[0]["message"]))
        self.assertEqual("\n".join(map(str, wrong)), "")
        self.assertEqual("\n".join(map(str, silent)), "")
        self.assertGreater(looked, 300)


def digest(conf):
    return conf.partition('init("tst_effect_001_8080", "')[2][:64] or "none"


if __name__ == "__main__":
    unittest.main()
