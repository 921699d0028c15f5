#!/usr/bin/python3
"""A kernel that gives and takes a few bytes at a time and interrupts every other read and write: every command ends as undisturbed, every file is
whole. Made by a library that is loaded before libc; orctl gives its children a clean environment, so nginx never has it."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab as faults

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static unsigned long calls, shortened, interrupted;

/* every other call is interrupted; one that goes through takes 1 to 4096 bytes of a file */
static int cut(int fd, size_t* size) {
  struct stat raw;
  if (fstat(fd, &raw) != 0 || !S_ISREG(raw.st_mode)) return 0;
  if (++calls % 2) return ++interrupted, errno = EINTR, 1;
  size_t most = 1 + calls * 2654435761u % 4096;
  if (*size > most) *size = most, ++shortened;
  return 0;
}

ssize_t write(int fd, const void* data, size_t size) {
  static ssize_t (*real)(int, const void*, size_t);
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, "write");
  return cut(fd, &size) ? -1 : real(fd, data, size);
}
ssize_t read(int fd, void* data, size_t size) {
  static ssize_t (*real)(int, void*, size_t);
  if (!real) *(void**)&real = dlsym(RTLD_NEXT, "read");
  return cut(fd, &size) ? -1 : real(fd, data, size);
}
__attribute__((destructor)) static void tell(void) {
  FILE* file = fopen(getenv("SHIM_LOG"), "a");
  if (file) fprintf(file, "%lu %lu\n", shortened, interrupted), fclose(file);
}
"""


class ShortWrites(unittest.TestCase):
    def test_every_command_ends_as_undisturbed(self):
        with faults.Lab() as lab:
            source, shim, log = (os.path.join(lab.home, name) for name in ("shim.c", "shim.so", "log"))
            with open(source, "w") as f:
                f.write(SHIM)
            subprocess.run([shutil.which("cc") or "gcc", "-shared", "-fPIC", "-O1", "-o", shim, source, "-ldl"], check=True)
            env = dict(os.environ, LD_PRELOAD=shim, SHIM_LOG=log)

            def disturbed(*args):
                result = faults.run(lab.argv(*args), env=env)
                self.assertEqual(result.code, 0, result)

            old, new = lab.manifest("old", "old"), lab.manifest("new", "new", connections=999, overlay={"lua/big.lua": "-- %s\n" % ("x" * 300_000)})
            for manifest, word in ((old, "old"), (new, "new"), (old, "old")):
                disturbed("apply", "-f", manifest)
                self.assertEqual(lab.get(), (200, word))
                self.assertEqual(lab.orctl("diff", "-f", manifest).code, 0)
                self.assertEqual(lab.fsck(), "")
            disturbed("rollback", lab.name, "--to", "2")
            self.assertEqual(lab.get(), (200, "new"))
            with open(os.path.join(lab.tree, "lua/big.lua")) as f:
                self.assertEqual(len(f.read()), 300_004)
            disturbed("delete", lab.name, "--yes")
            self.assertEqual(lab.processes(), {})
            with open(log) as f:
                cut, interrupted = (sum(column) for column in zip(*[map(int, line.split()) for line in f]))
            print("\n  5 commands, %d short reads and writes, %d calls interrupted, all as undisturbed" % (cut, interrupted))
            self.assertGreater(cut, 100)


if __name__ == "__main__":
    unittest.main(verbosity=1)
