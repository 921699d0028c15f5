#!/usr/bin/env python3
"""A damaged store: objects cut at every length, flipped, emptied, missing; refs, packed-refs, packs, HEAD and config spoiled; FIFOs,
folders and huge files in their places. Every command ends by itself in bounded time, a neighbour is told of as ever, the broken one is
named, the instance serves on, it can be restarted and deleted, and `store repair` mends the store so that git fsck is silent and an
apply works. FULL=1 takes every object and more lengths.
"""
import contextlib
import os
import stat
import random
import shutil
import signal
import subprocess
import unittest

import lab as faults

LIMIT = 20.0  # what no command may take, however slow the machine


def git(store, *args):
    return subprocess.run(["git", "-c", "safe.directory=*", "--git-dir", store, *args], check=True, stdout=subprocess.PIPE).stdout.decode()


def loose(store, oid):
    return os.path.join(store, "objects", oid[:2], oid[2:])


def rewrite(path, content):
    os.chmod(path, 0o644)
    with open(path, "wb") as f:
        f.write(content)


def replace(path, make):
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    else:
        os.unlink(path)
    make(path)


def huge(path):
    with open(path, "wb") as f:
        f.truncate(1 << 40)


KINDS = {
    "a FIFO": lambda p: replace(p, os.mkfifo),
    "a folder": lambda p: replace(p, os.mkdir),
    "a huge file": lambda p: replace(p, huge),
    "a symlink to nothing": lambda p: replace(p, lambda q: os.symlink("/nowhere", q)),
    "a symlink to itself": lambda p: replace(p, lambda q: os.symlink(q, q)),
    "nothing": lambda p: replace(p, lambda q: None),
    "an empty file": lambda p: rewrite(p, b""),
    "garbage": lambda p: rewrite(p, b"\0\xff garbage \n"),
    "zeros": lambda p: rewrite(p, bytes(300)),
}


class Two:
    """Two instances below one root: the one that is damaged, which has three revisions, and its neighbour."""

    def __enter__(self):
        self.lab = faults.Lab()
        self.neighbour = faults.Lab(root=self.lab.root)
        for n in (10, 20, 30):
            self.lab.must("apply", "-f", self.lab.manifest("m", "one", connections=1000 + n))
        self.neighbour.must("apply", "-f", self.neighbour.manifest("n", "two"))
        self.seed = self.lab.store + ".seed"
        shutil.copytree(self.lab.store, self.seed, symlinks=True)
        return self

    def __exit__(self, *_):
        self.neighbour.close()
        self.lab.close()

    def back(self):
        shutil.rmtree(self.lab.store, ignore_errors=True)  # a test may have lost it
        shutil.copytree(self.seed, self.lab.store, symlinks=True)

    def objects(self):
        """The objects that the newest revision and its note are made of: {words: id}."""
        store, branch = self.lab.store, self.lab.name
        note = git(store, "notes", "--ref=orctl", "list", branch).split()[0]
        return {"the commit": git(store, "rev-parse", branch).strip(), "the tree": git(store, "rev-parse", branch + "^{tree}").strip(),
                "the folder": git(store, "rev-parse", branch + ":tree").strip(), "the spec": git(store, "rev-parse", branch + ":spec.json").strip(),
                "the manifest": git(store, "rev-parse", branch + ":manifest.toml").strip(),
                "nginx.conf": git(store, "rev-parse", branch + ":tree/nginx.conf").strip(),
                "an old spec": git(store, "rev-parse", branch + "~1:spec.json").strip(),
                "an old commit": git(store, "rev-parse", branch + "~1").strip(), "the note": note,
                "the notes": git(store, "rev-parse", "refs/notes/orctl^{tree}").strip(),
                "the notes' commit": git(store, "rev-parse", "refs/notes/orctl").strip()}


