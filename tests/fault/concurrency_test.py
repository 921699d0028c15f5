#!/usr/bin/python3
"""Many orctl at once: they take turns, no revision is lost or left without an outcome, and a lock ends with its holder
."""
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults

CONFLICT = 7
PATIENCE = "80s"  # on a slow machine ten applies may take longer than the usual 30 s
PROCESSES, EACH = 10, 10


def at_once(work):
    """work(k) for each of the processes, begun together; their results."""
    gate, results = threading.Barrier(PROCESSES), [None] * PROCESSES

    def one(k):
        gate.wait()
        results[k] = work(k)

    threads = [threading.Thread(target=one, args=(k,)) for k in range(PROCESSES)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return results


class Stopped:
    """An orctl that has been stopped (SIGSTOP) at its `number`th call of `syscall`, with the locks it holds then."""

    def __init__(self, lab, syscall, number, *args):
        self.argv = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=" + syscall, "-e", "inject=%s:signal=STOP:when=%d" % (syscall, number), *lab.argv(*args)]

    def __enter__(self):
        self.strace = subprocess.Popen(self.argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.pid = faults.wait_for(self.stopped, 60, "orctl is stopped at the call")
        return self

    def stopped(self):
        if self.strace.poll() is not None:
            raise AssertionError("it ended before it could be stopped: %s" % " ".join(self.argv))
        try:
            with open("/proc/%d/task/%d/children" % (self.strace.pid, self.strace.pid)) as f:
                for pid in map(int, f.read().split()):
                    with open("/proc/%d/stat" % pid) as stat, open("/proc/%d/wchan" % pid):
                        fields = stat.read().rsplit(")", 1)[1].split()
                    with open("/proc/%d/status" % pid) as status:
                        pending = "SigPnd:\t0000000000000000" not in status.read()
                    with open("/proc/%d/comm" % pid) as comm:
                        # t: stopped by its tracer on behalf of SIGSTOP; it is so for an instant at each call, too
                        if fields[0] in "Tt" and comm.read().strip() == "orctl" and not pending and self.quiet(pid):
                            return pid
        except FileNotFoundError:
            pass
        return None

    @staticmethod
    def quiet(pid):
        """Whether it stays where it is: no switch of context in 50 ms."""
        def switches():
            with open("/proc/%d/status" % pid) as f:
                return [line for line in f if "ctxt_switches" in line]
        before = switches()
        time.sleep(0.05)
        return switches() == before

    def kill(self):
        os.kill(self.pid, signal.SIGKILL)
        self.strace.wait(20)

    def go_on(self):
        os.kill(self.pid, signal.SIGCONT)
        return self.strace.wait(60)

    def __exit__(self, *_):
        if self.strace.poll() is None:
            self.kill()


class AtOnce(unittest.TestCase):
    def gapless(self, lab, count):
        revisions = lab.revisions()
        self.assertEqual([r["revision"] for r in revisions], list(range(count, 0, -1)))
        self.assertEqual({r["outcome"] for r in revisions}, {"applied"})
        self.assertEqual([r["revision"] for r in revisions if r["live"]], [count])

    def test_a_a_hundred_applies_of_ten_processes_to_one_instance(self):
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("first", "old", weight=100))
            manifests = [[lab.manifest("m%d.%d" % (k, j), "old", weight=1 + k * EACH + j) for j in range(EACH)] for k in range(PROCESSES)]
            began, waits = time.monotonic(), []

            def work(k):
                out = []
                for path in manifests[k]:
                    start = time.monotonic()
                    out.append(lab.orctl("apply", "-f", path, "--lock-timeout", PATIENCE))
                    waits.append(time.monotonic() - start)
                return out

            with faults.Traffic(lab) as traffic:
                results = at_once(work)
            for result in sum(results, []):
                self.assertEqual(result.code, 0, result)
            self.assertEqual(traffic.failed, [])
            self.gapless(lab, 1 + PROCESSES * EACH)
            self.assertEqual(lab.fsck(), "")
            self.assertEqual(lab.status().code, 0)
            head = faults.run(["git", "-c", "safe.directory=*", "--git-dir", lab.store, "rev-parse", "refs/heads/" + lab.name,
                               "refs/orctl/applied/" + lab.name]).out.split()
            self.assertEqual(len(set(head)), 1, "what is live is the newest: %s" % head)
            slow = sorted(waits)[int(len(waits) * 0.99) - 1]
            print("\n  one instance: %d applies of %d processes in %.1f s, 0 lost; 99 of 100 took less than %.2f s, the longest %.2f s"
                  % (PROCESSES * EACH, PROCESSES, time.monotonic() - began, slow, max(waits)))

    def test_b_ten_processes_to_ten_instances_of_one_new_root(self):
        labs = []
        try:
            labs.append(faults.Lab())
            labs += [faults.Lab(root=labs[0].root) for _ in range(PROCESSES - 1)]
            began = time.monotonic()
            results = at_once(lambda k: [labs[k].orctl("apply", "-f", labs[k].manifest("m%d" % j, "old", weight=1 + j), "--lock-timeout", PATIENCE) for j in range(EACH // 2)])
            for result in sum(results, []):
                self.assertEqual(result.code, 0, result)
            for one in labs:
                self.gapless(one, EACH // 2)
                self.assertEqual(one.get(), (200, "old"))
            self.assertEqual(labs[0].fsck(), "")
            with open(os.path.join(labs[0].root, "var/lib/orctl/audit.jsonl")) as f:
                self.assertEqual(len(f.readlines()), PROCESSES * EACH // 2)
            print("\n  %d instances: %d applies in %.1f s" % (PROCESSES, PROCESSES * EACH // 2, time.monotonic() - began))
        finally:
            for one in reversed(labs):
                one.close()

    def test_c_who_does_not_want_to_wait_is_told_at_once_who_holds_the_lock(self):
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("old", "old"))
            new = lab.manifest("new", "new")
            with Stopped(lab, "renameat2", 1, "apply", "-f", new) as holder:
                began = time.monotonic()
                result = lab.orctl("apply", "-f", new, "--lock-timeout", "0ms")
                took = time.monotonic() - began
                self.assertEqual(result.code, CONFLICT, result)
                self.assertLess(took, 2)
                self.assertRegex(result.err, r"%s is held by \S+ since \S+Z for `orctl .*apply -f .*new.toml` \(pid %d\)" % (lab.name, holder.pid))
                self.assertNotIn("another pid namespace", result.err)
                self.assertIn("hint: ", result.err)
                began = time.monotonic()
                self.assertEqual(lab.orctl("reload", lab.name, "--lock-timeout", "400ms").code, CONFLICT)
                self.assertGreater(time.monotonic() - began, 0.4)
                for command in (["status", lab.name], ["history", lab.name], ["get", "instances"], ["diff", "-f", new]):
                    self.assertIn(lab.orctl(*command).code, (0, 1), "who only looks is not kept waiting: %s" % command)
                self.assertEqual(lab.get(), (200, "old"))
                self.assertEqual(holder.go_on(), 0)
            self.assertEqual(lab.get(), (200, "new"))
            self.gapless(lab, 2)

    def test_d_kill_9_of_the_holder_frees_the_lock(self):
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("old", "old"))
            new = lab.manifest("new", "new")
            with Stopped(lab, "renameat2", 1, "apply", "-f", new) as holder:
                self.assertEqual(lab.orctl("apply", "-f", new, "--lock-timeout", "0ms").code, CONFLICT)
                holder.kill()
                lab.must("apply", "-f", new, "--lock-timeout", "0ms")
            self.assertEqual(lab.get(), (200, "new"))
            # the signal came with the end of the exchange, so the next command finished what was begun
            self.gapless(lab, 2)
            self.assertEqual(lab.fsck(), "")

    def test_d_what_a_killed_holder_wrote_is_not_believed(self):
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("old", "old"))
            new, lock = lab.manifest("new", "new"), os.path.join(lab.root, "var/lib/orctl/lock", lab.name)
            with Stopped(lab, "renameat2", 1, "apply", "-f", new) as holder:
                holder.kill()
            with open(lock) as left:
                self.assertEqual(json.loads(left.read())["pid"], holder.pid)
                fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)
                result = lab.orctl("apply", "-f", new, "--lock-timeout", "0s")
            self.assertEqual(result.code, CONFLICT, result)
            self.assertIn("is held by pid %d (" % os.getpid(), result.err)
            self.assertNotIn(" since ", result.err)

    def test_d_the_holder_of_another_pid_namespace_says_so_itself(self):
        inside = ["unshare", "--pid", "--fork", "--mount-proc"]
        if os.geteuid() != 0 or faults.run([*inside, "true"]).code != 0:
            self.skipTest("no pid namespaces here")
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("old", "old"))
            new = lab.manifest("new", "new")
            with Stopped(lab, "renameat2", 1, "apply", "-f", new) as holder:
                result = faults.run([*inside, *lab.argv("apply", "-f", new, "--lock-timeout", "0s")])
                self.assertEqual(result.code, CONFLICT, result)
                self.assertRegex(result.err, r"is held by \S+ since \S+Z for `orctl .*` \(pid %d of another pid namespace\)" % holder.pid)

    def test_e_who_waits_goes_on_as_soon_as_the_holder_is_killed(self):
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("old", "old"))
            new = lab.manifest("new", "new")
            with Stopped(lab, "renameat2", 1, "apply", "-f", new) as holder:
                waiter = subprocess.Popen(lab.argv("apply", "-f", new), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
                with self.assertRaises(subprocess.TimeoutExpired):
                    waiter.wait(0.3)
                holder.kill()
                out, err = waiter.communicate(timeout=20)
                self.assertEqual(waiter.returncode, 0, (out, err))
            self.assertEqual(lab.get(), (200, "new"))

    def test_f_the_store_has_a_lock_of_its_own_for_all_instances(self):
        with faults.Lab() as one, faults.Lab(root=one.root) as other:
            one.must("apply", "-f", one.manifest("old", "old"))
            other.must("apply", "-f", other.manifest("old", "old"))
            with Stopped(one, "renameat", 1, "apply", "-f", one.manifest("new", "new")) as holder:
                result = other.orctl("apply", "-f", other.manifest("new", "new"), "--lock-timeout", "0ms")
                self.assertEqual(result.code, CONFLICT, result)
                self.assertIn("store", result.err)
                self.assertEqual(other.get(), (200, "old"))
                self.assertFalse(os.path.lexists(other.stage))
                self.assertEqual(holder.go_on(), 0)
            other.must("apply", "-f", other.manifest("new", "new"))
            self.assertEqual((one.get(), other.get()), ((200, "new"), (200, "new")))


if __name__ == "__main__":
    unittest.main(verbosity=1)
