"""Git: reading a mirror of the origin, SSH signatures, sign-offs by tags, and writing in a person's clone."""
