#!/usr/bin/python3
"""Manifests become exactly these files: every case of tests/render, and every example.

    run.py [--orctl BIN] [unittest options]      UPDATE=1 rewrites what is expected

A case is a folder with manifest.toml or manifest.json (and what belongs to it). `expected/` holds gateway.json and, for
each flavour, nginx.conf and the unit. The digest of the tree covers the gateway's Lua, so it is written as DIGEST. Of nginx.conf only
that of `minimal` for Debian is kept whole, see golden.py.
"""
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import unittest

import jsonschema

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
sys.path[:0] = [HERE, os.path.dirname(HERE), os.path.join(TOP, "tests", "schema")]
import golden  # noqa: E402
import schema_files  # noqa: E402
from lib import programs  # noqa: E402
from lib.programs import NGINX  # noqa: E402
from lib.texts import difference  # noqa: E402
ORCTL = os.environ.get("ORCTL", TOP + "/build/dev/orctl")
UPDATE = os.environ.get("UPDATE") == "1"
# for the nginx that tries the trees of the cases
FLAVOR = "openresty" if programs.has_lua_built_in() else "debian"
FLAVORS = ("debian", "openresty")
WHOLE = "minimal"  # the case whose nginx.conf is kept whole, for the first flavour
BARE_LUA = 'assert(loadfile("%s/tests/lua/bare.lua"))("%s")\n' % (TOP, TOP)


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, timeout=300, **more)


def orctl(*args):
    done = run(ORCTL, *args)
    if done.returncode != 0:
        raise AssertionError("%s: exit %d\n%s%s" % (" ".join(args), done.returncode, done.stdout, done.stderr))
    return done.stdout


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def rendered_file(manifest, name, flavor):
    return orctl("render", "-f", manifest, "--flavor", flavor, "--file", name)


def rendered(manifest, flavor="debian"):
    """{name: text} of all files of the tree, and the unit by the name `unit`: one run of orctl."""
    out = {}
    with tempfile.TemporaryDirectory(prefix="orctl-render.") as folder:
        orctl("render", "-f", manifest, "--flavor", flavor, "-d", folder + "/out")
        paths = [os.path.join(place, name) for place, _, names in os.walk(folder) for name in names]
        tree = os.path.dirname(min((p for p in paths if p.endswith("/nginx.conf")), key=len))
        for path in paths:
            out["unit" if path.endswith(".service") else os.path.relpath(path, tree)] = read(path)
    return out


def without_digest(conf):
    digest = re.search(r'init\("[^"]*", "([0-9a-f]{64})"\)', conf).group(1)
    return conf.replace(digest, "DIGEST").replace("/.well-known/orctl/" + digest[:32], "/.well-known/orctl/DIGEST")


def name_in(conf):
    return re.search(r'init\("([^"]*)", ', conf).group(1)


def manifest_of(case):
    for name in ("manifest.toml", "manifest.json"):
        if os.path.exists(os.path.join(case, name)):
            return os.path.join(case, name)
    raise AssertionError("no manifest in " + case)


def document_of(manifest):
    return json.loads(read(manifest)) if manifest.endswith(".json") else tomllib.loads(read(manifest))


def shuffled(value, chance):
    if isinstance(value, list):
        return [shuffled(item, chance) for item in value]
    if isinstance(value, dict):
        members = [(key, shuffled(item, chance)) for key, item in value.items()]
        chance.shuffle(members)
        return dict(members)
    return value


