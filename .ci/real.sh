#!/usr/bin/env bash
# The tests that need what has to be built first. What this machine cannot build is said in one loud line and left out;
# with STAGEWRIGHT_REAL=required that is a failure.
set -euo pipefail
python="$1"
shift
run=()

skip() {
  echo "!!! SKIPPED: $1: $2 !!!" >&2
  [ "${STAGEWRIGHT_REAL:-}" != required ] || exit 1
}

if output=$(tests/gitea/build 2>&1); then
  run+=(tests/real/gitea)
else
  echo "$output" | tail -n 20 >&2
  skip tests/real/gitea "no Gitea could be built here (it wants Go 1.26, gcc and a Go module proxy)"
fi

[ "${#run[@]}" -gt 0 ] || exit 0
"$python" -m pytest -m real "${run[@]}" "$@"
