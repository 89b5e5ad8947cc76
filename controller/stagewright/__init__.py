"""Stagewright: reviewed pull requests decide which model runs in each stage, and a signed ledger proves it."""

__version__ = "0.1.0"
