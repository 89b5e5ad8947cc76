"""A ledger store in a bucket of S3, or of what speaks like it and knows conditional writes.

    <prefix>/checkpoint, <prefix>/tile/…      the names themselves
    <prefix>/lock                             {"holder": "<random>"}, or {} when nobody holds it

Every write is conditional on what was seen just before (`If-None-Match: *`, `If-Match: <etag>`), so that a writer who
slept through the end of its lock overwrites nothing of the one who came after. The lock ends by itself: its age is
told by the store's own clock, and its holder counts half of that by a clock of its own.
"""

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from stagewright.errors import (
    ForbiddenError,
    LedgerConflictError,
    LedgerDamagedError,
    StagewrightError,
    UnreachableError,
    UsageError,
)
from stagewright.model.sync import S3Place

LOCK = "lock"
LOCK_LIFE_S = 120.0
# Within half of its life the holder is done, and a request that is under way then has ended long before the rest.
HOLD_S = LOCK_LIFE_S / 2
TIMEOUT_S = 10.0
MAX_OBJECT_BYTES = 64 * 1024**2
_PART = r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}"
_NAME = re.compile(rf"{_PART}(/{_PART}){{0,15}}")
_ABSENT = frozenset({"NoSuchKey", "404", "NotFound"})
_DENIED = frozenset({"AccessDenied", "403", "InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken"})
_LOST = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})


@dataclass(frozen=True, slots=True)
class _Object:
    data: bytes
    etag: str
    modified: datetime
    now: datetime


class S3Store:
    """A `LedgerStore` below a prefix of a bucket. One thread at a time holds its lock."""

    def __init__(
        self,
        client: Any,
        place: S3Place,
        *,
        nonce: Callable[[], str],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """`client` is boto3's of S3, which must not retry; `nonce` gives a new random text at each call."""
        self._client = client
        self._place = place
        self._nonce = nonce
        self._monotonic = monotonic
        self._until: float | None = None
        self._probed = False

    def read(self, name: str) -> bytes | None:
        """See `LedgerStore.read`."""
        found = self._get(_checked(name))
        return None if found is None else found.data

    def write(self, name: str, data: bytes) -> None:
        """See `LedgerStore.write`. LedgerConflictError when somebody else wrote there meanwhile."""
        found = self._get(_checked(name))
        if found is None or found.data != data:
            self._put(name, data, found)

    def replace(self, name: str, data: bytes, *, expected: bytes | None) -> None:
        """See `LedgerStore.replace`."""
        found = self._get(_checked(name))
        if (None if found is None else found.data) != expected:
            raise LedgerConflictError(f"{name} is not what it was when it was read", hint="read it again")
        self._put(name, data, found)

    def names(self, prefix: str) -> Iterator[str]:
        """See `LedgerStore.names`."""
        start = prefix.rpartition("/")[0]
        if start:
            _checked(start)
        root = f"{self._place.prefix}/" if self._place.prefix else ""
        with self._translated(prefix):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._place.bucket, Prefix=root + prefix
            )
            found = [str(row["Key"]).removeprefix(root) for page in pages for row in page.get("Contents", ())]
        yield from sorted(name for name in found if name != LOCK and _NAME.fullmatch(name))

    @contextmanager
    def lock(self) -> Iterator[None]:
        """See `LedgerStore.lock`. Ends by itself some minutes after a holder that vanished."""
        if self._until is not None:
            raise LedgerConflictError(f"this process is writing to the ledger in {self}", hint="wait until it ends")
        begun = self._monotonic()
        mine = self._take()
        self._until = begun + HOLD_S
        try:
            if not self._probed:
                self._probe()
            yield
        finally:
            self._until = None
            self._free(mine)

    def __str__(self) -> str:
        return f"s3://{self._place.bucket}/{self._place.prefix}"

    def _take(self) -> bytes:
        mine = json.dumps({"holder": self._nonce()}).encode()
        found = self._get(LOCK)
        if found is not None and found.data != b"{}":
            age_s = (found.now - found.modified).total_seconds()
            if age_s < LOCK_LIFE_S:
                raise LedgerConflictError(
                    f"somebody else is writing to the ledger in {self}",
                    hint=f"wait for them; a writer that vanished is forgotten in {LOCK_LIFE_S - age_s:.0f} s",
                )
        self._put(LOCK, mine, found)
        return mine

    def _free(self, mine: bytes) -> None:
        """Give the lock back if it is still ours. Where that cannot be told, it ends by itself."""
        try:
            found = self._get(LOCK)
            if found is not None and found.data == mine:
                self._put(LOCK, b"{}", found)
        except (UnreachableError, LedgerConflictError):
            return

    def _probe(self) -> None:
        """Refuse a store that takes conditions and does not keep them: there, two writers would destroy a ledger."""
        held = self._get(LOCK)
        another = None if held is None else replace(held, etag=f'"{"0" * 32}"')
        for condition, seen in (("If-None-Match", None), ("If-Match", another)):
            try:
                self._put(LOCK, b"{}", seen)
            except LedgerConflictError:
                continue
            raise UsageError(
                f"{self} does not keep conditional writes ({condition})",
                hint="a ledger needs a store that does: AWS S3, or another of that protocol in a recent version",
            )
        self._probed = True

    def _get(self, name: str) -> _Object | None:
        try:
            with self._translated(name):
                answer = self._client.get_object(Bucket=self._place.bucket, Key=self._key(name))
                body = answer["Body"]
                data: bytes = body.read(MAX_OBJECT_BYTES + 1)
                body.close()
        except _AbsentError:
            return None
        if len(data) > MAX_OBJECT_BYTES or len(data) != answer["ContentLength"]:
            raise LedgerDamagedError(f"{name} in {self} has another size than the store says, or is far too large")
        return _Object(
            data=data,
            etag=str(answer["ETag"]),
            modified=answer["LastModified"],
            now=parsedate_to_datetime(answer["ResponseMetadata"]["HTTPHeaders"]["date"]),
        )

    def _put(self, name: str, data: bytes, seen: _Object | None) -> None:
        if self._until is not None and self._monotonic() >= self._until:
            raise LedgerConflictError(f"the lock of the ledger in {self} ran out", hint="read it again")
        condition = {"IfNoneMatch": "*"} if seen is None else {"IfMatch": seen.etag}
        with self._translated(name):
            self._client.put_object(Bucket=self._place.bucket, Key=self._key(name), Body=data, **condition)

    def _key(self, name: str) -> str:
        return f"{self._place.prefix}/{name}" if self._place.prefix else name

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        try:
            yield
        except ClientError as error:
            raise self._error(name, error) from error
        except (BotoCoreError, OSError) as error:
            # what went wrong may quote a signed URL
            raise UnreachableError(f"{self} does not answer: {type(error).__name__}") from None

    def _error(self, name: str, error: ClientError) -> StagewrightError:
        code = str(error.response.get("Error", {}).get("Code"))
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode")
        if code == "NoSuchBucket":
            return UsageError(f"there is no bucket {self._place.bucket!r}", hint="create it, with versioning on")
        if code in _ABSENT:
            return _AbsentError(f"{name} is not in {self}")
        if code in _LOST or status == HTTPStatus.PRECONDITION_FAILED:
            return LedgerConflictError(f"{name} in {self} was written by somebody else", hint="read it again")
        if code in _DENIED:
            return ForbiddenError(
                f"{self} refuses {name}: {code}",
                hint="the credentials need s3:GetObject, s3:PutObject and s3:ListBucket there",
            )
        if status == HTTPStatus.NOT_IMPLEMENTED:
            return UsageError(f"{self} knows no conditional writes", hint="use a store that does, such as AWS S3")
        return UnreachableError(f"{self} answers {status} to {name}: {code}")


