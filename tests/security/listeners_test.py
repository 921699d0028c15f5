#!/usr/bin/python3
"""Security bar S18: an instance listens where its manifest says, and nowhere else but on unix sockets below the root; what the manifest
does not open to the world is on loopback."""
import os
import re
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "fault"))
import lab as faults


def sockets(pids):
    """{(protocol, address)} of the listening sockets of some processes; a unix socket by its path."""
    out = subprocess.run(["ss", "-Hlntuxp"], check=True, capture_output=True, text=True).stdout
    found = set()
    for line in out.splitlines():
        if not pids & {int(pid) for pid in re.findall(r"pid=(\d+)", line)}:
            continue
        words = line.split()
        found.add((words[0], words[4]))
    return found


class Listeners(unittest.TestCase):
    def test_a_typical_instance_listens_only_where_its_manifest_says(self):
        with faults.Lab() as lab:
            ports = [faults.free_port() for _ in range(3)]
            admin = faults.free_port()
            token = os.path.join(lab.root, "etc/orctl/secrets", lab.name, "admin.token")
            os.makedirs(os.path.dirname(token))
            with open(token, "w") as f:
                f.write("0123456789abcdef" * 4)
            os.chmod(token, 0o600)
            extra = "".join('[[listener]]\naddress = "127.0.0.1"\nport = %d\nprotocol = "%s"\nupstream = "up"\n' % (port, protocol)
                            for port, protocol in ((ports[0], "tcp"), (ports[1], "udp")))
            extra += '[admin]\nlisten = "127.0.0.1:%d"\ntoken_file = "/etc/orctl/secrets/%s/admin.token"\n' % (admin, lab.name)
            lab.must("apply", "-f", lab.manifest("one", "A", extra=extra))
            found = sockets(set(lab.processes()))
            wanted = {("tcp", "127.0.0.1:%d" % port) for port in (lab.port, ports[0], admin)} | {("udp", "127.0.0.1:%d" % ports[1])}
            unix = {address for kind, address in found if kind.startswith("u_")}
            self.assertEqual(wanted, {one for one in found if not one[0].startswith("u_")})
            self.assertEqual({os.path.join(lab.run_folder, "admin.sock")}, unix)
            print("%d sockets, all of them the manifest's, on loopback or below the root" % len(found))


if __name__ == "__main__":
    unittest.main()