class Places(unittest.TestCase):
    """A FIFO in the place of every file that orctl reads on a host: no command waits for it."""

    def test_no_command_waits_for_a_fifo(self):
        with Two() as two:
            lab, name = two.lab, two.lab.name
            below = lambda *parts: os.path.join(lab.root, *parts)
            places = {below("etc/orctl/config.toml"): None, below("run/openresty", name, "nginx.pid"): name, lab.confirm_record: name,
                      below("var/lib/orctl/lock", name): name, below("var/lib/orctl/audit.jsonl"): None, lab.unit: name,
                      below("var/lib/orctl/store.git.lock"): None, os.path.join(lab.tree, "gateway.json"): name,
                      os.path.join(lab.tree, "nginx.conf"): name, os.path.join(lab.log_folder, "error.log"): name,
                      os.path.join(lab.home, "m.toml"): None}
            manifest = lab.manifest("m", "one", connections=1030)
            for path, one in places.items():
                with self.subTest(path.replace(lab.root, "")):
                    kept = path + ".kept"
                    os.makedirs(os.path.dirname(path), exist_ok=True)
                    if os.path.lexists(path):
                        os.rename(path, kept)
                    os.mkfifo(path)
                    try:
                        for command in (["status"], ["get", "instances"], ["apply", "-f", manifest], ["logs", name]):
                            result = lab.orctl(*command, limit=60)
                            self.assertIn(result.code, range(0, 13), result)
                            self.assertNotIn("internal error", result.err)
                            if result.code not in (0, 1, 6):
                                self.assertIn(os.path.basename(path), result.err, result)
                        if one:
                            self.assertRegex(lab.orctl("status").out, "(?m)^%s +running" % two.neighbour.name)
                    finally:
                        if stat.S_ISFIFO(os.lstat(path).st_mode):  # else apply has put the right file there
                            os.unlink(path)
                        if os.path.exists(kept):
                            os.rename(kept, path)
            self.assertEqual(lab.must("status").code, 0)
            for content in (b"9" * 5000, b"\0" * 64, b"1\n", b"-5\n"):
                path = below("run/openresty", name, "nginx.pid")
                with open(path, "rb") as f:
                    right = f.read()
                rewrite(path, content)
                result = lab.orctl("status", limit=LIMIT)
                self.assertRegex(result.out, "(?m)^%s +running" % two.neighbour.name)
                self.assertRegex(result.out, "(?m)^%s +(running|degraded)" % name)
                rewrite(path, right)


