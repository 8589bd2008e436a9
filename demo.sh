#!/usr/bin/env bash
# Brings up the bookinfo sample as a mesh on this machine, sends requests, explains one of them, changes the split between versions
# under load, and removes everything again. Exit code 0 means that all of it worked.
# usage: ./demo.sh [--keep] [--jit]
#   --keep   leave the mesh up and say what to try
#   --jit    run the debug build instead of publishing the native executables: ready in seconds, slower and larger
#   REQUESTS=N in the environment: how many requests each part sends (default 300)
set -euo pipefail
cd "$(dirname "$0")"
. scripts/install.sh

keep= build=native
for option in "$@"; do
  case $option in
    --keep) keep=1 ;;
    --jit) build=jit ;;
    -h | --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
    *) echo "demo.sh: unknown option '$option'; see --help." >&2; exit 64 ;;
  esac
done
requests=${REQUESTS:-300}
case $requests in
  '' | *[!0-9]* | 0*) echo "demo.sh: REQUESTS is '$requests', but must be a number above 0." >&2; exit 64 ;;
esac
[ "$(id -u)" = 0 ] || { echo "demo.sh: needs root, for network namespaces. Run: sudo ./demo.sh" >&2; exit 1; }

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

mesh= up= child=
finish() {
  local rc=$?
  trap - EXIT
  trap '' INT TERM HUP
  # Its own end is waited for: 'up' that is still starting removes what it has begun.
  if [ -n "$child" ]; then kill "$child" 2>/dev/null || true; wait "$child" 2>/dev/null || true; fi
  if [ -n "$up" ] && { [ -z "$keep" ] || [ $rc -ne 0 ]; }; then
    [ $rc -eq 0 ] || echo "demo.sh: removing the mesh" >&2
    "$pilotfish" down "$mesh" || rc=1
    up=
  fi
  if [ -z "$up" ] && [ -n "$mesh" ]; then rm -rf "$mesh"; fi
  exit $rc
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# Runs a command so that a signal to this script is acted on at once: bash would wait for a command in the foreground.
run() {
  "$@" &
  child=$!
  local rc=0
  wait "$child" || rc=$?
  child=
  return $rc
}

need_dotnet
need iptables iptables ip iproute2 curl curl nsenter util-linux
. scripts/build-demo.sh

mesh=$(mktemp -d /tmp/pilotfish-demo.XXXXXX)
cp -r samples/bookinfo/*.yaml samples/bookinfo/bin "$mesh/"
chmod 755 "$mesh"

say "Starting the mesh: bookinfo in namespace default (sidecars injected), a client in namespace legacy (none)"
up=1
run "$pilotfish" up "$mesh" --detach
"$pilotfish" get "$mesh"

in_client() { "$pilotfish" exec client --mesh "$mesh" -- "$@"; }

# Requests many pages and counts which version of reviews each shows; every page must be whole.
pages() { in_client curl -sS -m 120 "http://productpage:9080/productpage?[1-$requests]" >"$mesh/.pages"; }
split() {
  run pages
  grep -oE 'version <b>v[0-9]' "$mesh/.pages" | sort | uniq -c | awk '{print "  reviews " substr($3, 4) ": " $1}'
  local whole missing
  whole=$(grep -c 'Reviews served by' "$mesh/.pages" || true) missing=$(grep -ci 'unavailable' "$mesh/.pages" || true)
  [ "$whole" = "$requests" ] && [ "$missing" = 0 ] || {
    echo "demo.sh: of $requests pages only $whole have reviews, and $missing parts are unavailable." >&2
    exit 1
  }
}

say "$requests requests from the client pod; the VirtualService splits reviews 50:50 over v1 and v3"
split

say "One request, as every hop logged it (outbound: the caller's sidecar, inbound: the server's)"
id=$(cat /proc/sys/kernel/random/uuid)
in_client curl -sS -m 10 -o /dev/null -w '  client saw HTTP %{http_code} in %{time_total} s\n' -H "x-request-id: $id" http://productpage:9080/productpage
pods=$("$pilotfish" get "$mesh" --names)
hops() {
  for pod in $pods; do
    "$pilotfish" logs "$pod" --mesh "$mesh" -c istio-proxy 2>/dev/null | grep -F "$id" | sed "s|^|$(printf '%-32s ' "$pod")|" || true
  done | sort -k 2,2 -s
}
# Access logs are flushed once a second: the list is whole when two looks agree.
log='' before=-
for _ in 1 2 3 4 5 6 7 8 9 10; do
  log=$(hops)
  [ -z "$log" ] || [ "$log" != "$before" ] || break
  before=$log
  run sleep 1
done
printf '%s\n' "$log"
[ "$(grep -c . <<<"$log")" -ge 6 ] || { echo "demo.sh: not every hop has logged the request." >&2; exit 1; }

say "The client without a sidecar reaches the mesh too"
"$pilotfish" exec legacy/client --mesh "$mesh" -- curl -sS -m 10 --fail -o /dev/null -w '  HTTP %{http_code}\n' http://productpage.default:9080/productpage

say "Changing the split to v2 only, by editing virtual-service-reviews.yaml, while requests flow"
codes=$mesh/.codes
# Longer than a change may take to be live, however fast the requests are.
load() {
  local end=$((SECONDS + 3))
  : >"$codes"
  while in_client curl -sS -m 120 -o /dev/null -w '%{http_code}\n' "http://productpage:9080/productpage?[1-$requests]" >>"$codes"; do
    [ "$SECONDS" -lt "$end" ] || break
  done
}
load &
child=$!
cat >"$mesh/.virtual-service-reviews.new" <<'YAML'
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata:
  name: reviews
  namespace: default
spec:
  hosts:
  - reviews
  http:
  - route:
    - destination:
        host: reviews
        subset: v2
YAML
mv "$mesh/.virtual-service-reviews.new" "$mesh/virtual-service-reviews.yaml"
wait "$child" || true
child=
sent=$(grep -c . "$codes" || true)
failed=$((sent - $(grep -c '^200$' "$codes" || true)))
[ "$sent" -ge "$requests" ] || failed=$((failed + requests - sent))
echo "  $sent requests during the change, $failed failed"
[ "$failed" = 0 ] || { echo "demo.sh: $failed requests failed during the change." >&2; exit 1; }
split
! grep -qE 'version <b>v[13]' "$mesh/.pages" || { echo "demo.sh: the new split is not in force." >&2; exit 1; }

if [ -n "$keep" ]; then
  say "The mesh stays up. Try:"
  cat <<TRY
  $pilotfish get $mesh
  $pilotfish exec client --mesh $mesh -- curl -s http://productpage:9080/productpage
  $pilotfish logs client --mesh $mesh -c istio-proxy
  edit $mesh/virtual-service-reviews.yaml
  $pilotfish down $mesh && rm -r $mesh
TRY
else
  say "Removing everything"
fi
