#!/usr/bin/python3
"""orctl's own schema checker and python3-jsonschema agree on a corpus of good and bad manifests.

    run.py [--orctl BIN] [--keep DIR]

The corpus is made here: every good document with one thing changed. `$` in a pattern is read as the end of the text, as
ECMA and POSIX have it; Python's also matches before a last newline, so it becomes \\Z. orctl's word is `orctl validate -o
json`, of which only the codes of the schema count: names, references and addresses are beyond a schema.
"""
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import warnings

import jsonschema

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCHEMA_CODES = {"unknown-field", "wrong-type", "bad-value", "not-a-choice", "too-long", "too-short", "too-few", "too-many",
                "missing-field", "out-of-range"}
KEYWORDS = {"$schema", "$id", "$ref", "title", "description", "type", "properties", "required", "additionalProperties",
            "propertyNames", "items", "enum", "pattern", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems",
            "default", "examples", "definitions", "x-impact", "x-key", "x-authority", "x-secret", "x-phase", "x-policies"}
ANY = [None, True, False, 0, 1, -1, 1.5, 2 ** 40, -2 ** 63, 1e300, "", "x", "8080", [], {}, [1], {"a": 1}, [[]], [{}]]
HOSTILE = ["a\nb", "a;b", "a}b", "a{b", "a\"b", "a'b", "a\\b", "$x", "${x}", "a b", "a\tb", "#", "%", "a\u0000b", "\u00e4", "\u202ea", "\ud83d\ude00",
           "/", "//", "..", "../a", "/a/../b", "-a", "A", "0", "a" * 64, "a" * 65, "a" * 300, "\u00e4" * 64, "*", "*.a", "1.2.3.4", "[::1]"]

GOOD = [
    {"kind": "Instance", "name": "prd_payment_001_8080"},
    {"kind": "Instance", "name": "prd_payment_001_8080", "labels": {"team": "payments", "tier-2": "Edge.1"}, "layout": "{env}_{module}_{seq}_{port}",
     "files": "payment/", "admin": {},
     "nginx": {"binary": "/usr/sbin/nginx", "user": "www-data", "worker_processes": 2, "worker_connections": 4096, "worker_shutdown_timeout": "10s",
               "keepalive": 256, "client_max_body_size": "1m"},
     "listener": [{"address": "0.0.0.0", "port": 8080, "protocol": "http"}, {"address": "[::1]", "port": 8081},
                  {"port": 8443, "protocol": "https", "http2": True},
                  {"port": 53, "protocol": "udp", "upstream": "payment", "proxy_timeout": "2s", "proxy_responses": 1, "proxy_requests": 1}],
     "certificate": [{"name": "shop", "hosts": ["www.test1.com", "*.test1.com"], "certificate": "certs/shop.pem", "key": "certs/shop.key"}],
     "upstream": [{"name": "payment", "balance": "round_robin", "retries": 2, "connect_timeout": "5s", "send_timeout": "500ms", "read_timeout": "1h",
                   "server": [{"address": "10.0.0.1:8080", "weight": 10, "backup": False, "max_conns": 100}, {"address": "[2001:db8::1]:8080"}],
                   "slow_start": "30s", "all_down": "fail", "retry_budget": 20,
                   "sticky": {"cookie": "route", "path": "/app", "domain": "test1.com", "secure": True, "http_only": True, "ttl": "1h"},
                   "health": {"type": "http", "path": "/ping", "interval": "3s", "timeout": "2s", "rise": 2, "fall": 3}},
                  {"name": "by-user", "balance": "hash", "hash": "header:X-User", "server": [{"address": "10.0.0.1:8080"}]},
                  {"name": "checked", "server": [{"address": "10.0.0.1:8080"}],
                   "health": {"type": "http", "interval": "3s", "timeout": "2s", "interval_when_down": "1s", "interval_when_stable": "1m",
                              "stable_after": 5, "jitter": 20, "method": "HEAD", "host": "a.test:80", "headers": {"X-A": "b c"},
                              "status": ["200-299", 404], "body": "^ok", "tls": True, "tls_server_name": "a.test", "tls_verify": False,
                              "min": 2, "flap": {"after": 2, "window": "1m", "hold": "10s", "max_hold": "5m"},
                              "check": [{"name": "a", "rise": 1}, {"name": "b", "type": "tcp", "send": "x", "expect": "y"},
                                        {"name": "c", "type": "error_ratio", "window": "5s", "max_errors": 10, "min_requests": 3},
                                        {"name": "d", "type": "latency", "max_latency": "1s"}]},
                   "outlier": {"consecutive_failures": 3, "error_ratio": 50, "min_requests": 5, "interval": "5s", "ejection_time": "10s",
                               "max_ejection_time": "1m", "max_ejected": 30, "panic_threshold": 40}}],
     "route": [{"host": "www.test1.com", "path": "/", "upstream": "payment"}, {"host": "*.test1.com", "upstream": "payment"},
               {"hosts": ["a.test", "*.b.test"], "path": "/x", "match": "exact", "methods": ["GET"], "headers": {"X-Canary": "1*"}, "upstream": "payment",
                "canary": {"upstream": "by-user", "percent": 5, "by": "header:X-A"},
                "rate_limit": {"requests": 10, "per": "1m", "burst": 5, "by": "client"}, "rewrite": "/y", "request_headers": {"set": {"X-A": "b"}, "add": {"X-B": "c"}, "remove": ["X-C"]},
                "response_headers": {"remove": ["X-D"]}, "read_timeout": "1s", "client_max_body_size": "1m", "obey_x_accel": ["limit-rate"], "upgrades": ["tcp", "X-Proto/1.0"]},
               {"path": "/r", "redirect": {"status": 301, "target": "https://{host}/x?y", "keep_path": False, "keep_query": True}},
               {"path": "/s", "strip_prefix": True, "upstream": "payment"}]},
    {"kind": "Instance", "name": "prd_payment_001_8080", "nginx": {"worker_processes": "auto"}, "upstream": [], "route": []},
    {"kind": "Instance", "name": "prd_payment_001_8080",
     "source": {"type": "redis", "host": "10.0.0.9", "port": 6379, "key": "balancer:config", "password_file": "/etc/orctl/redis.password", "tls": True, "tls_server_name": "redis.example", "tls_verify": False, "database": 3,
                "interval": "5s", "timeout": "500ms"}},
]
FLEETS = [
    {"kind": "Fleet"},
    {"kind": "Fleet", "envs": ["prd", "tst"], "modules": ["payment", "a-1"],
     "defaults": {"labels": {"team": "x"}, "layout": "{name}", "nginx": {"worker_processes": 4}}},
]


