#!/usr/bin/python3
"""A second process that swaps a folder on orctl's way for a symlink to a victim, as fast as it can, while orctl applies, rolls back and
deletes: nothing is written, renamed, removed, chmodded or chowned in the victim, and afterwards all works (S6). FULL=1 swaps more
than 100,000 times. The folders are those where orctl alone writes; nginx, which goes by paths, has its own in run, log and state.
"""
import os
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults

#: exchanges argv[1] and argv[2] until stdin ends, and says how often; makes the symlink argv[2] -> argv[3] anew when orctl took it away
SWAPPER = r"""
import ctypes, os, select, sys
folder, link, victim = (os.fsencode(a) for a in sys.argv[1:])
libc = ctypes.CDLL(None, use_errno=True)
swaps = 0
while not (swaps % 64 == 0 and select.select([0], [], [], 0)[0]):
    if libc.renameat2(-100, folder, -100, link, 2) == 0:
        swaps += 1
        continue
    if select.select([0], [], [], 0)[0]:
        break
    try:
        os.symlink(victim, link)
    except OSError:  # it is there, and the folder is not; or the folder above is not
        pass
print(swaps)
"""
SWAPS = 100_000 if faults.FULL else 5_000


class Swapped:
    """While it lives `folder` is swapped with a symlink to the victim; `swaps` says how often, then the folder is back."""

    def __init__(self, folder, victim):
        self.folder, self.link, self.victim, self.swaps = folder, folder + ".swap", victim, 0

    def __enter__(self):
        self.process = subprocess.Popen([sys.executable, "-c", SWAPPER, self.folder, self.link, self.victim],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        return self

    def __exit__(self, *_):
        out, _ = self.process.communicate()
        self.swaps = int(out)
        if os.path.islink(self.folder):
            os.unlink(self.folder)
            if os.path.isdir(self.link) and not os.path.islink(self.link):
                os.rename(self.link, self.folder)
        if os.path.islink(self.link):
            os.unlink(self.link)
        elif os.path.isdir(self.link):  # orctl removed the symlink when it stood for the folder, and made another
            faults.run(["rm", "-rf", self.link])


def snapshot(folder):
    """Everything that a write, chmod or chown would show in."""
    out = {}
    for place, folders, names in os.walk(folder):
        for path in [place] + [os.path.join(place, n) for n in folders + names]:
            s = os.lstat(path)
            content = None
            if os.path.isfile(path):
                with open(path, "rb") as f:
                    content = f.read()
            out[os.path.relpath(path, folder)] = (s.st_mode, s.st_uid, s.st_gid, s.st_ino, s.st_nlink, s.st_mtime_ns, s.st_ctime_ns, content)
    return out


class Race(unittest.TestCase):
    def make_victim(self, lab):
        """A folder that has whatever orctl might be about to touch."""
        victim = os.path.join(lab.home, "victim")
        for folder in ("openresty", "openresty/" + lab.name, lab.name, "systemd/system", "system", "lua/orctl", "orctl", "etc", "lock"):
            os.makedirs(os.path.join(victim, folder), exist_ok=True)
        for name in ("nginx.conf", "gateway.json", "lua/orctl/init.lua", "orctl/init.lua", os.path.basename(lab.unit), "system/" + os.path.basename(lab.unit),
                     "systemd/system/" + os.path.basename(lab.unit), lab.name + "/nginx.conf", "openresty/%s/nginx.conf" % lab.name, "lock/" + lab.name):
            with open(os.path.join(victim, name), "w") as f:
                f.write("not yours\n")
            os.chmod(os.path.join(victim, name), 0o604)
            if os.geteuid() == 0:
                os.chown(os.path.join(victim, name), 65534, 65534)
        return victim

    def test_a_swapped_on_the_way(self):
        with faults.Lab() as lab:
            victim = self.make_victim(lab)
            old, new = lab.manifest("old", "old"), lab.manifest("new", "new", connections=999)
            lab.must("apply", "-f", old)
            before = snapshot(victim)
            on_the_way = [os.path.dirname(os.path.dirname(lab.tree)), os.path.dirname(lab.tree), lab.tree, lab.stage, lab.stage + "/lua", lab.stage + "/lua/orctl",
                          os.path.join(lab.root, "etc"), os.path.join(lab.root, "etc/systemd"), os.path.dirname(lab.unit), os.path.join(lab.root, "var/lib/orctl/lock"),
                          lab.stage + ".check"]
            commands = [["apply", "-f", new], ["apply", "-f", old], ["rollback", lab.name, "--to", "1"], ["delete", lab.name, "--yes"], ["apply", "-f", new]]
            total, ran, failed, named = 0, 0, 0, 0
            for folder in on_the_way:
                swaps, rounds = 0, 0
                while rounds == 0 or (faults.FULL and swaps < SWAPS // len(on_the_way) and rounds < 20):
                    rounds += 1
                    with Swapped(folder, victim) as swapped:
                        for command in commands if faults.FULL or folder == on_the_way[1] else commands[rounds % 2::2]:
                            result = lab.orctl(*command)
                            ran += 1
                            failed += result.code != 0
                            named += "is a symlink" in result.err
                            self.assertGreaterEqual(result.code, 0, result)
                            self.assertLess(result.code, 100, result)
                            self.assertEqual(snapshot(victim), before, "after %s with %s swapped" % (command, folder))
                    swaps += swapped.swaps
                    self.go_on(lab, new if rounds % 2 else old)
                total += swaps
                self.assertEqual(snapshot(victim), before)
            print("\n  %d swaps of %d folders during %d commands (%d failed, %d named the symlink), 0 changes in the victim" % (total, len(on_the_way), ran, failed, named))
            self.assertGreater(total, SWAPS)
            self.assertGreater(named, 0)

    def go_on(self, lab, manifest):
        """With the folder back nothing stands in the way of an apply."""
        result = lab.orctl("apply", "-f", manifest)
        if result.code != 0:  # what a hostile hand took away, and no command can know of
            lab.kill_all()
            for left in (lab.tree, lab.stage, lab.aside):
                faults.run(["rm", "-rf", left])
            lab.must("apply", "-f", manifest)
        self.assertEqual(lab.get()[0], 200)


if __name__ == "__main__":
    unittest.main(verbosity=1)
