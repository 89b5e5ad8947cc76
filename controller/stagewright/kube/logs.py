"""What the controller logs: one line for each thing that happened, to be read by a machine or by a person.

    {"ts":"2026-03-02T09:04:00.120Z","level":"info","logger":"stagewright.kube.news","msg":"approved: …",
     "namespace":"ml","sync":"bank","model":"credit-risk","stage":"Production","promotion":"5d1f…","revision":"c0ff…",
     "trace_id":"4bf9…"}
    2026-03-02T09:04:00.120Z INFO approved: … namespace=ml sync=bank model=credit-risk …

Messages come from errors of our own, which hold no secret. What has the shape of one is blotted out all the same, since
other libraries log, too; of an exception only its type and place are told, for its text may hold anything.
"""

import json
import logging
import re
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Literal, TextIO

from stagewright.errors import UsageError

LogFormat = Literal["json", "text"]
LEVELS: Mapping[str, int] = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}
FIELDS = ("namespace", "sync", "model", "stage", "promotion", "revision", "trace_id", "span_id")
MAX_MESSAGE = 8_192
BLOT = "[redacted]"
_SECRETS = re.compile(
    r"""
      (?<=://)[^/\s@'"]+(?=@)                                     # https://user:password@host
    | (?i:(?<=bearer\s)|(?<=basic\s)|(?<=token\s))[A-Za-z0-9._~+/=-]{12,}   # Authorization: Bearer …
    | \b(?:gh[pousr]|glpat|xox[abeprs]|xapp|whsec|hf|dapi)[_-][A-Za-z0-9+/=_-]{8,}
    | \bgithub_pat_[A-Za-z0-9_]{8,}
    | \b(?:AKIA|ASIA)[A-Z0-9]{12,}
    | \beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]*)?  # a JSON web token
    | (?<=hooks\.slack\.com/)\S+
    | -----BEGIN[ ][A-Z ]*PRIVATE[ ]KEY-----[\s\S]*?(?:-----END[ ][A-Z ]*-----|\Z)
    | (?i:(?<=password=)|(?<=secret=)|(?<=token=)|(?<=signature=)|(?<=api_key=))[^\s&'"]+
    """,
    re.VERBOSE,
)
_NOTHING: Mapping[str, str] = MappingProxyType({})
_context: ContextVar[Mapping[str, str]] = ContextVar("stagewright_log_context", default=_NOTHING)


@contextmanager
def log_context(**fields: str) -> Iterator[None]:
    """Name what is being worked on in every line of this thread, for the length of a `with` block."""
    token = _context.set({**_context.get(), **fields})
    try:
        yield
    finally:
        _context.reset(token)


def redacted(text: str) -> str:
    """The text without what looks like a secret."""
    return _SECRETS.sub(BLOT, text)


def parse_level(text: str) -> int:
    """`debug`, `info`, `warning` or `error`, as logging's number. UsageError for anything else."""
    level = LEVELS.get(text)
    if level is None:
        raise UsageError(f"no such log level: {text[:40]!r}", hint=f"one of {', '.join(LEVELS)}")
    return level


def set_up_logging(form: LogFormat, level: str, *, stream: TextIO = sys.stderr) -> None:
    """Send the process's log to `stream`. Other libraries are heard from warnings on."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("stagewright").setLevel(parse_level(level))


class LevelFollower:
    """Takes the log level from a mounted file, so that a changed ConfigMap changes it without a restart."""

    def __init__(self, read: Callable[[], str | None], default: str) -> None:
        """`read` gives the file's text, None where there is none: then `default` is the level."""
        self._read = read
        self._default = default
        self._last: str | None = None

    def follow(self) -> None:
        """Look at the file once. What is no level changes nothing, and is said once."""
        found = self._read()
        text = self._default if found is None or not found.strip() else found.strip().lower()
        if text == self._last:
            return
        self._last = text
        log = logging.getLogger(__name__)
        try:
            level = parse_level(text)
        except UsageError as error:
            log.warning("the log level stays as it is: %s", error)
            return
        logging.getLogger("stagewright").setLevel(level)
        log.warning("the log level is %s", text)


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """See the module."""
        shown = {"ts": _time(record), "level": record.levelname.lower(), "logger": record.name, "msg": _message(record)}
        return json.dumps({**shown, **_fields(record)}, ensure_ascii=False, separators=(",", ":"))


class TextLines(logging.Formatter):
    """One line for people; what could move their cursor is spelled out."""

    def format(self, record: logging.LogRecord) -> str:
        """See the module."""
        fields = "".join(f" {name}={text}" for name, text in _fields(record).items())
        line = f"{_time(record)} {record.levelname} {_message(record)}{fields}"
        return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in line)


def _time(record: logging.LogRecord) -> str:
    moment = datetime.fromtimestamp(record.created, tz=UTC)
    return moment.replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def _message(record: logging.LogRecord) -> str:
    parts = [record.getMessage()]
    if record.exc_info and record.exc_info[1] is not None:
        error = record.exc_info[1]
        frames = traceback.extract_tb(error.__traceback__)
        parts += [f"{type(error).__name__} at", *(f"{frame.filename}:{frame.lineno}" for frame in frames[-8:])]
    text = redacted(" ".join(parts))
    return text if len(text) <= MAX_MESSAGE else f"{text[:MAX_MESSAGE]}…"


def _fields(record: logging.LogRecord) -> dict[str, str]:
    """What the line is about: the context of its thread, and what the call itself names."""
    given = {name: str(record.__dict__[name]) for name in FIELDS if name in record.__dict__}
    # the queue's key is `namespace/name`
    namespace, slash, name = given.get("sync", "").partition("/")
    if slash:
        given |= {"namespace": namespace, "sync": name}
    found = {**_context.get(), **given}
    return {name: redacted(found[name]) for name in FIELDS if found.get(name)}
