#!/usr/bin/python3
"""An `nginx -t` that passes and a signal that is sent prove nothing: each of its cases ends with the
old configuration serving under its old generation, with a message that names the cause, and with an honest history."""
import os
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults

REFUSED, ROLLED_BACK = 3, 11


def server(port, body):
    return "server { listen 127.0.0.1:%d; %s }\n" % (port, body)


class Occupied:
    """A port that somebody else listens on."""

    def __enter__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", faults.free_port()))
        self.socket.listen(1)
        return self.socket.getsockname()[1]

    def __exit__(self, *_):
        self.socket.close()


class BrokenApply(unittest.TestCase):
    def refused(self, overlay, expected, causes, extra="", serves_meanwhile=False):
        """Applies a broken manifest to a running instance under traffic, and as the first of another instance."""
        with self.subTest("a running instance"):
            self.on_running(overlay, expected, causes, extra, serves_meanwhile)
        with self.subTest("the first apply"):
            self.on_nothing(overlay, expected, causes, extra)

    def said(self, result, expected, causes):
        self.assertEqual(result.code, expected, result)
        for cause in causes:
            self.assertIn(cause, result.err)
        self.assertIn("error: ", result.err)
        faults.check_hints(self, result)

    def on_running(self, overlay, expected, causes, extra, serves_meanwhile):
        with faults.Lab() as lab:
            good = lab.manifest("good", "old")
            bad = lab.manifest("bad", "new", overlay=overlay, extra=extra)
            lab.must("apply", "-f", good)
            faults.wait_for(lambda: lab.generation() > 0, 60, "the tree's document is published")
            tree, generation, workers, before = faults.tree_of(lab.tree), lab.generation(), lab.workers(), lab.revisions()
            with faults.Traffic(lab) as traffic:
                began = time.monotonic()
                result = lab.orctl("apply", "-f", bad, *(["--verify-timeout", "3s"] if serves_meanwhile else []))
                took = time.monotonic() - began
            print("  %-60s running: exit %d in %.2f s, %d requests" % (self.id().split(".")[-1], result.code, took, sum(traffic.bodies.values())))
            self.said(result, expected, causes)
            if not serves_meanwhile:
                self.assertEqual(set(traffic.bodies), {"old"}, "only the old configuration may answer")
            self.assertEqual(traffic.failed, [], "no request may fail")
            self.assertEqual(lab.get(), (200, "old"))
            self.assertTrue(faults.tree_of(lab.tree) == tree, "the old tree is back, byte for byte")
            self.assertFalse(os.path.lexists(lab.stage), "no stage is left")
            same = lab.orctl("diff", "-f", good)
            self.assertEqual(same.code, 0, same)
            self.assertEqual(lab.status().code, 0)
            if expected == REFUSED:
                self.assertIn("nothing was changed", result.err)
                self.assertEqual(lab.generation(), generation, "a refused apply does not touch the workers")
                self.assertEqual(lab.workers(), workers)
                self.assertEqual(lab.revisions(), before, "a refused apply makes no revision")
            else:
                self.noted_as_rolled_back(lab, causes)
                if not serves_meanwhile:
                    self.assertEqual(lab.generation(), generation, "the old document was never replaced")
            again = lab.must("apply", "-f", good)
            self.assertIn("unchanged", again.out)
            lab.must("apply", "-f", lab.manifest("better", "new"))
            self.assertEqual(lab.get(), (200, "new"))

    def noted_as_rolled_back(self, lab, causes):
        newest = lab.revisions()[0]
        self.assertEqual(newest["outcome"], "rolled-back")
        self.assertTrue(any(c in newest["cause"] for c in causes), newest["cause"])
        self.assertFalse(newest["live"])

    def on_nothing(self, overlay, expected, causes, extra):
        with faults.Lab() as lab:
            result = lab.orctl("apply", "-f", lab.manifest("bad", "new", overlay=overlay, extra=extra), "--verify-timeout", "3s")
            self.said(result, expected, causes)
            for left in (lab.tree, lab.stage, lab.run_folder, lab.state_folder, lab.log_folder, lab.unit):
                self.assertFalse(os.path.lexists(left), left + " is left behind")
            self.assertEqual(lab.processes(), {})
            listed = lab.must("get", "instances", "-o", "name")
            self.assertEqual(listed.out, "")
            for revision in lab.revisions():
                self.assertEqual(revision["outcome"], "rolled-back")
            lab.must("apply", "-f", lab.manifest("better", "new"))
            self.assertEqual(lab.get(), (200, "new"))

    def test_1_lua_syntax_error_in_a_block_of_an_overlay_is_refused_with_its_place(self):
        conf = "# a comment\n" + server(faults.free_port(), "location / {\n  content_by_lua_block { this is not lua ( }\n}")
        self.refused({"http.d/site.conf": conf}, REFUSED, ["http.d/site.conf", "near"])

    def test_1b_lua_syntax_error_in_an_overlay_module_is_refused_with_its_place(self):
        self.refused({"lua/broken.lua": "local a = 1\nlocal b = = 2\n"}, REFUSED, ["lua/broken.lua:2"])

    def test_2_a_lua_file_that_does_not_exist_is_refused_with_its_place(self):
        conf = server(faults.free_port(), "\n  location / {\n content_by_lua_file lua/none.lua; }")
        self.refused({"http.d/site.conf": conf}, REFUSED, ["http.d/site.conf", "lua/none.lua"])

    def test_2b_a_module_that_requires_a_missing_one_is_put_back(self):
        self.refused({"lua/shop.lua": 'local c = require("no_such_module")\nreturn c\n'}, ROLLED_BACK, ["no_such_module"])

    def test_3_a_module_that_raises_at_load_is_put_back(self):
        self.refused({"lua/shop.lua": 'error("the shop is closed")\n'}, ROLLED_BACK, ["the shop is closed"])

    def test_4_a_port_of_another_process_is_told_and_put_back(self):
        with Occupied() as port:
            self.refused({"http.d/site.conf": server(port, 'location / { return 200 "x"; }')}, ROLLED_BACK, ["127.0.0.1:%d" % port])

    def test_4b_a_listener_on_a_port_of_another_process_is_put_back(self):
        with Occupied() as port:
            self.refused(None, ROLLED_BACK, ["127.0.0.1:%d" % port], extra='[[listener]]\naddress = "127.0.0.1"\nport = %d\n' % port)

    def test_5_a_host_that_does_not_resolve_is_refused(self):
        conf = server(faults.free_port(), "location / { proxy_pass http://no-such-host.invalid/; }")
        self.refused({"http.d/site.conf": conf}, REFUSED, ["no-such-host.invalid", "http.d/site.conf"])

    def test_6_a_worker_that_fails_at_its_start_is_put_back(self):
        """nginx -t, the reload and init_by_lua all pass; only the worker's own phase fails. Its requests may well be answered until
        the proof fails to come, as nothing but the admin endpoint knows."""
        module = ('local cycle = require("orctl.state.cycle")\n'
                  'cycle.start = function() error("no worker can build this") end\n'
                  'return true\n')
        self.refused({"lua/trap.lua": module}, ROLLED_BACK, ["no worker can build this"], serves_meanwhile=True)

    def test_6b_a_worker_that_keeps_the_old_document_is_put_back(self):
        """The workers run the new tree and say of themselves that they cannot serve its document."""
        module = ('local shared = require("orctl.state.shared")\n'
                  'local load = shared.load\n'
                  'shared.load = function(generation, has) return nil, "no room for generation " .. generation end\n'
                  'return load\n')
        self.refused({"lua/trap.lua": module}, ROLLED_BACK, ["no room for generation"], serves_meanwhile=True)

    def test_7_a_large_valid_document_goes_live_without_a_reload_too(self):
        """A manifest with nearly all the servers that the limits of a document allow."""
        servers = ",".join('{address="10.0.0.%d:%d"}' % (k % 250, k + 1) for k in range(100))
        many = "".join('[[upstream]]\nname="u%d"\nserver=[%s]\n[[route]]\nhost="h%d.x"\nupstream="u%d"\n' % (i, servers, i, i) for i in range(399))
        with faults.Lab() as lab:
            lab.must("apply", "-f", lab.manifest("good", "old"))
            lab.must("apply", "-f", lab.manifest("large", "new", extra=many))
            self.assertEqual(lab.get(), (200, "new"))


if __name__ == "__main__":
    unittest.main(verbosity=1)
