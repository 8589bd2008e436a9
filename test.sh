#!/usr/bin/env bash
# Builds everything and runs every test. The last line is `N passed, N failed, N skipped`.
# usage: ./test.sh [--unit | --end-to-end] [PROJECT ...]     (PROJECT: Runtime, Proxy, ... ; default all)
# End-to-end tests run artifacts/pilotfish and artifacts/pilotfish-sidecar when ./publish.sh made them, else the build's own.
set -uo pipefail
cd "$(dirname "$0")"
. scripts/install.sh

part=all
projects=()
while [ $# -gt 0 ]; do
  case $1 in
    --unit) part=unit ;;
    --end-to-end) part=end-to-end ;;
    -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
    -*) echo "test.sh: unknown option '$1'; see --help." >&2; exit 64 ;;
    *) projects+=("$1") ;;
  esac
  shift
done

need_dotnet || exit 1
need h2load nghttp2-client iptables iptables ip iproute2 curl curl openssl openssl nginx nginx-light haproxy haproxy nsenter util-linux \
  nft nftables conntrack conntrack perl perl prlimit util-linux node nodejs npm npm chromium chromium || exit 1
[ "$part" = unit ] || need_node_packages || exit 1

echo "Building"
if ! dotnet build Pilotfish.slnx -nologo -v quiet; then
  echo "0 passed, 1 failed, 0 skipped"
  exit 1
fi

passed=0 failed=0 skipped=0
results=artifacts/test-results
mkdir -p "$results"

run() {
  local name=$1 label=${2:-$1} started=$SECONDS totals
  local log="$results/$label.log"
  timeout --kill-after=10 900 "artifacts/build/bin/$name/debug/$name" -noColor -noLogo "${@:3}" >"$log" 2>&1
  local rc=$?
  totals=$(grep -oE 'Total: [0-9]+, Errors: [0-9]+, Failed: [0-9]+, Skipped: [0-9]+' "$log" | tail -n 1)
  if [ -z "$totals" ]; then
    echo "$label: no result (exit $rc)"; tail -n 30 "$log"; failed=$((failed + 1)); return
  fi
  read -r total errors fail skip <<<"$(sed -E 's/[^0-9]+/ /g' <<<"$totals")"
  passed=$((passed + total - fail - skip)) failed=$((failed + fail + errors)) skipped=$((skipped + skip))
  printf '%-32s %5d passed %3d failed %3d skipped  %4d s\n' "$label" $((total - fail - skip)) $((fail + errors)) "$skip" $((SECONDS - started))
  [ "$fail" = 0 ] && [ "$errors" = 0 ] || grep -nE -A12 '\[FAIL\]' "$log" | head -n 120
}

for folder in test/*/; do
  name=$(basename "$folder")
  [ -e "$folder/$name.csproj" ] && [ "$name" != Pilotfish.Testing ] || continue
  case $part:$name in
    unit:Pilotfish.EndToEnd) continue ;;
    end-to-end:Pilotfish.EndToEnd) ;;
    end-to-end:*) continue ;;
  esac
  if [ ${#projects[@]} -gt 0 ]; then
    wanted=
    for project in "${projects[@]}"; do [[ $name == "Pilotfish.$project" || $name == "Pilotfish.$project.Tests" ]] && wanted=1; done
    [ -n "$wanted" ] || continue
  fi
  run "$name"
  # TLS has two engines; the first run took the process's own.
  [ "$name" != Pilotfish.Proxy.Tests ] \
    || PILOTFISH_TEST_TLS_ENGINE=SslStream run "$name" "Pilotfish.Proxy.Tests over SslStream" -namespace Pilotfish.Proxy.Tests.Tls
done

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
