"""How two texts differ, told in so few lines that they are read."""
import difflib

MOST = 60


def difference(expected, actual, name_expected="expected", name_actual="actual", most=MOST):
    """A unified diff with little context, of at most `most` lines; "" for equal texts."""
    if expected == actual:
        return ""
    lines = list(difflib.unified_diff(expected.splitlines(), actual.splitlines(), name_expected, name_actual, n=2, lineterm=""))
    if not lines:
        return "%s and %s differ in their last newline, or in the kind of newlines" % (name_expected, name_actual)
    if len(lines) > most:
        lines[most:] = ["… and %d more lines of differences" % (len(lines) - most)]
    return "\n".join(lines)
