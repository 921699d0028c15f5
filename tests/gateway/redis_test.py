#!/usr/bin/python3
"""An instance whose document comes from Redis: a real Redis, and servers that only pretend to be one."""
import json
import os
import re
import socket
import socketserver
import subprocess
import tempfile
import threading
import unittest

from harness import Server, GatewayTest, document, encode, free_port, wait_for

KEY = "balancer:config"


class Redis:
    """A redis-server of its own: memory only, on the loopback."""

    def __init__(self, port=None, password=None):
        self.port = port or free_port()
        self.password = password
        self.dir = tempfile.TemporaryDirectory(prefix="orctl-test-")
        self.process = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", "",
             "--appendonly", "no", "--dir", self.dir.name, "--databases", "16"]
            + (["--requirepass", password] if password else []),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        wait_for(self.answers, what="redis is up")

    def answers(self):
        try:
            return self.call("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def call(self, *words, database=0):
        """The bytes of the last reply to a command; a reply of one line is enough here."""
        commands = [("AUTH", self.password)] if self.password else []
        commands += [("SELECT", str(database))] if database else []
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as s:
            for command in commands + [words]:
                words = [w if isinstance(w, bytes) else w.encode() for w in command]
                s.sendall(b"*%d\r\n" % len(words)
                          + b"".join(b"$%d\r\n%s\r\n" % (len(w), w) for w in words))
                reply = b""
                while not reply.endswith(b"\r\n"):
                    part = s.recv(65536)
                    if not part:
                        raise OSError("closed")
                    reply += part
            return reply

    def set(self, value, key=KEY, database=0):
        reply = self.call("SET", key, encode(value), database=database)
        assert reply == b"+OK\r\n", reply

    def close(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.dir.cleanup()


class Pretender(Server):
    """Answers each line that begins a command with the next of `replies`; None closes. `asked`
    counts connections."""

    def __init__(self, *replies):
        self.replies = replies
        self.asked = 0
        self.closing = threading.Event()
        super().__init__(PretenderHandler)

    def close(self):
        self.closing.set()
        super().close()


class PretenderHandler(socketserver.StreamRequestHandler):
    def handle(self):
        self.server.asked += 1
        for reply in self.server.replies:
            while not self.rfile.readline().startswith(b"*"):
                pass
            if reply is None:
                return
            for part in [reply] if isinstance(reply, bytes) else reply:
                self.wfile.write(part)
        self.server.closing.wait(30)


class FromRedis(GatewayTest):
    def redis(self, **options):
        redis = Redis(**options)
        self.addCleanup(redis.close)
        return redis

    def pretender(self, *replies):
        server = Pretender(*replies)
        self.addCleanup(server.close)
        return server

    def from_redis(self, port, start=None, run=True, workers=2, **source):
        all_fields = dict(type="redis", host="127.0.0.1", port=port, key=KEY, database=0,
                          interval="50ms", timeout="2s")
        all_fields.update(source)
        return self.instance(start or {"format": 1, "upstreams": [], "routes": []}, start=run,
                             workers=workers, settings={"source": all_fields})

    def serves(self, i, name):
        wait_for(lambda: i.get().body == name.encode(), what="serves " + name)

    def source(self, i, **wanted):
        """The status of the source, once it is as wanted; a regular expression for the error."""
        def look():
            found = i.status()["source"]
            for key, value in wanted.items():
                good = re.search(value, found.get("error", "")) if key == "error" \
                    else found.get(key) == value
                if not good:
                    return None
            return found
        try:
            return wait_for(look, what=str(wanted))
        except AssertionError as e:
            raise AssertionError("%s; it is %s" % (e, i.status()["source"])) from None

    # What it serves

    def test_the_document_is_read_at_start_and_each_change_is_followed_by_all_workers(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port)
        self.serves(i, "A")
        before = i.workers()
        status = self.source(i, ok=True, digest=i.status()["digest"])
        self.assertRegex(status["at"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$")
        self.assertNotIn("error", status)
        self.assertEqual(json.loads(i.admin("GET", "/v1/config").body), document([a.address]))
        redis.set(document([b.address]))
        self.serves(i, "B")
        self.source(i, ok=True, digest=wait_for(i.all_follow)["digest"])
        self.assertEqual(i.workers(), before)

    def test_a_host_header_document_is_told_by_its_members(self):
        a, redis = self.backend("A"), self.redis()
        redis.set({"backends": [{"backend_name": "One", "servers": [
            {"addr": "127.0.0.1", "port": a.port}]}],
            "hosts": [{"host": "test", "backend_name": "One"}]})
        i = self.from_redis(redis.port)
        self.serves(i, "A")
        self.assertEqual(i.get(host="other").status, 404)
        self.assertEqual(json.loads(i.admin("GET", "/v1/config").body)["upstreams"][0]["name"],
                         "one")
        redis.set(document([a.address]))
        wait_for(lambda: i.get(host="other").status == 200)

    def test_a_database_and_a_password(self):
        a, redis = self.backend("A"), self.redis(password="s3cret word")
        redis.set(document([a.address]), key="k", database=3)
        with tempfile.NamedTemporaryFile() as file:  # 0600, of the master's user
            file.write(b"s3cret word\n")
            file.flush()
            i = self.from_redis(redis.port, key="k", database=3, password_file=file.name)
            self.serves(i, "A")
            self.source(i, ok=True)
            i.hup()
            self.source(i, ok=True)
        self.assertNotIn("s3cret", json.dumps(i.status()) + i.errors())
        for folder in (i.tree, i.state, i.run):
            done = subprocess.run(["grep", "-r", "-l", "s3cret", folder], capture_output=True,
                                  text=True, check=False)
            self.assertEqual(done.stdout, "")

    def test_a_password_that_is_wrong_or_missing_is_told_without_it(self):
        redis = self.redis(password="right")
        redis.set(document(["127.0.0.1:1"]))
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"wr0ng")
            file.flush()
            i = self.from_redis(redis.port, password_file=file.name)
            self.source(i, ok=False, error=r"^AUTH: WRONGPASS$")
        self.assertNotIn("wr0ng", i.errors())
        self.source(self.from_redis(redis.port), ok=False, error=r"^GET: NOAUTH ")

    def test_an_error_that_repeats_the_password_is_not_shown(self):
        server = self.pretender(b"-ERR unknown command 'AUTH', with args: 'wr0ng'\r\n")
        with tempfile.NamedTemporaryFile() as file:
            file.write(b"wr0ng")
            file.flush()
            i = self.from_redis(server.port, password_file=file.name)
            self.source(i, ok=False, error=r"^AUTH: ERR$")
        self.assertNotIn("wr0ng", i.errors())

    def test_a_password_file_that_cannot_be_read_refuses_the_start(self):
        for bytes_ in (None, b"", b"\n", b"a\nb", b"a" * 1025):
            with tempfile.NamedTemporaryFile() as file:
                file.write(bytes_ or b"")
                file.flush()
                name = file.name if bytes_ is not None else file.name + ".none"
                i = self.from_redis(1, run=False, password_file=name)
                with self.assertRaisesRegex(AssertionError, r"source\.password_file: "):
                    i.start()

    # What changes nothing

    def test_a_bad_document_changes_nothing_and_is_told_once_for_each_change(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port)
        self.serves(i, "A")
        good = self.source(i, ok=True)
        for value, words in (
                (b"{", r"^not a JSON document: "),
                (b"", r"^not a JSON document: "),
                ([], r"^document: .* is not an object|^document: "),
                (dict(document([a.address]), more=1), r"^/more: unknown field"),
                (document([]), r"^upstream \"up\" has no servers$"),
                (document(["a.test:80"]), r"^/upstreams/0/servers/0/address: "),
                ({"backends": [], "hosts": [{"host": "test", "backend_name": "x"}]},
                 r"^/hosts/0/backend_name: there is no backend \"x\"$")):
            redis.set(value)
            status = self.source(i, ok=False, error=words)
            self.assertEqual((status["digest"], status["at"] >= good["at"]), (good["digest"], True))
            self.assertEqual((i.get().body, i.status()["digest"]), (b"A", good["digest"]))
        polls = redis.call("INFO", "stats")
        wait_for(lambda: redis.call("INFO", "stats") != polls)
        self.assertEqual(i.errors().count("there is no backend"), 1)
        redis.set(document([b.address]))
        self.serves(i, "B")
        self.assertNotIn("error", self.source(i, ok=True))

    def test_a_key_that_is_gone_or_no_text_changes_nothing(self):
        a, redis = self.backend("A"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port)
        self.serves(i, "A")
        redis.call("DEL", KEY)
        self.source(i, ok=False, error=r"^GET: there is no such key$")
        redis.call("LPUSH", KEY, "x")
        self.source(i, ok=False, error=r"^GET: WRONGTYPE ")
        self.assertEqual(i.get().body, b"A")

    def test_redis_away_changes_nothing_and_it_comes_back(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port)
        self.serves(i, "A")
        redis.close()
        status = self.source(i, ok=False, error=r"^connect: connection refused$")
        self.assertEqual(status["digest"], i.status()["digest"])
        self.assertEqual(i.get().body, b"A")
        again = self.redis(port=redis.port)
        again.set(document([b.address]))
        self.serves(i, "B")
        self.source(i, ok=True)
        self.assertEqual(i.errors().lower().count("connection refused"), 1)

    def test_replies_that_no_redis_gives_are_refused(self):
        bulk = b"$%d\r\n"
        for replies, words in (
                ((b"+OK\r\n",), "not Redis's"),
                ((b":1\r\n",), "not Redis's"),
                ((b"HTTP/1.1 400 Bad Request\r\n\r\n",), "not Redis's"),
                ((b"x" * 5000,), "not Redis's"),
                ((b"$x\r\n",), "not Redis's"),
                ((b"$-2\r\n",), "not Redis's"),
                ((b"$99999999999999999999\r\n",), "not Redis's"),
                ((b"$3\r\nabcd\r\n",), "not Redis's"),
                ((bulk % (12 * 1024 * 1024 + 1),), "12582913 bytes, and 12582912 are the most"),
                ((None,), "closed"),
                (((b"$10\r\nabc", b""),), "timeout")):
            server = self.pretender(*replies)
            i = self.from_redis(server.port, timeout="300ms", workers=1)
            self.source(i, ok=False, error=r"^GET: .*" + re.escape(words))
            i.close()
            server.close()

    def test_a_reply_in_pieces_is_read(self):
        a = self.backend("A")
        whole = b"$%d\r\n%s\r\n" % (len(encode(document([a.address]))),
                                     encode(document([a.address])))
        server = self.pretender([whole[n:n + 1] for n in range(len(whole))])
        self.serves(self.from_redis(server.port), "A")

    def test_requests_go_on_while_redis_does_not_answer(self):
        a = self.backend("A")
        server = self.pretender()
        i = self.from_redis(server.port, start=document([a.address]), timeout="500ms", workers=1)
        wait_for(lambda: server.asked > 0)
        served = 0
        while i.status()["source"].get("error") != "GET: timeout":
            self.assertEqual(i.get().body, b"A")
            served += 1
        self.assertGreater(served, 20)

    def test_a_large_document_is_served(self):
        a, redis = self.backend("A"), self.redis()
        doc = document([a.address])
        doc["upstreams"] += [{"name": "u%d" % n, "servers": [
            {"address": "10.0.%d.%d:80" % (n // 250, m)} for m in range(1, 11)]}
            for n in range(2000)]
        redis.set(doc)
        i = self.from_redis(redis.port)
        self.serves(i, "A")
        self.assertEqual(i.admin("GET", "/v1/config").body, encode(doc))

    # What outlives

    def test_last_known_good_is_served_after_a_restart_without_redis(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port, start=document([b.address]))
        self.serves(i, "A")
        before = self.source(i, ok=True)
        redis.close()
        i.close_process()
        i.start()
        self.assertEqual(i.get().body, b"A")
        status = self.source(i, ok=False, error="^connect: ")
        self.assertEqual((status["digest"], i.status()["digest"]), (before["digest"],) * 2)
        self.assertEqual(i.get().body, b"A")

    def test_what_was_kept_is_not_used_for_another_source_or_when_it_is_torn(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port, start=document([b.address]))
        self.serves(i, "A")
        self.source(i, ok=True)
        redis.close()
        i.close_process()
        path = os.path.join(i.state, "source")
        with open(path, "rb") as f:
            kept = f.read()
        for change, words in ((lambda: i.settings["source"].update(key="other"), "another source"),
                              (lambda: i.settings["source"].update(key=KEY), None),
                              (lambda: i.write(path, kept[:-9]), "is not used"),
                              (lambda: i.write(path, b""), "is not used")):
            change()
            i.write_tree()
            i.truncate_errors()
            i.start()
            self.assertEqual(i.get().body, b"B" if words else b"A")
            if words:
                self.assertIn(words, i.errors())
            i.close_process()

    def test_a_disk_that_takes_nothing_is_told_and_it_is_served_nevertheless(self):
        a, redis = self.backend("A"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port, run=False)
        os.mkdir(os.path.join(i.state, "source.new"))  # even root cannot write a file there
        i.start()
        self.serves(i, "A")
        self.source(i, ok=True, error="^it is served, but could not be kept on disk: ")
        os.rmdir(os.path.join(i.state, "source.new"))
        wait_for(lambda: "error" not in i.status()["source"])
        self.assertTrue(os.path.exists(os.path.join(i.state, "source")))

    def test_a_reload_keeps_what_the_source_gave_whatever_the_tree_brings(self):
        a, b, c, redis = self.backend("A"), self.backend("B"), self.backend("C"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port, start=document([b.address]))
        self.serves(i, "A")
        self.source(i, ok=True)
        redis.close()
        i.write_tree(document([c.address]))
        i.hup()
        self.source(i, ok=False, error="^connect: ")
        self.assertEqual(i.get().body, b"A")

    def test_the_start_value_is_served_until_the_source_has_been_read(self):
        a, b, c = self.backend("A"), self.backend("B"), self.backend("C")
        port = free_port()
        i = self.from_redis(port, start=document([a.address]))
        self.assertEqual(i.get().body, b"A")
        self.assertNotIn("digest", self.source(i, ok=False, error="^connect: "))
        i.write_tree(document([b.address]))
        i.hup()
        self.serves(i, "B")
        redis = self.redis(port=port)
        redis.set(document([c.address]))
        self.serves(i, "C")

    def test_another_worker_reads_when_the_one_that_did_is_killed(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port)
        self.serves(i, "A")
        for pid in i.workers():
            os.kill(pid, 9)
        wait_for(i.up)
        redis.set(document([b.address]))
        self.serves(i, "B")

    def test_without_the_source_the_tree_is_served_again(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        redis.set(document([a.address]))
        i = self.from_redis(redis.port, start=document([b.address]))
        self.serves(i, "A")
        i.settings = {}
        i.write_tree()
        i.hup()
        self.assertEqual(i.get().body, b"B")
        self.assertNotIn("source", i.status())

    # Who may change it

    def test_changes_here_are_refused_and_the_tree_only_sets_the_start_value(self):
        a, b, redis = self.backend("A"), self.backend("B"), self.redis()
        i = self.from_redis(redis.port, start=document([a.address]))
        self.source(i, ok=False, error="no such key")
        self.assertEqual(i.admin("PUT", "/v1/config", document([b.address]),
                                 {"x-tree": "1"}).status, 200)
        self.assertEqual(i.get().body, b"B")
        redis.set(document([a.address]))
        self.serves(i, "A")
        digest = self.source(i, ok=True)["digest"]
        for method, path, body in (
                ("PUT", "/v1/config", document([b.address])),
                ("PUT", "/v1/upstreams/up", document([b.address])["upstreams"][0]),
                ("POST", "/config", {"backends": [], "hosts": []})):
            problem = self.assert_problem(i.admin(method, path, body), 409)
            self.assertIn(KEY, problem["detail"])
            self.assertEqual(problem["code"], "source")
        tag = i.admin("GET", "/v1/config").headers["ETag"]
        answer = i.admin("PUT", "/v1/config", document([b.address]),
                         {"x-tree": "1", "If-Match": tag})
        self.assertEqual(answer.headers["ETag"], tag)
        self.assertEqual((answer.status, answer.json()["digest"], answer.json()["changed"]),
                         (200, digest, False))
        self.assertEqual(i.get().body, b"A")


if __name__ == "__main__":
    unittest.main()
