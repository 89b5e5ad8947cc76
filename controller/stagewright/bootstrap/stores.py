"""Where a ledger lies: a folder of this machine, or a bucket."""

import secrets
from pathlib import Path

from stagewright.adapters.directory import DirectoryStore
from stagewright.errors import UsageError
from stagewright.model.sync import RegistrySync
from stagewright.ports import LedgerStore


def store_of(config: RegistrySync) -> LedgerStore:
    """The configured ledger's store. UsageError where a bucket's credentials, or the library for it, are missing."""
    if config.ledger_s3 is None:
        return DirectoryStore(Path(config.ledger_directory))
    try:
        # a third of a second to import, and an extra of the installation
        from stagewright.adapters.s3 import open_s3_store  # noqa: PLC0415 # as said above
    except ImportError as error:
        raise UsageError(
            "a ledger in a bucket needs the library boto3", hint="pip install 'stagewright[s3]'"
        ) from error
    return open_s3_store(config.ledger_s3, nonce=lambda: secrets.token_hex(16))
