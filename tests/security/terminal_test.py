#!/usr/bin/python3
"""Security bar S12: whatever others have written, in a gateway's answers, in the store, in nginx's errors or in a reason, no byte of it
acts on a terminal: none below 0x20 but newline and tab, no DEL, no C1, no invalid UTF-8, no control of direction; on a pipe and on a tty."""
import fcntl
import json
import os
import pty
import select
import socket
import subprocess
import sys
import threading
import time
import tty
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))
import lab as faults
from pair import HTTPS, make_pair

BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c\u2028\u2029"
SEQUENCES = "\x1b[31m\x1b[2J\x1b]0;title\x07\x1bPq#0\x1b\\\x9b31m\x9d0;title\x9c\x90q\x9c"
EVIL = SEQUENCES + BIDI + "".join(chr(n) for n in range(1, 256))
# what orctl itself writes: a line of progress takes the place of the last one
OURS = b"\r\x1b[K"


def harmful(output):
    """What of an output a terminal would act on."""
    text = output.replace(OURS, b"").decode("utf-8", "backslashreplace")
    found = {c for c in text if (ord(c) < 0x20 and c not in "\n\t") or 0x7f <= ord(c) <= 0x9f or c in BIDI}
    try:
        output.decode("utf-8", "strict")
    except UnicodeDecodeError as e:
        found.add(str(e))
    return found


def on_tty(argv):
    """Output of a command whose three streams are a terminal, as it comes from the command."""
    master, slave = pty.openpty()
    tty.setraw(slave)
    child = subprocess.Popen(argv, stdin=slave, stdout=slave, stderr=slave, start_new_session=True, env={**os.environ, "NO_COLOR": "1"})
    os.close(slave)
    out, end = b"", time.monotonic() + faults.COMMAND_LIMIT
    while time.monotonic() < end:
        if not select.select([master], [], [], 1)[0]:
            continue
        try:
            part = os.read(master, 65536)
        except OSError:  # the last one to hold the terminal has gone
            break
        if not part:
            break
        out += part
    child.kill()
    child.wait()
    os.close(master)
    return out


class HostileGateway:
    """Takes the place of an instance's admin socket, and answers every path with what it is told."""

    def __init__(self, path):
        self.path, self.answers, self.status = path, {}, 200
        self.asked = set()
        os.rename(path, path + ".real")
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(path)
        self.server.listen(64)
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.server.accept()
            except OSError:
                return
            try:
                self.answer(client)
            except OSError:
                pass
            client.close()

    def answer(self, client):
        client.settimeout(5)
        head = faults.wire.receive_head(client)
        if b"\r\n\r\n" not in head:
            return
        path = head.split(b" ", 2)[1].decode()
        self.asked.add(path)
        body = self.answers.get(path, self.answers.get("*", b"{}"))
        client.sendall(b"HTTP/1.1 %d \x1b[31m\x9b\r\nETag: \x1b[31m\r\nContent-Length: %d\r\nConnection: close\r\n\r\n" % (self.status, len(body)) + body)

    def close(self):
        self.server.close()
        os.rename(self.path + ".real", self.path)


def answers(text, name):
    """What a gateway that gives its name as `name` may answer, with `text` wherever else a text can stand."""
    server = {"address": "127.0.0.1:1", "weight": text, "effective_weight": 5, "state": text, "health": text, "in_flight": text, "requests": text,
              "failures": 1e300, "backup": text, text: text, "override": {"state": text, "by": text, "reason": text, "weight": text, "expires_in": 9}}
    return {
        "/v1/status": {"name": name, "digest": text, "tree": text, "generation": 1e300, "worker_count": 1, "override_version": -1,
                       "workers": [{"pid": 1, "generation": 2, "digest": text, "tree": text, "certs": text, "error": text}],
                       "source": {"error": text}, text: text},
        "/v1/upstreams": {"items": [{"name": text, "balance": text, "servers": [server]}, {"name": "up", "balance": text, "servers": [server]}]},
        "/v1/overrides": {"items": [{"upstream": text, "server": text, "state": text, "by": text, "reason": text, "since": text}]},
        "/v1/health": {"items": [{"upstream": "up", "server": text, "state": text, "since": text, "reason": text,
                                  "checks": [{"name": text, "ok": False}], "history": [{"error": text}]}]},
        "/v1/certs": {"items": [{"name": text, "hosts": [text], "not_after": text, "days": 1, "sha256": text}]},
        "/v1/config": {text: text},
        "*": {"title": text, "detail": text, "code": "min_healthy", "errors": [{"pointer": text, "detail": text}]},
    }


