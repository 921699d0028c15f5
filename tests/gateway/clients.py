"""Many clients in one thread, which look at every answer: wrk is quicker, but sees only the status."""
import select
import socket
import threading
import time

ANSWER_LIMIT = 15  # seconds


class Exchange:
    """One connection, and the request that waits on it."""

    def __init__(self, connection, host):
        self.connection, self.host = connection, host
        self.received, self.mark, self.sent_at = b"", None, 0


class Clients:
    """`count` connections with one request on each at a time, or with `fresh` one connection for
    each request. `mark()` is asked before a request goes out; judge(mark, host, status, text) of
    its answer is None, or what is wrong with it. Without a judge only a 200 is right.

    answers: number of sound answers. faults: what was wrong. closed: kept connections that ended
    without a byte of answer; refused: connections that nobody took."""

    def __init__(self, port, count=64, hosts=("test",), fresh=False, mark=None, judge=None):
        self.port, self.count, self.hosts, self.fresh = port, count, hosts, fresh
        self.mark = mark or (lambda: None)
        self.judge = judge or (lambda mark, host, status, text: None if status == 200 else
                               "%d %s" % (status, text[:200]))
        self.answers, self.closed, self.refused, self.faults = 0, 0, 0, []
        self.stopping, self.limit = threading.Event(), None
        self.thread = threading.Thread(target=self.run, daemon=True)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        """Waits for the answers that are due, then closes everything."""
        self.stopping.set()
        self.thread.join()

    def finish(self, requests):
        """Sends that many requests in all, and waits for their answers."""
        self.limit = requests
        self.thread.start()
        self.thread.join()
        return self

    def run(self):
        self.poll, self.open, self.sent = select.epoll(), {}, 0
        for n in range(self.count):
            self.begin(self.hosts[n % len(self.hosts)])
        try:
            while self.open or not self.ending():
                if not self.open:  # all were refused
                    self.stopping.wait(0.001)
                for fd, _ in self.poll.poll(0.05, 256):
                    self.receive(self.open[fd])
                self.give_up_on_the_silent()
                for n in range(self.count - len(self.open)):
                    if not self.ending():
                        self.begin(self.hosts[n % len(self.hosts)])
        finally:
            for exchange in self.open.values():
                exchange.connection.close()
            self.poll.close()

    def ending(self):
        return self.stopping.is_set() or (self.limit is not None and self.sent >= self.limit)

    def begin(self, host):
        mark = self.mark()
        try:
            connection = socket.create_connection(("127.0.0.1", self.port), ANSWER_LIMIT)
        except OSError:
            self.refused += 1
            return
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        exchange = Exchange(connection, host)
        self.open[connection.fileno()] = exchange
        self.poll.register(connection, select.EPOLLIN)
        self.send(exchange, mark)

    def send(self, exchange, mark):
        exchange.mark, exchange.received, exchange.sent_at = mark, b"", time.monotonic()
        self.sent += 1
        try:
            exchange.connection.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n%s\r\n" % (
                exchange.host.encode(), b"Connection: close\r\n" if self.fresh else b""))
        except OSError:
            self.end(exchange)
            self.closed += 1

    def end(self, exchange):
        fd = exchange.connection.fileno()
        self.poll.unregister(fd)
        del self.open[fd]
        exchange.connection.close()

    def receive(self, exchange):
        try:
            part = exchange.connection.recv(65536)
        except OSError:
            part = b""
        exchange.received += part
        head, found, body = exchange.received.partition(b"\r\n\r\n")
        fields = head.lower().split(b"\r\n")
        length = [int(f[15:]) for f in fields if f.startswith(b"content-length:")]
        if found and (len(body) >= length[0] if length else not part):
            self.take(exchange, int(fields[0].split()[1]), body.decode(errors="replace"),
                      not part or b"connection: close" in fields)
        elif not part:
            self.end(exchange)
            if exchange.received or self.fresh:
                self.faults.append("torn after %r" % exchange.received[:100])
            else:
                self.closed += 1

    def take(self, exchange, status, text, last):
        fault = self.judge(exchange.mark, exchange.host, status, text)
        if fault:
            self.faults.append(fault)
        else:
            self.answers += 1
        if last or self.ending():
            self.end(exchange)
        else:
            self.send(exchange, self.mark())

    def give_up_on_the_silent(self):
        now = time.monotonic()
        for exchange in list(self.open.values()):
            if now - exchange.sent_at > ANSWER_LIMIT:
                self.end(exchange)
                self.faults.append("no answer within %d s" % ANSWER_LIMIT)


class Truth:
    """What requests may be answered while documents follow each other: only by servers of the
    document that was acknowledged when the request went out, or of a later one that had begun."""

    def __init__(self, first):
        self.allowed, self.done = [first], 0

    def begin(self, allowed):
        """An update begins, after which {host: names of servers} holds."""
        self.allowed.append(allowed)

    def acknowledged(self):
        self.done = len(self.allowed) - 1

    def mark(self):
        return self.done

    def judge(self, mark, host, status, text):
        if status != 200:
            return "%s: %d %s" % (host, status, text[:200])
        if not any(text in allowed[host] for allowed in self.allowed[mark:]):
            return "%s: %s answered, of %s, in update %d" % (host, text, self.allowed[mark:], mark)
        return None
