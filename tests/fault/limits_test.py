#!/usr/bin/python3
"""Whatever apply takes can be shown, changed, rolled back and deleted afterwards; what is more, validate refuses already, offline, and
names the limit. Just below, at and just above each limit: files and folders, bytes, depth, lengths of names and paths, the layout."""
import os
import re
import shutil
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults

DEPTH, NAME, PATH, FILE, ENTRIES = 32, 64, 1024, 1 << 20, 10_000


def path_of(length):
    """A path of that many bytes whose names are all allowed."""
    path = "lua"
    while length - len(path) > 60:
        path += "/" + "n" * 40
    return path + "/" + "m" * (length - len(path) - 5) + ".lua"


class Limits(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab()
        self.addCleanup(self.lab.close)

    def manifest(self, label, overlay, layout=None, **more):
        path = self.lab.manifest(label, "blue", overlay=overlay, **more)
        if layout:
            with open(path) as f:
                text = f.read()
            with open(path, "w") as f:
                f.write(text.replace("[nginx]", 'layout = "%s"\n[nginx]' % layout, 1))
        return path

    def refused(self, path, words):
        for command, code in (("validate", 1), ("apply", 3), ("render", 3)):
            result = self.lab.orctl(command, "-f", path, *(["-o", "json"] if command == "render" else []))
            self.assertEqual(result.code, code, result)
            self.assertRegex(result.err + result.out, words)
        self.assertFalse(os.path.exists(self.lab.tree))

    def whole_life(self, path, second):
        """Everything that can be done with an instance."""
        lab = self.lab
        lab.must("validate", "-f", path)
        lab.must("apply", "-f", path)
        lab.must("diff", "-f", path)
        tree = faults.tree_of(lab.tree)
        for shown in (["get", "instances"], ["describe", lab.name], ["history", lab.name], ["status", lab.name]):
            lab.must(*shown)
        self.assertEqual(lab.orctl("diff", "-f", second).code, 1)
        lab.must("apply", "-f", second)
        self.assertEqual(lab.orctl("diff", lab.name, "1", "2").code, 1)
        lab.must("rollback", lab.name)
        self.assertEqual(faults.tree_of(lab.tree), tree)
        lab.must("delete", lab.name, "--yes")
        self.assertFalse(os.path.exists(lab.tree))

    def test_one_more_than_each_limit_is_refused_by_validate(self):
        deep = "/".join(["lua"] + ["d"] * (DEPTH - 1)) + "/f.lua"
        for label, overlay, words in (
                ("deep", {deep: ""}, "32 folders deep, and 31 are the most"),
                ("deeper", {"certs/" + "d/" * 40 + "f": ""}, "folders deep, and 31 are the most"),
                ("name", {"lua/" + "n" * (NAME - 3) + ".lua": ""}, "longer than 64"),
                ("path", {path_of(PATH + 1): ""}, "1025 bytes, and 1024 are the most"),
                ("file", {"lua/f.lua": "-" * (FILE + 1)}, "larger than 1 MiB"),
                ("many", {"certs/%d" % i: "" for i in range(9_950)}, "files and folders, and 10000 are the most"),
                ("bytes", {"lua/f%d.lua" % i: "-" * FILE for i in range(64)}, "bytes, and 67108864 are the most")):
            with self.subTest(label):
                self.refused(self.manifest(label, overlay), words)
                shutil.rmtree(os.path.join(self.lab.home, label))
        self.refused(self.manifest("layout", None, "{name}" * 12), "1024 are the most, and 200 of each name")

    def test_what_is_at_every_limit_at_once_has_a_whole_life(self):
        overlay = {"/".join(["lua"] + ["d"] * (DEPTH - 2)) + "/f.lua": "", "lua/" + "n" * (NAME - 4) + ".lua": "", path_of(PATH): "",
                   "lua/file.lua": "-- " + "-" * (FILE - 3)}
        with_files = lambda n: {**overlay, **{"certs/%d" % i: "%d" % i for i in range(n)}}
        tried = self.lab.orctl("validate", "-f", self.manifest("one", with_files(ENTRIES - 70)))
        fits = ENTRIES - 70 - (int(re.search(r"it has (\d+) files and folders", tried.err).group(1)) - ENTRIES)
        self.assertGreater(fits, 9_000)
        self.refused(self.manifest("one", with_files(fits + 1)), "10001 files and folders, and 10000 are the most")
        many = with_files(fits)
        layout = "x" * 60 + "{name}" + "/a" * 20
        self.lab.tree = os.path.join(self.lab.root, "opt/openresty", layout.replace("{name}", self.lab.name))
        config = os.path.join(self.lab.root, "etc/orctl/config.toml")
        os.makedirs(os.path.dirname(config))
        with open(config, "w") as f:
            f.write('policy.layouts = ["%s"]\n' % layout)
        self.whole_life(self.manifest("one", many, layout), self.manifest("two", {**many, "lua/file.lua": "-- other"}, layout, connections=512))


if __name__ == "__main__":
    unittest.main(verbosity=2)
