"""A real nginx with the gateway, real backends, and small helpers for the tests of this folder."""
import atexit
import functools
import http.client
import json
import os
import re
import shutil
import signal
import socket
import socketserver
import struct
import subprocess
import sys
import tempfile
import threading
import time
import unittest

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
sys.path.insert(0, os.path.join(ROOT, "tests", "schema"))
import schema_files  # noqa: E402
TEMPLATE = os.path.join(ROOT, "tests", "lua", "nginx.conf.template")
MODULES = "/usr/lib/nginx/modules"
# Not $NGINX: nginx takes that for the sockets it inherits.
NGINX = os.environ.get("ORCTL_TEST_NGINX") or shutil.which("openresty") or "nginx"


def wait_for(condition, limit=60.0, what="condition"):
    """The first true value of condition(); fails after `limit` seconds."""
    end = time.monotonic() + limit
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("not within %gs: %s" % (limit, what))
        time.sleep(0.005)


def receive_head(connection):
    """What comes on a socket up to the end of a head, and what came along with it; less when the peer ends before."""
    got = b""
    while b"\r\n\r\n" not in got:
        part = connection.recv(65536)
        if not part:
            break
        got += part
    return got


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def closed_port():
    """A socket that holds a port where nothing listens; a Backend may be started on that port."""
    held = socket.socket()
    held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    held.bind(("127.0.0.1", 0))
    return held


def digest_of(number):
    return "%064x" % number


@functools.cache
def has_lua_built_in():
    version = subprocess.run([NGINX, "-V"], stderr=subprocess.PIPE, text=True, check=True)
    return re.search(r"--add-module=\S*lua", version.stderr) is not None


def load_modules():
    """The lines that load what this nginx needs for the gateway."""
    if has_lua_built_in():
        return ""
    names = ["ndk_http_module.so", "ngx_http_lua_module.so"]
    if not os.path.exists(os.path.join(MODULES, names[1])):
        return ""
    return "\n".join("load_module %s/%s;" % (MODULES, name) for name in names)


def rendered(begin, end, case="minimal"):
    """What orctl itself renders, from the line that begins so up to the one that ends it."""
    path = os.path.join(ROOT, "tests", "render", case, "expected", "debian", "nginx.conf")
    with open(path) as f:
        lines = f.read().split("\n")
    first = next(n for n, line in enumerate(lines) if line.strip().startswith(begin))
    last = next(n for n in range(first, len(lines)) if lines[n].strip().startswith(end))
    return "\n".join(lines[first:last])


def render(run, log, listen, workers=2, dict_size="32m", tree=1, template=TEMPLATE, policy=None,
           tls=""):
    with open(template) as f:
        text = f.read()
    locations = rendered("location / {", "location @orctl_error", "routes" if policy else "minimal")
    if policy:
        locations = re.sub("client_max_body_size [0-9]+", "client_max_body_size %d" % policy["cap"], locations)
    shards = ["orctl_%02d" % i for i in range(32)]
    for name, value in {
        "LOAD_MODULES": load_modules(),
        "WORKERS": str(workers), "RUN": run, "LOG": log, "DICT": dict_size,
        "INSTANCE": "test", "TREE_DIGEST": digest_of(tree), "LISTEN": listen, "TLS": tls,
        "POLICY": "  map \"\" $orctl_uri { default \"\"; }" if policy else "",
        "CONNECTION": rendered("map \"$http_host $request\"", "map \"\" $orctl_error"),
        "PROXYING": rendered("proxy_http_version", "split_clients"),
        "CHECKS": rendered("recursive_error_pages", "error_page 404"),
        "LOCATIONS": locations,
        "SPLIT": "\n".join("    3.12%% %s;" % s for s in shards[:-1]),
        "UPSTREAMS": "\n".join(
            "  upstream %s { server 127.0.0.1:1; balancer_by_lua_block "
            "{ package.loaded[\"orctl.init\"].balancer() } keepalive 256; }" % s for s in shards),
    }.items():
        text = text.replace("@%s@" % name, value)
    return text


