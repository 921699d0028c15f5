#!/usr/bin/python3
"""What the tests stand on: ports, waiting, backends, golden files, and the choice of points for faults."""
import os
import socket
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path[:0] = [os.path.join(HERE, folder) for folder in ("..", "../render", "../fault")]
import golden  # noqa: E402
from lib import backends, ports, texts, waiting, wire  # noqa: E402

BASE = "a 1;\n" + "".join("upstream %d {\n  server x;\n  keepalive 256;\n}\n" % n for n in range(32)) + "server {\n  listen 80;\n  location / {\n  }\n}\n"


def in_another(code, **env):
    done = subprocess.run([sys.executable, "-c", "import sys; sys.path[:0] = sys.argv[1:]\n" + code, os.path.join(HERE, ".."), os.path.join(HERE, "../fault")],
                          capture_output=True, text=True, env={**os.environ, **env})
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


class Ports(unittest.TestCase):
    def test_a_port_is_given_to_one_test_alone_until_it_is_given_back(self):
        port = ports.free_port()
        wanted = "from lib import ports; ports.FIRST = ports.LAST = %d; print(ports.free_port())" % port
        self.assertIn("no free port", in_another(wanted))
        ports.release(port)
        self.assertEqual(in_another(wanted), str(port))
        self.assertEqual(in_another(wanted), str(port), "the other has ended, and so has what it held")

    def test_a_port_where_somebody_listens_is_not_free(self):
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            port = ports.free_port()
            with socket.socket(socket.AF_INET, kind) as taken:
                taken.bind(("127.0.0.1", port))
                ports.release(port)
                self.assertIn("no free port", in_another("from lib import ports; ports.FIRST = ports.LAST = %d; ports.free_port()" % port))


class Waiting(unittest.TestCase):
    def test_a_condition_is_waited_for_and_its_value_answered(self):
        left = [3, 2, 1]
        self.assertEqual(waiting.wait_for(lambda: not left.pop() - 3 and "three"), "three")
        self.assertFalse(waiting.until(lambda: 0, 0.01))
        with self.assertRaisesRegex(AssertionError, "not within 0.01s: the moon"):
            waiting.wait_for(lambda: None, 0.01, "the moon")


class Backends(unittest.TestCase):
    def test_a_backend_answers_by_its_name_and_dies_like_a_process(self):
        backend = backends.Backend("blue")
        with socket.create_connection(("127.0.0.1", backend.port), 10) as kept:
            for n in range(2):
                kept.sendall(b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % n)
                self.assertTrue(wire.receive_head(kept).endswith(b"\r\n\r\nblue"))
            closing = b"GET /close HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            self.assertTrue(wire.ask(backend.port, closing).endswith(b"blue"), "it closes when it is asked to")
            backend.close()
            self.assertEqual(wire.receive_all(kept), b"")
        self.assertFalse(ports.accepts(backend.port))
        self.assertEqual(backend.seen, ["GET /0", "GET /1", "GET /close"])


class Golden(unittest.TestCase):
    def test_what_differs_makes_the_whole_again(self):
        for text in (BASE, BASE.replace("256", "9"), BASE.replace("a 1;\n", ""), BASE + "b;\n", BASE.replace("upstream 7 {\n", "upstream 7 {\n  x;\n"),
                     BASE.replace("  location / {\n", "  y;\n  location / {\n    z;\n"), "other\n"):
            made = golden.without(BASE, text, "base")
            self.assertEqual(golden.applied(BASE, made), text)
            self.assertLess(made.count("\n"), 12 if text != "other\n" else 1000)
        self.assertIn("@@ upstream 0 and on, 32 times\n", golden.without(BASE, BASE.replace("256", "9"), "base"))

    def test_an_old_line_that_is_not_there_is_a_failure(self):
        made = golden.without(BASE, BASE.replace("listen 80", "listen 81"), "base")
        with self.assertRaisesRegex(AssertionError, "nothing to change like this in server"):
            golden.applied(BASE.replace("listen 80", "listen 82"), made)

    def test_differences_are_told_in_few_lines(self):
        one, other = ("".join("%s%d\n" % (word, n) for n in range(300)) for word in ("a", "b"))
        self.assertEqual(len(texts.difference(one, other).splitlines()), texts.MOST + 1)
        self.assertEqual(texts.difference(one, one.replace("a7\n", "A7\n")).count("\n"), 8)
        self.assertEqual(texts.difference(one, one), "")
        self.assertTrue(texts.difference(one, one[:-1]))


class Offset(unittest.TestCase):
    CODE = """import points
calls = [points.Point("write", n, "objects" if n < 40 else "tree", "", n) for n in range(60)]
print(sorted({p.number for p in %s}))"""

    def chosen(self, how, offset):
        return eval(in_another(self.CODE % how, ORCTL_TEST_OFFSET=str(offset)))

    def test_every_point_has_its_turn_and_a_named_offset_takes_the_same(self):
        turns = [self.chosen("points.every(calls, 5)", offset) for offset in range(260, 265)]
        self.assertEqual(sorted(sum(turns, [])), list(range(60)))
        self.assertEqual(self.chosen("points.every(calls, 5)", 265), turns[0])
        thin = [self.chosen("points.thin(calls, 1)", offset) for offset in (1, 1, 2, 3)]
        self.assertEqual(thin[0], thin[1])
        self.assertTrue(thin[0] != thin[2] or thin[2] != thin[3], "another member of the group")
        self.assertEqual([len(one) for one in thin], [2] * 4)

    def test_without_a_named_one_it_is_the_number_of_commits(self):
        count = subprocess.run(["git", "-C", HERE, "-c", "safe.directory=*", "rev-list", "--count", "HEAD"], capture_output=True, text=True).stdout.strip()
        self.assertEqual(in_another("import points; print(points.OFFSET)", ORCTL_TEST_OFFSET=""), count or "0")


if __name__ == "__main__":
    unittest.main()
