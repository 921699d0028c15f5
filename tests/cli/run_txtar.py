#!/usr/bin/python3
"""Runs behaviours written as txtar files: a script on top, files below, a fresh folder each.

Leading '#' lines tell the behaviour. The script:
  orctl ARGS...            must exit 0           !N orctl ARGS...    must exit exactly N
  exec PROG ARGS...        any other program     !N exec PROG ARGS...
  wait-for orctl|PROG ...  repeat until exit 0, at most 10 s
  background orctl|PROG …  starts it and goes on; ended with its children when the script ends
  backend PORT WORD        a server on 127.0.0.1:PORT that answers every request with WORD; returns when it listens
  needs PROG ARGS...       unless it exits 0 the rest is skipped, and the report says so
  stdin FILE               for the next program only
  stdout REGEX             ! stdout REGEX        stderr REGEX        ! stderr REGEX     (multi-line, of the last program)
  cmp stdout FILE          cmp stderr FILE       cmp A B
  json POINTER VALUE       ! json POINTER        of the last stdout; a VALUE that is no JSON is a string
  exists F...              ! exists F...
  masters N                so many nginx masters run below $ROOT
  env K=V...   mkdir F...   rm F...   cp A B   chmod MODE F...
$WORK, $ROOT, $PYTHON, $HERE (the folder of this file), $NGINX (the program that orctl finds), $PORT1..$PORT9 and names set by env stand for their values, in
files too. A variable set by env is in the environment of every program; `env K=` empties it.
UPDATE=1 rewrites in place what `cmp stdout FILE` compares.
"""
import argparse
import concurrent.futures
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, os.path.join(os.path.dirname(os.path.realpath(__file__)), ".."))
from lib import programs  # noqa: E402
from lib.ports import accepts, free_port, release  # noqa: E402
from lib.processes import alive, read_proc  # noqa: E402
from lib.texts import difference  # noqa: E402
from lib.waiting import until  # noqa: E402

COMMAND_LIMIT = 300  # seconds for one program: it hangs; a busy machine may take a minute
WAIT_LIMIT = 60  # seconds for wait-for, and for an instance to stop
CRASHED = 99  # exit code of the sanitizers, so that a crash never passes for "the answer is no"
MARKER = re.compile(r"^-- (\S.*?) --$")


class Failure(Exception):
    """An expectation that does not hold, or a script that cannot be read."""


class Differs(Failure):
    """What was compared has been told, so it is not told again."""


class Skipped(Exception):
    """What the script needs is not here."""


class Archive:
    def __init__(self, path):
        self.path = path
        self.script, self.files, name = [], {}, None
        for line in path.read_text().splitlines(keepends=True):
            marker = MARKER.match(line.rstrip("\n"))
            if marker:
                name = marker.group(1)
                self.files[name] = ""
            elif name is None:
                self.script.append(line.rstrip("\n"))
            else:
                self.files[name] += line
        self.lock = threading.Lock()

    def behaviour(self):
        lines = []
        for line in self.script:
            if not line.startswith("#"):
                break
            lines.append(line.lstrip("# "))
        return " ".join(lines)

    def ports(self):
        return sorted(set(re.findall(r"\$\{?(PORT[1-9])", self.path.read_text())))

    def save(self):
        text = "".join(line + "\n" for line in self.script)
        for name, content in self.files.items():
            text += f"-- {name} --\n{content}"
        self.path.write_text(text)


def processes_of(folder):
    """Living processes whose command line, environment or working folder lies in `folder`."""
    found = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid() or not alive(entry):
            continue
        try:
            cwd = os.readlink(f"/proc/{entry}/cwd") + "/"
        except OSError:
            cwd = ""
        mark = f"{folder}/"
        if mark in cwd or mark in read_proc(entry, "cmdline") + "/" or mark in read_proc(entry, "environ"):
            found.append(int(entry))
    return found


def kill(pid, number):
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