def document(servers=(), routes=None, **fields):
    """A document with one upstream "up" and a route to it. Servers are addresses or dicts."""
    servers = [s if isinstance(s, dict) else {"address": s} for s in servers]
    return {"format": 1, "upstreams": [dict(name="up", servers=servers, **fields)],
            "routes": [{"path": "/", "upstream": "up"}] if routes is None else routes}


def encode(value):
    return value if isinstance(value, bytes) else json.dumps(value).encode()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=10):
        super().__init__("localhost", timeout=timeout)
        self.path = path

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        # Not settimeout() before this: a full backlog would be an error at once.
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO,
                             struct.pack("ll", self.timeout, 0))
        self.sock.connect(self.path)
        self.sock.settimeout(self.timeout)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()


class Instance:
    """An nginx with the gateway in a folder of its own; `policy` as in settings.json gives it the
    phases for routes that edit requests."""

    def __init__(self, doc, workers=2, dict_size="32m", overlay=None, settings=None, policy=None,
                 certs=None):
        self.dir = tempfile.mkdtemp(prefix="orctl-test-")
        os.chmod(self.dir, 0o755)
        self.tree = os.path.join(self.dir, "tree")
        self.run = os.path.join(self.dir, "run")
        self.state = os.path.join(self.dir, "state")
        self.log = os.path.join(self.dir, "log")
        for d in (self.tree, self.run, self.log, self.state):
            os.mkdir(d)
        if os.geteuid() == 0:
            os.chmod(self.state, 0o777)  # the workers run as nobody
        self.port = free_port()
        self.listen = "127.0.0.1:%d" % self.port
        self.workers_wanted = workers
        self.dict_size = dict_size
        self.settings = settings or {}
        self.policy = policy
        self.master = None
        self.tree_number = 0
        self.tls_port = free_port() if certs else None
        shutil.copytree(os.path.join(ROOT, "lua", "orctl"), os.path.join(self.tree, "lua", "orctl"))
        for name, text in (overlay or {}).items():
            self.write(os.path.join(self.tree, "lua", name), text)
        self.write_tree(doc, certs)
        atexit.register(self.close)

    @staticmethod
    def write(path, data):
        with open(path, "wb") as f:
            f.write(encode(data) if not isinstance(data, str) else data.encode())

    def write_certs(self, certs):
        """The certificates of the tree: a list of {name, hosts, certificate, key}, PEM in it."""
        os.makedirs(os.path.join(self.tree, "certs"), exist_ok=True)
        entries = []
        for one in certs:
            entry = {"name": one["name"]}
            for member, end in (("certificate", ".pem"), ("key", ".key")):
                entry[member] = "certs/" + one["name"] + end
                self.write(os.path.join(self.tree, entry[member]), one[member])
            entries.append(dict(entry, hosts=one["hosts"]) if one.get("hosts") else entry)
        self.write(os.path.join(self.tree, "certs.json"), {"certificates": entries})
        self.first_cert = entries[0]

    def tls(self):
        if not self.tls_port:
            return ""
        return ("listen 127.0.0.1:%d ssl; ssl_protocols TLSv1.2 TLSv1.3; "
                "ssl_session_cache shared:tls:1m; ssl_certificate %s; ssl_certificate_key %s; "
                "ssl_certificate_by_lua_block { require(\"orctl.init\").certificate() }"
                % (self.tls_port, self.first_cert["certificate"], self.first_cert["key"]))

    def write_tree(self, doc=None, certs=None):
        """A new tree: a new digest, and a new gateway document and certificates if there are."""
        self.tree_number += 1
        if certs is not None:
            self.write_certs(certs)
        if doc is not None:
            self.write(os.path.join(self.tree, "gateway.json"), doc)
        settings = dict(self.settings, state=self.state, policies=schema_files.policies())
        if self.policy:
            settings["policy"] = self.policy
        self.write(os.path.join(self.tree, "settings.json"), settings)
        self.write(os.path.join(self.tree, "nginx.conf"),
                   render(self.run, self.log, self.listen, self.workers_wanted, self.dict_size,
                          self.tree_number, policy=self.policy, tls=self.tls()))

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
        with open("/proc/%d/task/%d/children" % (self.master.pid, self.master.pid)) as f:
            return sorted(int(pid) for pid in f.read().split())

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
            answer = b""
            try:
                s.sendall(data)
                while True:
                    part = s.recv(65536)
                    if not part:
                        break
                    answer += part
            except ConnectionError:
                pass
            return answer

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


