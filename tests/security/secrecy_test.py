#!/usr/bin/python3
"""Security bar S9: tokens are compared in a time that tells nothing, and no token, key or password that a test planted is in any output,
log, error, argument of a process, in the store, the audit log or a trace of any command."""
import glob
import os
import re
import shutil
import subprocess
import sys
import threading
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fault"))
import lab as faults
from pair import HTTPS, make_pair

TOKEN = "5ecre7" + os.urandom(24).hex()
PASSWORD = "hun7er" + os.urandom(8).hex()
# the value of a field that its schema marks as secret: the manifest and its versions hold it, and no output shows it
FIELD = "pr0be" + os.urandom(8).hex()
PROBED = """[[upstream]]
name = "probed"
server = [{ address = "127.0.0.1:1" }]
health = { type = "http", interval = "1h", headers = { X-Probe = "%s" } }
[[route]]
path = "/probed/"
upstream = "probed"
request_headers.set = { X-Key = "%s" }
"""
# never started here: they wait for ever, print what everybody may see, or are systemd's
NOT_RUN = {"completion"}


def commands():
    """The words of every command, from the files that make them."""
    folder = os.path.join(faults.CHECKOUT, "cmd")
    words = {os.path.basename(path)[:-3] for path in glob.glob(folder + "/*.cc")} - {"main"}
    groups = ("add", "remove", "name", "import", "overrides", "config", "store", "tag", "audit")
    return {w.replace("_", " ", 1).replace("_", "-") if w.split("_")[0] in groups else w for w in words}


class Arguments:
    """Every command line of a process that names the root, as `ps` would show it, while commands run."""

    def __init__(self, root):
        self.root, self.seen, self.stop = root, set(), threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)

    def watch(self):
        while not self.stop.is_set():
            for path in glob.glob("/proc/[0-9]*/cmdline"):
                try:
                    with open(path, "rb") as f:
                        line = f.read()
                    if self.root.encode() in line:
                        self.seen.add(line)
                except OSError:
                    pass

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        self.thread.join(10)


