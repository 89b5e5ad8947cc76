"""The system's randomness, where some is wanted to spread attempts."""

from secrets import randbits

_BITS = 53


def fraction() -> float:
    """A random number from 0 up to, but without 1."""
    return randbits(_BITS) / 2.0**_BITS
