#!/usr/bin/env bash
# Measures a sidecar under a local control plane with N services: time from exec to ready, resident memory by region after the
# push and after it settled, bytes per unused service; then with captured load on one of the services, during it and after it.
# Each size runs in a network namespace of its own; needs root.
# usage: bench/sidecar/run.sh [--services "0 500 5000"] [--starts N] [--settle SECONDS] [--load SECONDS] [--connections N] [--smaps]
# The sidecar is $PILOTFISH_BENCH_BIN, else artifacts/pilotfish-sidecar; the control plane is $PILOTFISH_BENCH_DISCOVERY,
# else artifacts/pilotfish, else the JIT build of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/install.sh
services="0 500 5000" starts=5 settle=15 load=10 connections=64 smaps=0 inside=""
while [ $# -gt 0 ]; do
  case $1 in
    --services) services=$2; shift 2 ;;
    --starts) starts=$2; shift 2 ;;
    --settle) settle=$2; shift 2 ;;
    --load) load=$2; shift 2 ;;
    --connections) connections=$2; shift 2 ;;
    --smaps) smaps=1; shift ;;
    --inside) inside=$2; shift 2 ;;
    -h | --help) sed -n '2,7s/^# //p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown option '$1'." >&2; exit 64 ;;
  esac
done
sidecar=${PILOTFISH_BENCH_BIN:-$PWD/artifacts/pilotfish-sidecar}
discovery=${PILOTFISH_BENCH_DISCOVERY:-$PWD/artifacts/pilotfish}
[ -x "$discovery" ] || discovery=$PWD/artifacts/build/bin/Pilotfish/debug/pilotfish
for needed in "$sidecar" "$discovery"; do
  [ -x "$needed" ] || { echo "run.sh: '$needed' does not exist; ./publish.sh makes it." >&2; exit 1; }
done

# Services svc-0..svc-(N-1), each with a ClusterIP, an HTTP port and one ready pod; 100 per file.
manifests() {
  awk -v n="$1" -v dir="$2" 'BEGIN {
    for (i = 0; i < n; i++) {
      file = dir "/services-" int(i / 100) ".yaml"
      printf "apiVersion: v1\nkind: Service\nmetadata: {name: svc-%d, namespace: default}\nspec:\n  clusterIP: 10.96.%d.%d\n  selector: {app: svc-%d}\n  ports: [{name: http, port: 80, targetPort: 8080}]\n---\n", i, int(i / 250), i % 250 + 1, i > file
      printf "apiVersion: v1\nkind: Pod\nmetadata: {name: svc-%d-0, namespace: default, labels: {app: svc-%d}}\nspec: {containers: [{name: app, image: app}]}\nstatus:\n  podIP: 10.%d.%d.%d\n  phase: Running\n  conditions: [{type: Ready, status: \"True\"}]\n---\n", i, i, 100 + int(i / 62500), int(i / 250) % 250, i % 250 + 1 > file
    }
    printf "apiVersion: v1\nkind: Service\nmetadata: {name: echo, namespace: default}\nspec:\n  clusterIP: 10.97.0.1\n  selector: {app: echo}\n  ports: [{name: http, port: 80, targetPort: 18080}]\n---\napiVersion: v1\nkind: Pod\nmetadata: {name: echo-0, namespace: default, labels: {app: echo}}\nspec: {containers: [{name: app, image: app}]}\nstatus:\n  podIP: 127.0.0.2\n  phase: Running\n  conditions: [{type: Ready, status: \"True\"}]\n" > (dir "/echo.yaml")
  }'
}

