#!/usr/bin/env bash
# Measures Pilotfish beside nginx, HAProxy and YARP: same backend, same load, proxies on core 0, load on core 1.
# Usage: bench/peers/run.sh [--seconds N] [--rounds N] [--connections N] [--idle N]
#          [--modes http,http-10k,http-1m,http-log,hosts-N,latency,tcp,idle,idle-tls,tls,tls-reencrypt,tls-full,tls-full-istio,tls-resumed,
#                   h2,grpc,websocket,pair,logs,memory]
#          [--peers pilotfish,nginx,haproxy,yarp] [--rate N] [--record FILE] [--gate [FILE]]
# --record writes the ratios of this run to FILE; --gate ends with 1 when a ratio is worse than the recorded one by more than 10 %
# (FILE is bench/peers/ratios.txt unless named). --rate is the latency mode's requests per second (default: 30 % of our saturation).
# PILOTFISH_BENCH_BIN names the executable to measure; else the published sidecar, else a JIT build made here.
set -euo pipefail
cd "$(dirname "$0")/../.."
case ${1:-} in -h | --help) sed -n '2,9s/^# \{0,1\}//p' bench/peers/run.sh; exit 0 ;; esac

need=()
command -v nginx >/dev/null || need+=(nginx)
command -v haproxy >/dev/null || need+=(haproxy)
command -v wrk >/dev/null || need+=(wrk)
command -v h2load >/dev/null || need+=(nghttp2-client)
command -v openssl >/dev/null || need+=(openssl)
command -v taskset >/dev/null || need+=(util-linux)
[ -e /usr/lib/nginx/modules/ngx_stream_module.so ] || need+=(libnginx-mod-stream)
if [ ${#need[@]} -gt 0 ]; then
  echo "Installing: ${need[*]}"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "${need[@]}" >/dev/null
fi

build() { dotnet build -c Release -v q --nologo "$1" >/dev/null; }
build bench/Pilotfish.Bench.Peers
build bench/Pilotfish.Bench.Yarp
out=artifacts/build/bin
pilotfish=${PILOTFISH_BENCH_BIN:-}
if [ -z "$pilotfish" ] && [ -x artifacts/pilotfish-sidecar ]; then pilotfish=artifacts/pilotfish-sidecar; fi
if [ -z "$pilotfish" ]; then
  build src/Pilotfish.Sidecar
  pilotfish=$out/Pilotfish.Sidecar/release/pilotfish-sidecar.dll
fi
echo "Measuring $pilotfish"

args=("$@")
for i in "${!args[@]}"; do
  if [ "${args[$i]}" = --gate ] && { [ $((i + 1)) -ge ${#args[@]} ] || [[ ${args[$((i + 1))]} == --* ]]; }; then
    args=("${args[@]:0:$((i + 1))}" bench/peers/ratios.txt "${args[@]:$((i + 1))}")
    break
  fi
done
# The runner itself makes load (plain TCP, idle connections) and starts wrk, so all of it belongs on the load's core.
exec taskset -c 1 dotnet "$out/Pilotfish.Bench.Peers/release/Pilotfish.Bench.Peers.dll" \
  --pilotfish "$(realpath -m "$pilotfish")" --yarp "$PWD/$out/Pilotfish.Bench.Yarp/release/Pilotfish.Bench.Yarp.dll" ${args[@]+"${args[@]}"}
