"""One outside system each: git, MLflow, the file system, the clock. Their exceptions stop here."""
