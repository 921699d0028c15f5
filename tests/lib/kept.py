"""Clients that keep their connections busy, and count the requests that no answer came to."""
import os
import socket
import ssl
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), "..", "gateway"))
import h2_frames as h2  # noqa: E402

LIMIT = 30  # seconds for an answer
BODY = b"x" * 64


class Kept:
    """One connection that speaks HTTP/1.1."""

    def __init__(self, port, method):
        self.socket = socket.create_connection(("127.0.0.1", port), LIMIT)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        body = BODY if method == "POST" else b""
        self.request = b"%s / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n%s" % (method.encode(), len(body), body)

    def ask(self):
        """What became of a request, and whether the connection ends with that."""
        got = b""
        try:
            self.socket.sendall(self.request)
            while not self.complete(got):
                part = self.socket.recv(65536)
                if not part:
                    break
                got += part
        except ConnectionError:
            pass
        if not self.complete(got):
            return "torn" if got else "lost", True
        head = got.partition(b"\r\n\r\n")[0].lower()
        if not head.startswith(b"http/1.1 200 "):
            return "wrong", True
        said = [line for line in head.split(b"\r\n") if line.startswith(b"connection:")]
        return "answered" if len(said) == 1 else "wrong", b"close" in said[0]

    @staticmethod
    def complete(got):
        head, found, body = got.partition(b"\r\n\r\n")
        for line in head.lower().split(b"\r\n"):
            if found and line.startswith(b"content-length:"):
                return len(body) >= int(line[15:])
        return False


class KeptTwo:
    """The same in HTTP/2 over TLS, a stream after the other."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])

    def __init__(self, port, method):
        plain = socket.create_connection(("127.0.0.1", port), LIMIT)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            self.socket = self.context.wrap_socket(plain, server_hostname="a.test")
        except OSError:
            plain.close()
            raise
        self.method, self.stream, self.data, self.last = method, -1, b"", None
        self.socket.sendall(h2.start())

    def frames(self):
        """Takes the whole frames that have come."""
        while len(self.data) >= 9 and len(self.data) >= 9 + (size := int.from_bytes(self.data[:3], "big")):
            yield self.data[3], self.data[4], int.from_bytes(self.data[5:9], "big") & 0x7fffffff, self.data[9:9 + size]
            self.data = self.data[9 + size:]

    def ask(self):
        self.stream += 2
        post = self.method == "POST"
        request = h2.request(self.stream, b"/", b"a.test", method=self.method.encode(), end=not post)
        if post:
            request += h2.frame(h2.DATA, h2.END_STREAM, self.stream, BODY)
        status = ended = None
        try:
            self.socket.sendall(request)
            while not ended:
                part = self.socket.recv(65536)
                if not part:
                    break
                self.data += part
                for kind, flags, stream, payload in self.frames():
                    if kind == h2.GOAWAY:
                        self.last = struct.unpack(">I", payload[:4])[0] & 0x7fffffff
                    elif kind == h2.HEADERS and stream == self.stream:
                        whole = h2.frame(kind, flags, stream, payload)
                        status = h2.statuses(whole)[stream]
                    ended = ended or stream == self.stream and kind in (h2.DATA, h2.HEADERS) and flags & h2.END_STREAM
                if self.last is not None and self.stream > self.last:
                    return "refused", True  # told that it was not looked at: it may be sent again (RFC 9113, 6.8)
        except ConnectionError:
            pass
        except ssl.SSLError:
            pass
        if not ended:
            return "torn" if status else "lost", True
        return "answered" if status == 200 else "wrong", self.last is not None


class BusyClients:
    """`count` clients, each with one kept connection and one request after the other on it, `pause` seconds apart. In its pause a client
    does not look whether the connection was ended. `counts` says what became of the requests: answered; lost, when the connection ended
    without a byte of answer; unserved, when that was so of a new connection; refused, when HTTP/2 said that nobody had looked at it; torn; wrong. `opened`: connections."""

    def __init__(self, port, kind=Kept, count=20, pause=0.01, methods=("GET", "POST")):
        self.port, self.kind, self.pause = port, kind, pause
        self.counts, self.opened = {}, 0
        self.lock, self.ending = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(methods[n % len(methods)],), daemon=True) for n in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def count(self, outcome):
        with self.lock:
            self.counts[outcome] = self.counts.get(outcome, 0) + 1

    def run(self, method):
        while not self.ending.is_set():
            try:
                client = self.kind(self.port, method)
            except OSError:
                self.count("unreachable")
                self.ending.wait(self.pause)
                continue
            with self.lock:
                self.opened += 1
            last = kept = False
            with client.socket:
                while not last and not self.ending.is_set():
                    outcome, last = client.ask()
                    self.count("unserved" if outcome == "lost" and not kept else outcome)
                    kept = True
                    self.ending.wait(self.pause)
