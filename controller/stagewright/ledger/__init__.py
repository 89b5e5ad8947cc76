"""The audit log in open formats: RFC 6962 tree, C2SP tiles and notes, DSSE envelopes, in-toto statements."""
