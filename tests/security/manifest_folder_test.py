#!/usr/bin/python3
"""What committers put into a folder of manifests leads orctl to no file outside of it, also while they exchange it as fast as they can."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))
import lab as faults
from symlink_test import Swapped

ROUNDS = 400 if faults.FULL else 40
SECRET = "TOP_SECRET_WORD"


class ManifestFolder(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab()
        self.addCleanup(self.lab.close)
        self.outside = os.path.join(self.lab.home, "outside")
        os.makedirs(os.path.join(self.outside, "http.d"))
        for name in ("one.toml", "fleet.toml", "x.conf", "http.d/x.conf"):
            with open(os.path.join(self.outside, name), "w") as f:
                f.write("%s = = 1;\n" % SECRET)

    def swapped(self, swapped, *args):
        """Runs `validate` and `render` again and again while `swapped` is exchanged with a symlink to what is outside."""
        codes = set()
        with Swapped(swapped, self.outside) as swap:
            for _ in range(ROUNDS):
                for command in (["validate"], ["render", "-o", "json", "--flavor", "openresty"]):
                    result = self.lab.orctl(*command, *args)
                    codes.add(result.code)
                    self.assertNotIn(SECRET, result.out + result.err)
                    self.assertIn(result.code, (0, 1, 2, 3), result)
        self.assertGreater(swap.swaps, ROUNDS)
        return codes

    def test_a_folder_of_the_overlay_is_exchanged(self):
        path = self.lab.manifest("one", "blue", overlay={"http.d/x.conf": "map $http_x $y { default 1; }\n"})
        codes = self.swapped(os.path.join(self.lab.home, "one", "http.d"), "-f", path)
        self.assertTrue(codes & {1, 3}, "no run met the symlink: %s" % codes)
        self.swapped(os.path.join(self.lab.home, "one"), "-f", path)

    def test_a_folder_of_manifests_is_exchanged(self):
        above = os.path.join(self.lab.home, "above")
        os.makedirs(os.path.join(above, "team"))
        os.rename(self.lab.manifest("one", "blue"), os.path.join(above, "team", "one.toml"))
        self.swapped(os.path.join(above, "team"), "-R", "-f", above)

    def test_too_many_names_end_with_a_message_and_little_memory(self):
        folder = os.path.join(self.lab.home, "many")
        os.makedirs(folder)
        for i in range(50_001):
            os.close(os.open(os.path.join(folder, "%d.toml" % i), os.O_CREAT | os.O_WRONLY, 0o600))
        result = self.lab.orctl("validate", "-f", folder)
        self.assertEqual(result.code, 2, result)
        self.assertRegex(result.err, "there are more than 50000 manifests")

    def test_folders_nested_without_end_are_told(self):
        deep = os.path.join(self.lab.home, "deep") + "/d" * 40
        os.makedirs(deep)
        result = self.lab.orctl("validate", "-R", "-f", os.path.join(self.lab.home, "deep"))
        self.assertEqual(result.code, 2, result)
        self.assertRegex(result.err, "lies more than 32 folders deep")


if __name__ == "__main__":
    unittest.main(verbosity=2)
