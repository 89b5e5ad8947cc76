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

if output=$(controller/stagewright/demo/build-gitea 2>&1); then
  run+=(tests/real/gitea)
else
  echo "$output" | tail -n 20 >&2
  skip tests/real/gitea "no Gitea could be built here (it wants Go 1.26, gcc and a Go module proxy)"
fi

if output=$(tests/doubles/github/fetch-schemas 2>&1); then
  run+=(tests/real/github)
  # everything that is said to the double of GitHub, and all that it says, held against what GitHub publishes
  STAGEWRIGHT_SCHEMAS=required "$python" -m pytest tests/unit/doubles tests/contract/test_forge_github.py \
    tests/integration/github "$@"
else
  echo "$output" | tail -n 20 >&2
  skip tests/real/github "GitHub's schemas could not be fetched here (it wants npm and its registry)"
fi

[ "${#run[@]}" -gt 0 ] || exit 0
"$python" -m pytest -m real "${run[@]}" "$@"
