"""The one table: a line for each figure, its bar beside it, and whether it holds."""
import statistics

ROW = "%-34s %-26s %-26s %-7s %-7s %s"


def spread(values, form="%.3f"):
    """Median and quartiles."""
    if len(values) < 2:
        return form % values[0]
    q1, median, q3 = statistics.quantiles(values, n=4, method="inclusive")
    return "%s [%s..%s]" % tuple(form % v for v in (median, q1, q3))


class Table:
    def __init__(self):
        self.failed = 0

    def title(self, *cells):
        print("\n" + ROW % cells, flush=True)

    def word(self, value, sign, bar, what=""):
        good = value >= bar if sign == ">=" else value <= bar
        self.failed += not good
        return "%s%s %g: %s" % (what, sign, bar, "pass" if good else "FAIL")

    def line(self, *cells):
        print((ROW % cells).rstrip(), flush=True)
