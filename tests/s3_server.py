"""An S3 on loopback, one per test process. Fixtures (import them): `s3_server`, `s3_client`, `s3_place`."""

import itertools
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from moto.server import ThreadedMotoServer

from stagewright.adapters.s3 import open_s3_store
from stagewright.model.sync import S3Place

KEYS = {"access-key-id": "AKIATEST", "secret-access-key": "a-secret-for-tests"}
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def s3_server() -> Iterator[str]:
    # the credentials of whoever runs the tests are none of theirs
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture(scope="session")
def s3_client(s3_server: str) -> Any:
    """boto3's client, as `open_s3_store` makes it; making one takes longer than a test."""
    place = S3Place(bucket="none", prefix="", endpoint=s3_server, region="us-east-1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ACCESS_KEY_ID", KEYS["access-key-id"])
        patch.setenv("AWS_SECRET_ACCESS_KEY", KEYS["secret-access-key"])
        return open_s3_store(place, nonce=counting())._client


@pytest.fixture
def s3_place(s3_server: str, s3_client: Any, tmp_path: Path) -> S3Place:
    """A new bucket, and the credentials for it in a folder."""
    folder = tmp_path / "s3-credentials"
    folder.mkdir()
    for name, text in KEYS.items():
        (folder / name).write_text(text, encoding="ascii")
    place = S3Place(
        bucket=f"ledgers-{os.getpid()}-{next(_numbers)}",
        prefix="acme/prod",
        endpoint=s3_server,
        region="us-east-1",
        credentials_folder=str(folder),
    )
    s3_client.create_bucket(Bucket=place.bucket)
    return place


def counting() -> Callable[[], str]:
    """Nonces that differ."""
    return lambda: f"nonce-{next(_numbers)}"
