#!/usr/bin/python3
"""fsynclint.py TRACE ROOT: what a power cut could undo of one run, by the trace of `strace -y -s 4096`.

Walks the calls and keeps what is not durable yet. A name that is gone by the end, or was replaced by a rename, needs no durability.
  R1  data of a file is fsynced before a rename or link publishes it, and before the answer
  R2  a folder that got or lost a name for good is fsynced after that and before the answer (the first write to stdout that tells of
      the change is the answer; here: the last one)
  R3  a folder is renamed or exchanged only when every file and name below it is durable
  R4  a commit is durable before what depends on it: the branch before the live tree is exchanged
Not looked at: what a reboot takes away anyway or what only tells of the past (IGNORED), lock files, which hold nothing, and
the work of nginx, which strace does not follow.
"""
import os
import re
import sys

#: below the root: gone after a reboot, not configuration, or scratch
IGNORED = ("run/", "var/log/")
LOCKS = re.compile(r"(\.lock|/var/lib/orctl/lock/[^/]+)$")
SCRATCH = re.compile(r"/\.orctl-stage\.[^/]+\.check(/|$)")
LINE = re.compile(r"^(?:\d+ +)?(\w+)\((.*)\)\s+= (\S+)")
FD = re.compile(r"^(\w+)<([^>]*)>")


def strings(text):
    return [bytes(s, "utf-8").decode("unicode_escape") for s in re.findall(r'"((?:[^"\\]|\\.)*)"', text)]


class Disk:
    """What is not durable yet."""

    def __init__(self, root):
        self.root = os.path.normpath(root)
        self.data = {}      # file -> line of the write
        self.names = {}     # (folder, name) -> line of the change
        self.problems = []

    def mine(self, path):
        if not (path + "/").startswith(self.root + "/"):
            return False
        below = os.path.relpath(path, self.root) + "/"
        return not below.startswith(IGNORED) and not LOCKS.search(path) and not SCRATCH.search(path)

    def shown(self, path):
        return os.path.relpath(path, self.root)

    def wrote(self, path, line):
        if self.mine(path):
            self.data[path] = line

    def named(self, path, line):
        if self.mine(path):
            self.names[os.path.split(path)] = line

    def forget(self, path):
        """A name that is gone takes what is below it along; that it is gone must itself become durable."""
        self.data = {p: n for p, n in self.data.items() if p != path and not p.startswith(path + "/")}
        self.names = {(d, b): n for (d, b), n in self.names.items() if d != path and not d.startswith(path + "/")}

    def synced(self, path):
        self.data.pop(path, None)
        self.names = {(d, b): n for (d, b), n in self.names.items() if d != path}

    def synced_all(self):
        self.data.clear()
        self.names.clear()

    def pending_below(self, path):
        yield from ((p, n, "its data") for p, n in self.data.items() if p == path or p.startswith(path + "/"))
        yield from ((os.path.join(d, b), n, "its name") for (d, b), n in self.names.items() if d == path or d.startswith(path + "/"))

    def published(self, path, line, rule):
        for what, since, part in list(self.pending_below(path)):
            self.problems.append("%s line %d publishes %s, and %s is not durable: %s (line %d)" % (rule, line, self.shown(path), part, self.shown(what), since))

    def moved(self, source, target, line):
        self.published(source, line, "R1/R3")
        self.forget(source)
        self.forget(target)
        self.names.pop(os.path.split(source), None)
        self.named(target, line)
        if os.path.dirname(source) != os.path.dirname(target):
            self.named(source, line)

    def answered(self, line):
        for path, since in sorted(self.data.items(), key=lambda e: e[1]):
            self.problems.append("R1 line %d answers, and the data of %s is not durable (line %d)" % (line, self.shown(path), since))
        for (folder, name), since in sorted(self.names.items(), key=lambda e: e[1]):
            self.problems.append("R2 line %d answers, and the name %s is not durable (line %d)" % (line, self.shown(os.path.join(folder, name)), since))


