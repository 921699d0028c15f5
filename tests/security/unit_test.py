#!/usr/bin/python3
"""Security bar S4: whatever a manifest says, its unit has the keys that it was meant to have, and systemd reads it without a word."""
import concurrent.futures
import json
import os
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))
import lab as faults

HOSTILE = ["x\nExecStartPre=/bin/sh", "x\n[Service]\nUser=root", "x\\x0aUser=root", "x\\\nUser=root", "x\rUser=root", "%h", "%i", "%%", "%n/x", "x%20y", "$HOME",
           "${HOME}", "$$", "$(id)", "`id`", "x;y", "x y", "x\ty", "\"x\"", "'x'", "\\", "x\\", "-x", "--help", "+x", "!x", "@x", ":x", "|x", "~", "~/x", "#x", ";x",
           "", " ", ".", "..", "../x", "../../etc/systemd/system/x", "/", "//x", "/x/../y", "/usr/sbin/nginx;id", "/usr/sbin/nginx -g x", "/usr/sbin/nginx\n", "root",
           "or-x", "0", "-1", "10s", "1ms", "99999h", "{name}", "{env}/{module}", "{name}{name}", "{x}", "caf\u00e9", "\u202e", "\u2028", "\x7f", "\x9b", "a" * 300,
           "x=y", "[Unit]", "yes", "infinity"]
FIELDS = [("layout",), ("files",), ("nginx", "binary"), ("nginx", "user"), ("nginx", "worker_shutdown_timeout"), ("nginx", "client_max_body_size"),
          ("labels", "team"), ("admin", "listen"), ("upstream", 0, "name"), ("listener", 0, "address"), ("listener", 0, "protocol")]


def manifest(number):
    return {"kind": "Instance", "name": "tst_unit_%03d_%d" % (number % 999 + 1, 20000 + number), "layout": "{name}", "labels": {}, "nginx": {},
            "listener": [{"address": "127.0.0.1", "port": 20000 + number}], "upstream": [{"name": "a", "server": [{"address": "127.0.0.1:1"}]}]}


def keys(unit):
    return [line.split("=")[0] for line in unit.splitlines() if line and not line.startswith("#")]


class Units(unittest.TestCase):
    def test_no_value_writes_a_line_of_a_unit(self):
        with tempfile.TemporaryDirectory() as folder:
            cases = []
            for field in [None] + FIELDS:
                for value in HOSTILE if field else [None]:
                    document = manifest(len(cases))
                    at = document
                    for step in (field or ())[:-1]:
                        at = at.setdefault(step, {}) if isinstance(at, dict) else at[step]
                    if field:
                        at[field[-1]] = value
                    path = os.path.join(folder, "%d.json" % len(cases))
                    with open(path, "w") as f:
                        json.dump(document, f)
                    cases.append((field, value, path, document["name"]))
            with concurrent.futures.ThreadPoolExecutor(2) as pool:
                done = list(pool.map(lambda c: faults.run([faults.ORCTL, "render", "-f", c[2], "--flavor", "debian", "--file", "unit"]), cases))
            self.assertEqual(0, done[0].code, done[0])
            meant, units = keys(done[0].out), []
            for (field, value, _, name), result in zip(cases, done):
                self.assertIn(result.code, (0, 3), result)
                if result.code == 0:
                    self.assertEqual(meant, keys(result.out), (field, value))
                    units.append(os.path.join(folder, "openresty-%s.service" % name))
                    with open(units[-1], "w") as f:
                        f.write(result.out)
            self.assertGreater(len(units), len(FIELDS))
            # it exits 0 on an unknown key, too: only silence is right
            verified = subprocess.run(["systemd-analyze", "verify", "--man=no", *units], capture_output=True, text=True)
            said = [line for line in (verified.stdout + verified.stderr).splitlines() if "is not executable" not in line and "Failed to prepare filename" not in line]
            self.assertEqual([], said)
            print("%d hostile values in fields of a unit: %d refused, %d units with the same keys, read by systemd in silence"
                  % (len(cases) - 1, len(cases) - len(units), len(units)))


if __name__ == "__main__":
    unittest.main()
