#!/usr/bin/python3
"""between.py SOCKET READY HOW...: takes the place of an admin socket, hands requests on, and meddles as HOW says.

READY is a file that it makes once it does. HOW, of the first PUT of a document:
  again         just before it, the document is put twice, so that it is what it was under another number
  other FILE    just before it, FILE is put
  busy N        the first N are answered 503
  fault WORDS   after it the first status says WORDS of a worker, and no status is answered any more until the next PUT
  once          the first status is answered, and no other
"""
import http.client
import json
import os
import socket
import socketserver
import sys
import threading
from http.server import BaseHTTPRequestHandler

path, ready, how = sys.argv[1], sys.argv[2], sys.argv[3:]
puts, told, done = 0, 0, threading.Event()


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect(path + ".real")


def ask(method, target, body=None, headers=None):
    connection = Connection("localhost")
    connection.request(method, target, body, headers or {})
    answer = connection.getresponse()
    return answer.status, answer.read(), answer.headers


def put(target, body):
    status, text, _ = ask("PUT", target, body, {"Content-Type": "application/json"})
    assert status == 200, text


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def meddle(self):
        """Whether this request is answered here."""
        global puts, told
        document = self.command == "PUT" and (self.path == "/v1/config" or self.path.startswith("/v1/upstreams/"))
        puts += document
        if document and puts == 1 and how[0] == "again":
            before = ask("GET", "/v1/config")[1]
            put("/v1/config", json.dumps(json.loads(before)))
            put("/v1/config", before)
        if document and puts == 1 and how[0] == "other":
            put("/v1/config", open(how[1], encoding="utf-8").read())
        if document and how[0] == "busy" and puts <= int(how[1]):
            self.answer(503, b'{"status":503,"detail":"other updates are in progress; try again"}', {})
            return True
        asks = self.command == "GET" and self.path == "/v1/status"
        told += asks and (how[0] == "once" or puts == 1)
        if asks and told > 1 and how[0] in ("fault", "once") and puts < 2:
            done.wait()
            return True
        return False

    def answer(self, status, body, headers):
        if how[0] == "fault" and puts == 1 and self.path == "/v1/status":
            said = json.loads(body)
            said["workers"][0]["error"] = how[1]
            body = json.dumps(said).encode()
        self.send_response(status)
        for name in ("ETag", "Content-Type"):
            if headers.get(name):
                self.send_header(name, headers[name])
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hand_on(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.meddle():
            return
        self.answer(*ask(self.command, self.path, body or None,
                         {k: v for k, v in self.headers.items() if k.lower() not in ("host", "content-length")}))

    do_GET = do_PUT = do_DELETE = do_POST = hand_on

    def address_string(self):
        return "orctl"

    def log_message(self, *args):
        pass


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True
    request_queue_size = 64


os.rename(path, path + ".real")
server = Server(path, Handler)
open(ready, "w", encoding="ascii").close()
server.serve_forever()