def stop_instances(base, root):
    """Stops every instance below `root`; returns a sentence for each process that would not go."""
    faults = []
    for pid_file in root.glob("run/openresty/*/nginx.pid"):
        text = pid_file.read_text().strip()
        if not text.isdigit() or int(text) not in processes_of(base):
            continue
        kill(int(text), signal.SIGTERM)
        if not until(lambda: not alive(text), WAIT_LIMIT):
            faults.append(f"{pid_file.parent.name}: pid {text} does not stop")
    until(lambda: not processes_of(base), 2, 0.02)
    for pid in processes_of(base):
        faults.append(f"process left behind: {pid}: {read_proc(pid, 'cmdline').strip()}")
        kill(pid, signal.SIGKILL)
    return faults


def pointed(document, pointer):
    """The value at an RFC 6901 pointer; KeyError when there is none."""
    if pointer and not pointer.startswith("/"):
        raise Failure(f"json: a pointer begins with /: {pointer}")
    for part in pointer.split("/")[1:]:
        part = part.replace("~1", "/").replace("~0", "~")
        if isinstance(document, list) and re.fullmatch(r"0|[1-9][0-9]*", part) and int(part) < len(document):
            document = document[int(part)]
        elif isinstance(document, dict) and part in document:
            document = document[part]
        else:
            raise KeyError(part)
    return document


def canonical(value):
    return json.dumps(value, sort_keys=True, ensure_ascii=False)


