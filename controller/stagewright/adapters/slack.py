r"""Notifications to incoming webhooks that are spoken to as Slack's are (Slack, Mattermost, Rocket.Chat and others).

    POST <url>
    {"text": "*pending* ml/bank credit-risk/Production\n…", "unfurl_links": false, "unfurl_media": false}

The text of strangers (titles, reasons, names) can neither mention anybody nor become a link, nor look like a line of
ours: what means something there is escaped or taken apart by a zero-width space.
"""

import json
import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from urllib.parse import urlsplit

from stagewright.adapters.outbound import Outbound
from stagewright.model.notification import Message

MAX_LINE = 600
MAX_MISSING = 10
_NOTHING = "\N{ZERO WIDTH SPACE}"
# what begins a mention, an emoji, a link, code or emphasis, in Slack's mark-up or in Markdown
_MEANING = re.compile(r"([@*_~`\[\]()|!#\\]|:(?=\S))")
_URL = re.compile(r"https?://[A-Za-z0-9._:\[\]-]+(?:/[A-Za-z0-9._~/%?=+-]*)?")


class Slack:
    """One webhook. `url` is asked for each delivery: it is a secret, and can be rotated."""

    def __init__(self, outbound: Outbound, url: Callable[[], str]) -> None:
        self._outbound = outbound
        self._url = url

    def deliver(self, message: Message, now: datetime) -> None:  # noqa: ARG002 # the channel's arguments
        """Post a message. UnreachableError and InvalidError, as `Outbound.post`; it may have arrived all the same."""
        self._outbound.post(self._url(), payload(message), {"Content-Type": "application/json; charset=utf-8"})


def payload(message: Message) -> bytes:
    """The body: one message, no mention, no preview of links."""
    about = f"{message.namespace}/{message.sync}"
    lines = [f"*{message.kind}* {inert(about)}", inert(message.summary)]
    missing = message.details.get("missing")
    listed = [str(item) for item in missing] if isinstance(missing, list) else []
    lines += [f"• {inert(item)}" for item in listed[:MAX_MISSING]]
    if len(listed) > MAX_MISSING:
        lines.append(f"• and {len(listed) - MAX_MISSING} more")
    if message.pull_title:
        lines.append(inert(message.pull_title))
    if message.pull_url and _plain(message.pull_url):
        lines.append(message.pull_url)
    made = {"text": "\n".join(lines), "unfurl_links": False, "unfurl_media": False}
    return json.dumps(made, ensure_ascii=False, separators=(",", ":")).encode()


def inert(text: str) -> str:
    """Text that is only text: one line, nobody called, no mark-up, nothing that runs from right to left."""
    # categories C: controls, formats (bidirectional overrides, zero-width), surrogates, unassigned
    line = "".join(" " if unicodedata.category(c) in {"Zl", "Zp", "Cc"} else c for c in text)
    line = "".join(c for c in line if not unicodedata.category(c).startswith("C"))
    line = line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]}…"
    apart = _MEANING.sub(rf"\1{_NOTHING}", line)
    return apart.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plain(url: str) -> bool:
    """Whether a URL can be shown as it is: it holds nothing that could end it, or be mark-up."""
    return _URL.fullmatch(url) is not None and urlsplit(url).username is None