class RenderTest(unittest.TestCase):
    maxDiff = None

    def scratch(self):
        folder = tempfile.mkdtemp(prefix="orctl-render.")
        self.addCleanup(shutil.rmtree, folder)
        return folder

    def expect(self, path, text, base=None):
        """The file holds this text, or what of it differs from `base`, (name, text) of another golden file."""
        path += ".diff" if base else ""
        if UPDATE:
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, "w", encoding="utf-8") as file:
                file.write(golden.without(base[1], text, base[0]) if base else text)
        self.assertTrue(os.path.exists(path), path + " is missing: run with UPDATE=1, then look at it")
        expected = golden.applied(base[1], read(path)) if base else read(path)
        if expected != text:
            self.fail("UPDATE=1 takes this over:\n" + difference(expected, text, os.path.relpath(path, TOP), "what orctl renders"))

    def golden(self, case):
        manifest, base = manifest_of(case), None
        for flavor in FLAVORS:
            files = rendered(manifest, flavor)
            self.expect("%s/expected/%s/unit" % (case, flavor), files["unit"])
            text = files["nginx.conf"]
            if flavor == FLAVORS[0] and os.path.basename(case) != WHOLE:
                # as it is rendered now: what all cases share is told of one alone
                whole = without_digest(rendered_file(manifest_of(os.path.join(HERE, WHOLE)), "nginx.conf", flavor))
                base = ("%s/expected/%s/nginx.conf" % (WHOLE, flavor), whole.replace(name_in(whole), name_in(text)))
            text = without_digest(text)
            self.expect("%s/expected/%s/nginx.conf" % (case, flavor), text, base)
            base = (flavor + "/nginx.conf", text)
        files = rendered(manifest)
        self.expect(case + "/expected/gateway.json", files["gateway.json"])
        if document_of(manifest).get("certificate"):
            self.expect(case + "/expected/certs.json", files["certs.json"])
        for name in ("nginx.conf", "unit", "gateway.json"):
            self.assertTrue(files[name] == rendered_file(manifest, name, "debian"), "--file prints " + name)

    def same_bytes(self, manifest):
        """Twice the same, and also from JSON with the members of every object in any order."""
        first = rendered(manifest)
        self.same(first, manifest)
        # beside the original: `files` and the Fleet are found from there
        folder = self.scratch()
        shutil.copytree(os.path.dirname(manifest), folder + "/case")
        os.remove(folder + "/case/" + os.path.basename(manifest))
        for seed in range(3):
            with open(folder + "/case/manifest.json", "w", encoding="utf-8") as file:
                json.dump(shuffled(document_of(manifest), random.Random(seed)), file)
            self.same(first, folder + "/case/manifest.json")

    def same(self, first, manifest):
        again = rendered(manifest)
        self.assertEqual(sorted(first), sorted(again))
        for name, text in first.items():
            if differs := difference(text, again[name], name, name + " once more"):
                self.fail(differs)

    def nginx_takes(self, manifest):
        """Real `nginx -t` over the tree where it stands."""
        root = self.scratch()
        orctl("--root", root, "render", "-f", manifest, "--flavor", FLAVOR, "-d", root + "/out")
        name = next(entry for entry in os.listdir(root + "/out") if not entry.endswith(".service"))
        tree = root + "/out/" + name
        if "\nstream {" in read(tree + "/nginx.conf") and programs.stream_module() is None:
            self.skipTest("libnginx-mod-stream is not installed")
        for folder in ("run", "var/lib", "var/log"):
            os.makedirs("%s/%s/openresty/%s" % (root, folder, name))
        self.real_certificates(tree)
        done = run(NGINX, "-e", "stderr", "-p", tree, "-c", "nginx.conf", "-t", "-q")
        self.assertEqual((done.returncode, done.stdout, re.sub(r"(?m)^.*\[(notice|warn)\].*\n", "", done.stderr)), (0, "", ""))

    @staticmethod
    def real_certificates(tree):
        """The cases hold no keys: what stands for them in a tree is replaced by a pair made now."""
        if os.path.exists(tree + "/certs.json"):
            for one in json.loads(read(tree + "/certs.json"))["certificates"]:
                subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=a.test",
                                "-keyout", tree + "/" + one["key"], "-out", tree + "/" + one["certificate"]], check=True, capture_output=True)

    def systemd_takes(self, manifest):
        """`systemd-analyze verify` exits 0 whatever it finds, so it must say nothing."""
        root = self.scratch()
        case = shutil.copytree(os.path.dirname(manifest), root + "/case")
        manifest = os.path.join(case, os.path.basename(manifest))
        if programs.WANTED:  # which may be another than the case names
            text = read(manifest).replace('binary = "/usr/sbin/nginx"\n', "")
            with open(manifest, "w", encoding="utf-8") as file:
                file.write(text)
        for options in ((), ("--root", root)):
            out = tempfile.mkdtemp(dir=root)
            orctl(*options, "render", "-f", manifest, "--flavor", "host", "-d", out)
            unit = next(out + "/" + entry for entry in os.listdir(out) if entry.endswith(".service"))
            done = run("systemd-analyze", "verify", unit)
            self.assertEqual((done.returncode, done.stdout, done.stderr), (0, "", ""))

    def gateway_takes(self, manifest):
        """The document follows its schema, and the gateway's own Lua accepts it."""
        text = rendered_file(manifest, "gateway.json", "debian")
        jsonschema.Draft7Validator(schema_files.load("gateway")).validate(json.loads(text))
        code = BARE_LUA
        code += 'local compiled, err = require("orctl.document.gateway").read(io.read("*a")); io.write(compiled and "taken" or err)'
        done = run("luajit", "-e", code, input=text, env=programs.lua_environment())
        self.assertEqual((done.stdout, done.stderr), ("taken", ""))


    def gateway_refuses(self, parts):
        """What orctl takes of these fields and the gateway's own Lua then refuses, or apply would fail late."""
        folder = self.scratch()
        for number, (field, value) in enumerate(parts):
            server, upstream, route = {"address": "10.0.0.1:80"}, {"name": "a"}, {"upstream": "a"}
            {"host": route, "path": route, "connect_timeout": upstream, "address": server}[field][field] = value
            manifest = {"kind": "Instance", "name": "prd_a%d_001_%d" % (number, number + 1), "upstream": [{**upstream, "server": [server]}], "route": [route]}
            with open("%s/%04d.json" % (folder, number), "w", encoding="utf-8") as file:
                json.dump(manifest, file)
        valid = json.loads(run(ORCTL, "validate", "-f", folder, "-o", "json").stdout)["items"]
        self.assertTrue(valid)
        for some in (valid[at:at + 100] for at in range(0, len(valid), 100)):
            orctl("render", *(word for item in some for word in ("-f", item["file"])), "--flavor", "debian", "-d", folder + "/out")
        code = BARE_LUA
        code += 'local doc = require("orctl.document.gateway") for path in io.lines() do local f = io.open(path) local ok, err = doc.read(f:read("*a")) f:close() if not ok then print(err) end end'
        return run("luajit", "-e", code, input="\n".join(folder + "/out/" + item["name"] + "/gateway.json" for item in valid),
                   env=programs.lua_environment()).stdout

    def test_the_gateway_takes_whatever_validate_takes(self):
        chance = random.Random(20261121)
        words = lambda alphabet, size: "".join(chance.choice(alphabet) for _ in range(chance.randint(1, size)))
        parts = [("host", words("aB0_-.", 12)) for _ in range(300)] + [("host", "*." + words("aB0_-.", 8)) for _ in range(100)]
        parts = [(field, host) for field, host in parts if not re.search(r"-(\.|$)", host)]
        parts += [("path", "/" + words("aZ09._~!$&'()*+,;=:@/-", 10)) for _ in range(300)]
        parts += [("connect_timeout", str(chance.randint(1, 10 ** chance.randint(1, 8))) + chance.choice(["ms", "s", "m", "h"])) for _ in range(120)]
        parts += [("connect_timeout", text) for text in ("24h", "86400s", "1440m", "86400000ms")]
        hosts = ["[::1]", "[::ffff:1.2.3.4]", "[1:2:3:4:5:6:7:8]", "[1::8]", "[64:ff9b::10.0.0.1]", "[::1.2.3.4]"]
        hosts += ["[::%s]" % words("0123456789abcdefABCDEF:.", 20) for _ in range(200)]
        hosts += [".".join(str(chance.choice([0, 1, 10, 127, 128, 191, 223, 224, 240, 255, 256])) for _ in range(4)) for _ in range(200)]
        parts += [("address", "%s:%d" % (host, chance.randint(1, 65535))) for host in hosts]
        self.assertEqual(self.gateway_refuses(parts), "")


    def host_document(self, chance):
        """A Host-header document; one in three has something wrong with it."""
        words = lambda alphabet, size: "".join(chance.choice(alphabet) for _ in range(chance.randint(1, size)))
        names = ["b%d" % n if chance.random() < 0.5 else words("aB1 ._-/9", 70 if chance.random() < 0.1 else 6) + str(n) for n in range(chance.randint(0, 5))]
        seconds = lambda: chance.choice([1, 3, 60, 0.5, 1.25, 0.001, 9999.5])
        check = lambda: chance.choice([{}, {"enable": False, "interval": 7}, {"enable": True, "type": chance.choice(["tcp", "http"]), "uri": "/ping"},
                                       {"enable": True, "interval": seconds(), "timeout": seconds(), "success": chance.randint(1, 9), "fail": chance.randint(1, 9)}])
        server = lambda n: {"addr": chance.choice(["10.0.0.%d" % n, "fd00::%d" % n, "[fd00:0::1:%d]" % n]), "port": chance.randint(1, 65535)}
        document = {"backends": [{"backend_name": name, "health_check": check(), "servers": [
            dict(server(n), **({"weight": chance.randint(1, 1000)} if chance.random() < 0.5 else {})) for n in range(1, chance.randint(2, 5))]} for name in names],
            "hosts": [{"host": "h%d.Test" % n, "backend_name": chance.choice(names)} for n in range(chance.randint(0, 4)) if names]}
        if chance.random() < 0.34:
            at = document
            while isinstance(at, (dict, list)) and at:
                key = chance.choice(list(at)) if isinstance(at, dict) else chance.randrange(len(at))
                if not isinstance(at[key], (dict, list)) or chance.random() < 0.1:
                    at[key] = chance.choice([None, True, 0, -1, 1.5, 70000, "", "x", "b0", "*.a", "a\nb", [], {"a": 1}])
                    break
                at = at[key]
        return document

    def test_what_is_imported_serves_what_the_gateway_makes_of_the_same_document(self):
        chance, folder = random.Random(20261122), self.scratch()
        compare = BARE_LUA
        compare += """
            local compat, document, json = require("orctl.document.compat"), require("orctl.document.gateway"), require("orctl.lib.json")
            local function read(path) local f = assert(io.open(path)) local text = f:read("*a") f:close() return text end
            local function same(a, b)
              if type(a) ~= "table" or type(b) ~= "table" then return a == b end
              for k, v in pairs(a) do if not same(v, b[k]) then return false end end
              for k in pairs(b) do if a[k] == nil then return false end end
              return true
            end
            for number, imported in io.read("*a"):gmatch("(%d+) (%w+)") do
              local ours = compat.take(json.decode(read(number .. ".json")))
              local theirs = imported == "yes" and assert(document.read(read(number .. ".gateway.json")))
              print(number, ours and "taken" or "refused", imported == "yes" and ours and same(ours, theirs))
            end"""
        verdicts, imported = [], 0
        for number in range(150):
            path = "%s/%d" % (folder, number)
            with open(path + ".json", "w", encoding="utf-8") as file:
                json.dump(self.host_document(chance), file)
            done = run(ORCTL, "import", "host-balancer", path + ".json")
            self.assertIn(done.returncode, (0, 3), done.stderr)
            if done.returncode == 0:
                imported += 1
                with open(path + ".toml", "w", encoding="utf-8") as file:
                    file.write(done.stdout)
                with open(path + ".gateway.json", "w", encoding="utf-8") as file:
                    file.write(rendered_file(path + ".toml", "gateway.json", "debian"))
            verdicts.append("%d %s" % (number, "yes" if done.returncode == 0 else "no"))
        self.assertTrue(70 < imported < 140, imported)
        done = run("luajit", "-e", compare, input="\n".join(verdicts), cwd=folder, env=programs.lua_environment())
        self.assertEqual(done.stderr, "")
        for verdict, line in zip(verdicts, done.stdout.splitlines(), strict=True):
            number, ours, equal = line.split("\t")
            self.assertEqual((ours, equal) if verdict.endswith("yes") else ours, ("taken", "true") if verdict.endswith("yes") else "refused",
                             read("%s/%s.json" % (folder, number)))


