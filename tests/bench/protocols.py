"""What TLS handshakes, HTTP/2, WebSocket and large bodies cost beside static nginx.

Each slice of ours stands between two of static nginx, as in gateway.py. Where the client is slower than the proxy (it has core 1, with the
servers), the number in a second says little, and CPU is the figure to look at."""
import os
import re
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time

from proxies import Nginx, Static
from table import spread

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "gateway"))
from harness import document  # noqa: E402

BAR = 0.95
SOCKETS, STREAMING = 16, 16  # connections
HANDSHAKE = (b"GET /socket HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
             b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
MESSAGE = b"\x82\xfe\x00\x80" + bytes(132)  # a masked frame of 128 bytes


class Http2:
    """The https listener of the harness, with HTTP/2."""

    def manifest(self):
        return super().manifest().replace('protocol = "https"\n', 'protocol = "https"\nhttp2 = true\n')


class OursTls(Http2, Nginx):
    pass


class StaticTls(Http2, Static):
    pass


def pair():
    """A pair with an RSA key, whose signature costs most of a handshake, as with many sites."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=test", "-keyout",
                        folder + "/key", "-out", folder + "/pem"], check=True, capture_output=True)
        with open(folder + "/pem") as pem, open(folder + "/key") as key:
            return {"name": "test", "certificate": pem.read(), "key": key.read()}


def on_core_1(*argv):
    return subprocess.run(["taskset", "-c", "1", *argv], capture_output=True, text=True, check=True).stdout


class Echo:
    """A server that takes every request to a WebSocket and sends back what comes, in whole frames of MESSAGE's length."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    @staticmethod
    def serve(connection):
        with connection:
            head = b""
            while b"\r\n\r\n" not in head:
                part = connection.recv(4096)
                if not part:
                    return
                head += part
            connection.sendall(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
            while data := connection.recv(65536):
                connection.sendall(data)

    def close(self):
        self.listener.close()


def messages(proxy, seconds):
    """How many messages went there and back through SOCKETS connections, in how many seconds."""
    count, end = [0] * SOCKETS, time.monotonic() + seconds

    def talk(i):
        with socket.create_connection(("127.0.0.1", proxy.port), timeout=10) as s:
            s.sendall(HANDSHAKE)
            head = b""
            while b"\r\n\r\n" not in head:
                head += s.recv(4096)
            assert b" 101 " in head, head
            while time.monotonic() < end:
                s.sendall(MESSAGE)
                left = len(MESSAGE)
                while left:
                    left -= len(s.recv(left))
                count[i] += 1

    threads = [threading.Thread(target=talk, args=(i,)) for i in range(SOCKETS)]
    begin = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(count), time.monotonic() - begin


def handshakes(*options):
    def load(proxy, seconds):
        out = on_core_1("openssl", "s_time", "-connect", "127.0.0.1:%d" % proxy.tls_port, "-time", str(max(2, seconds)), *options)
        count, took = re.findall(r"(\d+) connections in (\d+) real seconds", out)[-1]
        return int(count), int(took)
    return load


def streams(proxy, seconds):
    # as many as seconds may hold, and no more than nginx answers on as many connections before it closes them
    number = min(15000 * seconds, 900 * STREAMING)
    out = on_core_1("h2load", "-t1", "-c%d" % STREAMING, "-m8", "-n%d" % number, "https://127.0.0.1:%d/" % proxy.tls_port)
    assert "status codes: %d 2xx" % number in out, out
    took, unit = re.search(r"finished in ([\d.]+)(us|ms|s),", out).groups()
    return number, float(took) * {"us": 1e-6, "ms": 1e-3, "s": 1}[unit]


def bodies(proxy, seconds):
    out = on_core_1("wrk", "-t1", "-c8", "-d%ds" % seconds, "-H", "Host: test", "http://127.0.0.1:%d/large" % proxy.port)
    assert "Non-2xx" not in out and "Socket errors" not in out, out
    return int(re.search(r"(\d+) requests in", out)[1]), seconds


ROWS = [("TLS 1.3 handshakes", handshakes("-new", "-tls1_3"), "tls"), ("TLS 1.2 handshakes", handshakes("-new", "-tls1_2"), "tls"),
        ("TLS 1.2 resumptions", handshakes("-reuse", "-tls1_2"), "tls"), ("HTTP/2 requests", streams, "tls"),
        ("WebSocket messages", messages, "echo"), ("bodies of 1 MiB", bodies, "plain")]


def run(table, backends, bench, options):
    """One row for each; the bar is for what goes through in a second, or if the client is the slower one, its CPU."""
    echo, certs = Echo(), [pair()]
    plain, socketed = document(backends.addresses[:4]), document([echo.address])
    kinds = {"tls": (OursTls(plain, certs=certs), StaticTls(plain, certs=certs)), "plain": (Nginx(plain), Static(plain)),
             "echo": (Nginx(socketed), Static(socketed))}
    table.title("ours / static", "in a second", "CPU of each", "", "", "bars")
    try:
        for pairs in kinds.values():
            for proxy in pairs:
                os.sched_setaffinity(proxy.start().pids()[0], {0})
        for name, load, kind in ROWS:
            ours, static = kinds[kind]
            rate, cpu = ratios(bench, load, ours, static, options)
            table.line(name, spread(rate), spread(cpu), "", "", table.word(statistics.median(rate), ">=", BAR))
    finally:
        for pairs in kinds.values():
            for proxy in pairs:
                proxy.close()
        echo.close()


def ratios(bench, load, ours, static, options):
    """Of each round: ours to the mean of the slices of static before and after it."""
    def slice_of(proxy):
        (count, took), ran = bench.quiet(proxy, lambda: load(proxy, options.seconds))
        return count / took, ran / count

    slice_of(ours)
    before, rate, cpu = slice_of(static), [], []
    for _ in range(options.rounds):
        mine, after = slice_of(ours), slice_of(static)
        rate.append(2 * mine[0] / (before[0] + after[0]))
        cpu.append(2 * mine[1] / (before[1] + after[1]))
        before = after
    return rate, cpu