class Secrecy(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab()
        self.admin = faults.free_port()
        lab = self.lab
        etc = os.path.join(lab.root, "etc/orctl/secrets", lab.name)
        os.makedirs(etc)
        with open(os.path.join(lab.root, "etc/orctl/config.toml"), "w") as f:
            f.write('policy.allow_sources = ["loopback"]\n')
        for name, text in (("admin.token", TOKEN), ("redis.password", PASSWORD)):
            with open(os.path.join(etc, name), "w") as f:
                f.write(text + "\n")
            os.chmod(os.path.join(etc, name), 0o600)
        self.said, self.codes = {}, []

    def tearDown(self):
        self.lab.close()

    def manifest(self, label, pem, key, weight=1):
        source = ('[source]\ntype = "redis"\nhost = "127.0.0.1"\nport = %d\nkey = "k"\npassword_file = "/etc/orctl/secrets/%s/redis.password"\n' % (faults.free_port(), self.lab.name))
        extra = HTTPS % self.https + '[admin]\nlisten = "127.0.0.1:%d"\ntoken_file = "/etc/orctl/secrets/%s/admin.token"\n%s' % (self.admin, self.lab.name, source)
        extra += PROBED % (FIELD + label, FIELD + label)
        self.other = {"certs/mixed.pem": pem + key, "certs/armour.pem": key.replace("PRIVATE KEY", "CERTIFICATE"), "certs/plain.b64": "".join(key.splitlines()[1:-1]) + "\n",
                      "certs/jwk.json": '{"kty":"oct","k":"%s"}\n' % PASSWORD, "certs/noted.crt": "# the password is %s\n%s" % (PASSWORD, pem),
                      "certs/id.ppk": "PuTTY-User-Key-File-3: ssh-ed25519\nPrivate-Lines: 1\n%s\n" % PASSWORD, "certs/netrc": "machine a login b password %s\n" % PASSWORD}
        return self.lab.manifest(label, "A", overlay={"certs/site.pem": pem, "certs/site.key": key, "certs/htpasswd": "admin:" + PASSWORD + "\n", **self.other},
                                 extra=extra, weight=weight)

    def run_it(self, *args):
        result = self.lab.orctl(*args)
        self.codes.append((result.code, args))
        self.said.setdefault(" ".join(args), "")
        self.said[" ".join(args)] += result.out + result.err
        return result

    def test_no_secret_leaves_its_file(self):
        self.https = faults.free_port()
        n, server = self.lab.name, "%s/up/127.0.0.1:%d" % (self.lab.name, faults.backend("A").port)
        one_pair, two_pair = make_pair(self.lab.home, "one"), make_pair(self.lab.home, "two")
        one, two = self.manifest("one", *one_pair), self.manifest("two", *two_pair, weight=2)
        bad = self.manifest("bad", one_pair[0], two_pair[1])
        document = os.path.join(faults.CHECKOUT, "tests/gateway/host-balancer.json")
        calls = [["validate", "-f", one], ["diff", "-f", one, "--files"], ["apply", "-f", one, "--dry-run", "-o", "json"], ["apply", "-f", one, "-v"],
                 ["render", "-f", one, "-d", os.path.join(self.lab.root, "rendered")], ["status"], ["status", n, "-o", "json"], ["describe", n], ["describe", n, "-o", "json"], ["doctor"],
                 *(["get", what, "-o", form] for what in ("instances", "upstreams", "servers", "health", "overrides", "versions", "certs") for form in ("json", "table")),
                 ["top", n, "--interval", "0s"], ["wait", n, "--for", "healthy", "--timeout", "2s"], ["drain", server, "--reason", "r", "-v"], ["ready", server],
                 ["maint", server, "--reason", "r"], ["ready", server], ["weight", server, "50%", "--reason", "r"], ["overrides", "list"],
                 ["overrides", "promote", n, "--dry-run"], ["overrides", "discard", n], ["add", "server", n + "/up/127.0.0.1:1", "--reason", "r"],
                 ["remove", "server", n + "/up/127.0.0.1:1", "--reason", "r"], ["overrides", "discard", n],
                 ["diff", "-f", two, "--files"], ["diff", "-f", two, "-o", "json"], ["plan", "-f", two], ["plan", "-f", two, "-o", "json"], ["plan", "-f", two, "-o", "markdown", "--out", os.path.join(self.lab.root, "plan.json")], ["apply", "-f", two, "-v", "--confirm-within", "5m"], ["get", "instances"], ["confirm", n, "-v"], ["apply", "-f", bad, "-v"], ["diff", n, "1", "2"],
                 ["diff", n], ["drift", n, "--files"], ["drift", n, "-o", "json"], ["history", n], ["history", n, "-o", "json"], ["rollback", n, "-v"], ["reload", n, "-v"], ["restart", n, "-v"], ["stop", n, "-v"], ["start", n, "-v"],
                 ["upgrade", n], ["logs", n], ["logs", n, "--access"], ["config", "view", "--show-origin"], ["enable", n], ["disable", n], ["explain", "instance.source"], ["name", "check", n], ["name", "next", "tst", "fault", "--port", "8080"],
                 ["tag", n, "1", "first"], ["tag", "list", n], ["get", "versions", n], ["tag", "delete", n, "first"], ["history"], ["audit", "show"],
                 ["audit", "show", "-o", "json"], ["audit", "show", "--as-commands"], ["audit", "verify"],
                 ["import", "host-balancer", document], ["version"], ["store", "verify"], ["store", "verify", n, "-o", "json"], ["store", "repair", n]]
        with Arguments(self.lab.root) as arguments:
            for args in calls:
                self.run_it(*args)
            self.ask_with_tokens()
            self.mend_store(n)
            self.look_everywhere([one_pair[1], two_pair[1]], arguments)
            self.run_it("delete", n, "--yes", "-v")
        self.assertEqual(2, len(re.findall(r"^Orctl-Revision: [12]$", self.store_text(), re.M)), "revisions were made")
        self.look_everywhere([one_pair[1], two_pair[1]], arguments)
        self.assertEqual([], [args for code, args in self.codes if code == 2 and args[0] not in ("enable", "disable")], "all are understood")
        verbs = commands()
        done = {verb for verb in verbs if any(line == verb or line.startswith(verb + " ") for line in self.said)}
        self.assertEqual(set(), verbs - done - NOT_RUN, "every command is run here")
        print("%d command lines of %d commands, %d files and %d arguments of processes searched" % (len(calls) + 1, len(done), self.files, len(arguments.seen)))

    def ask_with_tokens(self):
        """The right token, and one that is nearly right, which must not be logged either."""
        for token, wanted in ((TOKEN, "200"), (TOKEN[:-1] + "x", "401")):
            config = os.path.join(self.lab.home, "curl")
            with open(config, "w") as f:
                f.write('header = "Authorization: Bearer %s"\n' % token)
            out = faults.run(["curl", "-sS", "-K", config, "-w", "%{http_code}", "http://127.0.0.1:%d/v1/status" % self.admin])
            self.assertTrue(out.out.endswith(wanted), out)
            self.said["curl " + wanted] = out.out

    def mend_store(self, name):
        """What is told of a damaged history, and what mending makes of the live tree."""
        ref = os.path.join(self.lab.store, "refs/heads", name)
        with open(ref) as f:
            tip = f.read()
        with open(ref, "w") as f:
            f.write("0" * 39 + "1\n")
        for args in (["store", "verify"], ["store", "verify", name, "-o", "json"], ["status", name], ["doctor"], ["history", name], ["store", "repair", name, "--yes", "-v"]):
            self.run_it(*args)
        self.assertEqual(0, self.codes[-1][0], self.said)
        with open(ref) as f:
            self.assertNotEqual("0" * 39 + "1\n", f.read(), "was " + tip)

    def store_text(self):
        """Every object that the store ever held."""
        git = ["git", "-c", "safe.directory=*", "--git-dir", self.lab.store]
        names = subprocess.run(git + ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"], check=True, capture_output=True).stdout
        return subprocess.run(git + ["cat-file", "--batch"], input=names, check=True, capture_output=True).stdout.decode(errors="replace")

    def look_everywhere(self, keys, arguments):
        secrets = {"the token": TOKEN, "the token's begin": TOKEN[:20], "the password": PASSWORD}
        for i, key in enumerate(keys):
            for line in key.splitlines()[1:-1]:
                secrets["key %d" % i + line[:4]] = line
        places = {"output of " + what: text for what, text in self.said.items()}
        for place, text in places.items():
            self.assertNotIn(FIELD, text, "a secret field is in %s" % place)
        places["the store"] = self.store_text()
        places["arguments"] = b"\n".join(arguments.seen).decode(errors="replace")
        for folder, _, names in os.walk(self.lab.root):
            for name in names:
                path = os.path.join(folder, name)
                # the files that hold them: the operator's, and the tree's, which nobody else may read
                if os.path.islink(path) or not os.path.isfile(path) or path.startswith(os.path.join(self.lab.root, "etc/orctl/")):
                    continue
                if path.endswith(("certs/site.key", "certs/htpasswd", *self.other)):
                    self.assertEqual(0, os.stat(path).st_mode & 0o007, path)
                    continue
                with open(path, "rb") as f:
                    places[path] = f.read().decode(errors="replace")
        self.files = sum(1 for place in places if place.startswith("/"))
        for place, text in places.items():
            for what, secret in secrets.items():
                self.assertNotIn(secret, text, "%s is in %s" % (what, place))

    def test_a_comparison_takes_as_long_for_every_wrong_token(self):
        done = faults.run([shutil.which("luajit") or "luajit", os.path.join(HERE, "token_time.lua")])
        print(done.out.strip())
        self.assertEqual(0, done.code, done)


if __name__ == "__main__":
    unittest.main()