def at(argument_folder, name):
    return os.path.normpath(name if name.startswith("/") else os.path.join(argument_folder, name))


def paths_of(text, count):
    """The first `count` paths of a call: each a string, after a folder "5</x>" or "AT_FDCWD</x>" if it is an …at() call."""
    folders = [m.group(1) for m in re.finditer(r'(?:^|, )(?:\d+|AT_FDCWD)<([^>]*)>', text)]
    names = strings(text)[:count]
    return [at(folders[i] if i < len(folders) else "/", name) for i, name in enumerate(names)]


def lint(trace, root):
    """The problems of one run, and how many calls of each kind were looked at."""
    disk, counts, answer = Disk(root), {}, 0
    with open(trace, errors="replace") as f:
        lines = f.read().split("\n")
    for number, text in enumerate(lines, 1):
        found = re.match(r"^(?:\d+ +)?write\(1<", text)
        if found:
            answer = number
    branch_moved = False
    for number, text in enumerate(lines, 1):
        if number == answer:
            disk.answered(number)
            counts["answer"] = 1
        found = LINE.match(text)
        if not found or found.group(3).startswith("-"):
            continue
        call, args = found.group(1), found.group(2)
        fd = FD.match(args)
        if call in ("write", "pwrite64", "writev", "ftruncate", "copy_file_range") and fd:
            disk.wrote(fd.group(2), number)
        elif call in ("fsync", "fdatasync") and fd:
            disk.synced(fd.group(2))
        elif call in ("syncfs", "sync"):
            disk.synced_all()
        elif call in ("open", "openat", "openat2", "creat") and ("O_CREAT" in args or call == "creat"):
            opened = re.search(r"= \d+<([^>]*)>", text)
            path = opened.group(1) if opened else paths_of(args, 1)[0]
            if "O_EXCL" in args or (os.path.split(path) not in disk.names and not existed(lines[:number - 1], path)):
                disk.named(path, number)
            if "O_TRUNC" in args:
                disk.wrote(path, number)
        elif call in ("mkdir", "mkdirat"):
            disk.named(paths_of(args, 1)[0], number)
        elif call in ("symlink", "symlinkat"):
            disk.named(at("/", strings(args)[-1]), number)
        elif call in ("unlink", "unlinkat", "rmdir"):
            path = paths_of(args, 1)[0]
            fresh = disk.names.pop(os.path.split(path), None)
            disk.forget(path)
            if fresh is None:
                disk.named(path, number)
        elif call in ("link", "linkat"):
            source, target = paths_of(args, 2)
            disk.published(source, number, "R1")
            disk.named(target, number)
        elif call in ("rename", "renameat", "renameat2"):
            source, target = paths_of(args, 2)
            if "RENAME_EXCHANGE" in args:
                disk.published(source, number, "R3")
                if "/.orctl-stage." in source and not branch_moved:
                    disk.problems.append("R4 line %d makes a tree live before its revision is in the store" % number)
                disk.published(os.path.join(disk.root, "var/lib/orctl"), number, "R4")
                disk.named(source, number)
                disk.named(target, number)
            else:
                if "/.orctl-stage." in source and "/.orctl-stage." not in target:
                    disk.published(os.path.join(disk.root, "var/lib/orctl"), number, "R4")
                disk.moved(source, target, number)
                branch_moved = branch_moved or "/refs/heads/" in target
        else:
            continue
        counts[call] = counts.get(call, 0) + 1
    if not answer:
        disk.problems.append("R2 nothing was written to stdout: no answer to judge by")
    return disk.problems, counts


def existed(lines, path):
    """Whether an earlier line of the trace found the path; a file that O_CREAT only opens gets no new name."""
    return any('"%s"' % os.path.basename(path) in line and "= -1 EEXIST" in line for line in lines)


if __name__ == "__main__":
    found_problems, looked_at = lint(sys.argv[1], sys.argv[2])
    for problem in found_problems:
        print(problem)
    print("fsynclint: %d problem(s); %s" % (len(found_problems), looked_at))
    sys.exit(bool(found_problems))