class Terminal(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.lab = faults.Lab()
        cls.name = cls.lab.name
        pem, key = make_pair(cls.lab.home, "one")
        cls.lab.must("apply", "-f", cls.lab.manifest("one", "A", overlay={"certs/site.pem": pem, "certs/site.key": key}, extra=HTTPS % faults.free_port()))
        cls.looked = 0

    @classmethod
    def tearDownClass(cls):
        print("%d outputs looked at, on pipes and terminals" % cls.looked)
        cls.lab.close()

    def look(self, *args):
        """Runs a command on pipes and on a terminal; both outputs must be harmless."""
        argv = self.lab.argv(*args)
        piped = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, timeout=faults.COMMAND_LIMIT)
        said = piped.stdout + piped.stderr
        for what, output in (("a pipe", said), ("a terminal", on_tty(argv))):
            self.assertEqual(set(), harmful(output), "on %s: %s\n%r" % (what, " ".join(args), output[:1500]))
            Terminal.looked += 1
        self.assertNotIn(b"internal error", said, " ".join(args))
        return said

    def look_at_all(self):
        n = self.name
        for args in (["status"], ["status", n], ["describe", n], ["top", n, "--interval", "0s"], ["overrides", "list"], ["history", n],
                     *(["get", what] for what in ("instances", "upstreams", "servers", "health", "overrides", "versions", "certs"))):
            self.look(*args)
            if args[0] in ("get", "status", "describe"):
                self.look(*args, "-o", "json")
        for args in (["get", "servers", "-o", "wide"], ["get", "servers", "-o", "name"], ["wait", n, "--for", "healthy", "--timeout", "100ms"],
                     ["drain", n + "/up/127.0.0.1:1", "--reason", "x"], ["weight", n + "/up/127.0.0.1:1", "50%", "--reason", "x"],
                     ["ready", n + "/up/127.0.0.1:1"], ["overrides", "discard", n], ["overrides", "promote", n]):
            self.look(*args)

    def test_a_hostile_gateway_cannot_reach_the_terminal(self):
        gateway = HostileGateway(os.path.join(self.lab.run_folder, "admin.sock"))
        try:
            # one that does not say the instance's name is asked nothing more where its answer would count
            for status, name in ((200, EVIL), (200, self.name), (409, self.name), (500, self.name)):
                gateway.status = status
                gateway.answers = {path: json.dumps(a).encode() for path, a in answers(EVIL + "\0", name).items()}
                gateway.answers["/metrics"] = ('openresty_upstream_requests_total{upstream="%s",peer="b",code="200"} 1\n' % EVIL.replace("\n", "").replace('"', "")).encode()
                self.look_at_all()
            gateway.status = 200
            for junk in (EVIL.encode(), bytes(range(256)) * 8, b"[" * 100, b'"\\ud800"', b'{"items": [7, null, {}]}', b'{"items": {}}', b"\xff\xfe{}"):
                gateway.answers = {"*": junk, "/metrics": junk}
                for args in (["status"], ["get", "upstreams"], ["get", "servers"], ["get", "health"], ["get", "certs"], ["describe", self.name],
                             ["top", self.name, "--interval", "0s"], ["drain", self.name + "/up/127.0.0.1:1", "--reason", "x"]):
                    self.look(*args)
            self.assertTrue({"/v1/status", "/v1/upstreams", "/v1/overrides", "/v1/health", "/v1/certs", "/metrics"} <= gateway.asked, gateway.asked)
        finally:
            gateway.close()

    def test_a_hostile_gateway_cannot_speak_for_another_instance(self):
        gateway = HostileGateway(os.path.join(self.lab.run_folder, "admin.sock"))
        try:
            gateway.answers = answers("x", self.name)
            for path in ("/v1/upstreams", "/v1/overrides", "/v1/health", "/v1/certs"):
                for item in gateway.answers[path]["items"]:
                    item["instance"] = "tst_other_001_1"
                    for server in item.get("servers", ()):
                        server.update(instance="tst_other_001_1", upstream="other")
            gateway.answers["/v1/overrides"]["items"][0]["address"] = gateway.answers["/v1/health"]["items"][0]["address"] = "127.0.0.9:9"
            gateway.answers["/v1/upstreams"]["items"][0]["server"] = "nothing"
            gateway.answers = {path: json.dumps(answer).encode() for path, answer in gateway.answers.items()}
            for what in ("upstreams", "servers", "health", "overrides", "certs"):
                items = self.lab.must("get", what, self.name, "-o", "json").json()["items"]
                self.assertTrue(items, what)
                for item in items:
                    self.assertEqual(self.name, item["instance"], what)
                    self.assertIn(item.get("upstream", "up"), ("x", "up"), what)
                    self.assertIn(item.get("address", "x"), ("x", "127.0.0.1:1"), what)
                    self.assertIsInstance(item.get("server", []), list, what)
                self.assertNotIn("tst_other_001_1", self.lab.must("get", what, self.name).out, what)
        finally:
            gateway.close()

    def test_a_reason_of_another_operator(self):
        server = "%s/up/127.0.0.1:%d" % (self.name, faults.backend("A").port)
        evil = EVIL.replace("\0", "")
        self.look("weight", server, "50%", "--reason", evil)
        for args in (["overrides", "list"], ["get", "servers"], ["get", "overrides", "-o", "json"], ["describe", self.name]):
            self.look(*args)
        self.look("overrides", "discard", self.name)
        self.look("apply", "-f", self.lab.manifest("reason", "A", connections=2048), "--reason", evil)
        for args in (["history", self.name], ["get", "versions"], ["describe", self.name], ["rollback", self.name, "--reason", evil], ["history"],
                     ["tag", self.name, "1", evil], ["tag", self.name, "1", "fine", "--reason", evil, "--ticket", evil], ["tag", "list"], ["get", "versions", self.name],
                     ["diff", self.name, evil], ["history", "--grep", evil], ["history", "--since", evil], ["stop", evil], ["audit", "show"],
                     ["audit", "show", "--as-commands"], ["audit", "show", "-o", "json"], ["audit", "verify"]):
            self.look(*args)
        with open(os.path.join(self.lab.root, "var/lib/orctl/audit.jsonl"), "ab") as log:
            log.write(EVIL.encode() + b"\n" + json.dumps({"time": EVIL, "user": EVIL, "command": EVIL, "call": EVIL, "arguments": [EVIL], "folder": EVIL}).encode() + b"\n")
        for args in (["audit", "show"], ["audit", "show", "--as-commands"], ["audit", "verify"]):
            self.look(*args)

    def test_what_others_wrote_into_the_store(self):
        name = "\x1b[31mevil" + BIDI
        git = ["git", "-c", "safe.directory=*", "-c", "user.name=" + name, "-c", "user.email=\x1b[2J", "--git-dir", self.lab.store]
        subprocess.run(git + ["notes", "--ref", "orctl", "add", "-f", "-m", "outcome: \x1b[31mapplied\x9b\ncause: " + EVIL.replace("\n", "") + "\nduration: \x07",
                              self.name], check=True, capture_output=True)
        tree = subprocess.run(git + ["rev-parse", self.name + "^{tree}"], check=True, capture_output=True).stdout.decode().strip()
        commit = subprocess.run(git + ["commit-tree", tree, "-p", self.name, "-m", EVIL + "\n\nOrctl-Revision: 9\nOrctl-Reason: " + EVIL.replace("\n", "")],
                                check=True, capture_output=True).stdout.decode().strip()
        subprocess.run(git + ["update-ref", "refs/heads/" + self.name, commit], check=True)
        for args in (["history", self.name], ["history", self.name, "-o", "wide"], ["history", self.name, "-o", "json"], ["get", "versions"],
                     ["diff", self.name], ["diff", self.name, "1", "9"], ["status"], ["rollback", self.name, "--to", "77"]):
            self.look(*args)

    def test_logs_and_whoever_holds_a_lock(self):
        for log, argument in (("error.log", []), ("access.log", ["--access"])):
            with open(os.path.join(self.lab.log_folder, log), "ab") as f:
                f.write(b"2026/11/21 00:00:00 [error] 1#1: " + EVIL.encode() + b"\n" + bytes(range(256)) + b"\n")
            self.look("logs", self.name, *argument)
            self.look("logs", self.name, *argument, "--tail", "all", "--since", "1h")
        lock = os.path.join(self.lab.root, "var/lib/orctl/lock", self.name)
        with open(lock, "wb") as f:
            fcntl.flock(f, fcntl.LOCK_EX)
            for said in (json.dumps({"pid": 1, "user": EVIL, "command": EVIL, "since": EVIL}).encode(), json.dumps({"pid": EVIL, "since": 1e300}).encode(), EVIL.encode()):
                f.seek(0)
                f.truncate()
                f.write(said)
                f.flush()
                self.look("reload", self.name, "--lock-timeout", "100ms")
                self.look("apply", "-f", self.lab.manifest("locked", "A"), "--lock-timeout", "100ms", "-o", "json")

    def test_an_error_of_nginx_and_of_lua(self):
        for label, path, text in (("conf", "http.d/a.conf", "\x1b[31mred\x9b\u202e 1;\n"), ("value", "http.d/a.conf", 'map $host $a { "\x1b[31m\u202e" b c; }\n'),
                                  ("lua", "lua/x.lua", "return \x1b[31m\x9b\u202e = (\n")):
            manifest = self.lab.manifest("bad_" + label, "A", overlay={path: text})
            self.look("validate", "-f", manifest)
            said = self.look("apply", "-f", manifest)
            self.assertIn(b"error", said)
            self.look("diff", "-f", manifest, "--files")


if __name__ == "__main__":
    unittest.main()
