"""Frozen values that everything else speaks in: no behaviour beyond their own consistency, no I/O."""