def owner_of(pids, local, remote):
    """The process that holds the server's end of a connection on the loopback."""
    inode = None
    with open("/proc/net/tcp") as f:
        for line in f:
            field = line.split()
            if field[1].endswith(":%04X" % local) and field[2].endswith(":%04X" % remote):
                inode = field[9]
    for pid in pids:
        try:
            for fd in os.listdir("/proc/%d/fd" % pid):
                if inode and os.readlink("/proc/%d/fd/%s" % (pid, fd)) == "socket:[%s]" % inode:
                    return pid
        except OSError:
            pass
    return None


def memory(pids):
    """Bytes that processes hold together; what they share counts in equal parts (Pss)."""
    total = 0
    for pid in pids:
        with open("/proc/%d/smaps_rollup" % pid) as f:
            total += sum(int(line.split()[1]) * 1024 for line in f if line.startswith("Pss:"))
    return total


class Backend(socketserver.ThreadingTCPServer):
    """A server that answers every request with its name. `behave(request, head)` may do otherwise
    and return true; `seen` holds "METHOD path" of all requests."""
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, name="A", behave=None, port=0, host="127.0.0.1"):
        self.name = name
        self.behave = behave
        self.seen = []
        self.open = set()
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), Handler)
        self.port = self.server_address[1]
        self.address = ("[%s]:%d" if ":" in host else "%s:%d") % (host, self.port)
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()
        self.closed = False
        atexit.register(self.close)

    def close(self):
        """As a process that dies: the port refuses and connections are reset."""
        if self.closed:
            return
        self.closed = True
        self.shutdown()
        self.server_close()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass


class Handler(socketserver.StreamRequestHandler):
    disable_nagle_algorithm = True

    def handle(self):
        self.server.open.add(self.connection)
        try:
            while self.one():
                pass
        finally:
            self.server.open.discard(self.connection)

    def one(self):
        line = self.rfile.readline().decode("latin-1")
        if not line:
            return False
        method, path, _ = line.split(" ", 2)
        head = {}
        while True:
            field = self.rfile.readline().decode("latin-1").strip()
            if not field:
                break
            name, value = field.split(":", 1)
            head[name.lower()] = value.strip()
        head["body"] = self.rfile.read(int(head.get("content-length", 0)))
        self.server.seen.append(method + " " + path)
        if self.server.behave and self.server.behave(self, head):
            return False
        self.answer(200, self.server.name)
        return True

    def answer(self, status, text):
        self.wfile.write(("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s"
                          % (status, len(text), text)).encode())


class NginxBackends:
    """One small nginx that answers on `count` ports, each with its own name: quick, for load."""

    def __init__(self, count):
        self.dir = tempfile.mkdtemp(prefix="orctl-test-")
        os.chmod(self.dir, 0o755)
        self.ports = [free_port() for _ in range(count)]
        self.addresses = ["127.0.0.1:%d" % port for port in self.ports]
        temps = " ".join("%s_temp_path %s/%s;" % (name, self.dir, name) for name in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        servers = "\n".join("server { listen 127.0.0.1:%d backlog=1024; location / "
                            "{ return 200 S%d; } }" % (port, i)
                            for i, port in enumerate(self.ports))
        Instance.write(os.path.join(self.dir, "nginx.conf"), (
            "worker_processes 1; daemon off; pid %s/pid; error_log stderr crit;"
            "events { worker_connections 2048; } http { access_log off; %s"
            "keepalive_requests 100000000; %s }" % (self.dir, temps, servers)))
        self.process = subprocess.Popen([NGINX, "-p", self.dir, "-c", "nginx.conf", "-e", "stderr"],
                                        stdin=subprocess.DEVNULL)
        atexit.register(self.close)
        wait_for(lambda: accepts(self.ports[-1]), what="backend nginx is up")

    def close(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.process = None
            shutil.rmtree(self.dir, ignore_errors=True)


def accepts(port):
    with socket.socket() as s:
        return s.connect_ex(("127.0.0.1", port)) == 0


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
