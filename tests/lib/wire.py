"""Small ends of a wire, for tests that look at every byte."""
import http.client
import json
import socket
import struct


def receive_head(connection):
    """What comes on a socket up to the end of a head, and what came along with it; less when the peer ends before."""
    got = b""
    while b"\r\n\r\n" not in got and (part := connection.recv(65536)):
        got += part
    return got


def receive_all(connection):
    """What comes on a socket until the peer ends it, by a reset too."""
    got = b""
    try:
        while part := connection.recv(65536):
            got += part
    except ConnectionError:
        pass
    return got


def ask(port, data, limit=10):
    """The bytes answered to raw bytes, until the connection is closed."""
    with socket.create_connection(("127.0.0.1", port), limit) as s:
        s.sendall(data)
        return receive_all(s)


def get(connection, path="/", host=None):
    """Status and body of one request on an http.client connection, which ends with it; (0, reason) when nobody answers."""
    try:
        connection.request("GET", path, headers={"Connection": "close", **({"Host": host} if host else {})})
        answer = connection.getresponse()
        return answer.status, answer.read().decode(errors="replace")
    except OSError as e:
        return 0, str(e)
    except http.client.HTTPException as e:
        return 0, repr(e)
    finally:
        connection.close()


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path, timeout=60):
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
    """A response that has been read whole."""

    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read()

    def json(self):
        return json.loads(self.body)

    def text(self):
        return self.body.decode()