# 200 as the status of a GET on loopback, without a process per try.
answers() {
  local status=""
  { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
  printf 'GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n' "$2" >&3
  read -r -t 5 status <&3 || true
  exec 3>&-
  [[ $status == *" 200 "* ]]
}

now_us() { local t=$EPOCHREALTIME; echo $((10#${t/[.,]/})); }

wait_for() { # port path seconds
  local end=$((SECONDS + $3))
  until answers "$1" "$2"; do
    [ $SECONDS -lt $end ] || { echo "run.sh: no 200 from port $1$2 within $3 s." >&2; return 1; }
    sleep 0.001
  done
}

start_sidecar() {
  env -i PATH=/usr/bin:/bin PWD=/ POD_NAME=bench-1 POD_NAMESPACE=default INSTANCE_IP=10.0.0.9 SERVICE_ACCOUNT=default \
    ISTIO_META_CLUSTER_ID=Kubernetes ISTIO_META_WORKLOAD_NAME=bench ISTIO_META_OWNER=kubernetes://apis/apps/v1/namespaces/default/deployments/bench \
    ISTIO_META_INTERCEPTION_MODE=REDIRECT ISTIO_METAJSON_LABELS='{"app":"bench"}' ISTIO_META_MESH_ID=cluster.local \
    PROXY_CONFIG='{"discoveryAddress":"127.0.0.1:15010","concurrency":2}' ${BENCH_ENV:-} \
    "$sidecar" proxy sidecar --domain default.svc.cluster.local >"$work/sidecar.log" 2>&1 &
  sidecar_pid=$!
}

end() { kill -"${2:-TERM}" "$1" 2>/dev/null || true; wait "$1" 2>/dev/null || true; }

memory() { awk '/^VmRSS|^RssAnon|^RssFile/ {printf "%s %.1f MB  ", $1, $2 / 1024}' "/proc/$sidecar_pid/status"; }
anonymous_kb() { awk '/^RssAnon/ {print $2}' "/proc/$sidecar_pid/status"; }

# Resident kilobytes by kind of mapping.
regions() {
  awk '/^[0-9a-f]+-[0-9a-f]+ / { name = $6 == "" ? "anonymous" : $6; perms = $2; if (name ~ /^\//) { sub(/.*\//, "", name); name = name " " perms } }
    /^Rss:/ { rss[name] += $2 } END { for (name in rss) if (rss[name] >= 100) printf "    %8d KB  %s\n", rss[name], name }' \
    "/proc/$sidecar_pid/smaps" | sort -rn
}

# What the service `echo` answers with: 1 KB from its pod's address.
start_backend() {
  mkdir -p "$work/nginx/logs"
  printf '%01024d' 0 >"$work/nginx/index.html"
  cat >"$work/nginx/nginx.conf" <<EOF
daemon off; master_process off; pid $work/nginx/pid; error_log $work/nginx/error.log;
events { worker_connections 1024; }
http { access_log off; keepalive_requests 100000000; server { listen 127.0.0.2:18080; root $work/nginx; } }
EOF
  nginx -p "$work/nginx" -c "$work/nginx/nginx.conf" &
  pids+=($!)
}

# The application calls 10.97.0.1:80, as in a pod: captured, found by its original destination, routed, balanced.
measure_load() {
  local before_idle=10
  start_backend
  ip address add 10.0.0.9/32 dev lo
  ip route add 10.97.0.0/16 dev lo src 10.0.0.9
  iptables -t nat -A OUTPUT -d 10.97.0.1 -p tcp --dport 80 -j REDIRECT --to-ports 15001
  wrk -t 1 -c "$connections" -d "${load}s" -H "Host: echo.default.svc.cluster.local" http://10.97.0.1/index.html >"$work/wrk.log" &
  local wrk_pid=$!
  sleep "$((load - 1))"
  echo "  under load of $connections connections: $(memory)"
  wait "$wrk_pid"
  awk '/requests in|Non-2xx|Socket errors/ { sub(/^ +/, ""); printf "    %s\n", $0 }' "$work/wrk.log"
  echo "  at its end:                      $(memory)"
  sleep "$before_idle"
  echo "  ${before_idle} s after it:                 $(memory)"
}

run_inside() {
  local count=$1 start times=() i
  work=$(mktemp -d)
  pids=()
  trap 'for p in "${pids[@]}" ${sidecar_pid:-}; do end "$p" KILL; done; rm -rf "$work"' EXIT
  ip link set lo up
  mkdir "$work/config"
  manifests "$count" "$work/config"
  (cd / && exec "$discovery" discovery --configDir "$work/config" --secureGRPCAddr "" >"$work/discovery.log" 2>&1) &
  pids+=($!)
  wait_for 8080 /ready 120
  cd /
  if [ "$count" -le 500 ]; then
    for ((i = 0; i < starts; i++)); do
      start=$(now_us)
      start_sidecar
      wait_for 15021 /healthz/ready 60 || { cat "$work/sidecar.log" >&2; return 1; }
      times+=($((($(now_us) - start) / 1000)))
      end "$sidecar_pid" KILL
    done
    echo "  exec to ready, ms: $(printf '%s\n' "${times[@]}" | sort -n | tr '\n' ' ')"
  fi
  start=$(now_us)
  start_sidecar
  wait_for 15021 /healthz/ready 120 || { tail "$work/sidecar.log" >&2; return 1; }
  echo "  ready after $((($(now_us) - start) / 1000)) ms: $(memory)"
  sleep "$settle"
  echo "  settled:  $(memory)"
  echo "anon $count $(anonymous_kb)" >>"$results"
  [ "$smaps" = 0 ] || regions
  if [ "$load" -gt 0 ]; then
    measure_load
    [ "$smaps" = 0 ] || regions
  fi
  end "$sidecar_pid" TERM
}

if [ -n "$inside" ]; then
  results=$BENCH_RESULTS
  run_inside "$inside"
  exit 0
fi

results=$(mktemp)
export BENCH_RESULTS=$results
if [ "$load" -gt 0 ]; then
  need nginx nginx
  need wrk wrk
  need iptables iptables
fi
flags=(--starts "$starts" --settle "$settle" --load "$load" --connections "$connections")
[ "$smaps" = 0 ] || flags+=(--smaps)
for count in $services; do
  echo "$count services"
  unshare --net "$PWD/bench/sidecar/run.sh" "${flags[@]}" --inside "$count"
done
awk '/^anon/ { if (seen++ == 0) { n0 = $2; kb0 = $3 } else printf "bytes per unused service, %d against %d: %d\n", $2, n0, ($3 - kb0) * 1024 / ($2 - n0) }' "$results"
rm -f "$results"
