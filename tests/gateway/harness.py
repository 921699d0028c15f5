"""A real nginx with the gateway, real backends, and small helpers for the tests of this folder. What nginx runs is what `orctl render`
writes (`ORCTL` names the binary), with the Lua of this checkout; a test that needs another line edits that text by a function of its own."""
import atexit
import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from lib import programs  # noqa: E402
from lib.backends import Backend, NginxBackends, Server  # noqa: E402,F401
from lib.ports import accepts, closed_port, free_port  # noqa: E402,F401
from lib.processes import alive, children, memory, owner_of  # noqa: E402,F401
from lib.programs import CHECKOUT as ROOT, NGINX  # noqa: E402
from lib.waiting import wait_for  # noqa: E402
from lib.wire import Answer, UnixConnection, ask, receive_all, receive_head  # noqa: E402,F401

NAME = "tst_gateway_001_8080"  # of every instance: what it saves belongs to this name
MANIFEST = """kind = "Instance"
name = "%(name)s"
files = "files/"
[nginx]
worker_processes = %(workers)d
client_max_body_size = "%(limit)s"
[[listener]]
address = "127.0.0.1"
port = %(port)d
[[upstream]]
name = "up"
server = [{ address = "127.0.0.1:1" }]
[[route]]
path = "/"
upstream = "up"
"""


def digest_of(number):
    return "%064x" % number


def replaced(text, old, new, count=1):
    """An edit of a rendered file: `old` must be there, or orctl writes something else than the test thinks."""
    if old not in text:
        raise AssertionError("not in what orctl renders: " + old)
    return text.replace(old, new, count)


def before_location(text, lines):
    """Further directives of the listeners' server, in front of the location of all requests."""
    return replaced(text, "    location / {\n", lines + "    location / {\n")


def document(servers=(), routes=None, **fields):
    """A document with one upstream "up" and a route to it. Servers are addresses or dicts."""
    servers = [s if isinstance(s, dict) else {"address": s} for s in servers]
    return {"format": 1, "upstreams": [dict(name="up", servers=servers, **fields)],
            "routes": [{"path": "/", "upstream": "up"}] if routes is None else routes}


