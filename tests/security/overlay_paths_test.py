#!/usr/bin/python3
"""Whatever path a line of an overlay names, nginx opens nothing outside the tree for it: lines that the check takes are tested by the real
nginx under strace, and what it refuses is refused by name, for every spelling of every directive that takes a path."""
import glob
import os
import re
import shutil
import subprocess
import sys
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "fault"))
import lab as faults
from lib import programs
from pair import make_pair

TLS = ["certificate", "certificate_key", "trusted_certificate", "crl", "password_file"]
HTTP = (["ssl_" + what for what in TLS + ["client_certificate", "dhparam", "session_ticket_key", "stapling_file"]]
        + ["%s_ssl_%s" % (module, what) for module in ("proxy", "grpc", "uwsgi") for what in TLS]
        + ["auth_basic_user_file", "lua_ssl_trusted_certificate", "lua_ssl_crl", "quic_host_key",
           "ssl_conf_command Certificate", "ssl_conf_command PrivateKey", "ssl_conf_command VerifyCAFile", "ssl_conf_command ChainCAPath",
           "proxy_ssl_conf_command Certificate", "lua_ssl_conf_command PrivateKey", "grpc_ssl_conf_command RequestCAFile",
           "client_body_temp_path", "proxy_cache_path", "proxy_store", "access_log", "error_log", "include", "root", "perl_modules"])
STREAM = ["ssl_certificate", "ssl_certificate_key", "proxy_ssl_certificate", "proxy_ssl_trusted_certificate", "proxy_ssl_conf_command Certificate"]
OUTSIDE = "/outside/outside.pem"
SPELLINGS = [OUTSIDE, '"%s"' % OUTSIDE, "'%s'" % OUTSIDE, "../..%s" % OUTSIDE, "certs/../../..%s" % OUTSIDE, "file:%s" % OUTSIDE, "data:$arg_x",
             "engine:pkcs11:%s" % OUTSIDE, "${host}%s" % OUTSIDE, "certs\\/../../x", '"\\"%s"' % OUTSIDE, "\\%s" % OUTSIDE, "certs/site.pem", "certs//site.pem", "./certs/site.key"]


class OverlayPaths(unittest.TestCase):
    def setUp(self):
        self.lab = faults.Lab()
        self.pem, self.key = make_pair(self.lab.home, "one")

    def tearDown(self):
        self.lab.close()

    def opened(self, tree):
        """Every path that nginx opens or looks at while it tests a tree."""
        trace = os.path.join(self.lab.home, "trace")
        subprocess.run(["strace", "-f", "-qq", "-o", trace, "-e", "trace=open,openat,stat,lstat,newfstatat,access,readlink,execve", programs.NGINX, "-t", "-q",
                        "-e", "stderr", "-p", tree, "-c", tree + "/nginx.conf"], capture_output=True, timeout=60, check=False)
        with open(trace) as f:
            return re.findall(r'"([^"]*outside[^"]*)"', f.read())

    def render(self, label, files):
        manifest = self.lab.manifest(label, "A", overlay=dict(files, **{"certs/site.pem": self.pem, "certs/site.key": self.key}))
        folder = os.path.join(self.lab.home, "out-" + label)
        result = self.lab.orctl("render", "-f", manifest, "-d", folder)
        return result, os.path.join(folder, self.lab.name)

    def test_no_line_leads_out_of_the_tree(self):
        lines = [("http.d", d, s) for d in HTTP for s in SPELLINGS] + [("streams.d", d, s) for d in STREAM for s in SPELLINGS]
        self.assertGreater(len(lines), 500)
        refused = set()
        for place in ("http.d", "streams.d"):  # one file of all lines: each fault has its line
            text = "".join("%s %s;\n" % (d, s) for p, d, s in lines if p == place)
            result, _ = self.render("all-" + place.replace(".", "-"), {place + "/all.conf": text})
            self.assertEqual(1 if result.code == 1 else 3, result.code, result.err[:500])
            found = {int(n) for n in re.findall(place + r"/all\.conf:(\d+):1: ", result.err)}
            here = [(d, s) for p, d, s in lines if p == place]
            refused |= {(place, *here[n - 1]) for n in found}
        taken = [line for line in lines if line not in refused]
        for place, directive, spelling in taken:
            self.assertNotIn("outside", spelling, "%s %s" % (directive, spelling))
            self.assertNotIn("conf_command", directive)
        self.assertTrue({s for _, _, s in taken} >= {"certs/site.pem", "certs//site.pem", "./certs/site.key"})
        self.look_at_taken(taken)
        print("%d lines, %d refused; nginx opened nothing outside for the others" % (len(lines), len(refused)))

    def look_at_taken(self, taken):
        for n, (place, directive, spelling) in enumerate([t for t in taken if t[2] != "certs//site.pem"][::3]):
            result, tree = self.render("taken%d" % n, {place + "/a.conf": "%s %s;\n" % (directive, spelling)})
            self.assertEqual(0, result.code, (directive, spelling, result.err[:300]))
            self.assertEqual([], self.opened(tree), (directive, spelling))

    def test_the_trace_would_see_it(self):
        result, tree = self.render("plain", {})
        self.assertEqual(0, result.code, result.err)
        with open(glob.glob(tree + "/nginx.conf")[0], "a") as f:
            f.write("include %s;\n" % OUTSIDE)
        self.assertEqual([OUTSIDE], [p for p in self.opened(tree) if p == OUTSIDE][:1])


if __name__ == "__main__":
    unittest.main()
