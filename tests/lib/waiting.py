"""The one place where tests wait: for a condition, never for a time."""
import time


def until(condition, limit=60.0, step=0.005):
    """The first true value of condition(); the last one, which is false, after `limit` seconds."""
    end = time.monotonic() + limit
    while not (value := condition()) and time.monotonic() < end:
        time.sleep(step)
    return value


def wait_for(condition, limit=60.0, what="condition", step=0.005):
    """The first true value of condition(); AssertionError after `limit` seconds."""
    value = until(condition, limit, step)
    if not value:
        raise AssertionError("not within %gs: %s" % (limit, what))
    return value
