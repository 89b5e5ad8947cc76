"""The examples in docs/documents.md are documents that the parsers accept."""

import re
from pathlib import Path

from stagewright.schema.model_document import parse_model
from stagewright.schema.registry_sync import parse_registry_sync

PAGE = (Path(__file__).parents[3] / "docs" / "documents.md").read_text("utf-8")


def test_examples_of_the_page_are_valid():
    model, sync, forge = (block.encode() for block in re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
    assert list(parse_model(model, "models/credit-risk.yaml").stages) == ["Staging", "Production"]
    assert parse_registry_sync(sync, "sync.yaml", folder="/srv/bank").url == "/srv/origin.git"
    hosted = sync.replace(b"  forge: {type: git}\n", forge.replace(b"    tokenFile: keys/token", b"    # or a token:"))
    assert str(parse_registry_sync(hosted, "sync.yaml", folder="/srv/bank").forge) == (
        "github https://github.com/acme/models"
    )
