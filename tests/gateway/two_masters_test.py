#!/usr/bin/python3
"""While nginx is upgraded two masters serve on the same sockets, each with a shared dictionary of its own: what one of them has
acknowledged holds in both, and is there when either has gone."""
import http.client
import json
import os
import shutil
import signal
import subprocess
import threading
import unittest

from harness import NGINX, Answer, GatewayTest, UnixConnection, alive, children, document, wait_for


class TwoMasters(GatewayTest):
    """nginx as a daemon: one that its starter still waits for takes no SIGUSR2."""

    def setUp(self):
        self.servers = self.nginx_backends(4).addresses
        self.i = self.instance(document(self.servers), start=False)
        self.addCleanup(self.end)
        self.pid_file = os.path.join(self.i.run, "nginx.pid")
        self.started = []
        self.launch()

    def launch(self):
        binary = shutil.which(NGINX)  # which SIGUSR2 starts again, without a search
        subprocess.run([binary] + self.i.command()[1:], check=True, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_for(self.i.up, what="nginx is up")
        self.started.append(self.pid())

    def end(self):
        # masters first: one that lives makes another worker for each that is killed
        masters = [pid for pid in self.started if alive(pid)]
        workers = [one for pid in masters for one in children(pid)]
        for one in masters + workers:
            try:
                os.kill(one, signal.SIGKILL)
            except ProcessLookupError:
                pass

    def pid(self, file=""):
        try:
            with open(self.pid_file + file) as f:
                return int(f.read())
        except (FileNotFoundError, ValueError):
            return 0

    def upgrade(self):
        """The pids of the old and the new master."""
        old = self.pid()
        os.kill(old, signal.SIGUSR2)
        wait_for(lambda: self.pid(".oldbin") == old and self.pid() not in (0, old), what="two masters")
        self.started.append(self.pid())
        wait_for(lambda: len(children(self.pid())) == 2, what="two workers")
        return old, self.pid()

    def leave(self, pid):
        """A master ends as when an upgrade is finished or taken back."""
        os.kill(pid, signal.SIGQUIT)
        wait_for(lambda: not alive(pid) and not self.pid(".oldbin"), what="master %d has gone" % pid)

    def put(self, server, body):
        answer = self.i.admin("PUT", "/v1/overrides/up/" + server, dict(body, by="test"))
        return answer.status

    def put_to(self, master, server, body):
        """The change, answered by a worker of this master: on a connection that one of its workers has taken."""
        for _ in range(400):
            connection = UnixConnection(os.path.join(self.i.run, "admin.sock"))
            try:
                connection.request("GET", "/v1/status", headers={"Host": "localhost"})
                if {w["pid"] for w in Answer(connection.getresponse()).json()["workers"]} <= set(children(master)):
                    connection.request("PUT", "/v1/overrides/up/" + server, json.dumps(body),
                                       {"Host": "localhost", "Content-Type": "application/json"})
                    self.assertEqual(Answer(connection.getresponse()).status, 200)
                    return
            finally:
                connection.close()
        self.fail("no worker of %d takes a connection" % master)

    def overrides(self):
        items = self.i.admin("GET", "/v1/overrides").json()["items"]
        return {item["server"]: item.get("state") or item.get("weight") for item in items}

    def everywhere(self, wanted):
        """Whether every worker that answers says so, in many answers."""
        return all(self.overrides() == wanted for _ in range(40))

    def test_what_either_master_acknowledged_holds_in_both(self):
        self.put(self.servers[0], {"weight": 5})
        old, new = self.upgrade()
        self.put_to(old, self.servers[1], {"state": "drain"})
        wait_for(lambda: self.everywhere({self.servers[0]: 5, self.servers[1]: "drain"}), what="the new one follows")
        self.put_to(new, self.servers[2], {"state": "maint"})
        self.put_to(old, self.servers[0], {"weight": 7})
        wanted = {self.servers[0]: 7, self.servers[1]: "drain", self.servers[2]: "maint"}
        wait_for(lambda: self.everywhere(wanted), what="both know all")
        self.assertEqual({self.i.get().text() for _ in range(60)}, {"S0", "S3"})
        self.leave(new)
        self.assertTrue(self.everywhere(wanted), "the upgrade was taken back")
        old, new = self.upgrade()
        self.leave(old)
        self.assertTrue(self.everywhere(wanted), "the upgrade was finished")
        self.leave(new)
        self.launch()
        self.assertTrue(self.everywhere(wanted), "after a start")
        self.assertEqual({self.i.get().text() for _ in range(60)}, {"S0", "S3"})

    def test_no_change_is_lost_while_masters_come_and_go(self):
        done, stop, faults = {}, threading.Event(), []

        def change(k):
            turn = 0
            while not stop.is_set():
                turn += 1
                weight = k * 100 + turn % 100
                try:
                    status = self.put(self.servers[k], {"weight": weight})
                except (OSError, http.client.HTTPException):
                    status = 0  # the worker has gone: it may be done or not
                if status == 200:
                    done[k] = {weight}
                elif status == 0:
                    done.setdefault(k, set()).add(weight)
                elif status != 503:
                    faults.append(status)
        self.addCleanup(stop.set)
        threads = [threading.Thread(target=change, args=(k,), daemon=True) for k in range(4)]
        for thread in threads:
            thread.start()
        for turn in range(6):
            old, new = self.upgrade()
            self.leave((old, new)[turn % 3 == 2])
        stop.set()
        for thread in threads:
            thread.join()
        self.assertEqual(faults, [])
        self.assertEqual(set(done), {0, 1, 2, 3})

        def agrees():
            said = self.overrides()
            return all(said.get(self.servers[k]) in weights for k, weights in done.items())
        wait_for(lambda: all(agrees() for _ in range(20)), limit=2, what="what was acknowledged: %s, and not %s" % (done, self.overrides()))
        self.leave(self.pid())
        self.launch()
        self.assertTrue(agrees(), "after a start: %s %s" % (done, self.overrides()))
        self.assertNotIn("refused", self.i.errors())

    def test_an_end_comes_once_in_both(self):
        old, new = self.upgrade()
        self.put_to(old, self.servers[0], {"state": "drain", "for": "500ms"})
        self.put_to(new, self.servers[1], {"state": "drain"})
        wait_for(lambda: self.everywhere({self.servers[1]: "drain"}), what="one has ended, the other has not")
        self.leave(old)
        self.assertTrue(self.everywhere({self.servers[1]: "drain"}))

    def test_a_file_that_is_torn_while_it_runs_changes_nothing(self):
        self.put(self.servers[0], {"state": "drain"})
        path = os.path.join(self.i.state, "overrides")
        with open(path) as f:
            head, payload = f.read().split("\n", 1)
        self.i.write(path, head[:-4] + "0000\n" + payload[:-9])
        wait_for(lambda: "torn" in self.i.errors(), what="it is said")
        self.assertTrue(self.everywhere({self.servers[0]: "drain"}))
        self.assertEqual(self.put(self.servers[1], {"state": "drain"}), 200)
        self.assertTrue(self.everywhere({self.servers[0]: "drain", self.servers[1]: "drain"}))
        self.assertLessEqual(self.i.errors().count("torn"), 2, "each worker says it once")


if __name__ == "__main__":
    unittest.main()
