#!/usr/bin/python3
"""The runner's own test: what must fail fails. The stand-in for orctl is a shell script."""
import os
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

RUNNER = Path(__file__).with_name("run_txtar.py")
STAND_IN = """#!/bin/sh
case $1 in
  exit) exit $2 ;;
  say) shift; printf '%s\\n' "$@" ;;
  grumble) shift; printf '%s\\n' "$@" >&2 ;;
  cat) cat ;;
  daemon) shift; mkdir -p $ORCTL_ROOT/run/openresty/x
    sh -c "exec tail -f --pid=$PPID /dev/null" $ORCTL_ROOT & ;;
  instance) mkdir -p $ORCTL_ROOT/run/openresty/x
    python3 -c 'import signal; signal.alarm(60); signal.pause()' $ORCTL_ROOT & echo $! >$ORCTL_ROOT/run/openresty/x/nginx.pid ;;
  crash) echo '==1==ERROR: AddressSanitizer: heap-use-after-free' >&2; exit 1 ;;
  die) kill -9 $$ ;;
esac
"""


class Runner(unittest.TestCase):
    def setUp(self):
        self.folder = Path(tempfile.mkdtemp(prefix="txtar-test-"))
        self.orctl = self.folder / "orctl"
        self.orctl.write_text(STAND_IN)
        self.orctl.chmod(0o755)
        self.addCleanup(lambda: subprocess.run(["rm", "-rf", str(self.folder)], check=True))

    def run_text(self, *texts, orctl=None, update=False, jobs=1, part="1/1"):
        files = []
        for n, text in enumerate(texts):
            files.append(self.folder / f"case{n}.txtar")
            files[-1].write_text(text)
        env = {**os.environ, "UPDATE": "1" if update else ""}
        done = subprocess.run(
            [sys.executable, str(RUNNER), "--orctl", str(orctl or self.orctl), "-j", str(jobs), "--part", part, *map(str, files)],
            capture_output=True, text=True, env=env, check=False)
        self.output = done.stdout + done.stderr
        self.assertEqual(done.returncode == 0, done.stdout.splitlines()[-1].endswith(" 0 failed"), self.output)
        return done.returncode == 0

    def passes(self, text, **options):
        self.assertTrue(self.run_text(text, **options), self.output)

    def fails(self, text, because, **options):
        self.assertFalse(self.run_text(text, **options), f"passed: {text}")
        self.assertIn(because, self.output)

    def test_an_exit_code_must_be_exact(self):
        self.passes("orctl exit 0\n!1 orctl exit 1\n!137 orctl die\n")
        self.fails("orctl exit 1\n", "exit 1, not 0")
        self.fails("!1 orctl exit 2\n", "exit 2, not 1")
        self.fails("!1 orctl exit 0\n", "exit 0, not 1")
        self.fails("! orctl exit 1\n", "'!' needs the exit code")
        self.fails("!0 orctl exit 0\n", "'!' needs the exit code")
        self.fails("!1 orctl crash\n", "sanitizer")

    def test_a_missing_program_fails(self):
        self.fails("!1 orctl exit 1\n", "cannot run", orctl=self.folder / "none")
        self.fails("!127 exec no-such-program\n", "cannot run")

    def test_no_file_and_an_unreadable_file_fail(self):
        done = subprocess.run([sys.executable, str(RUNNER), "--orctl", str(self.orctl), str(self.folder / "none.txtar")],
                              capture_output=True, text=True, check=False)
        self.assertEqual(done.returncode, 1)
        self.assertEqual(done.stdout.splitlines()[-1], "0 passed, 1 failed")

    def test_expectations_on_streams(self):
        self.passes("orctl say one two\nstdout ^one$\nstdout ^two$\n! stdout three\n! stderr .\n")
        self.passes("orctl grumble bad\nstderr ^bad\n! stdout .\n")
        self.fails("orctl say one\nstdout two\n", "stdout does not match")
        self.fails("orctl say one\n! stdout one\n", "stdout matches")
        self.fails("orctl grumble bad\n! stderr b.d\n", "stderr matches")
        self.fails("orctl say one\nstdout (\n", "bad regular expression")

    def test_unknown_and_misused_commands_fail(self):
        self.fails("frobnicate\n", "unknown command")
        self.fails("! mkdir x\n", "unknown command")
        self.fails("!1 stdout x\n", "is for orctl and exec")
        self.fails("stdout\n", "wrong number of arguments")
        self.fails("orctl 'say\n", "cannot read the line")
        self.fails("mkdir ../x\n", "outside")

    def test_compare(self):
        self.passes("orctl say one\ncmp stdout want\ncp stdout got\ncmp got want\n-- want --\none\n")
        self.fails("orctl say one\ncmp stdout want\n-- want --\ntwo\n", "-two")
        self.fails("cmp a b\n-- a --\n1\n-- b --\n2\n", "+1")
        self.fails("orctl say one\ncmp stdout want\n", "+one")
        self.fails("exec seq 300\ncmp stdout want\n-- want --\n" + "\n".join(map(str, range(1000, 1300))) + "\n", "more lines of differences")
        self.assertLess(self.output.count("\n"), 75, "and they are told once")

    def test_a_part_of_the_files(self):
        texts = [f"# case {n}\norctl exit {n % 2}\n" for n in range(5)]
        self.assertTrue(self.run_text(*texts, part="1/2"))
        self.assertIn("3 passed, 0 failed", self.output)
        self.assertFalse(self.run_text(*texts, part="2/2"))
        self.assertIn("0 passed, 2 failed", self.output)

    def test_update_rewrites_the_archive_with_its_variables(self):
        text = "# Says where.\norctl say $ROOT $WORK/x $PORT1\ncmp stdout want\n-- want --\nold\n-- other --\nkept $PORT1\n"
        self.fails(text, "-old")
        self.passes(text, update=True)
        self.assertEqual((self.folder / "case0.txtar").read_text(),
                         text.replace("old\n", "$ROOT\n$WORK/x\n$PORT1\n"))
        self.passes((self.folder / "case0.txtar").read_text())

    def test_json(self):
        document = """orctl say '{"a":[{"b/c":1},true,"x"],"n":null}'\n"""
        self.passes(document + "json /a/0/b~1c 1\njson /a/1 true\njson /a/2 x\njson /a/2 '\"x\"'\njson /n null\n! json /z\n")
        self.fails(document + "json /a/0/b~1c 2\n", "is 1, not 2")
        self.fails(document + "json /a/1 1\n", "is true, not 1")
        self.fails(document + "json /a/7 1\n", "nothing at")
        self.fails(document + "! json /n\n", "is there")
        self.fails("orctl say nothing\njson /a 1\n", "no JSON")

    def test_files_and_environment(self):
        self.passes("mkdir d/e\ncp f d/g\nexists d/g d/e\nrm d\n! exists d\nchmod 600 f\n"
                    "exec stat -c %a f\nstdout ^600$\nstdin f\norctl cat\nstdout ^hello$\norctl cat\n! stdout .\n"
                    "env K=v\nexec sh -c 'echo [$K] $HOME $NO_COLOR'\nstdout '^\\[v\\] $WORK 1$'\n"
                    "exec sh -c 'orctl say hi'\nstdout hi\n-- f --\nhello\n")
        self.fails("exists f\n", "does not exist")
        self.fails("! exists f\n-- f --\n", "f exists")

    def test_wait_for(self):
        self.passes("wait-for exec sh -c 'echo x >>n; test $(wc -l <n) -ge 3'\nexec cat n\nstdout x\n")

    def test_ports_are_distinct_and_stand_in_files(self):
        self.passes("exec cat f\n! stdout '^(\\d+)\\n\\1$'\nstdout '^\\d+$'\n-- f --\n$PORT1\n$PORT2\n")

    def test_a_background_program_is_ended_with_its_children(self):
        before = time.monotonic()
        self.passes("background sh -c 'tail -f --pid=$PPID /dev/null & echo up >up; wait'\nwait-for test -s up\n"
                    "background orctl daemon\nwait-for test -d $ROOT/run\n")
        self.assertLess(time.monotonic() - before, 10)

    def test_a_backend_answers(self):
        self.passes("backend $PORT1 blue\nbackend $PORT2 green\nexec curl -sS http://127.0.0.1:$PORT2/x\nstdout ^green$\n")

    def test_what_is_missing_skips_loudly(self):
        self.passes("needs true\nneeds test -e no-such-file\norctl exit 1\n")
        self.assertIn("# SKIP without: test -e no-such-file", self.output)
        self.assertIn("0 passed, 1 skipped, 0 failed", self.output)
        self.fails("needs true\norctl exit 1\n", "exit 1, not 0")

    def test_an_instance_is_stopped_and_a_stray_process_is_a_failure(self):
        before = time.monotonic()
        self.passes("orctl instance\n")
        self.fails("orctl instance\norctl exit 1\n", "exit 1, not 0")
        self.fails("orctl daemon\n", "process left behind")
        self.assertLess(time.monotonic() - before, 30)

    def test_many_at_once(self):
        self.assertTrue(self.run_text(*[f"orctl say $PORT1 $PORT9 {n}\nstdout {n}\n" for n in range(12)], jobs=4))
        self.assertIn("12 passed, 0 failed", self.output)

    def test_nothing_is_left_in_tmp(self):
        before = set(Path("/tmp").glob("oc-*"))
        self.passes("mkdir d\nchmod 000 d\n")
        self.assertLessEqual(set(Path("/tmp").glob("oc-*")), before)

    def test_the_report_names_behaviour_line_and_output(self):
        self.fails("# It says two.\n\norctl say one\nstdout two\n", "not ok 1 - case0: It says two.")
        self.assertIn("case0.txtar:4: stdout two", self.output)
        self.assertIn("#   one", self.output)


if __name__ == "__main__":
    unittest.main()
