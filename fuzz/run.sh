#!/usr/bin/env bash
# Coverage-guided fuzzing of the parsers and of requests that change their version: afl++ drives SharpFuzz, the checks are those of the seeded tests (test/Pilotfish.Proxy.Tests/Fuzz).
# usage: fuzz/run.sh SECONDS [TARGET ...]      the seconds are of each target; without a name all have their turn
# Targets: h1-request h1-response chunked hpack h2-frames client-hello proxy-protocol path h2-to-h1 h1-to-h2
# What it finds stays in artifacts/fuzz/TARGET; an input that fails is printed in hex and ends the run with 1: make it a test.
set -uo pipefail
cd "$(dirname "$0")/.."
. scripts/install.sh
. scripts/child.sh

case ${1:-} in
  -h | --help) sed -n '2,5s/^# //p' fuzz/run.sh; exit 0 ;;
  '' | *[!0-9]*) echo "fuzz/run.sh: '${1:-}' is not a number of seconds; see --help." >&2; exit 64 ;;
esac
seconds=$1
shift
known=(h1-request h1-response chunked hpack h2-frames client-hello proxy-protocol path h2-to-h1 h1-to-h2)
for target in "$@"; do
  [[ " ${known[*]} " == *" $target "* ]] || { echo "fuzz/run.sh: unknown target '$target'; there are ${known[*]}." >&2; exit 64; }
done
need_dotnet || exit 1
need afl-fuzz afl++ || exit 1
out=$PWD/artifacts/fuzz tool=$PWD/artifacts/tools/sharpfuzz
mkdir -p "$out"
[ -x "$tool" ] || dotnet tool install SharpFuzz.CommandLine --tool-path "$(dirname "$tool")" >/dev/null || exit 1

echo "Building"
quiet_build fuzz/Pilotfish.Fuzz || exit 1
plain=$PWD/artifacts/build/bin/Pilotfish.Fuzz/debug
rm -rf "$out/bin"
cp -r "$plain" "$out/bin"
# Only what is tested is instrumented: the fuzzer's map is small, and paths through the oracles are no news.
for part in Pilotfish.Proxy Pilotfish.Runtime; do "$tool" "$out/bin/$part.dll" || exit 1; done
fuzz() { dotnet "$plain/Pilotfish.Fuzz.dll" "$@"; }

there=$(fuzz list | tr '\n' ' ')
[ "$there" = "${known[*]} " ] || { echo "fuzz/run.sh: the program's targets are $there, this script's ${known[*]}." >&2; exit 1; }
targets=("$@")
[ $# -gt 0 ] || targets=("${known[@]}")
export AFL_SKIP_BIN_CHECK=1 AFL_SKIP_CPUFREQ=1 AFL_NO_AFFINITY=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_AUTORESUME=1
for target in "${targets[@]}"; do
  work=$out/$target
  [ -d "$work/seeds" ] || fuzz seeds "$target" "$work/seeds" 64 || exit 1
  child afl-fuzz -i "$work/seeds" -o "$work/found" -V "$seconds" -t 20000 -m none -- dotnet "$out/bin/Pilotfish.Fuzz.dll" run "$target" \
    >"$work/log" 2>&1 || { tail -n 20 "$work/log"; echo "fuzz/run.sh: afl-fuzz could not run '$target'."; exit 1; }
  stat() { sed -nE "s/^$1 +: //p" "$work/found/default/fuzzer_stats"; }
  printf '%-16s %9s inputs tried, %6s kept, map %s\n' "$target" "$(stat execs_done)" "$(stat corpus_count)" "$(stat bitmap_cvg)"
  mapfile -t bad < <(find "$work/found/default/crashes" "$work/found/default/hangs" -name 'id:*' 2>/dev/null)
  if [ ${#bad[@]} -gt 0 ]; then
    fuzz replay "$target" "${bad[@]}"
    echo "fuzz/run.sh: '$target' has ${#bad[@]} inputs that fail; see above and $work/found/default."
    exit 1
  fi
done
