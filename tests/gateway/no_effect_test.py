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

    # What the Lua of a check reads of its settings is what has an effect in it: the gateway's own source is asked.
    TYPES = {"http": ("http.lua", ""), "tcp": ("tcp.lua", ""), "lua": ("custom.lua", ""),
             "error_ratio": ("window.lua", "error_ratio"), "latency": ("window.lua", "latency")}
    CHECK = {"path": "/p", "method": "HEAD", "host": "a.example", "headers": {"X-A": "1"}, "status": [204], "body": "x", "tls": True,
             "tls_server_name": "a.example", "tls_verify": True, "send": "x", "expect": "y", "module": "m", "settings": {"a": "1"},
             "window": "20s", "max_errors": 7, "max_latency": "3s", "min_requests": 9, "timeout": "1s", "rise": 5, "fall": 6, "jitter": 7,
             "interval": "9s", "interval_when_down": "8s", "interval_when_stable": "7s", "stable_after": 4}

    def read_by(self, kind):
        """Names of the settings that the gateway reads for a check of this type."""
        folder = os.path.join(ROOT, "lua", "orctl", "health")

        def text(name):
            with open(os.path.join(folder, name), encoding="utf-8") as source:
                return source.read()
        name, function = self.TYPES[kind]
        source = text(name)
        if function:
            source = source[source.index("function _M.%s(" % function):].split("\nend\n")[0] + "settings.window"
        elif kind != "lua":
            source += text("connect.lua")
        if not function:
            source += text("probe.lua")
        found = set(re.findall(r"settings\.([a-z_]+)", source + text("judge.lua")))
        if kind == "tcp":
            # connect.lua takes the host as a name for TLS where no other is given
            self.assertIn("settings.tls_server_name or settings.host", source)
        return found

    def void_fields(self, checks):
        """What validate says to have no effect, of each of these `health`s, in one manifest."""
        spec = self.base("http")
        os.makedirs(self.dir + "/files/lua", exist_ok=True)
        with open(self.dir + "/files/lua/m.lua", "w", encoding="utf-8") as module:
            module.write("return {check = function() return true end}\n")
        spec["nginx"]["trusted_certificate"] = "/etc/ssl/certs/ca-certificates.crt"
        spec["upstream"] = [{"name": "up%d" % i, "health": health, "server": [{"address": "127.0.0.1:81"}]} for i, health in enumerate(checks)]
        spec["route"] = [{"path": "/%d/" % i, "upstream": "up%d" % i} for i in range(len(checks))]
        _, code, texts = self.said(spec, "")
        self.assertEqual(code, 0, texts)
        void = [set() for _ in checks]
        for one in texts:
            if one["code"] == "no-effect":
                at = re.fullmatch(r"upstream\[(\d+)\]\.(.*)", one["field"])
                void[int(at[1])].add(re.sub(r"\[\d+\]", "", at[2]))
        return void

    def test_every_field_of_a_check_of_every_type(self):
        """Where a check stands alone, where it is one of a list, and where it takes the field from what is beside the list."""
        names = {n for path, _ in fields() for n in [path.split(".")[-1]] if re.match(r"upstream\.health\.check\.[a-z_]+$", path)}
        self.assertEqual(names - {"name", "type"}, set(self.CHECK))
        wrong, looked = [], 0
        for kind in self.TYPES:
            reads = self.read_by(kind) | {"interval"}
            beside = {"type": kind, **({"module": "m"} if kind == "lua" else {}), **({"tls": True} if kind in ("http", "tcp") else {}),
                      "interval": "9s", "interval_when_stable": "9s"}
            cases = []
            for name, value in self.CHECK.items():
                own = {**beside, name: value}
                cases += [(name, "health." + name, own), (name, "health.check." + name, {"check": [{"name": "a", **own}, {"name": "b", "type": "tcp"}]})]
                if name not in beside:
                    cases.append((name, "health." + name, {name: value, "check": [{"name": "a", **beside}]}))
            for (name, field, health), void in zip(cases, self.void_fields([health for _, _, health in cases])):
                looked += 1
                if void != (set() if name in reads else {field}):
                    wrong.append((kind, field, name in reads, void, health))
        self.assertEqual("\n".join(map(str, wrong)), "")
        self.assertGreater(looked, 300)

    def test_fields_that_another_one_makes_void_and_not_a_step_before(self):
        """Each manifest with the field that has no effect in it, or None where all have one."""
        up, route = (lambda **f: {"upstream": f}), (lambda **f: {"route": f})
        tcp = {"type": "tcp"}
        cases = [
            (up(retries=0, retry_budget=20), "upstream.retry_budget"), (up(retries=1, retry_budget=20), None),
            (up(all_down="fail"), "upstream.all_down"), (up(all_down="fail", health=tcp), None), (up(all_down="fail", outlier={"error_ratio": 5}), None),
            (up(health={**tcp, "require": "any"}), "upstream.health.require"), (up(health={**tcp, "min": 1}), "upstream.health.min"),
            (up(health={"check": [{"name": "a", **tcp}, {"name": "b", **tcp}], "min": 1}), None),
            (up(health={**tcp, "flap": {"after": 0, "hold": "9s"}}), "upstream.health.flap.hold"), (up(health={**tcp, "flap": {"after": 1, "hold": "9s"}}), None),
            (up(health={**tcp, "stable_after": 3}), "upstream.health.stable_after"),
            (up(health={**tcp, "tls": False, "tls_server_name": "a.example"}), "upstream.health.tls_server_name"),
            (up(health={**tcp, "tls": True, "host": "b.example"}), None),
            (up(health={**tcp, "tls": True, "host": "b.example", "tls_server_name": "a.example"}), "upstream.health.host"),
            (up(health={"path": "/x", "check": [{"name": "a", **tcp}, {"name": "b", "type": "http"}]}), None),
            (up(health={"path": "/x", "check": [{"name": "a", **tcp}, {"name": "b", "type": "http", "path": "/y"}]}), "upstream.health.path"),
            (up(outlier={"min_requests": 7}), "upstream.outlier.min_requests"), (up(outlier={"min_requests": 7, "error_ratio": 9}), None),
            (up(outlier={"consecutive_failures": 0}), "upstream.outlier"), (up(outlier={"consecutive_failures": 0, "error_ratio": 9}), None),
            (up(outlier={"max_ejected": 0}), "upstream.outlier"), (up(outlier={"panic_threshold": 100}), "upstream.outlier"),
            (up(outlier={"ejection_time": "9m"}), "upstream.outlier.ejection_time"), (up(outlier={"ejection_time": "1m"}), None),
            (up(outlier={}), "upstream.outlier"), (route(request_headers={}), "route.request_headers"), (route(response_headers={"set": {}}), "route.response_headers.set"),
            (route(headers={}), "route.headers"), ({"admin": {}}, "admin"),
            (route(canary={"upstream": "other", "percent": 0}), "route.canary"), (route(canary={"upstream": "other", "percent": 100, "by": "client"}), "route.canary.by"),
            (route(canary={"upstream": "other", "percent": 99, "by": "client"}), None),
            (route(strip_prefix=True), "route.strip_prefix"), (route(strip_prefix=True, path="/a/"), None),
            (route(rewrite="/b/"), None),
            (route(redirect={"target": "/t", "keep_path": False}, path="/a", match="exact", upstream=None), "route.redirect.keep_path"),
            (route(redirect={"target": "/t", "keep_path": False}, path="/a", upstream=None), None),
            ({"nginx": {"trusted_certificate": "/etc/ssl/certs/ca-certificates.crt"}}, "nginx.trusted_certificate"),
        ]
        for change, void in cases:
            with self.subTest(str(change)):
                spec = self.base("http")
                del spec["files"]
                spec["route"].append({"path": "/rest/", "upstream": "up"})
                for table, given in change.items():
                    at = spec[table][0] if isinstance(spec.get(table), list) else spec.setdefault(table, {})
                    at.update(given)
                spec["route"] = [{k: v for k, v in one.items() if v is not None} for one in spec["route"]]
                _, code, texts = self.said(spec, "")
                self.assertEqual(code, 0, texts)
                self.assertEqual([re.sub(r"\[\d+\]", "", one["field"]) for one in texts if one["code"] == "no-effect"], [void] if void else [])

    def test_what_a_source_replaces_is_a_start_value(self):
        source = {"source": {"type": "redis", "host": "127.0.0.1", "key": "k"}}
        for protocol, told in (("http", ["upstream", "route"]), ("tcp", [])):
            _, _, texts = self.said({**self.base(protocol), **source}, "")
            self.assertEqual([re.sub(r"\[\d+\]", "", one["field"]) for one in texts if one["code"] == "start-value"], told)
        # a tcp listener keeps its upstream, whatever the source brings
        spec = {**self.base("http"), **source}
        spec["listener"].append({"address": "127.0.0.1", "port": 8081, "protocol": "tcp", "upstream": "up"})
        _, _, texts = self.said(spec, "")
        self.assertEqual([one["field"] for one in texts if one["code"] == "start-value"], ["upstream[1]", "route[0]"])
        _, _, texts = self.said(self.base("http"), "")
        self.assertEqual([one for one in texts if one["code"] == "start-value"], [])


def digest(conf):
    return conf.partition('init("tst_effect_001_8080", "')[2][:64] or "none"


if __name__ == "__main__":
    unittest.main()
