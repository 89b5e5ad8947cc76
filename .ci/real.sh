#!/usr/bin/env bash
# The tests that need what has to be built first. What this machine cannot build is said in one loud line and left out;
# with STAGEWRIGHT_REAL=required that is a failure.
set -euo pipefail
python="$1"
shift
scratch=$(mktemp -d)
declare -A job
trap 'kill "${job[@]}" 2>/dev/null || true; rm -rf "$scratch"' EXIT

start() { # start NAME COMMAND…
  local name=$1
  shift
  "$@" >"$scratch/$name" 2>&1 &
  job[$name]=$!
}

came() { # came NAME WHAT TESTS: waits for it; false, and a loud line, when it did not come
  local status=0
  wait "${job[$1]}" || status=$?
  unset "job[$1]"
  [ "$status" -ne 0 ] || return 0
  tail -n 20 "$scratch/$1" >&2
  echo "!!! SKIPPED: $3: $2 !!!" >&2
  [ "${STAGEWRIGHT_REAL:-}" != required ] || exit 1
  return 1
}

# all at once, since much of the first time is waiting for downloads; nothing of it is done twice
start gitea controller/stagewright/demo/build-gitea
start schemas tests/doubles/github/fetch-schemas
if [ -z "${KUBECONFIG:-}" ]; then
  start cluster bash tests/cluster/build
  start image bash tests/cluster/image localhost/stagewright:test
fi

forges=()
clusters=()
! came gitea "no Gitea could be built here (it wants Go 1.26, gcc and a Go module proxy)" tests/real/gitea || forges+=(tests/real/gitea)
schemas=no
! came schemas "GitHub's schemas could not be fetched here (it wants npm and its registry)" tests/real/github || schemas=yes
if [ -n "${KUBECONFIG:-}" ]; then
  clusters+=(tests/real/cluster)
elif came cluster "no Kubernetes could be built here (it wants Go 1.26, gcc, pkg-config, libseccomp-dev and a Go module proxy)" tests/real/cluster \
  && came image "no image could be built here (it wants root, buildah, debootstrap and a package index)" tests/real/cluster; then
  clusters+=(tests/real/cluster)
fi

if [ "$schemas" = yes ]; then
  forges+=(tests/real/github)
  # everything that is said to the double of GitHub, and all that it says, held against what GitHub publishes
  STAGEWRIGHT_SCHEMAS=required "$python" -m pytest tests/unit/doubles tests/contract/test_forge_github.py \
    tests/integration/github "$@"
fi
# two at once, each with a Gitea of its own: the demo alone waits for two minutes until a push is certain
[ "${#forges[@]}" -eq 0 ] || "$python" -m pytest -m real -n 2 --dist worksteal "${forges[@]}" "$@"
# by itself: a worker moves into the network of its cluster; the other does what needs none
[ "${#clusters[@]}" -eq 0 ] || "$python" -m pytest -m real -n 2 --dist loadgroup "${clusters[@]}" "$@"
