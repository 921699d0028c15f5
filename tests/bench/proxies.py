"""The proxies that are put side by side: ours, a static nginx, one with a constant Lua peer, HAProxy.
All nginx ones run what orctl renders, with the same access log, but for what is named."""
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from harness import Instance, accepts, free_port, replaced, wait_for  # noqa: E402

OURS = re.compile(r"balancer_by_lua_block \{.*\}")
CONST = "balancer_by_lua_block { require(\"ngx.balancer\").set_current_peer(\"127.0.0.1\", %d) }"
PHASE = re.compile(r"^\s*(set|rewrite|access|header_filter|body_filter|log|ssl_certificate)_by_lua_block .*\n", re.M)
FILTER = re.compile(r"header_filter_by_lua_block .*")
REWRITE = re.compile(r"rewrite_by_lua_block .*")
LOG = re.compile(r"log_by_lua_block .*")


def cpu_of(pid):
    """Nanoseconds that a process ran, and that it waited for a core."""
    with open("/proc/%d/schedstat" % pid) as f:
        ran, waited, _ = f.read().split()
    return int(ran), int(waited)


class Nginx(Instance):
    """Our gateway; with `upstream`, which stands in the upstream blocks for our balancer, an nginx
    without our Lua in the way of its requests, but for the phases `kept`, which do nothing."""

    def __init__(self, doc, workers=1, upstream=None, kept=(), **options):
        self.upstream, self.kept = upstream, kept
        super().__init__(doc, workers=workers, dict_size="128m", **options)

    def edit(self, text):
        text = super().edit(text)
        if not self.upstream:
            return text
        text = emptied(*self.kept)(text)
        return OURS.sub(lambda _: self.upstream, PHASE.sub(lambda found: found[0] if "{ }" in found[0] else "", text))

    def pids(self):
        return self.workers()


def emptied(*phases):
    """An edit of nginx.conf after which these phases, FILTER or LOG, are entered and do nothing."""
    def edit(text):
        for phase in phases:
            text = phase.sub(lambda found: found[0].split("_by_lua")[0] + "_by_lua_block { }", text)
        return text
    return edit


def without(*phases):
    """An edit of nginx.conf after which these phases are not entered."""
    def edit(text):
        for phase in phases:
            text = phase.sub("", text)
        return text
    return edit


class Static(Nginx):
    """nginx as a file says: one upstream block for each list of servers."""

    def write_tree(self, doc=None, certs=None):
        self.doc = doc or self.doc
        super().write_tree(doc, certs)

    def edit(self, text):
        text = re.sub(r"  upstream orctl_\d+ \{[^}]*\}[^}]*\}\n", "", PHASE.sub("", Instance.edit(self, text)))
        text, found = re.subn(r"  split_clients \$host \$orctl_shard \{[^}]*\}\n", lambda _: self.blocks(self.doc), text)
        assert found == 1 and "orctl_00" not in text
        return replaced(text, "proxy_pass http://$orctl_shard", "proxy_pass http://$static", -1)

    @staticmethod
    def blocks(doc):
        blocks = ["  upstream %s { %s keepalive 256; }" % (
            up["name"], " ".join("server %s;" % s["address"] for s in up["servers"]))
            for up in doc["upstreams"]]
        routes = "".join("    ~^%s$ %s;\n" % (re.escape(r["host"]), r["upstream"])
                         for r in doc["routes"] if "host" in r)
        default = doc["routes"][0]["upstream"]
        return "\n".join(blocks) + "\n  map $host $static {\n%s    default %s;\n  }\n" % (
            routes, default)


class HAProxy:
    """One thread, connections to servers reused always, a log line for each request."""

    def __init__(self, addresses):
        self.dir = tempfile.mkdtemp(prefix="orctl-bench-")
        self.port = free_port()
        self.socket = os.path.join(self.dir, "admin.sock")
        path = os.path.join(self.dir, "haproxy.cfg")
        Instance.write(path, "\n".join([
            "global", " nbthread 1", " maxconn 5000", " log stdout format raw local0 info",
            " stats socket %s mode 600 level admin" % self.socket,
            "defaults", " mode http", " log global", " option httplog", " option redispatch",
            " retries 2", " timeout connect 5s", " timeout client 60s", " timeout server 60s",
            " http-reuse always",
            "frontend front", " bind 127.0.0.1:%d" % self.port, " default_backend up",
            "backend up", " balance roundrobin",
            *(" server s%d %s" % pair for pair in enumerate(addresses)), ""]))
        with open(os.path.join(self.dir, "log"), "wb") as log:
            self.process = subprocess.Popen(["haproxy", "-db", "-f", path], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=subprocess.STDOUT)
        wait_for(lambda: self.process.poll() is not None or accepts(self.port), what="haproxy is up")
        if self.process.poll() is not None:
            with open(os.path.join(self.dir, "log")) as f:
                raise SystemExit("haproxy did not start:\n" + f.read())

    def pids(self):
        return [self.process.pid]

    def set_server(self, number, address):
        host, port = address.split(":")
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.socket)
            s.sendall(b"set server up/s%d addr %s port %s\n" % (
                number, host.encode(), port.encode()))
            answer = b""
            while part := s.recv(4096):
                answer += part
        if b"changed" not in answer and b"no need" not in answer:
            raise SystemExit("haproxy: %r" % answer)

    def close(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(10)
        shutil.rmtree(self.dir, ignore_errors=True)


def large_document(servers, upstreams, routes, **fields):
    """One upstream that serves, and others of ten servers that nobody asks for."""
    doc = {"format": 1, "upstreams": [dict(name="up", servers=[{"address": s} for s in servers],
                                           **fields)],
           "routes": [{"path": "/", "upstream": "up"}]}
    for n in range(1, upstreams):
        doc["upstreams"].append({"name": "u%d" % n, "servers": [
            {"address": "10.%d.%d.%d:80" % (k, n // 250, n % 250)} for k in range(10)]})
    for n in range(routes):
        doc["routes"].append({"host": "h%d.test" % n if n % 2 else "*.w%d.test" % n,
                              "path": "/p%d" % n, "upstream": "u%d" % (n % (upstreams - 1) + 1)})
    return doc
