"""How the double misbehaves when a test says so."""

import re
import threading
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["status", "html", "truncated", "reset", "hang", "empty", "short", "stale", "body"]
HTML = b"<!DOCTYPE html><html><head><title>Unicorn!</title></head><body>We had issues.</body></html>"


@dataclass(slots=True, kw_only=True)
class Fault:
    """One thing that goes wrong for requests whose path matches `path` (a regular expression, searched).

    `skip` requests go well before, then `times` go wrong (None: all of them). `forward`: the request is carried out
    first and only its answer is lost. Kinds: `status` (with `status` and `headers`), `html` (status 200 and a page),
    `truncated` (the answer is cut in the middle), `reset` (the connection ends without one), `hang` (no answer until
    the double ends or `release` is called), `empty` (200 and an empty list or object), `short` (every list of the
    answer lacks its last item and leads to no other page, while totals stay), `stale` (the first answer that the same
    request ever got), `body` (200 and `body`).
    """

    kind: Kind
    path: str = ""
    method: str | None = None
    status: int = 502
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    times: int | None = 1
    skip: int = 0
    forward: bool = False
    met: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Whether this request goes wrong; counts it."""
        if (self.method not in {None, method}) or re.search(self.path, path) is None:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        if self.times is not None and self.met >= self.times:
            return False
        self.met += 1
        return True


def shortened(value: Any) -> Any:
    """An answer whose lists each lack their last item; what it says about their length stays."""
    if isinstance(value, list):
        return [shortened(item) for item in value[:-1]]
    if isinstance(value, dict):
        return {name: shortened(item) for name, item in value.items()}
    return value


class Faults:
    """The faults that are set, first come first served."""

    def __init__(self) -> None:
        self._set: list[Fault] = []
        self._lock = threading.Lock()
        self.released = threading.Event()

    def add(self, fault: Fault) -> Fault:
        """Set a fault."""
        with self._lock:
            self._set.append(fault)
        return fault

    def clear(self) -> None:
        """Everything goes well again; who hangs is let go."""
        with self._lock:
            self._set.clear()
        self.release()

    def release(self) -> None:
        """Let go of the requests that hang."""
        self.released.set()
        self.released = threading.Event()

    def meet(self, method: str, path: str) -> Fault | None:
        """The fault that this request meets."""
        with self._lock:
            return next((fault for fault in self._set if fault.meets(method, path)), None)
