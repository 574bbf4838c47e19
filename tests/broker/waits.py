"""Waiting without sleeping for a fixed time: a poll with a generous bound that ends with the
condition."""

import time

PATIENCE = 60.0


def eventually(condition, what, seconds: float = PATIENCE):
    """Polls until `condition()` is true and returns its value. `what` (text, or a function that
    makes it) names what was waited for in vain."""
    __tracebackhide__ = True
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise AssertionError(f"waited {seconds:.0f} s in vain: {text}")
        time.sleep(0.02)


def stays(condition, what, seconds: float) -> None:
    """Fails as soon as `condition()` is false within the given time. Only for claims about what
    does not happen, where there is nothing to wait for."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        assert condition(), what() if callable(what) else what
        time.sleep(0.05)
