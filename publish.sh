#!/usr/bin/env bash
# Builds the NativeAOT executables: artifacts/pilotfish (every role) and artifacts/pilotfish-sidecar (the roles of a pod).
# usage: ./publish.sh [all|sidecar|pilotfish]
set -euo pipefail
cd "$(dirname "$0")"
. scripts/install.sh

case ${1:-all} in
  all) projects="Pilotfish.Sidecar:pilotfish-sidecar Pilotfish:pilotfish" ;;
  sidecar) projects="Pilotfish.Sidecar:pilotfish-sidecar" ;;
  pilotfish) projects="Pilotfish:pilotfish" ;;
  -h | --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;;
  *) echo "publish.sh: unknown part '$1'; it takes all, sidecar or pilotfish." >&2; exit 64 ;;
esac

need_dotnet
need clang clang /usr/include/zlib.h zlib1g-dev

log=
trap '[ -z "$log" ] || rm -f "$log"' EXIT
trap 'exit 143' TERM
trap 'exit 130' INT
for entry in $projects; do
  project=${entry%%:*} name=${entry##*:}
  echo "Publishing $name (NativeAOT; this takes minutes)"
  log=$(mktemp)
  if ! dotnet publish "src/$project" -c Release --use-current-runtime -nologo -v quiet -o "artifacts/publish/$name" >"$log" 2>&1; then
    cat "$log" >&2; exit 1
  fi
  # A trim or AOT warning from our own code is an error by the build's settings; those of libraries are shown.
  grep -E 'warning IL[0-9]+' "$log" | sort -u || true
  rm -f "$log"; log=
  install -m 0755 "artifacts/publish/$name/$name" "artifacts/$name.new" && mv "artifacts/$name.new" "artifacts/$name"
  ls -lh "artifacts/$name" | awk '{print $9, $5}'
done
