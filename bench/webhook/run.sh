#!/usr/bin/env bash
# Measures the injection webhook of `pilotfish discovery` over TLS and HTTP/2: waiting times at a fixed rate in an open loop, counted
# from when each review was due, and the time until many at once are all answered. Runs in a network namespace of its own; needs root.
# usage: bench/webhook/run.sh [--rate N] [--seconds N] [--at-once N]
# The control plane is $PILOTFISH_BENCH_DISCOVERY, else artifacts/pilotfish, else the JIT build of it.
set -euo pipefail
cd "$(dirname "$0")/../.."
rate=100 seconds=20 at_once=200
while [ $# -gt 0 ]; do
  case $1 in
    --rate) rate=$2; shift 2 ;;
    --seconds) seconds=$2; shift 2 ;;
    --at-once) at_once=$2; shift 2 ;;
    -h | --help) sed -n '2,6s/^# //p' "$0"; exit 0 ;;
    *) echo "run.sh: unknown option '$1'." >&2; exit 64 ;;
  esac
done
discovery=${PILOTFISH_BENCH_DISCOVERY:-$PWD/artifacts/pilotfish}
[ -x "$discovery" ] || discovery=$PWD/artifacts/build/bin/Pilotfish/debug/pilotfish
[ -x "$discovery" ] || { echo "run.sh: '$discovery' does not exist; ./publish.sh makes it." >&2; exit 1; }
if [ -z "${BENCH_INSIDE:-}" ]; then
  dotnet build -c Release -v q --nologo bench/Pilotfish.Bench.Webhook >&2
  BENCH_INSIDE=1 exec unshare --net "$PWD/bench/webhook/run.sh" --rate "$rate" --seconds "$seconds" --at-once "$at_once"
fi

ip link set lo up
work=$(mktemp -d)
trap 'kill "${server:-}" 2>/dev/null || true; rm -rf "$work"' EXIT
mkdir "$work/config"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 1 -subj /CN=istiod -addext subjectAltName=IP:127.0.0.1 -keyout "$work/key.pem" -out "$work/cert.pem" 2>/dev/null
"$discovery" discovery --configDir "$work/config" --httpsAddr 127.0.0.1:15017 --grpcAddr "" --secureGRPCAddr "" --monitoringAddr "" \
  --tlsCertFile "$work/cert.pem" --tlsKeyFile "$work/key.pem" >"$work/log" 2>&1 &
server=$!
for ((i = 0; i < 300; i++)); do
  { exec 3<>/dev/tcp/127.0.0.1/15017; } 2>/dev/null && break
  sleep 0.1
done
exec 3>&- || { cat "$work/log" >&2; exit 1; }
echo "Measuring $discovery"
artifacts/build/bin/Pilotfish.Bench.Webhook/release/Pilotfish.Bench.Webhook https://127.0.0.1:15017/inject "$work/cert.pem" "$server" "$rate" "$seconds" "$at_once"
