"""Write what is made from the code, JSON Schemas and CRDs: `python -m stagewright.cli.generate [--check] manifests`."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from stagewright.ledger.schemas import schemas
from stagewright.model.evidence import EVIDENCE_SCHEMA
from stagewright.schema.crd import definitions
from stagewright.schema.json_schema import documents

_CRD_HEAD = "# Made from controller/stagewright/schema by `make generate`.\n"


def generated() -> dict[str, str]:
    """Every generated file by its path below the folder; the same text in every run."""
    files = {**documents(), "evidence.schema.json": EVIDENCE_SCHEMA}
    files |= {f"ledger/{kind}.schema.json": schema for kind, schema in schemas().items()}
    texts = {
        f"schemas/{name}": json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        for name, schema in files.items()
    }
    texts |= {
        f"crds/{name}": _CRD_HEAD + yaml.dump(crd, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120)
        for name, crd in definitions().items()
    }
    return dict(sorted(texts.items()))


class _Plain(yaml.SafeDumper):
    """Writes every value out: other tools' anchors are a riddle to most readers."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 # the base class names it
        """Whatever it is."""
        return True


def main(argv: Sequence[str] | None = None) -> int:
    """Write the files; with --check only compare, and answer 1 when one is stale, missing or too many."""
    parser = argparse.ArgumentParser(prog="python -m stagewright.cli.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; exit code 1 when something differs")
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args(argv)
    folder: Path = arguments.folder
    wanted = generated()
    there = (*folder.glob("schemas/**/*.schema.json"), *folder.glob("crds/*.yaml"))
    found = {str(path.relative_to(folder)): path for path in sorted(there)}
    stale = [name for name, text in wanted.items() if name not in found or found[name].read_text("utf-8") != text]
    surplus = [name for name in found if name not in wanted]
    if arguments.check:
        for name in (*stale, *surplus):
            print(f"{folder / name} is not what the code makes: run `make generate` and commit it", file=sys.stderr)
        return 1 if stale or surplus else 0
    for name in stale:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")
    for name in surplus:
        found[name].unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
