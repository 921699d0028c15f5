#!/usr/bin/python3
"""The harness itself, with a unit written by hand: a real systemd, apart from this machine and from its siblings, that leaves nothing."""
import glob
import os
import shutil
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from host import SystemdHost, faults

UNIT = """[Service]
Type=exec
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 80
DynamicUser=yes
AmbientCapabilities=CAP_NET_BIND_SERVICE
Restart=on-failure
RestartSec=100ms
[Install]
WantedBy=multi-user.target
"""


def control_group(keeper):
    return glob.glob("/sys/fs/cgroup/**/orctl-test.%d" % keeper, recursive=True)


def our_mounts():
    with open("/proc/self/mountinfo") as file:
        return [line for line in file if "upperdir=/mnt/" in line or " /mnt/cgroup " in line]


def processes_of(namespace):
    """Every process of this machine that is in a pid namespace."""
    found = []
    for link in glob.glob("/proc/[0-9]*/ns/pid"):
        try:
            if os.readlink(link) == namespace:
                found.append(link)
        except OSError:
            pass
    return found


class Host(unittest.TestCase):
    def serve(self, host):
        host.write("/etc/systemd/system/web.service", UNIT)
        host.systemctl("daemon-reload")
        host.systemctl("enable", "--now", "web")
        faults.wait_for(lambda: host.get()[0] == 200, 60, "the service answers")

    def test_it_runs_units_restarts_them_and_keeps_them_over_a_reboot(self):
        with SystemdHost() as host:
            self.serve(host)
            before = host.show("web", "MainPID")
            host.kill(before)
            faults.wait_for(lambda: host.show("web", "MainPID") not in (before, "0") and host.get()[0] == 200, 60, "it is back")
            for orderly in (True, False):
                began = time.monotonic()
                host.reboot(orderly)
                faults.wait_for(lambda: host.get()[0] == 200, 60, "the enabled service answers after a boot")
                print("  reboot, %s: %.2f s" % ("orderly" if orderly else "power lost", time.monotonic() - began))
            self.assertFalse(host.exists("/run/orctl-test"))

    def test_two_at_once_have_nothing_in_common_and_leave_nothing(self):
        with SystemdHost() as one, SystemdHost() as two:
            namespaces = [os.readlink("/proc/%d/ns/pid" % host.pid) for host in (one, two)]
            keepers = [host.keeper.pid for host in (one, two)]
            for host in (one, two):
                self.serve(host)
            one.systemctl("stop", "web")
            self.assertEqual(one.get()[0], 0)
            self.assertEqual(two.get()[0], 200)
            self.assertEqual(two.show("web", "NRestarts"), "0")
            self.assertFalse(os.path.exists("/etc/systemd/system/web.service"), "nothing is written to this machine")
        self.assertEqual([control_group(k) for k in keepers], [[], []])
        self.assertEqual(our_mounts(), [])
        self.assertEqual([processes_of(n) for n in namespaces], [[], []])

    def test_it_ends_with_the_test_that_was_killed(self):
        script = ("import os, signal, sys; sys.path.insert(0, %r); from host import SystemdHost, faults\n"
                  "host = SystemdHost().start(); print(os.readlink('/proc/%%d/ns/pid' %% host.pid), host.keeper.pid, faults._home, flush=True)\n"
                  "signal.alarm(60); signal.pause()" % os.path.dirname(os.path.abspath(__file__)))
        with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as child:
            namespace, keeper, scratch = child.stdout.readline().split()
            self.addCleanup(shutil.rmtree, scratch)
            self.assertTrue(namespace and processes_of(namespace))
            child.kill()
        faults.wait_for(lambda: not processes_of(namespace), 60, "every process is gone")
        faults.wait_for(lambda: not control_group(int(keeper)), 60, "its control group is gone")


if __name__ == "__main__":
    unittest.main(verbosity=1)
