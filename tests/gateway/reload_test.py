#!/usr/bin/python3
"""What a start, a reload, a failed reload and a killed worker leave in service."""
import hashlib
import os
import signal
import socket
import subprocess
import unittest

from harness import GatewayTest, digest_of, document, encode, wait_for


def sha(doc):
    return hashlib.sha256(encode(doc)).hexdigest()


class Reload(GatewayTest):
    def setUp(self):
        self.a, self.b, self.c = (self.backend(n) for n in "ABC")
        self.doc_a, self.doc_b, self.doc_c = (
            document([x.address]) for x in (self.a, self.b, self.c))

    def test_a_cold_start_gives_no_bad_answer(self):
        for _ in range(5):
            i = self.instance(self.doc_a, start=False)
            i.spawn()
            answers = []

            def first():
                try:
                    answers.append(i.get().text())
                except ConnectionRefusedError:
                    pass
                return len(answers) >= 20
            wait_for(first, what="20 answers")
            self.assertEqual(set(answers), {"A"})
            i.close()

    def test_a_reload_without_a_new_tree_keeps_the_hotter_document(self):
        i = self.instance(self.doc_a)
        i.put(self.doc_b)
        for _ in range(2):
            i.hup()
            self.assertEqual({i.get().text() for _ in range(10)}, {"B"})
            self.assertEqual(i.status()["generation"], 2)

    def test_a_reload_with_a_new_tree_and_the_same_document_keeps_the_hotter_one(self):
        i = self.instance(self.doc_a)
        i.put(self.doc_b)
        i.write_tree()
        i.hup()
        self.assertEqual(i.get().text(), "B")
        self.assertEqual(i.status()["tree"], digest_of(2))

    def test_a_reload_with_a_new_document_serves_it(self):
        i = self.instance(self.doc_a)
        i.put(self.doc_b)
        i.write_tree(self.doc_c)
        i.hup()
        self.assertEqual({i.get().text() for _ in range(10)}, {"C"})
        status = i.status()
        self.assertEqual((status["generation"], status["digest"]), (3, sha(self.doc_c)))
        self.assertEqual({w["tree"] for w in status["workers"]}, {digest_of(2)})

    def test_a_put_with_x_tree_counts_as_the_trees_document(self):
        # apply writes B into the tree and puts it; somebody puts C; a reload must keep C.
        i = self.instance(self.doc_a)
        i.write_tree(self.doc_b)
        i.put(self.doc_b, x_tree="1")
        i.put(self.doc_c)
        i.hup()
        self.assertEqual(i.get().text(), "C")

    def test_a_killed_worker_keeps_the_last_acknowledged_document(self):
        i = self.instance(self.doc_a)
        for n in range(10):
            doc = (self.doc_b, self.doc_c)[n % 2]
            generation = i.put(doc)["generation"]
            victims = i.workers()[:1 + n % 2]
            for pid in victims:
                os.kill(pid, signal.SIGKILL)
            wait_for(lambda: len(i.workers()) == 2 and not set(victims) & set(i.workers()))
            wait_for(lambda: {w["pid"] for w in i.status()["workers"]} == set(i.workers()))
            wait_for(lambda: i.all_follow(generation=generation, digest=sha(doc)))
            self.assertEqual({i.get().text() for _ in range(6)}, {"BC"[n % 2]})

    def test_a_reload_that_cannot_take_its_port_changes_nothing(self):
        i = self.instance(self.doc_a)
        workers = i.workers()
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            old, i.port = i.port, taken.getsockname()[1]
            i.write_tree(self.doc_b)
            i.port = old
            i.master.send_signal(signal.SIGHUP)
            wait_for(lambda: "still could not bind" in i.errors(), 15, "the reload has failed")
        self.assertEqual(i.workers(), workers)
        self.assertEqual(i.get().text(), "A")
        status = i.status()
        self.assertEqual((status["tree"], status["generation"]), (digest_of(1), 1))
        os.kill(workers[0], signal.SIGKILL)
        wait_for(lambda: len(i.workers()) == 2 and workers[0] not in i.workers())
        self.assertEqual({i.get().text() for _ in range(6)}, {"A"})
        i.write_tree(self.doc_b)
        i.hup()
        self.assertEqual(i.get().text(), "B")

    def test_a_bad_document_or_module_refuses_the_start_and_the_reload(self):
        bad = [({"format": 1, "upstreams": [], "routes": 7}, None, "/routes: 7 is not an array"),
               (b"{", None, "not a JSON document"),
               (None, "error('no such luck')", "no such luck"),
               (None, "syntax error", "overlay module")]
        i = self.instance(self.doc_a, overlay={"orctl/overlay.list": "mine\n",
                                               "mine.lua": "return {}"})
        i.put(self.doc_b)
        workers = i.workers()
        for doc, module, message in bad:
            with self.subTest(message):
                i.write(os.path.join(i.tree, "lua", "mine.lua"), module or "return {}")
                i.write_tree(doc or self.doc_a)
                i.master.send_signal(signal.SIGHUP)
                wait_for(lambda: message in i.errors(), what=message)
                self.assertEqual((i.get().text(), i.status()["tree"]), ("B", digest_of(1)))
                other = self.instance(doc or self.doc_a, start=False, overlay={
                    "orctl/overlay.list": "mine\n", "mine.lua": module or "return {}"})
                other.spawn()
                self.assertNotEqual(other.master.wait(10), 0)
                self.assertIn(message, other.errors())
        self.assertEqual(i.workers(), workers)

    def test_fewer_workers_after_a_reload_are_all_that_is_listed(self):
        i = self.instance(self.doc_a, workers=3)
        i.workers_wanted = 1
        i.write_tree()
        i.hup()
        status = i.status()
        self.assertEqual([w["pid"] for w in status["workers"]], i.workers())
        self.assertEqual(status["worker_count"], 1)

    def test_a_restart_begins_with_the_trees_document(self):
        i = self.instance(self.doc_a)
        i.put(self.doc_b)
        i.master.send_signal(signal.SIGQUIT)
        i.master.wait(10)
        i.start()
        self.assertEqual((i.get().text(), i.status()["generation"]), ("A", 1))

    def test_a_document_larger_than_the_dictionary_is_served_and_reported(self):
        large = document([self.a.address], routes=[
            {"path": "/", "upstream": "up"}] + [
            {"path": "/%d" % n, "upstream": "up"} for n in range(4000)])
        i = self.instance(large, start=False, dict_size="128k")
        i.spawn()

        def told():
            try:  # the socket is there before it listens, and it listens before a worker has reported
                workers = i.status()["workers"]
            except OSError:
                return False
            return workers and all("does not fit" in w.get("error", "") for w in workers)
        wait_for(told)
        self.assertEqual(i.get().text(), "A")
        self.assertEqual(i.admin("GET", "/v1/config").body, encode(large))
        i.put(self.doc_b)
        self.assertEqual(i.get().text(), "B")

    def test_nginx_t_on_a_sound_tree_leaves_a_running_instance_alone(self):
        i = self.instance(self.doc_a)
        i.put(self.doc_b)
        subprocess.run(i.command() + ["-t"], check=True, stderr=subprocess.DEVNULL)
        self.assertEqual((i.get().text(), i.status()["generation"]), ("B", 2))


if __name__ == "__main__":
    unittest.main()