class StoreTest(unittest.TestCase):
    turn = 0  # which of the many readers come next

    @classmethod
    def setUpClass(cls):
        cls.stack = contextlib.ExitStack()
        cls.two = cls.stack.enter_context(Two())

    @classmethod
    def tearDownClass(cls):
        cls.stack.close()

    def setUp(self):
        self.two.back()
        self.lab, self.other = self.two.lab, self.two.neighbour

    def run_one(self, *args):
        result = self.lab.orctl(*args, limit=LIMIT)
        self.assertIn(result.code, range(0, 13), result)
        self.assertNotIn("internal error", result.err, result)
        return result

    def readers_end(self, what):
        """Every reader ends, the neighbour is shown as well as ever, and the broken one is not said to be well without a word."""
        states = {i["name"]: i for i in self.run_one("status", "-o", "json").json()["items"]}
        self.assertEqual(states.get(self.other.name, {}).get("status"), "running", what)
        self.assertIn(self.lab.name, states, what)
        got = self.run_one("get", "instances")
        self.assertRegex(got.out, "(?m)^%s +running" % self.other.name, what)
        self.assertRegex(self.run_one("get", "servers").out, "(?m)^%s/" % self.other.name, what)
        self.assertEqual(self.run_one("status", self.other.name).code, 0, what)
        every = (["history", self.lab.name], ["describe", self.lab.name], ["diff", "-f", os.path.join(self.lab.home, "m.toml")], ["doctor"],
                 ["get", "versions"], ["name", "next", "tst", "fault"], ["top", "--interval", "0s"], ["get", "health"])
        self.turn += 1
        for command in every if faults.FULL else (every[self.turn % len(every)], every[(self.turn + 4) % len(every)]):
            self.run_one(*command)
        return states[self.lab.name]["status"]

    def mended(self, what, serves="one"):
        """store verify names the damage, store repair mends it, and then all is well."""
        verify = self.run_one("store", "verify")
        self.assertEqual(verify.code, 1, "%s: %s" % (what, verify))
        repair = self.run_one("store", "repair", "--yes")
        self.assertEqual(repair.code, 0, "%s: %s\n%s" % (what, verify, repair))
        self.assertEqual(self.run_one("store", "verify").code, 0, what)
        self.assertEqual(self.lab.fsck(), "", what)
        status = self.run_one("status")
        if status.code != 0:  # how the last change ended is lost with its note: the next command says that anew
            self.assertIn("interrupted", status.out, what)
        same = self.run_one("apply", "-f", self.lab.manifest("m", "one", connections=1030))
        self.assertIn("unchanged", same.out, "%s: %s" % (what, same))
        self.assertEqual(self.run_one("status").code, 0, what)
        if faults.FULL or self.turn % 8 == 1:
            for connections in (1040, 1030):
                applied = self.run_one("apply", "-f", self.lab.manifest("m", "one", connections=connections))
                self.assertEqual(applied.code, 0, "%s: %s" % (what, applied))
        self.assertEqual(self.lab.get(), (200, serves), what)
        self.assertEqual(self.run_one("history", self.lab.name).code, 0, what)

    def test_a_an_object_cut_at_every_length(self):
        whole = self.two.objects()
        for words, oid in whole.items():
            path = loose(self.lab.store, oid)
            with open(path, "rb") as f:
                content = f.read()
            every = range(len(content)) if faults.FULL else sorted({0, 1, 2, 3, 7, len(content) // 2, len(content) - 5, len(content) - 1})
            for length in every:
                rewrite(path, content[:length])
                for command in (["status", "-o", "json"], ["history", self.lab.name]) if length not in (0, 2) else ():
                    self.run_one(*command)
                verify = self.run_one("store", "verify")
                self.assertEqual(verify.code, 1, (words, length))
                self.assertIn(oid, verify.out, (words, length))
            rewrite(path, content)

    def test_b_every_kind_of_damage_is_named_and_mended(self):
        for words, oid in self.two.objects().items():
            for damage in ("cut", "garbage", "nothing", "a FIFO") if words == "the commit" or faults.FULL else ("cut",):
                with self.subTest(words=words, damage=damage):
                    self.two.back()
                    path = loose(self.lab.store, oid)
                    if damage == "cut":
                        with open(path, "rb") as f:
                            rewrite(path, f.read()[:-3])
                    else:
                        KINDS[damage](path)
                    self.readers_end((words, damage))
                    self.mended((words, damage))

    def test_c_refs(self):
        for ref in ("refs/heads/", "refs/orctl/applied/"):
            for damage, make in KINDS.items():
                few = ("a FIFO", "a folder", "a huge file", "a symlink to itself") if ref == "refs/heads/" else ("nothing", "an empty file", "garbage")
                if not faults.FULL and damage not in few:
                    continue
                with self.subTest(ref=ref, damage=damage):
                    self.two.back()
                    make(os.path.join(self.lab.store, ref + self.lab.name))
                    self.assertEqual(self.readers_end((ref, damage)), "broken")
                    self.mended((ref, damage))
        for name, text in (("a loop", "ref: refs/orctl/applied/%s\n"), ("no object", "1" * 40 + "\n"), ("no ref", "ref: refs/heads/nobody\n")):
            with self.subTest(name):
                self.two.back()
                rewrite(os.path.join(self.lab.store, "refs/orctl/applied", self.lab.name),
                        (text % self.lab.name if "%s" in text else text).encode())
                self.assertEqual(self.readers_end(name), "broken")
                self.mended(name)

    def test_d_files_of_the_store(self):
        for name in ("HEAD", "config"):
            for damage in ("a FIFO", "garbage") if name == "HEAD" or faults.FULL else ("nothing", "an empty file"):
                with self.subTest(name=name, damage=damage):
                    self.two.back()
                    KINDS[damage](os.path.join(self.lab.store, name))
                    self.assertEqual(self.readers_end((name, damage)), "running")
                    self.mended((name, damage))
        for damage in ("a FIFO", "garbage"):
            with self.subTest(name="packed-refs", damage=damage):
                self.two.back()
                path = os.path.join(self.lab.store, "packed-refs")
                with open(path, "w") as f:
                    f.write("# pack-refs with: peeled fully-peeled sorted \n")
                KINDS[damage](path)
                self.readers_end(("packed-refs", damage))
                self.mended(("packed-refs", damage))
        for place in ("objects/info/alternates", "objects/pack/pack-1.idx"):
            with self.subTest(place):
                self.two.back()
                os.mkfifo(os.path.join(self.lab.store, place))
                self.assertEqual(self.readers_end(place), "running")

    def test_e_packs(self):
        store = self.lab.store
        git(store, "repack", "-q", "-a", "-d")
        git(store, "pack-refs", "--all")
        folder = os.path.join(store, "objects/pack")
        pack = [n[:-4] for n in os.listdir(folder) if n.endswith(".idx")][0]
        packed = store + ".packed"
        shutil.copytree(store, packed, symlinks=True)
        self.assertEqual(self.readers_end("a packed store"), "running")
        numbers = random.Random(4)
        for ending in (".pack", ".idx"):
            path = os.path.join(folder, pack + ending)
            for damage in ["flip"] * (60 if faults.FULL else 4) + ["cut"] * 3 + ["a FIFO", "an empty file"]:
                shutil.rmtree(store)
                shutil.copytree(packed, store, symlinks=True)
                with open(path, "rb") as f:
                    content = bytearray(f.read())
                if damage == "flip":
                    content[numbers.randrange(len(content))] ^= 1 << numbers.randrange(8)
                    rewrite(path, bytes(content))
                elif damage == "cut":
                    rewrite(path, bytes(content[:numbers.randrange(len(content))]))
                else:
                    KINDS[damage](path)
                for command in (["status"], ["get", "instances"], ["history", self.lab.name], ["store", "verify"]):
                    self.run_one(*command)
        shutil.rmtree(store)
        shutil.copytree(packed, store, symlinks=True)
        with open(os.path.join(folder, pack + ".pack"), "rb") as f:
            content = f.read()
        rewrite(os.path.join(folder, pack + ".pack"), content[:-4000])
        # so much is lost that only people know the manifests; one that needs them hinders no other
        for instance, label in ((self.lab, "m"), (self.other, "n")):
            repair = self.run_one("store", "repair", instance.name, "-f", os.path.join(instance.home, label + ".toml"), "--yes")
            self.assertIn(repair.code, (0, 6), repair)
        self.run_one("store", "repair", "--yes")
        self.assertEqual(self.run_one("store", "verify").code, 0)
        self.assertEqual(self.lab.fsck(), "")
        self.assertEqual(self.run_one("status").code, 0)
        shutil.rmtree(packed)

    def test_z_a_broken_one_is_restarted_and_deleted(self):
        oid = self.two.objects()["the commit"]
        for words, spoil in (("its commit is cut", lambda: rewrite(loose(self.lab.store, oid), b"x\x01")),
                             ("its branch is gone", lambda: os.unlink(os.path.join(self.lab.store, "refs/heads", self.lab.name))),
                             ("its applied ref is a FIFO", lambda: KINDS["a FIFO"](os.path.join(self.lab.store, "refs/orctl/applied", self.lab.name)))):
            with self.subTest(words):
                self.two.back()
                spoil()
                before = self.lab.masters()
                for command in ("restart", "stop", "start"):
                    result = self.run_one(command, self.lab.name)
                    self.assertEqual(result.code, 0, "%s: %s" % (words, result))
                self.assertNotEqual([p for p in self.lab.processes() if p in before and self.lab.tree in self.lab.processes()[p]], before)
                self.assertEqual(self.lab.get(), (200, "one"))
        self.assertEqual(self.run_one("delete", self.lab.name, "--yes").code, 0)
        self.assertFalse(os.path.exists(self.lab.tree))
        self.assertFalse(os.path.exists(self.lab.run_folder))
        self.assertEqual(self.lab.get()[0], 0)
        self.assertEqual(self.run_one("status").code, 0)
        self.assertEqual(self.other.get(), (200, "two"))
        self.assertEqual(self.run_one("apply", "-f", self.lab.manifest("m", "one")).code, 0)
        self.assertEqual(self.lab.get(), (200, "one"))

    def test_f_what_can_be_kept_is_kept(self):
        def numbers():
            return [i["revision"] for i in revisions()]
        revisions = lambda: [i for i in self.run_one("history", self.lab.name, "-o", "json").json()["items"] if i["kind"] == "revision"]
        outcomes = lambda: {i["outcome"] for i in revisions()}
        objects, store = self.two.objects(), self.lab.store
        whole = lambda: (self.assertEqual(numbers(), [3, 2, 1]), self.assertEqual(outcomes(), {"applied"}))
        for words, spoil in (("the branch is gone", lambda: os.unlink(os.path.join(store, "refs/heads", self.lab.name))),
                             ("the branch is garbage", lambda: rewrite(os.path.join(store, "refs/heads", self.lab.name), b"x")),
                             ("applied is a FIFO", lambda: KINDS["a FIFO"](os.path.join(store, "refs/orctl/applied", self.lab.name))),
                             ("a file of the live tree", lambda: rewrite(loose(store, objects["nginx.conf"]), b"x"))):
            with self.subTest(words):
                self.two.back()
                spoil()
                result = self.run_one("store", "repair")  # nothing is lost, so nobody is asked
                self.assertEqual(result.code, 0, "%s: %s" % (words, result))
                whole()
        with self.subTest("the newest commit"):
            self.two.back()
            rewrite(loose(store, objects["the commit"]), b"x\x01")
            result = self.run_one("store", "repair")
            self.assertEqual(result.code, 9, result)
            self.assertIn("after revision 2", result.err)
            self.assertEqual(self.run_one("store", "repair", "--yes").code, 0)
            whole()
        with self.subTest("one in the middle"):
            self.two.back()
            rewrite(loose(store, objects["an old commit"]), b"x\x01")
            result = self.run_one("store", "repair", "--yes")
            self.assertIn("revision 2", result.out)
            self.assertEqual(numbers(), [3, 1])
            self.assertEqual(outcomes(), {"applied"})
            self.assertTrue(os.listdir(os.path.join(store, "orctl-aside")))
            self.assertEqual(self.run_one("rollback", self.lab.name).code, 0)

    def test_h_a_lost_store_hides_no_instance(self):
        """Whatever of it is lost: what runs is shown as broken, can be restarted, and becomes the store again."""
        store, name, manifest = self.lab.store, self.lab.name, self.lab.manifest("m", "one", connections=1030)
        gone = lambda *parts: lambda: shutil.rmtree(os.path.join(store, *parts))
        for words, lose in (("all", gone()), ("the refs", gone("refs")), ("the objects", gone("objects")),
                            ("the branches", gone("refs/heads")), ("what is applied", gone("refs/orctl"))):
            with self.subTest(words):
                self.two.back()
                self.assertEqual(self.run_one("apply", "-f", manifest).code, 0, "whatever other tests made of the tree")
                lose()
                status = self.run_one("status")
                self.assertEqual(status.code, 1, status)
                for one in (name, self.other.name):
                    self.assertRegex(status.out, "(?m)^%s +broken" % one)
                self.assertIn(self.run_one("get", "instances").code, (5, 6))
                self.assertIn(self.run_one("describe", name).code, (5, 6))
                self.assertEqual(self.run_one("store", "verify").code, 1)
                doctor = self.run_one("doctor")
                self.assertEqual(doctor.code, 1, doctor)
                self.assertNotIn("rm -r %s" % self.lab.tree, doctor.out)
                if words == "all":
                    applied = self.run_one("apply", "-f", manifest)
                    self.assertIn("orctl store repair %s -f MANIFEST --yes" % name, applied.err, applied)
                    self.assertEqual(self.run_one("restart", name).code, 0)
                    wrong = self.run_one("store", "repair", name, "--yes")
                    self.assertEqual(wrong.code, 3, wrong)
                    self.assertIn("orctl store repair %s -f MANIFEST" % name, wrong.err)
                for one, file in ((name, manifest), (self.other.name, os.path.join(self.other.home, "n.toml"))):
                    repair = self.run_one("store", "repair", one, "-f", file, "--yes")
                    self.assertIn(repair.code, (0, 6), "%s: %s" % (words, repair))
                self.assertEqual(self.run_one("store", "verify").code, 0, words)
                self.assertEqual(self.lab.fsck(), "", words)
                self.assertEqual(self.run_one("status").code, 0, words)
                self.assertIn("unchanged", self.run_one("apply", "-f", manifest).out, words)
                self.assertEqual(self.lab.get(), (200, "one"), words)

    def test_i_things_of_another_kind_are_moved_out_of_the_way(self):
        store, objects = self.lab.store, self.two.objects()
        at = lambda *parts: os.path.join(store, *parts)
        fan = "objects/" + objects["nginx.conf"][:2]
        for words, place, kind in (("an object", loose(store, objects["nginx.conf"]), "a folder"), ("a folder of objects", at(fan), "a FIFO"),
                                   ("alternates", at("objects/info/alternates"), "a FIFO"), ("the branches", at("refs/heads"), "a FIFO"),
                                   ("what is applied", at("refs/orctl/applied"), "an empty file"), ("the notes", at("refs/notes"), "a FIFO")):
            with self.subTest(words):
                self.two.back()
                if os.path.isdir(place):
                    shutil.rmtree(place)
                elif os.path.lexists(place):
                    os.unlink(place)
                os.makedirs(os.path.dirname(place), exist_ok=True)
                {"a folder": lambda: os.makedirs(os.path.join(place, "x")), "a FIFO": lambda: os.mkfifo(place),
                 "an empty file": lambda: open(place, "w").close()}[kind]()
                self.mended(words)
                self.assertTrue(os.listdir(at("orctl-aside")), words)

    def test_j_lost_notes_are_named_and_found_again(self):
        os.unlink(os.path.join(self.lab.store, "refs/notes/orctl"))
        verify = self.run_one("store", "verify")
        self.assertEqual(verify.code, 1, verify)
        self.assertIn("refs/notes/orctl", verify.out)
        self.mended("the notes")
        items = self.run_one("history", self.lab.name, "-o", "json").json()["items"]
        self.assertEqual([i["outcome"] for i in items][-3:], ["applied"] * 3)

    def test_g_a_signal_ends_what_works(self):
        """A reader over a slow store (strace delays its reads) ends by the first signal."""
        for number in (signal.SIGINT, signal.SIGTERM):
            argv = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=read", "-e", "inject=read:delay_enter=20000", *self.lab.argv("store", "verify")]
            with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True) as child:
                def tracee():
                    try:
                        with open("/proc/%d/task/%d/children" % (child.pid, child.pid)) as f:
                            pids = f.read().split()
                        for pid in pids:
                            for fd in os.listdir("/proc/%s/fd" % pid):
                                if self.lab.store in os.readlink("/proc/%s/fd/%s" % (pid, fd)):
                                    return int(pid)
                    except OSError:
                        return None
                    return None
                pid = faults.wait_for(tracee, 60, "it reads the store")
                os.kill(pid, number)
                child.communicate(timeout=LIMIT)
                self.assertEqual(child.returncode, 128 + number)


if __name__ == "__main__":
    unittest.main(verbosity=1)
