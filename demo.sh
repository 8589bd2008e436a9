#!/usr/bin/env bash
# Brings up the bookinfo sample as a mesh on this machine, sends requests, explains one of them, changes the split between versions
# under load, and removes everything again.
# usage: ./demo.sh [--keep]      --keep leaves the mesh up and says what to try
set -euo pipefail
cd "$(dirname "$0")"
. scripts/install.sh

keep=
case ${1:-} in
  '') ;;
  --keep) keep=1 ;;
  -h | --help) sed -n '2,4s/^# //p' "$0"; exit 0 ;;
  *) echo "demo.sh: unknown option '$1'; see --help." >&2; exit 64 ;;
esac
[ "$(id -u)" = 0 ] || { echo "demo.sh: needs root, for network namespaces. Run: sudo ./demo.sh" >&2; exit 1; }

say() { printf '\n\033[1m== %s\033[0m\n' "$*"; }

need_dotnet
need iptables iptables ip iproute2 curl curl nsenter util-linux
. scripts/build-demo.sh

mesh=$(mktemp -d /tmp/pilotfish-demo.XXXXXX)
up=
finish() {
  local rc=$?
  trap - EXIT INT TERM
  [ -n "${load:-}" ] && kill "$load" 2>/dev/null && wait "$load" 2>/dev/null
  if [ -n "$up" ] && { [ -z "$keep" ] || [ $rc -ne 0 ]; }; then "$pilotfish" down "$mesh" || true; up=; fi
  if [ -z "$up" ]; then rm -rf "$mesh"; fi
  exit $rc
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

cp -r samples/bookinfo/*.yaml samples/bookinfo/bin "$mesh/"
chmod 755 "$mesh"

say "Starting the mesh: bookinfo in namespace default (sidecars injected), a client in namespace legacy (none)"
up=1
"$pilotfish" up "$mesh" --detach
"$pilotfish" get "$mesh"

requests=${REQUESTS:-300}
in_client() { "$pilotfish" exec client --mesh "$mesh" -- "$@"; }
versions() { grep -oE 'version <b>v[0-9]' | sort | uniq -c | awk '{print "  reviews " substr($3, 4) ": " $1}'; }
split() {
  in_client curl -s "http://productpage:9080/productpage?[1-$requests]" | versions
}

say "$requests requests from the client pod; the VirtualService splits reviews 50:50 over v1 and v3"
split

say "One request, as every hop logged it"
id=$(cat /proc/sys/kernel/random/uuid)
in_client curl -s -o /dev/null -w '  client saw HTTP %{http_code} in %{time_total} s\n' -H "x-request-id: $id" http://productpage:9080/productpage
# Access logs are flushed once a second.
for _ in 1 2 3; do sleep 1; done
for pod in $("$pilotfish" get "$mesh" --names); do
  "$pilotfish" logs "$pod" --mesh "$mesh" -c istio-proxy 2>/dev/null | grep -F "$id" | sed "s|^|$(printf '%-32s' "$pod")|" || true
done

say "The client without a sidecar reaches the mesh too"
"$pilotfish" exec legacy/client --mesh "$mesh" -- curl -s -o /dev/null -w '  HTTP %{http_code}\n' http://productpage.default:9080/productpage

say "Changing the split to v2 only, by editing virtual-service-reviews.yaml, while requests flow"
codes=$mesh/codes
in_client curl -s -o /dev/null -w '%{http_code}\n' "http://productpage:9080/productpage?[1-$requests]" >"$codes" &
load=$!
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
wait "$load"; load=
failed=$(grep -vc '^200$' "$codes" || true)
echo "  $(wc -l <"$codes") requests during the change, $failed failed"
split
[ "$failed" = 0 ] || { echo "demo.sh: $failed requests failed during the change." >&2; exit 1; }

if [ -n "$keep" ]; then
  say "The mesh stays up. Try:"
  cat <<TRY
  $pilotfish get $mesh
  $pilotfish exec client --mesh $mesh -- curl -s http://productpage:9080/productpage
  $pilotfish logs client --mesh $mesh -c istio-proxy
  edit $mesh/virtual-service-reviews.yaml
  $pilotfish down $mesh
TRY
else
  say "Removing everything"
fi
