#!/usr/bin/python3
"""A document kept by x-save: it serves from the first connection on after any end of the process, and
a full disk is an error that leaves the old one whole. The disk is a real small tmpfs, mounted in a
namespace of its own."""
import http.client
import os
import random
import signal
import subprocess
import sys
import threading
import time
import unittest

from clients import Clients
from harness import GatewayTest, alive, document, wait_for

INSIDE = "ORCTL_SAVED_STATE_INSIDE"


def only(name):
    """A judge of answers: nothing but a 200 by that server is right."""
    return lambda mark, host, status, text: (
        None if (status, text) == (200, name) else "%d %s" % (status, text[:200]))


class StateTest(GatewayTest):
    def setUp(self):
        self.servers = self.nginx_backends(4).addresses

    def large(self, number, count=300):
        """A document that takes a while to read."""
        doc = document([self.servers[number]])
        doc["upstreams"] += [{"name": "u%d" % n, "servers": [
            {"address": "10.%d.%d.%d:80" % (k, n // 250, n % 250)} for k in range(10)]}
            for n in range(count)]
        return doc

    def save(self, instance, doc):
        return instance.admin("PUT", "/v1/config", doc, {"x-save": "1"})

    def stop(self, instance):
        instance.master.terminate()
        instance.master.wait(10)


class SavedState(StateTest):
    def test_a_cold_start_with_a_saved_document_gives_no_bad_answer(self):
        i = self.instance(document(self.servers[:1]))
        self.assertEqual(self.save(i, self.large(1)).status, 200)
        answers = 0
        for _ in range(5):
            self.stop(i)
            with Clients(i.port, 4, fresh=True, judge=only("S1")) as clients:
                i.start()
                wait_for(lambda: clients.answers > 500)
            self.assertEqual(clients.faults[:5], [])
            self.assertGreater(clients.refused, 0, "they came before the start")
            answers += clients.answers
        print("5 cold starts with a saved document: 0 of %d answers were bad" % answers)

    def test_any_kill_of_the_whole_process_while_saving_keeps_the_last_saved_document(self):
        i, rng, saved = self.instance(document(self.servers[:1])), random.Random(5), 0
        number, in_doubt = 0, []

        def doc(n):
            return dict(self.large(n % 4, 50), routes=[
                {"path": "/", "upstream": "up"}, {"path": "/number/%d" % n, "upstream": "up"}])
        for _ in range(15):
            pids, end = [i.master.pid] + i.workers(), time.monotonic() + rng.random() * 0.1

            def kill():
                time.sleep(max(0, end - time.monotonic()))  # the stimulus: at any moment of a save
                for pid in pids:
                    os.kill(pid, signal.SIGKILL)
            killer = threading.Thread(target=kill)
            killer.start()
            try:
                while True:
                    in_doubt.append(number + 1)
                    number += 1
                    self.assertEqual(self.save(i, doc(number)).status, 200)
                    in_doubt, saved = [number], saved + 1
            except (OSError, http.client.HTTPException):
                pass
            killer.join()
            i.master.wait(10)
            wait_for(lambda: not any(alive(pid) for pid in pids))
            for name in os.listdir(i.run):
                if name.endswith(".sock"):
                    os.unlink(os.path.join(i.run, name))
            i.start()
            found = i.admin("GET", "/v1/config").json()
            now = [n for n in in_doubt if doc(n) == found]
            self.assertTrue(now or not saved, "the last saved document was lost")
            if now:
                self.assertEqual(i.get().text(), "S%d" % (now[0] % 4))
                in_doubt = now
            self.assertNotIn("is refused", i.errors())
        self.assertGreater(saved, 15)
        print("15 kills of the whole process, %d documents saved: the last one served each time"
              % saved)


class FullDisk(StateTest):
    SIZE = 192 << 10

    def full_instance(self):
        i = self.instance(document(self.servers[:1]))
        self.mount(i, "size=%d" % self.SIZE)
        return i

    def mount(self, instance, options):
        """Another disk below the state folder, with the folders for bodies that nginx has made at its start."""
        made = {folder.name: folder.stat() for folder in os.scandir(instance.state)}
        subprocess.run(["mount", "-t", "tmpfs", "-o", options + ",mode=0777", "tmpfs",
                        instance.state], check=True)
        self.addCleanup(subprocess.run, ["umount", instance.state], stderr=subprocess.DEVNULL)
        for name, stat in made.items():
            os.mkdir(os.path.join(instance.state, name), stat.st_mode & 0o7777)
            os.chown(os.path.join(instance.state, name), stat.st_uid, stat.st_gid)
        self.folders = set(made)

    def files(self, instance):
        return sorted(set(os.listdir(instance.state)) - self.folders)

    def fill(self, instance, leave):
        path = os.path.join(instance.state, "fill")
        if os.path.exists(path):
            os.unlink(path)
        room = os.statvfs(instance.state)
        with open(path, "wb") as f:
            size = room.f_bavail * room.f_frsize - leave
            if size > 0:
                os.posix_fallocate(f.fileno(), 0, size)

    def whole(self, instance):
        with open(os.path.join(instance.state, "document"), "rb") as f:
            return f.read()

    def refused(self, instance, answer, reason):
        """An error, after which everything is as before: in service, in the file, in the folder."""
        self.assert_problem(answer, 507)
        self.assertIn(reason, answer.json()["detail"])
        self.assertIn("nothing was changed", answer.json()["detail"])

    def test_a_full_disk_is_an_error_and_the_old_document_stays_whole(self):
        i = self.full_instance()
        self.assertEqual(self.save(i, self.large(1, 50)).status, 200)
        number, refused, taken = 1, 0, 0
        for leave in range(0, 80 << 10, 4096):
            self.fill(i, leave)
            before = (self.whole(i), i.admin("GET", "/v1/config").body, i.status()["generation"])
            answer = self.save(i, self.large(2 + number % 2, 50 + number))
            if answer.status == 200:
                number, taken = number + 1, taken + 1
                continue
            refused += 1
            self.refused(i, answer, "No space left on device")
            self.assertEqual(before, (self.whole(i), i.admin("GET", "/v1/config").body,
                                      i.status()["generation"]))
            self.assertEqual(self.files(i), ["document", "fill"])
        self.assertGreater(refused, 3)
        self.assertGreater(taken, 3, "with room enough it works")
        served = i.get().text()
        self.fill(i, 0)
        self.assert_problem(self.save(i, self.large(1, 60)), 507)
        i.put(document(self.servers[:1]))  # without x-save no room is needed
        self.assertEqual(i.get().text(), "S0")
        self.stop(i)
        i.start()
        self.assertEqual(i.get().text(), served)
        self.fill(i, 100 << 10)
        self.assertEqual(self.save(i, self.large(1, 60)).status, 200)
        self.stop(i)
        i.start()
        self.assertEqual(i.get().text(), "S1")
        print("%d saves on a full disk refused, the old file whole each time; %d with room taken"
              % (refused, taken))

    def test_an_override_on_a_full_disk_is_refused_and_not_in_force(self):
        i = self.instance(document(self.servers[:2]))
        self.mount(i, "size=%d" % self.SIZE)
        path = "/v1/overrides/up/" + self.servers[0]
        self.fill(i, 0)
        self.refused(i, i.admin("PUT", path, {"state": "drain", "reason": "x" * 100}),
                     "No space left on device")
        self.assertEqual(i.admin("GET", "/v1/overrides").json(), {"items": []})
        self.assertEqual({i.get().text() for _ in range(10)}, {"S0", "S1"})
        self.fill(i, 8192)
        self.assertEqual(i.admin("PUT", path, {"state": "drain"}).status, 200)
        self.stop(i)
        i.start()
        self.assertEqual({i.get().text() for _ in range(10)}, {"S1"})

    def test_without_inodes_and_without_rights_to_write_it_is_an_error_too(self):
        i = self.instance(document(self.servers[:1]))
        self.mount(i, "size=1m,nr_inodes=%d" % (3 + len(os.listdir(i.state))))
        self.assertEqual(self.save(i, self.large(1, 5)).status, 200)
        before = self.whole(i)
        os.mknod(os.path.join(i.state, "last"))
        self.refused(i, self.save(i, self.large(2, 5)), "No space left on device")
        self.assertEqual(self.whole(i), before)
        os.unlink(os.path.join(i.state, "last"))
        subprocess.run(["mount", "-o", "remount,ro", i.state], check=True)
        self.refused(i, self.save(i, self.large(2, 5)), "Read-only file system")
        self.assertEqual((self.whole(i), i.get().text()), (before, "S1"))
        self.stop(i)
        i.start()
        self.assertEqual(i.get().text(), "S1")


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        unittest.main()
    if os.geteuid() != 0:
        sys.exit("saved_state_test needs root: it mounts a tmpfs in a namespace of its own")
    argv = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
    os.execvpe(argv[0], argv, dict(os.environ, **{INSIDE: "1"}))
