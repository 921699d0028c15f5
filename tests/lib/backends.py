"""Servers behind the gateway: one that does whatever a test wants, and one that is quick."""
import atexit
import os
import shutil
import socket
import socketserver
import subprocess
import tempfile
import threading

from .ports import accepts, free_port
from .programs import NGINX
from .waiting import wait_for


class Server(socketserver.ThreadingTCPServer):
    """A server on the loopback, a thread for each connection, which `handler` speaks on; it runs at once."""
    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler, port=0, host="127.0.0.1"):
        self.open = set()
        self.closed = False
        if ":" in host:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), handler)
        self.port = self.server_address[1]
        self.address = ("[%s]:%d" if ":" in host else "%s:%d") % (host, self.port)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        atexit.register(self.close)

    def serve(self):
        """As serve_forever(), which wakes up again and again to see whether it shall end."""
        while not self.closed:
            try:
                request, client = self.get_request()
            except OSError:
                continue  # a handshake that failed, or close()
            self.process_request(request, client)

    def close(self):
        """As a process that dies: the port refuses and connections are reset."""
        if self.closed:
            return
        self.closed = True
        self.socket.shutdown(socket.SHUT_RDWR)
        self.thread.join(10)
        self.server_close()
        for connection in list(self.open):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def handle_error(self, request, client_address):
        pass


class Backend(Server):
    """A server that answers every request with its name. `behave(request, head)` may do otherwise
    and return true; `seen` holds "METHOD path" of all requests."""

    def __init__(self, name="A", behave=None, port=0, host="127.0.0.1"):
        self.name = name
        self.behave = behave
        self.seen = []
        super().__init__(Handler, port, host)


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
        return head.get("connection", "").lower() != "close"

    def answer(self, status, text):
        self.wfile.write(("HTTP/1.1 %d X\r\nContent-Length: %d\r\n\r\n%s"
                          % (status, len(text), text)).encode())


class NginxBackends:
    """One small nginx that answers on `count` ports, each with its own name: quick, for load."""

    def __init__(self, count, large=0):
        """`large`: so many bytes are answered at /large."""
        self.dir = tempfile.mkdtemp(prefix="orctl-test-")
        os.chmod(self.dir, 0o755)
        self.ports = [free_port() for _ in range(count)]
        self.addresses = ["127.0.0.1:%d" % port for port in self.ports]
        temps = " ".join("%s_temp_path %s/%s;" % (name, self.dir, name) for name in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        with open(os.path.join(self.dir, "large"), "wb") as f:
            f.write(bytes(large))
        servers = "\n".join("server { listen 127.0.0.1:%d backlog=1024; location / { return 200 S%d; } location = /large { root %s; } }"
                            % (port, i, self.dir) for i, port in enumerate(self.ports))
        with open(os.path.join(self.dir, "nginx.conf"), "w") as f:
            f.write("worker_processes 1; daemon off; pid %s/pid; error_log stderr crit;"
                    "events { worker_connections 2048; } http { access_log off; %s"
                    "keepalive_requests 100000000; %s }" % (self.dir, temps, servers))
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
