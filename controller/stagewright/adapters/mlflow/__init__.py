"""MLflow as the registry: `open_registry` is the way in."""

import os

# MLflow reports its use to its makers over the network from the moment it is imported, unless it is told not to.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")

from stagewright.adapters.mlflow.address import open_registry, server_version
from stagewright.adapters.mlflow.artifacts import folder_digest

__all__ = ["folder_digest", "open_registry", "server_version"]
