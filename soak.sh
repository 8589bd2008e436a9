#!/usr/bin/env bash
# Long runs that CI does in short form: the same tests again and again, so that rare interleavings show.
# usage: ./soak.sh [MINUTES]      default 60
set -uo pipefail
cd "$(dirname "$0")"
minutes=${1:-60}
case $minutes in
  -h | --help) sed -n '2,3s/^# //p' "$0"; exit 0 ;;
  *[!0-9]*) echo "soak.sh: '$minutes' is not a number of minutes." >&2; exit 64 ;;
esac
end=$((SECONDS + minutes * 60)) rounds=0
dotnet build Pilotfish.slnx -nologo -v quiet || exit 1
while [ $SECONDS -lt $end ]; do
  rounds=$((rounds + 1))
  for project in Runtime Proxy Capture Local Agent ControlPlane; do
    name=Pilotfish.$project.Tests
    if ! artifacts/build/bin/$name/debug/$name -noColor -noLogo >"artifacts/soak-$project.log" 2>&1; then
      echo "round $rounds: $name failed; see artifacts/soak-$project.log"
      exit 1
    fi
  done
  echo "round $rounds passed"
done
echo "$rounds rounds passed in $minutes minutes"