def add_tests(label, manifest, golden_of):
    checks = {"is_the_same_bytes_always": "same_bytes", "passes_nginx_t": "nginx_takes",
              "has_a_unit_that_systemd_takes": "systemd_takes", "has_a_document_that_the_gateway_takes": "gateway_takes"}
    for words, method in checks.items():
        setattr(RenderTest, "test_%s_%s" % (label, words), lambda self, method=method: getattr(self, method)(manifest))
    if golden_of:
        setattr(RenderTest, "test_%s_is_what_is_expected" % label, lambda self: self.golden(golden_of))


def examples():
    """The manifests. config.toml is none: tests/cli/config_broken.txtar has orctl read it."""
    for folder, _, files in sorted(os.walk(TOP + "/examples")):
        for name in sorted(files):
            if name.endswith((".toml", ".json")) and name != "config.toml":
                yield os.path.join(folder, name)


def add_example(path):
    label = re.sub(r"\W", "_", os.path.relpath(path, TOP))
    setattr(RenderTest, "test_%s_is_valid" % label, lambda self: self.assertIn("valid", orctl("validate", "-f", path)))
    if document_of(path).get("kind") == "Instance":
        add_tests(label, path, None)


def main(argv):
    global ORCTL
    if "--orctl" in argv:
        at = argv.index("--orctl")
        ORCTL = os.path.abspath(argv[at + 1])
        del argv[at:at + 2]
    for case in sorted(os.listdir(HERE)):
        if os.path.isdir(os.path.join(HERE, case)) and not case.startswith(("_", ".")):
            add_tests(case, manifest_of(os.path.join(HERE, case)), os.path.join(HERE, case))
    for path in examples():
        add_example(path)
    unittest.main(argv=argv)


if __name__ == "__main__":
    main(sys.argv)
