#!/usr/bin/python3
"""What orctl has told of survives a power cut: its traces break no rule of fsynclint."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import fsynclint
import lab as faults

CALLS = "%file,%desc,sync,syncfs"


class Durable(unittest.TestCase):
    def traced(self, lab, *args):
        trace = os.path.join(lab.home, "trace")
        result = lab.strace(["-y", "-s", "4096", "-o", trace, "-e", "signal=none", "-e", "trace=" + CALLS], *args)
        self.assertEqual(result.code, 0, result)
        return trace

    def clean(self, lab, what, *args):
        with self.subTest(what):
            trace = self.traced(lab, *args)
            problems, counts = fsynclint.lint(trace, lab.root)
            print("\n  %-16s %d problems; %s" % (what, len(problems), ", ".join("%d %s" % (n, c) for c, n in sorted(counts.items()))))
            self.assertEqual(problems, [], "\n" + "\n".join(problems[:30]))
            self.assertGreater(counts.get("fsync", 0), 3)

    def test_every_changing_command_is_durable_before_it_answers(self):
        with faults.Lab() as lab:
            old = lab.manifest("old", "old")
            self.clean(lab, "first apply", "apply", "-f", old)
            self.clean(lab, "hot change", "apply", "-f", lab.manifest("new", "new"))
            self.clean(lab, "reload change", "apply", "-f", lab.manifest("other", "new", connections=999))
            self.clean(lab, "rollback", "rollback", lab.name, "--to", "1")
            self.clean(lab, "delete", "delete", lab.name, "--yes")
            self.clean(lab, "apply again", "apply", "-f", old)

    def test_the_rules_miss_no_fsync_that_is_left_out(self):
        """Without the fsyncs of any one file or folder a trace breaks a rule, so the rules are not blind."""
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("old", "old"))
            trace = self.traced(lab, "apply", "-f", lab.manifest("new", "new"))
            with open(trace) as f:
                lines = f.read().split("\n")
            by_path = {}
            for i, line in enumerate(lines):
                synced = re.match(r"(?:fsync|syncfs)\(\d+<([^>]*)>", line)
                if synced and fsynclint.Disk(lab.root).mine(synced.group(1)):
                    by_path.setdefault(synced.group(1).replace(lab.root, ""), set()).add(i)
            changed = os.path.join(lab.home, "changed")

            def problems_without(gone):
                with open(changed, "w") as f:
                    f.write("\n".join(line for i, line in enumerate(lines) if i not in gone))
                return fsynclint.lint(changed, lab.root)[0]

            unseen = [path for path, at in by_path.items() if not problems_without(at)]
            everything = problems_without(set.union(*by_path.values()))
            print("\n  fsyncs of %d files and folders; without all of them %d problems; %d may be left out" % (len(by_path), len(everything), len(unseen)))
            self.assertGreater(len(everything), 40)
            # these got no new name in this run: objects that were there already, and folders above the refs
            given = {os.path.dirname(fsynclint.strings(line)[-1]).replace(lab.root, "") for line in lines if line.startswith(("link(", "rename(", "renameat(")) and " = 0" in line}
            self.assertEqual([path for path in unseen if path in given or "/store.git" not in path], [])


if __name__ == "__main__":
    unittest.main(verbosity=1)
