"""The part of the benchmark's own module that a framework's process uses."""

import time


class Timer:
    """Measures the seconds of a block."""

    def __enter__(self):
        self.start = time.monotonic()
        return self

    def __exit__(self, *_):
        self.duration = time.monotonic() - self.start