class _AbsentError(UnreachableError):
    """The store says that an object is not there; it never leaves this module."""


def open_s3_store(place: S3Place, *, nonce: Callable[[], str]) -> S3Store:
    """The store at `place`; nothing is asked yet. UsageError when the credentials cannot be read."""
    keys: dict[str, str] = {}
    if place.credentials_folder is not None:
        keys = _credentials(Path(place.credentials_folder))
    session = boto3.session.Session(**keys)
    client = session.client(
        "s3",
        endpoint_url=place.endpoint,
        region_name=place.region or session.region_name or "us-east-1",
        verify=place.ca_file or True,
        config=Config(
            # a write that is sent twice would meet itself
            retries={"total_max_attempts": 1},
            connect_timeout=TIMEOUT_S,
            read_timeout=TIMEOUT_S,
            s3={"addressing_style": "path" if place.endpoint else "auto"},
            # newer checksums by default are refused by stores that only speak like S3
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        ),
    )
    return S3Store(client, place, nonce=nonce)


def _credentials(folder: Path) -> dict[str, str]:
    """`access-key-id`, `secret-access-key` and maybe `session-token`, a file each."""
    names = {"aws_access_key_id": "access-key-id", "aws_secret_access_key": "secret-access-key"}
    if (folder / "session-token").is_file():
        names["aws_session_token"] = "session-token"  # noqa: S105 -- the name of a file
    try:
        found = {option: (folder / name).read_text(encoding="ascii").strip() for option, name in names.items()}
    except (OSError, UnicodeDecodeError) as error:
        # the text of a decoding error quotes the file
        raise UsageError(
            f"the credentials for S3 in {folder} cannot be read", hint="it holds access-key-id and secret-access-key"
        ) from (error if isinstance(error, OSError) else None)
    if not all(found.values()):
        raise UsageError(f"the credentials for S3 in {folder} are empty")
    return found


def _checked(name: str) -> str:
    """UsageError for a name that is absolute, climbs, is hidden or needs escaping anywhere, and for the lock's own."""
    if not _NAME.fullmatch(name) or name == LOCK:
        raise UsageError(f"not a name in a ledger: {name[:200]!r}", hint="use letters, digits, `.`, `_`, `-` and `/`")
    return name
