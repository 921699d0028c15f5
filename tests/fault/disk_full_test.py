#!/usr/bin/python3
"""A real full disk: a small tmpfs below the root, with less room in each step. The old version stays live, the error
says what to do, and with room again the next apply works. Needs root for `unshare --mount`; fails where it cannot have it."""
import os
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
INSIDE = "ORCTL_FAULT_INSIDE"

if os.environ.get(INSIDE):
    sys.path.insert(0, HERE)
    import lab as faults

SIZE = 4 << 20
QUICK = ("--watch-log", "0s")  # how long it looks at new workers has nothing to do with the disk


class FullDisk(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab()
        self.disk = self.lab.root
        os.mkdir(self.disk)
        self.mounted = False
        self.mount("size=%d" % SIZE)

    def tearDown(self):
        self.lab.kill_all()
        subprocess.run(["umount", self.disk], check=False)
        self.lab.close()

    def mount(self, options):
        done = faults.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", self.disk])
        self.assertEqual(done.code, 0, "a tmpfs is needed: %s" % done)

    def fill(self, leave):
        """Leaves so many bytes free."""
        self.free()
        path = os.path.join(self.disk, "fill")
        with open(path, "wb") as f:
            room = os.statvfs(self.disk)
            os.posix_fallocate(f.fileno(), 0, max(4096, room.f_bavail * room.f_frsize - leave))

    def free(self):
        path = os.path.join(self.disk, "fill")
        if os.path.exists(path):
            os.unlink(path)

    def room(self):
        room = os.statvfs(self.disk)
        return room.f_bavail * room.f_frsize

    def failed_well(self, result, leave):
        self.assertEqual(self.lab.audit_fault(), "", "a full disk leaves no line that looks changed")
        where = "with %d KiB free: %s" % (leave >> 10, result)
        self.assertGreater(result.code, 0, where)
        self.assertIn(result.code, (5, 11), where)
        self.assertIn("No space left on device", result.err, where)
        self.assertIn("hint: ", result.err, where)
        if "free space" not in result.err:  # nginx's own words, then; the place to look at must exist
            faults.check_hints(self, result)

    def test_a_hot_change_with_less_and_less_room(self):
        self.shrinking("hot", connections=1024)

    def test_b_reload_change_with_less_and_less_room(self):
        self.shrinking("reload", connections=999)

    def shrinking(self, kind, connections):
        lab = self.lab
        files = {"old": lab.manifest("old", "old"), "new": lab.manifest("new", "new", connections=connections)}
        lab.must("apply", "-f", files["old"])
        live, steps, failures = "old", 0, 0
        whole = {"old": faults.tree_of(lab.tree)}
        lab.must("apply", "-f", files["new"])
        whole["new"] = faults.tree_of(lab.tree)
        lab.must("apply", "-f", files["old"])
        for leave in [0, 4096] + list(range(8 << 10, 768 << 10, (4 << 10) if faults.FULL else (32 << 10))):
            other = "new" if live == "old" else "old"
            self.fill(leave)
            steps += 1
            result = lab.orctl("apply", "-f", files[other], *QUICK)
            if result.code == 0:
                live = other
            else:
                failures += 1
                self.failed_well(result, leave)
            self.assertEqual(lab.get(), (200, live), "with %d KiB free: %s" % (leave >> 10, result))
            self.assertTrue(faults.tree_of(lab.tree) == whole[live], "the tree is whole, with %d KiB free: %s" % (leave >> 10, result))
            self.assertEqual(lab.fsck(), "", result)
            if result.code != 0:
                self.assertEqual(lab.orctl("diff", "-f", files[live]).code, 0, "with %d KiB free: %s" % (leave >> 10, result))
                self.free()
                lab.must("apply", "-f", files[other], *QUICK)
                live = other
                self.assertEqual(lab.get(), (200, live))
            self.free()
            self.assertFalse(os.path.lexists(lab.stage))
            for revision in lab.revisions():
                self.assertTrue(revision["outcome"], "with %d KiB free, revision %d has no outcome" % (leave >> 10, revision["revision"]))
        print("\n  %s change: %d steps, %d of them failed, old stayed live in each" % (kind, steps, failures))
        self.assertGreater(failures, 5)
        self.assertLess(failures, steps, "with room enough it works")

    def test_c_first_apply_with_less_and_less_room(self):
        lab, failures = self.lab, 0
        new = lab.manifest("new", "new")
        steps = [0, 4096] + list(range(16 << 10, 640 << 10, (16 << 10) if faults.FULL else (48 << 10)))
        for leave in steps:
            self.fill(leave)
            result = lab.orctl("apply", "-f", new)
            if result.code != 0:
                failures += 1
                self.failed_well(result, leave)
                for left in (lab.tree, lab.stage, lab.run_folder, lab.state_folder, lab.log_folder, lab.unit):
                    self.assertFalse(os.path.lexists(left), "with %d KiB free %s is left: %s" % (leave >> 10, left, result))
                self.assertEqual(lab.processes(), {})
                self.assertEqual(lab.fsck(), "", result)
                self.free()
                lab.must("apply", "-f", new)
            self.free()
            self.assertEqual(lab.get(), (200, "new"))
            lab.kill_all()
            for name in os.listdir(self.disk):
                shutil.rmtree(os.path.join(self.disk, name))
        print("\n  first apply: %d steps, %d of them failed, nothing was left behind" % (len(steps), failures))
        self.assertGreater(failures, 3)

    def test_d_no_inodes(self):
        lab = self.lab
        self.assertEqual(faults.run(["umount", self.disk]).code, 0)
        self.mount("size=%d,nr_inodes=600" % SIZE)
        old, new = lab.manifest("old", "old"), lab.manifest("new", "new")
        lab.must("apply", "-f", old)
        fillers = []
        while os.statvfs(self.disk).f_favail > 10:
            fillers.append(os.path.join(self.disk, "fill.%d" % len(fillers)))
            os.mknod(fillers[-1])
        result = lab.orctl("apply", "-f", new)
        self.failed_well(result, 0)
        self.assertIn("df -i", result.err)
        self.assertEqual(lab.get(), (200, "old"))
        for path in fillers:
            os.unlink(path)
        lab.must("apply", "-f", new)
        self.assertEqual(lab.get(), (200, "new"))

    def test_e_read_only(self):
        lab = self.lab
        old, new = lab.manifest("old", "old"), lab.manifest("new", "new")
        lab.must("apply", "-f", old)
        # a mount of its own over the same files: nginx keeps writing its logs through the first one
        self.assertEqual(faults.run(["mount", "--bind", self.disk, self.disk]).code, 0)
        self.assertEqual(faults.run(["mount", "-o", "remount,ro,bind", self.disk]).code, 0)
        try:
            result = lab.orctl("apply", "-f", new)
            self.assertEqual(result.code, 5, result)
            self.assertIn("read-only", result.err.lower())
            self.assertIn("hint: ", result.err)
            self.assertEqual(lab.get(), (200, "old"))
            for look in (["status", lab.name], ["history", lab.name], ["diff", "-f", old], ["get", "instances"]):
                self.assertEqual(lab.orctl(*look).code, 0, "looking needs no writing: %s" % look)
            unchanged = lab.orctl("apply", "-f", old)
            self.assertEqual(unchanged.code, 0, "an apply with nothing to do writes nothing: %s" % unchanged)
        finally:
            self.assertEqual(faults.run(["umount", self.disk]).code, 0)
        lab.must("apply", "-f", new)
        self.assertEqual(lab.get(), (200, "new"))


if __name__ == "__main__":
    if os.environ.get(INSIDE):
        unittest.main(verbosity=1)
    if os.geteuid() != 0:
        sys.exit("disk_full_test needs root: it mounts a tmpfs in a namespace of its own")
    argv = ["unshare", "--mount", "--propagation", "private", sys.executable, *sys.argv]
    os.execvpe(argv[0], argv, dict(os.environ, **{INSIDE: "1"}))
