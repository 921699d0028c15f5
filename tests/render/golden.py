"""Golden files of nginx.conf: one is kept whole, of each other one only what differs from it.

A file of differences has hunks like those of a unified diff. Their heads name the blocks around them instead of numbers of lines, so that a
change of the whole one leaves them as they are; a hunk is for the next place where its old lines stand. What a file of differences
stands for is made whole again, and compared whole.
"""
import difflib
import re


def blocks_around(lines, at):
    """The heads of the blocks that line `at` is in."""
    around = []
    for line in lines[:at]:
        if line.endswith("{"):
            around.append(line.strip(" {"))
        elif line.strip() == "}":
            around.pop()
    return " / ".join(around)


def hunks(old, new, context):
    """[place, how often it follows itself, lines] of each."""
    out = []
    matcher = difflib.SequenceMatcher(None, old, new, autojunk=False)
    for group in matcher.get_grouped_opcodes(context):
        lines = []
        for tag, i, j, k, m in group:
            if tag == "equal":
                lines += (" " + line for line in old[i:j])
            else:
                lines += ["-" + line for line in old[i:j]] + ["+" + line for line in new[k:m]]
        if out and out[-1][2] == lines:
            out[-1][1] += 1
        else:
            first = next(i for tag, i, _, _, _ in group if tag != "equal")
            out.append([blocks_around(old, first) or "top", 1, lines])
    return out


def without(base, text, name):
    """The file of differences by which applied() makes `text` of `base`, whose file is called `name`."""
    head = "# What differs from %s; UPDATE=1 tests/render/run.py writes it anew." % name
    for context in (1, 2, 3, 5, 8, 13):
        made = head + "\n"
        for place, times, lines in hunks(base.splitlines(), text.splitlines(), context):
            made += "".join(line + "\n" for line in ["@@ " + place + (" and on, %d times" % times if times > 1 else ""), *lines])
        if applied(base, made) == text:
            return made
    raise AssertionError("no hunks are clear enough to make this text out of " + name)


def applied(base, differences):
    """The text that `differences` stands for; AssertionError when old lines of a hunk are not there."""
    old, out, at = base.splitlines(), [], 0
    for hunk in differences.split("\n@@ ")[1:]:
        place, *lines = hunk.rstrip("\n").split("\n")
        before = [line[1:] for line in lines if line[0] in " -"]
        after = [line[1:] for line in lines if line[0] in " +"]
        times = re.search(r" and on, (\d+) times$", place)
        for _ in range(int(times.group(1)) if times else 1):
            found = next((i for i in range(at, len(old) - len(before) + 1) if old[i:i + len(before)] == before), None)
            if found is None:
                raise AssertionError("nothing to change like this in %s:\n%s" % (place, "\n".join(lines)))
            out += old[at:found] + after
            at = found + len(before)
    return "".join(line + "\n" for line in out + old[at:])
