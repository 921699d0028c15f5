"""The programs that are tested: which orctl, which nginx."""
import atexit
import functools
import glob
import os
import re
import shutil
import subprocess
import tempfile

CHECKOUT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))
# The nginx that was asked for. Not $NGINX: nginx takes that for the sockets it inherits.
WANTED = os.environ.get("ORCTL_TEST_NGINX", "")


def _put_first_on_path(binary):
    """Makes orctl and every test find this nginx: both ask PATH for openresty, some tests for nginx."""
    if not os.access(binary, os.X_OK):
        raise SystemExit("ORCTL_TEST_NGINX: there is no program %s" % binary)
    first = shutil.which("openresty")
    if first and os.path.samefile(first, binary):
        return
    folder, ours = tempfile.mkdtemp(prefix="orctl-nginx.", dir="/tmp"), os.getpid()
    os.chmod(folder, 0o755)
    atexit.register(lambda: os.getpid() == ours and shutil.rmtree(folder, ignore_errors=True))
    for name in ("openresty", "nginx"):
        os.symlink(os.path.abspath(binary), os.path.join(folder, name))
    os.environ["PATH"] = folder + ":" + os.environ["PATH"]


if WANTED:
    _put_first_on_path(WANTED)
# where it really lies, as a test that names it in a manifest or replaces it wants
NGINX = os.path.realpath(shutil.which("openresty") or shutil.which("nginx") or "/usr/sbin/nginx")


def orctl():
    """$ORCTL, else the newest below build/, one without sanitizers first: they make a run three times as long."""
    if named := os.environ.get("ORCTL"):
        return os.path.abspath(named)
    built = [p for p in glob.glob(os.path.join(CHECKOUT, "build", "*", "orctl")) if os.access(p, os.X_OK)]
    if not built:
        raise SystemExit("no orctl below build/: build it, or name one with ORCTL=…")
    return max([p for p in built if "/asan/" not in p] or built, key=os.path.getmtime)


@functools.cache
def built_with():
    """What `nginx -V` says."""
    return subprocess.run([NGINX, "-V"], stderr=subprocess.PIPE, text=True, check=True).stderr


def has_lua_built_in():
    """Whether NGINX is one like OpenResty's; else Debian's modules are loaded."""
    return re.search(r"--add-module=\S*lua", built_with()) is not None


def lua_environment():
    """In which luajit finds the cjson that NGINX has, as OpenResty brings its own."""
    prefix = re.search(r"--prefix=(\S+)", built_with())
    if not has_lua_built_in() or not prefix:
        return dict(os.environ)
    return dict(os.environ, LUA_CPATH=os.path.join(os.path.dirname(prefix[1]), "lualib", "?.so") + ";;")


def stream_module():
    """The module to load for stream{}, "" when it is built in, None when there is none."""
    if re.search(r"--with-stream( |$)", built_with()):
        return ""
    folder = re.search(r"--modules-path=(\S+)", built_with())
    path = (folder[1] if folder else "/usr/lib/nginx/modules") + "/ngx_stream_module.so"
    return path if os.path.exists(path) else None
