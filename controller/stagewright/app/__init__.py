"""Sequencing over ports: sync, promote, trace, verify. Decides nothing itself."""