def load(name):
    with open("%s/schemas/%s.json" % (TOP, name), encoding="utf-8") as file:
        return json.load(file)


def whole_text(schema):
    if isinstance(schema, dict):
        return {k: re.sub(r"\$$", r"\\Z", v) if k == "pattern" and isinstance(v, str) else whole_text(v) for k, v in schema.items()}
    return [whole_text(v) for v in schema] if isinstance(schema, list) else schema


def schemas_in(schema):
    """The schema and all the schemas inside it."""
    yield schema
    for key in ("properties", "definitions"):
        for inner in schema.get(key, {}).values():
            yield from schemas_in(inner)
    for key in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(key), dict):
            yield from schemas_in(schema[key])


def at(schema, top, path):
    """The schema of the value at `path` of a document; None where it has none of its own."""
    for step in path:
        schema = {**top["definitions"][schema["$ref"].rsplit("/", 1)[1]], **schema} if "$ref" in schema else schema
        if isinstance(step, int):
            schema = schema.get("items")
        else:
            schema = schema.get("properties", {}).get(step, schema.get("additionalProperties") or None)
        if not isinstance(schema, dict):
            return None
    return {**top["definitions"][schema["$ref"].rsplit("/", 1)[1]], **schema} if "$ref" in schema else schema


def paths(value, path=()):
    yield path
    for step, inner in value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ():
        yield from paths(inner, path + (step,))


def changed(document, path, value):
    if not path:
        return value
    document = copy.deepcopy(document)
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    if value is DELETE:
        del inner[path[-1]]
    else:
        inner[path[-1]] = value
    return document


DELETE = object()


def both_sides(schema, value):
    """Values on both sides of every limit that the schema sets here."""
    for key, steps in (("minimum", (-1, 0, 1)), ("maximum", (-1, 0, 1))):
        if key in schema:
            for step in steps:
                yield schema[key] + step
            yield float(schema[key])
            yield schema[key] + 0.5
    if "maxLength" in schema:
        for size in (schema["maxLength"], schema["maxLength"] + 1):
            for fill in ("a", "9", "/", "\u00e4"):
                yield fill * size
            if isinstance(value, str) and value:
                yield (value + "a" * size)[:size]
                yield ("9" * size + value)[-size:]
    if "minLength" in schema:
        yield from ("a" * size for size in (schema["minLength"] - 1, schema["minLength"]) if size >= 0)
    if isinstance(value, list) and value:
        for limit in (schema.get("maxItems"), schema.get("minItems")):
            if limit is not None and limit <= 1000:
                yield from ([value[0]] * size for size in (limit - 1, limit, limit + 1) if size >= 0)
    yield from schema.get("enum", [])
    yield from schema.get("examples", [])
    if "default" in schema:
        yield schema["default"]


def mutations(document, top):
    yield document
    for path in paths(document):
        value = document
        for step in path:
            value = value[step]
        for other in ANY:
            if path not in ((), ("kind",)):
                yield changed(document, path, other)
        if path and path != ("kind",):
            yield changed(document, path, DELETE)
        if isinstance(value, dict):
            yield changed(document, path, {**value, "unknown": 1})
            yield changed(document, path, {**value, "": "x"})
            for key in HOSTILE:
                if path and path[-1] in ("labels", "headers", "set", "add"):
                    yield changed(document, path, {**value, key: "x"})
        if isinstance(value, str) and path != ("kind",):
            for other in HOSTILE:
                yield changed(document, path, other)
            for char in map(chr, (*range(1, 128), 0x85, 0xa0, 0x2028, 0xfeff)):
                yield changed(document, path, value[:1] + char + value[1:])
        schema = at(top, top, path)
        if schema is not None and path != ("kind",):
            for other in both_sides(schema, value):
                yield changed(document, path, other)