class Script:
    def __init__(self, archive, orctl, update):
        self.archive, self.orctl, self.update = archive, orctl, update
        self.base = Path(tempfile.mkdtemp(prefix="oc-", dir="/tmp"))  # short: socket paths have 107 bytes
        self.base.chmod(0o755)  # nginx's workers are another user when we are root
        self.work = self.base / "w"
        self.root = self.work / "root"
        self.ports = []
        self.out = self.err = ""
        self.input = None
        self.updated = False
        self.started = []  # what `background` and `backend` started

    def prepare(self):
        self.work.mkdir()
        (self.base / "bin").mkdir()
        (self.base / "bin/orctl").symlink_to(self.orctl)  # for `exec sh -c 'orctl …'`
        if programs.WANTED:
            for name in ("openresty", "nginx"):
                (self.base / "bin" / name).symlink_to(programs.NGINX)
        self.variables = {"WORK": str(self.work), "ROOT": str(self.root), "PYTHON": sys.executable,
                          "HERE": str(Path(__file__).resolve().parent), "NGINX": programs.NGINX}
        for name in self.archive.ports():
            self.ports.append(free_port())
            self.variables[name] = str(self.ports[-1])
        self.env = {
            "PATH": f"{self.base}/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": str(self.work),
            "NO_COLOR": "1",
            "ORCTL_ROOT": str(self.root),
            "ASAN_OPTIONS": f"exitcode={CRASHED}",
            "UBSAN_OPTIONS": f"exitcode={CRASHED}:print_stacktrace=1",
        }
        for name, content in self.archive.files.items():
            path = self.path(self.substitute(name))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(self.substitute(content))

    def substitute(self, text, quote=str):
        return re.sub(
            r"\$(?:\{(\w+)\}|(\w+))",
            lambda m: quote(self.variables[m[1] or m[2]]) if (m[1] or m[2]) in self.variables else m[0],
            text,
        )

    def path(self, name):
        path = Path(os.path.normpath(self.work / name))
        if path != self.work and self.work not in path.parents:
            raise Failure(f"{name} is outside of $WORK")
        return path

    def run(self):
        """None, or what went wrong as (line number, line, Failure). Skipped goes through."""
        number, line = 0, ""
        try:
            self.prepare()
            for number, line in enumerate(self.archive.script, 1):
                self.step(line)
        except Failure as e:
            return number, line, e
        except (OSError, UnicodeDecodeError) as e:
            return number, line, Failure(f"{type(e).__name__}: {e}")
        return None

    def clean(self):
        for process in self.started:
            for number in (signal.SIGTERM, signal.SIGKILL):
                try:
                    os.killpg(process.pid, number)  # its own group: only it and its children
                    process.wait(2)
                except (ProcessLookupError, subprocess.TimeoutExpired):
                    pass
        faults = stop_instances(self.base, self.root)
        for port in self.ports:
            release(port)
        subprocess.run(["chmod", "-R", "u+rwX", str(self.base)], check=False, stderr=subprocess.DEVNULL)
        shutil.rmtree(self.base, ignore_errors=True)
        if self.base.exists():
            faults.append(f"cannot remove {self.base}")
        return faults

    def step(self, line):
        stripped = line.strip()
        if not stripped or stripped.startswith("#"):
            return
        try:
            words = shlex.split(stripped)
        except ValueError as e:
            raise Failure(f"cannot read the line: {e}") from e
        negated = words[0].startswith("!")
        wanted = words.pop(0)[1:] if negated else ""
        verb = words.pop(0) if words else ""
        if verb in ("orctl", "exec"):
            if negated and not re.fullmatch(r"[1-9][0-9]*", wanted):
                raise Failure("'!' needs the exit code: !1 orctl …")
            arguments = [self.substitute(word) for word in words]
            return self.expect_exit(verb, arguments, int(wanted or 0))
        if wanted:
            raise Failure(f"'!{wanted}' is for orctl and exec; write '! {verb}'")
        method = getattr(self, "do_" + verb.replace("-", "_"), None)
        if method is None or (negated and verb not in ("stdout", "stderr", "exists", "json")):
            raise Failure(f"unknown command: {'! ' if negated else ''}{verb}")
        quote = re.escape if verb in ("stdout", "stderr") else str
        try:
            method(negated, *[self.substitute(word, quote) for word in words])
        except TypeError as e:
            raise Failure(f"wrong number of arguments: {e}") from e

    # Programs

    def argv(self, verb, arguments):
        if verb == "orctl":
            return [str(self.orctl), *arguments]
        if not arguments:
            raise Failure("exec needs a program")
        return arguments

    def execute(self, argv):
        """Output goes to files, not pipes: a daemon that is left behind would keep a pipe open."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            stdin = open(self.input, "rb") if self.input else subprocess.DEVNULL
            self.input = None
            try:
                program = shutil.which(argv[0], path=self.env["PATH"]) or argv[0]
                status = subprocess.run(
                    [argv[0], *argv[1:]], executable=program, cwd=self.work, env=self.env, stdin=stdin, stdout=out,
                    stderr=err, timeout=COMMAND_LIMIT, check=False).returncode
            except subprocess.TimeoutExpired as e:
                raise Failure(f"still running after {COMMAND_LIMIT} s") from e
            except OSError as e:
                raise Failure(f"cannot run {argv[0]}: {e.strerror}") from e
            finally:
                if stdin is not subprocess.DEVNULL:
                    stdin.close()
            out.seek(0)
            err.seek(0)
            self.out = out.read().decode(errors="surrogateescape")
            self.err = err.read().decode(errors="surrogateescape")
        if re.search(r"ERROR: \w+Sanitizer|: runtime error: ", self.err):
            raise Failure("the sanitizer found a fault")
        return status if status >= 0 else 128 - status

    def expect_exit(self, verb, arguments, wanted):
        status = self.execute(self.argv(verb, arguments))
        if status != wanted:
            raise Failure(f"exit {status}, not {wanted}")

    def do_wait_for(self, _, *words):
        verb = words[0] if words and words[0] in ("orctl", "exec") else "exec"
        arguments = list(words[1:] if words and words[0] == verb else words)
        argv, given = self.argv(verb, arguments), self.input

        def succeeds():
            self.input = given
            return self.execute(argv) == 0

        if not until(succeeds, WAIT_LIMIT, 0.02):
            raise Failure(f"did not exit 0 within {WAIT_LIMIT} s")

    def do_background(self, _, *words):
        verb = words[0] if words and words[0] in ("orctl", "exec") else "exec"
        arguments = list(words[1:] if words and words[0] == verb else words)
        argv = self.argv(verb, arguments)
        program = shutil.which(argv[0], path=self.env["PATH"]) or argv[0]
        number = len(self.started)
        with open(self.base / f"background{number}.out", "wb") as out:
            self.started.append(subprocess.Popen(
                argv, executable=program, cwd=self.work, env=self.env, stdin=subprocess.DEVNULL, stdout=out,
                stderr=subprocess.STDOUT, start_new_session=True))

    def do_backend(self, _, port, word):
        self.do_background(_, sys.executable, str(Path(__file__).with_name("backend.py")), port, word)

        if not until(lambda: accepts(port), WAIT_LIMIT):
            raise Failure("the backend does not listen")

    def do_needs(self, _, *words):
        if self.execute(self.argv("exec", list(words))) != 0:
            raise Skipped(shlex.join(words))

    def do_stdin(self, _, name):
        self.input = self.path(name)

    # Expectations

    def match(self, negated, name, text, regex):
        try:
            found = re.search(regex, text, re.MULTILINE)
        except re.error as e:
            raise Failure(f"bad regular expression: {e}") from e
        if negated and found:
            raise Failure(f"{name} matches: {found.group(0)}")
        if not negated and not found:
            raise Failure(f"{name} does not match")

    def do_stdout(self, negated, regex):
        self.match(negated, "stdout", self.out, regex)

    def do_stderr(self, negated, regex):
        self.match(negated, "stderr", self.err, regex)

    def do_cmp(self, _, first, second):
        stream = {"stdout": self.out, "stderr": self.err}.get(first)
        if stream is None:
            a, b = self.path(first).read_bytes(), self.path(second).read_bytes()
            if a != b:
                raise Differs(difference(b.decode(errors="replace"), a.decode(errors="replace"), second, first) or f"{first} differs in bytes")
            return
        path = self.path(second)
        expected = path.read_text() if path.exists() else ""
        if stream == expected:
            return
        if not self.update or first != "stdout":
            raise Differs(difference(expected, stream, second, first))
        path.write_text(stream)
        self.archive.files[second] = self.with_variables(stream)
        self.updated = True

    def with_variables(self, text):
        if text and not text.endswith("\n"):
            raise Failure("stdout has no newline at its end; an archive cannot hold it")
        for name in ("ROOT", "WORK"):
            text = text.replace(self.variables[name], "$" + name)
        for name, value in self.variables.items():
            if name.startswith("PORT"):
                text = re.sub(rf"(?<!\d){value}(?!\d)", "$" + name, text)
        return text

    def do_json(self, negated, pointer, *value):
        if len(value) != (0 if negated else 1):
            raise Failure("json POINTER VALUE, or ! json POINTER")
        try:
            document = json.loads(self.out)
        except ValueError as e:
            raise Failure(f"stdout is no JSON: {e}") from e
        try:
            actual = pointed(document, pointer)
        except KeyError as e:
            if negated:
                return
            raise Failure(f"nothing at {pointer}: no {e}") from e
        if negated:
            raise Failure(f"{pointer} is there: {canonical(actual)}")
        try:
            expected = json.loads(value[0])
        except ValueError:
            expected = value[0]
        if canonical(actual) != canonical(expected):
            raise Failure(f"{pointer} is {canonical(actual)}, not {canonical(expected)}")

    def do_exists(self, negated, *names):
        for name in names:
            if os.path.lexists(self.path(name)) == negated:
                raise Failure(f"{name} {'exists' if negated else 'does not exist'}")

    def do_masters(self, _, number):
        masters = [pid for pid in processes_of(self.root) if read_proc(pid, "cmdline").startswith("nginx: master")]
        if len(masters) != int(number):
            raise Failure(f"{len(masters)} masters run")

    # Files and environment

    def do_env(self, _, *settings):
        for setting in settings:
            name, equals, value = setting.partition("=")
            if not equals:
                raise Failure("env K=V")
            self.env[name] = self.variables[name] = value

    def do_mkdir(self, _, *names):
        for name in names:
            self.path(name).mkdir(parents=True, exist_ok=True)

    def do_rm(self, _, *names):
        for name in names:
            path = self.path(name)
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    def do_cp(self, _, source, target):
        if source in ("stdout", "stderr"):
            text = self.out if source == "stdout" else self.err
            self.path(target).write_text(text, errors="surrogateescape")
        elif self.path(source).is_dir():
            shutil.copytree(self.path(source), self.path(target), symlinks=True)
        else:
            shutil.copy2(self.path(source), self.path(target))

    def do_chmod(self, _, mode, *names):
        for name in names:
            self.path(name).chmod(int(mode, 8))


def tail(name, text):
    lines = text.splitlines()[-40:]
    return [f"{name}:", *("  " + line for line in lines)] if lines else []


def run_one(path, orctl, update):
    """Runs one file; returns (verdict "ok", "not ok" or "skip", title, lines of explanation)."""
    archive = Archive(path)
    script = Script(archive, orctl, update)
    fault, skipped = None, ""
    try:
        fault = script.run()
    except Skipped as e:
        skipped = str(e)
    finally:
        leftovers = script.clean()
    explanation = []
    if fault:
        number, line, failure = fault
        explanation += [f"{path}:{number}: {line}", *("  " + part for part in str(failure).splitlines())]
        explanation += [] if isinstance(failure, Differs) else tail("stdout", script.out)
        explanation += tail("stderr", script.err)
    explanation += leftovers
    if script.updated and not explanation:
        archive.save()
    title = f"{path.stem}: {archive.behaviour()}" if archive.behaviour() else path.stem
    if skipped and not explanation:
        return "skip", f"{title} # SKIP without: {skipped}", []
    return "not ok" if explanation else "ok", title, explanation


def collect(names):
    paths = []
    for name in names or [str(Path(__file__).parent)]:
        path = Path(name)
        paths += sorted(path.glob("*.txtar")) if path.is_dir() else [path]
    return paths


def main():
    parser = argparse.ArgumentParser(description="Runs txtar behaviours.")
    parser.add_argument("--orctl", required=True)
    parser.add_argument("-j", type=int, default=1, metavar="N")
    parser.add_argument("--part", metavar="K/N", default="1/1", help="only every Nth file, from the Kth on")
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    os.umask(0o022)
    orctl = Path(options.orctl).resolve()
    number, of = map(int, options.part.split("/"))
    paths = collect(options.files)[number - 1::of]
    update = os.environ.get("UPDATE") == "1"
    print(f"1..{len(paths)}", flush=True)

    seconds = {}

    def guarded(path):
        begin = time.monotonic()
        try:
            return run_one(path, orctl, update)
        except (OSError, UnicodeDecodeError) as e:
            return "not ok", path.stem, [str(e)]
        finally:
            seconds[path.stem] = time.monotonic() - begin

    counts = {"ok": 0, "not ok": 0, "skip": 0}
    with concurrent.futures.ThreadPoolExecutor(max(1, options.j)) as pool:
        for number, (verdict, title, explanation) in enumerate(pool.map(guarded, paths), 1):
            print(f"{'not ok' if verdict == 'not ok' else 'ok'} {number} - {title}")
            for line in explanation:
                print("# " + line.encode(errors="backslashreplace").decode())
            sys.stdout.flush()
            counts[verdict] += 1
    slowest = sorted(seconds, key=seconds.get, reverse=True)[:int(os.environ.get("SLOW","8"))]
    print("# slowest: " + ", ".join(f"{name} {seconds[name]:.1f} s" for name in slowest))
    skipped = f", {counts['skip']} skipped" if counts["skip"] else ""
    print(f"{counts['ok']} passed{skipped}, {counts['not ok']} failed")
    return 0 if counts["not ok"] == 0 and counts["ok"] + counts["skip"] > 0 else 1


if __name__ == "__main__":
    sys.exit(main())
