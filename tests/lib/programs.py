"""The programs that are tested: which orctl, which nginx."""
import functools
import glob
import os
import re
import shutil
import subprocess

CHECKOUT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
# Not $NGINX: nginx takes that for the sockets it inherits.
NGINX = os.environ.get("ORCTL_TEST_NGINX") or shutil.which("openresty") or shutil.which("nginx") or "/usr/sbin/nginx"


def orctl():
    """$ORCTL, else the newest below build/, one without sanitizers first: they make a run three times as long."""
    if named := os.environ.get("ORCTL"):
        return os.path.abspath(named)
    built = [p for p in glob.glob(os.path.join(CHECKOUT, "build", "*", "orctl")) if os.access(p, os.X_OK)]
    if not built:
        raise SystemExit("no orctl below build/: build it, or name one with ORCTL=…")
    return max([p for p in built if "/asan/" not in p] or built, key=os.path.getmtime)


@functools.cache
def has_lua_built_in():
    """Whether NGINX is one like OpenResty's; else Debian's modules are loaded."""
    version = subprocess.run([NGINX, "-V"], stderr=subprocess.PIPE, text=True, check=True)
    return re.search(r"--add-module=\S*lua", version.stderr) is not None
