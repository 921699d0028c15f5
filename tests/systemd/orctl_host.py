"""A host of its own on which orctl is installed, and what its tests say again and again."""
import os
import re
import shutil
import sys

sys.path.insert(0, os.path.dirname(os.path.realpath(__file__)))
from host import HERE, SystemdHost, faults  # noqa: E402
from lib import programs  # noqa: E402
from lib.programs import NGINX  # noqa: E402

TOP = os.path.realpath(os.path.join(HERE, "..", ".."))
#: where the host has the programs of this checkout, which may lie below a folder that the host has one of its own of, as /tmp
PROGRAMS = "/usr/local/lib/orctl-tests"
BACKEND_PORT = 9001
# overlays with Lua are how these tests break things, and root must allow them
POLICY = '[policy]\nrisk = "high"\n'
CERTIFICATE = '[[certificate]]\nname = "c"\nhosts = ["a.test"]\ncertificate = "certs/c.pem"\nkey = "certs/c.key"\n'


def unit_of(name):
    return "openresty-%s.service" % name


class OrctlHost(SystemdHost):
    def start(self):
        super().start()
        try:
            shutil.copy2(faults.ORCTL, self.path("/usr/local/bin/orctl"))
            if programs.WANTED:
                self.install_nginx()
            for folder in ("cli", "lib"):
                shutil.copytree(os.path.join(TOP, "tests", folder), self.path(PROGRAMS + "/" + folder), ignore=shutil.ignore_patterns("*.txtar", "__pycache__"))
            self.write("/etc/orctl/config.toml", POLICY)
            self.backend(BACKEND_PORT, "blue")
            self.wait_for_backend()
        except BaseException:
            self.stop()
            raise
        return self

    def install_nginx(self):
        """The nginx that was asked for is the one that PATH leads to."""
        if not self.exists(NGINX) or NGINX.startswith(("/home/", "/root/", "/run/user/")):
            raise AssertionError("units do not see %s: install it elsewhere, as below /usr/local or /opt" % NGINX)
        for name in ("openresty", "nginx"):
            os.symlink(NGINX, self.path("/usr/local/bin/" + name))

    def backend(self, port, word):
        self.background("/usr/bin/python3", PROGRAMS + "/cli/backend.py", str(port), word)

    def wait_for_backend(self, port=BACKEND_PORT):
        faults.wait_for(lambda: self.get(port)[0] == 200, 60, "the backend answers")

    def orctl(self, *args, check=True):
        """orctl as root calls it on a real host: no --root, no --supervisor."""
        return self.run("orctl", *args, check=check)

    def manifest(self, name, label="a", nginx="", extra="", overlay=None, weight=1):
        """Writes a manifest whose upstream `up` is the backend; the port is that of the name. Returns its path."""
        folder = "/var/manifests/" + name
        files = ""
        if overlay is not None:
            files = 'files = "%s/"\n' % label
            shutil.rmtree(self.path("%s/%s" % (folder, label)), ignore_errors=True)
            for path, text in overlay.items():
                self.write("%s/%s/%s" % (folder, label, path), text)
        path = "%s/%s.toml" % (folder, label)
        self.write(path, 'kind = "Instance"\nname = "%s"\n%s'
                         '[nginx]\nworker_processes = 2\nworker_shutdown_timeout = "2s"\n%s'
                         '[[listener]]\naddress = "127.0.0.1"\nport = %s\n'
                         '[[upstream]]\nname = "up"\nserver = [ { address = "127.0.0.1:%d", weight = %d } ]\n'
                         '[[route]]\npath = "/"\nupstream = "up"\n%s'
                   % (name, files, nginx, name.rsplit("_", 1)[1], BACKEND_PORT, weight, extra))
        return path

    def pair(self):
        """An overlay with the files of CERTIFICATE."""
        self.run("/usr/bin/python3", PROGRAMS + "/cli/talk.py", "pair", "/tmp/c", "a.test")
        return {"certs/" + file: self.read("/tmp/" + file) for file in ("c.pem", "c.key")}

    def apply(self, name, *args, check=True, **manifest):
        return self.orctl("apply", "-f", self.manifest(name, **manifest), *args, check=check)

    def master(self, name):
        return int(self.show(unit_of(name), "MainPID"))

    def workers(self, name):
        return [pid for pid, command in self.processes("^nginx: worker process$").items()
                if pid in self.children_of(self.master(name))]

    def status(self, name):
        """What `orctl status` says of the instance, as JSON."""
        return self.orctl("status", name, "-o", "json", check=False).json()["items"][0]

    def weight_of(self, name):
        """The override of the backend's weight, None when there is none."""
        items = self.orctl("overrides", "list", name, "-o", "json").json()["items"]
        return items[0]["weight"] if items else None

    def set_weight(self, name, weight="50%"):
        self.orctl("weight", "%s/up/127.0.0.1:%d" % (name, BACKEND_PORT), weight, "--reason", "test")

    def log(self, name, file="error.log"):
        return self.read("/var/log/openresty/%s/%s" % (name, file))

    def left(self, name, user):
        """Everything there is of an instance, but its history."""
        found = []
        for line in self.run("ps", "-e", "-o", "user:40=,args=").out.splitlines():
            if name in line or user in line or re.search(r"\bnginx\b", line):
                found.append("process " + line)
        for what, argv in {"user": ["getent", "passwd", user], "group": ["getent", "group", user],
                           "unit": ["systemctl", "list-units", "--all", "--plain", "--no-legend", "*%s*" % name],
                           "unit file": ["systemctl", "list-unit-files", "--no-legend", "*%s*" % name],
                           "socket": ["sh", "-c", "ss -Hlnx | grep %s; ss -Hltn 'sport = :80'" % name],
                           "file": ["find", "/opt", "/run", "/etc", "/var/lib", "/var/log", "/tmp", "-path", "/var/lib/orctl", "-prune",
                                    "-o", "-name", "*%s*" % name, "-print"]}.items():
            found += ["%s %s" % (what, line) for line in self.run(*argv, check=False).out.splitlines()]
        return found