def corpus():
    """Names of files below the corpus's folder, with their documents."""
    instance, fleet = load("instance"), load("fleet")
    seen = set()
    for kind, documents, top in (("instance", GOOD, instance), ("fleet", FLEETS, fleet)):
        number = 0
        for good in documents:
            for document in mutations(good, top):
                text = json.dumps(document)
                if text in seen or not isinstance(document, dict):
                    continue
                seen.add(text)
                number += 1
                # a Fleet holds for its whole folder
                yield ("fleets/%04d/fleet.json" if kind == "fleet" else "instances/%04d.json") % number, document


def verdict_of_jsonschema(document, validators):
    errors = [e for e in validators[document["kind"]].iter_errors(document)]
    if document["kind"] == "Fleet" and not errors and "defaults" in document:
        probe = {"kind": "Instance", "name": "prd_probe_001_80", **document["defaults"]}
        errors = list(validators["Instance"].iter_errors(probe))  # that is what defaults are for
    # a name's parts are checked by orctl's own rules, which say more than the pattern
    return not [e for e in errors if list(e.absolute_path) != ["name"] or e.validator in ("type", "required")], errors


def is_duration(error):
    return error["code"] == "out-of-range" and "24h" in error.get("message", "")  # beyond a schema


def verdicts_of_orctl(orctl, folder, names):
    """For each file the faults that orctl's schema checker found; None where orctl broke down."""
    def ask(group):
        files = [word for name in group for word in ("-f", os.path.join(folder, name))]
        done = subprocess.run([orctl, "validate", *files, "-o", "json"], capture_output=True, text=True, timeout=600)
        if done.returncode in (0, 1):
            bad = {name: [] for name in group}
            for error in json.loads(done.stdout)["errors"]:
                if error["code"] in SCHEMA_CODES and not is_duration(error):
                    bad[os.path.relpath(error["file"], folder)].append(error)
            return bad
        if len(group) == 1:
            return {group[0]: None}
        return {**ask(group[:len(group) // 2]), **ask(group[len(group) // 2:])}

    return ask(names)


def check_schemas(report):
    for name in ("instance", "fleet"):
        schema = load(name)
        try:
            jsonschema.Draft7Validator.check_schema(schema)
            report(True, "")
        except jsonschema.SchemaError as error:
            report(False, "schemas/%s.json is no draft-07 schema: %s" % (name, error.message))
        unknown = {key for inner in schemas_in(schema) for key in inner} - KEYWORDS
        report(not unknown, "schemas/%s.json uses keywords that orctl does not know: %s" % (name, sorted(unknown)))
        for inner in schemas_in(schema):
            full = {**schema.get("definitions", {}).get(inner.get("$ref", "").rsplit("/", 1)[-1], {}), **inner}
            validator = jsonschema.Draft7Validator(whole_text({**full, "definitions": schema.get("definitions", {})}))
            for value in full.get("examples", []) + ([full["default"]] if "default" in full else []):
                report(validator.is_valid(value), "schemas/%s.json: its own example or default %r is not valid" % (name, value))


def main(argv):
    warnings.simplefilter("ignore", FutureWarning)  # of `[[]` in a pattern
    orctl = argv[argv.index("--orctl") + 1] if "--orctl" in argv else os.environ.get("ORCTL", TOP + "/build/dev/orctl")
    folder = argv[argv.index("--keep") + 1] if "--keep" in argv else tempfile.mkdtemp(prefix="orctl-schema.")
    counts = [0, 0, 0]

    def report(fine, text):
        counts[not fine] += 1
        if not fine and counts[1] <= 60:
            print("not ok:", text)

    check_schemas(report)
    documents = dict(corpus())
    for name, document in documents.items():
        os.makedirs(os.path.dirname(os.path.join(folder, name)), exist_ok=True)
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(document, file)
    validators = {kind: jsonschema.Draft7Validator(whole_text(load(kind.lower()))) for kind in ("Instance", "Fleet")}
    ours = verdicts_of_orctl(orctl, folder, list(documents))
    good = 0
    for name, document in documents.items():
        valid, errors = verdict_of_jsonschema(document, validators)
        good += valid
        text = json.dumps(document)
        shown = text if len(text) < 900 else text[:900] + "..."
        if ours[name] is None:
            report(False, "orctl breaks down on %s" % shown)
        else:
            report(valid == (not ours[name]), "jsonschema says %s, orctl says %s about %s" % (
                [e.message[:120] for e in errors] or "valid", [(e["code"], e.get("field")) for e in ours[name]] or "valid", shown))
    print("corpus: %d documents, %d good and %d bad" % (len(documents), good, len(documents) - good))
    print("%d passed, %d failed, %d skipped" % tuple(counts))
    if "--keep" not in argv:
        shutil.rmtree(folder)
    return 1 if counts[1] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