def encode(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class Instance:
    """An nginx with the gateway in a folder of its own. `policy` as in settings.json gives it the phases for routes that edit requests;
    `edits` are functions that change the text of nginx.conf, for what no manifest can say."""

    def __init__(self, doc, workers=2, dict_size="32m", overlay=None, settings=None, policy=None,
                 certs=None, edits=(), nginx=""):
        self.dir = tempfile.mkdtemp(prefix="orctl-test-")
        os.chmod(self.dir, 0o755)
        self.tree = os.path.join(self.dir, "tree")
        self.run = os.path.join(self.dir, "run/openresty", NAME)
        self.state = os.path.join(self.dir, "var/lib/openresty", NAME)
        self.log = os.path.join(self.dir, "var/log/openresty", NAME)
        for d in (self.tree, self.run, self.log, self.state):
            os.makedirs(d)
        if os.geteuid() == 0:
            os.chmod(self.state, 0o777)  # the workers run as nobody
        self.port = free_port()
        self.tls_port = free_port() if certs else None
        self.workers_wanted = workers
        self.dict_size = dict_size
        self.settings = settings or {}
        self.policy = policy
        self.edits = list(edits)
        self.nginx = nginx  # further lines of [nginx] in the manifest
        self.master = None
        self.tree_number = 0
        self.tree_certs = []
        shutil.copytree(os.path.join(ROOT, "lua", "orctl"), os.path.join(self.tree, "lua", "orctl"))
        for name, text in (overlay or {}).items():
            self.write(os.path.join(self.tree, "lua", name), text)
        self.write_tree(doc, certs)
        atexit.register(self.close)

    @staticmethod
    def write(path, data):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(encode(data) if not isinstance(data, str) else data.encode())

    def write_certs(self, certs):
        """The certificates of the tree: a list of {name, hosts, certificate, key}, PEM in it."""
        entries = []
        for one in certs:
            entry = {"name": one["name"]}
            for member, end in (("certificate", ".pem"), ("key", ".key")):
                entry[member] = "certs/" + one["name"] + end
                for folder in (self.tree, os.path.join(self.dir, "files")):
                    self.write(os.path.join(folder, entry[member]), one[member])
            entries.append(dict(entry, hosts=one["hosts"]) if one.get("hosts") else entry)
        self.write(os.path.join(self.tree, "certs.json"), {"certificates": entries})
        self.tree_certs = entries

    def manifest(self):
        policy = self.policy or {"limit": "1m"}
        text = MANIFEST % {"name": NAME, "workers": self.workers_wanted, "port": self.port, "limit": policy["limit"]}
        text = text.replace("[[listener]]", self.nginx + "\n[[listener]]")
        if self.policy:
            text += 'client_max_body_size = "%d"\n' % policy["cap"]
        if self.tls_port:
            text += '[[listener]]\naddress = "127.0.0.1"\nport = %d\nprotocol = "https"\n' % self.tls_port
        return text + "".join("[[certificate]]\n" + "".join("%s = %s\n" % (key, json.dumps(value)) for key, value in one.items())
                              for one in self.tree_certs)

    def rendered(self, file):
        """What orctl writes for this instance; paths are below its folder."""
        path = os.path.join(self.dir, "manifest.toml")
        self.write(path, self.manifest())
        os.makedirs(os.path.join(self.dir, "files"), exist_ok=True)
        done = subprocess.run([programs.orctl(), "--root", self.dir, "render", "-f", path, "--file", file, "--flavor",
                               "openresty" if programs.has_lua_built_in() else "debian"], capture_output=True, text=True)
        if done.returncode != 0:
            raise AssertionError("orctl render exits %d: %s" % (done.returncode, done.stderr))
        return done.stdout

    def with_digest(self, text):
        """The digest of the tree is a number, which a test can tell beforehand."""
        digest = re.search(r'init\("%s", "([0-9a-f]{64})"\)' % NAME, text).group(1)
        text = replaced(text, digest, digest_of(self.tree_number))
        return replaced(text, "/.well-known/orctl/" + digest[:32], "/.well-known/orctl/" + digest_of(self.tree_number)[:32])

    def edit(self, text):
        """nginx.conf as it is written to the tree, of what orctl renders."""
        text = self.with_digest(text)
        text = replaced(text, "lua_shared_dict orctl 32m;", "lua_shared_dict orctl %s;" % self.dict_size)
        for edit in self.edits:
            text = edit(text)
        return text

    def write_tree(self, doc=None, certs=None):
        """A new tree: a new digest, and a new gateway document and certificates if there are."""
        self.tree_number += 1
        if certs is not None:
            self.write_certs(certs)
        if doc is not None:
            self.write(os.path.join(self.tree, "gateway.json"), doc)
        self.write(os.path.join(self.tree, "settings.json"),
                   dict(json.loads(self.rendered("settings.json")), state=self.state, **self.settings))
        self.write(os.path.join(self.tree, "nginx.conf"), self.edit(self.rendered("nginx.conf")))

    def command(self):
        return [NGINX, "-p", self.tree, "-c", "nginx.conf", "-e", "stderr"]

    def spawn(self):
        with open(os.path.join(self.log, "stderr"), "ab") as stderr:
            self.master = subprocess.Popen(self.command() + ["-g", "daemon off;"],
                                           stderr=stderr, stdin=subprocess.DEVNULL)

    def start(self):
        self.spawn()
        wait_for(lambda: self.master.poll() is not None or self.up(), what="nginx is up")
        if self.master.poll() is not None:
            raise AssertionError("nginx did not start:\n" + self.errors())
        return self

    def up(self):
        try:
            return self.all_follow()
        except OSError:
            return False

    def errors(self):
        text = b""
        for name in ("stderr", "error.log"):
            path = os.path.join(self.log, name)
            if os.path.exists(path):
                with open(path, "rb") as f:
                    text += f.read()
        return text.decode(errors="replace")

    def truncate_errors(self):
        """Forgets what was logged until now."""
        for name in ("stderr", "error.log"):
            os.truncate(os.path.join(self.log, name), 0)

    def close(self):
        self.close_process()
        shutil.rmtree(self.dir, ignore_errors=True)

    def close_process(self):
        """Ends nginx; its folder stays, for another start."""
        if self.master and self.master.poll() is None:
            self.master.send_signal(signal.SIGTERM)
            try:
                self.master.wait(5)
            except subprocess.TimeoutExpired:
                self.master.kill()
                self.master.wait()
        self.master = None

    def workers(self):
        """Pids of the worker processes."""
        return children(self.master.pid)

    def admin(self, method, path, body=None, headers=None):
        connection = UnixConnection(os.path.join(self.run, "admin.sock"))
        try:
            all_headers = {"Host": "localhost"}
            if body is not None:
                body = body if hasattr(body, "__next__") else encode(body)
                all_headers["Content-Type"] = "application/json"
            all_headers.update(headers or {})
            connection.request(method, path, body,
                               {k: v for k, v in all_headers.items() if v is not None})
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def raw_admin(self, data, limit=10):
        """The bytes answered to raw bytes, until the connection is closed."""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(limit)
            s.connect(os.path.join(self.run, "admin.sock"))
            try:
                s.sendall(data)
            except ConnectionError:
                pass
            return receive_all(s)

    def put(self, doc, **headers):
        answer = self.admin("PUT", "/v1/config", doc,
                            {k.replace("_", "-"): v for k, v in headers.items()})
        if answer.status != 200:
            raise AssertionError("PUT: %d %s" % (answer.status, answer.text()))
        return answer.json()

    def put_upstream(self, upstream):
        """Puts one upstream of the document."""
        answer = self.admin("PUT", "/v1/upstreams/" + upstream["name"], upstream)
        if answer.status != 200:
            raise AssertionError("PUT: %d %s" % (answer.status, answer.text()))
        return answer.json()

    def status(self):
        return self.admin("GET", "/v1/status").json()

    def all_follow(self, **wanted):
        """The status, if all workers are there and agree with it and with `wanted`."""
        status = self.status()
        for worker in status["workers"]:
            for key in ("generation", "digest", "tree"):
                if worker[key] != wanted.get(key, status[key]):
                    return None
        return status if len(status["workers"]) == status["worker_count"] else None

    def get(self, path="/", host="test", method="GET", body=None, headers=None, timeout=10):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=timeout)
        try:
            connection.request(method, path, body, dict({"Host": host}, **(headers or {})))
            return Answer(connection.getresponse())
        finally:
            connection.close()

    def hup(self):
        """Reloads, and waits until the new workers report and the old ones are gone."""
        old = self.workers()
        self.master.send_signal(signal.SIGHUP)
        wait_for(lambda: not set(old) & set(self.workers()) and self.up(), what="reloaded")

    def open_until_all(self, count=12):
        """Kept connections, at least one to each worker, as {pid: connection}."""
        found, spare = {}, []
        for _ in range(count * 20):
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
            connection.connect()
            spare.append(connection)
            mine = connection.sock.getsockname()[1]
            pid = wait_for(lambda: owner_of(self.workers(), self.port, mine), what="accepted")
            found.setdefault(pid, connection)
            if len(found) == self.workers_wanted:
                break
        for connection in spare:
            if connection not in found.values():
                connection.close()
        return found


class GatewayTest(unittest.TestCase):
    """Starts what a test needs and stops it whatever happens."""

    def instance(self, doc, start=True, **options):
        instance = Instance(doc, **options)
        self.addCleanup(instance.close)
        return instance.start() if start else instance

    def backend(self, *args, **options):
        backend = Backend(*args, **options)
        self.addCleanup(backend.close)
        return backend

    def nginx_backends(self, count):
        backends = NginxBackends(count)
        self.addCleanup(backends.close)
        return backends

    def assert_problem(self, answer, status, pointer=None):
        self.assertEqual(answer.status, status, answer.text())
        self.assertEqual(answer.headers["Content-Type"], "application/problem+json")
        body = answer.json()
        self.assertEqual(body["status"], status)
        self.assertTrue(body["title"] and body["detail"], body)
        if pointer is not None:
            self.assertIn(pointer, [e["pointer"] for e in body["errors"]])
        return body
