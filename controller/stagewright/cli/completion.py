"""Names for shell completion, where they cost next to nothing: from the work tree of the clone one stands in."""

from pathlib import Path

POLICY, MODELS = "stagewright.yaml", "models"


def model_names(incomplete: str) -> list[str]:
    """The declared models whose name begins so."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        if (folder / POLICY).is_file():
            names = (path.stem for path in (folder / MODELS).glob("*.yaml"))
            return sorted(name for name in names if name.startswith(incomplete))
    return []
