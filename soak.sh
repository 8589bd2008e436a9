#!/usr/bin/env bash
# Long forms of what CI runs in short form: fuzzing, crowds of connections, a mesh that changes under load, and every test again and
# again so that rare interleavings show. Parts take turns until the time is over; the first failure ends it with its log's name.
# usage: ./soak.sh [MINUTES] [--only PART ...]     default 60 minutes, every part
#   fuzz          parsers and translations, new seeds each time (PILOTFISH_FUZZ_SECONDS per property, by default an eighth of the time, at most 120)
#   coverage      the same checks under afl++ and SharpFuzz, which look for new paths (fuzz/run.sh, as many seconds per target)
#   connections   idle crowds, 10,000 slow peers, 40,000 upstream connections, exhausted descriptors and ports
#   mesh          a real mesh: scaling, route changes and control plane kills under load (PILOTFISH_SOAK_SECONDS, by default half of the
#                 time, at most 300); needs root
#   tests         every unit test project
# PILOTFISH_FUZZ_SEED=N repeats one seed; ./soak.sh 1 --only fuzz is a quick look.
set -uo pipefail
cd "$(dirname "$0")"
. scripts/install.sh
. scripts/child.sh

minutes=60 parts=()
while [ $# -gt 0 ]; do
  case $1 in
    -h | --help) sed -n '2,11s/^# //p' soak.sh; exit 0 ;;
    --only)
      shift
      [ $# -gt 0 ] || { echo "soak.sh: --only needs a part: fuzz, coverage, connections, mesh or tests." >&2; exit 64; }
      while [ $# -gt 0 ] && [[ $1 != -* ]] && [[ ! $1 =~ ^[0-9] ]]; do
        case $1 in
          fuzz | coverage | connections | mesh | tests) parts+=("$1") ;;
          *) echo "soak.sh: unknown part '$1'; there are fuzz, coverage, connections, mesh and tests." >&2; exit 64 ;;
        esac
        shift
      done
      continue
      ;;
    -*) echo "soak.sh: unknown option '$1'; see --help." >&2; exit 64 ;;
    *[!0-9]* | '' | 0) echo "soak.sh: '$1' is not a number of minutes." >&2; exit 64 ;;
    *) minutes=$1 ;;
  esac
  shift
done
[ ${#parts[@]} -gt 0 ] || parts=(fuzz coverage connections mesh tests)

need_dotnet || exit 1
if [[ " ${parts[*]} " == *" mesh "* ]]; then
  [ "$(id -u)" = 0 ] || { echo "soak.sh: the part 'mesh' needs root. Run: sudo ./soak.sh" >&2; exit 1; }
  need iptables iptables ip iproute2 curl curl nsenter util-linux perl perl || exit 1
fi

# The least of the two numbers.
least() { [ "$1" -lt "$2" ] && echo "$1" || echo "$2"; }
export PILOTFISH_SOAK_SECONDS=${PILOTFISH_SOAK_SECONDS:-$(least $((minutes * 30)) 300)}
export PILOTFISH_FUZZ_SECONDS=${PILOTFISH_FUZZ_SECONDS:-$(least $((minutes * 60 / 8)) 120)}
echo "Building"
build() { quiet_build "$1" || exit 1; }
case " ${parts[*]} " in
  *" tests "*) build Pilotfish.slnx ;;
  *)
    [[ " ${parts[*]} " != *" fuzz "* && " ${parts[*]} " != *" connections "* ]] || build test/Pilotfish.Proxy.Tests
    [[ " ${parts[*]} " != *" fuzz "* ]] || build test/Pilotfish.Language.Tests
    [[ " ${parts[*]} " != *" connections "* && " ${parts[*]} " != *" mesh "* ]] || build test/Pilotfish.EndToEnd
    [[ " ${parts[*]} " != *" mesh "* ]] || { build src/Pilotfish && build src/Pilotfish.Sidecar; }
    ;;
esac
mkdir -p artifacts/soak

# Runs tests of one project; the rest of the arguments select them.
run() {
  local name=Pilotfish.$1 log=artifacts/soak/$1-$round.log started=$SECONDS total
  shift
  child "artifacts/build/bin/$name/debug/$name" -noColor -noLogo "$@" >"$log" 2>&1
  local rc=$?
  total=$(grep -oE 'Total: [0-9]+' "$log" | tail -n 1 | grep -oE '[0-9]+')
  if [ $rc -ne 0 ] || [ "${total:-0}" = 0 ]; then
    echo "round $round: $name failed (exit $rc, ${total:-no} tests); see $log"
    grep -nE -A8 '\[FAIL\]' "$log" | head -n 40
    exit 1
  fi
  printf 'round %d  %-28s %5d tests  %4d s\n' "$round" "$name" "$total" $((SECONDS - started))
  rm -f "$log"
}

end=$((SECONDS + minutes * 60)) round=0
while [ $SECONDS -lt $end ]; do
  round=$((round + 1))
  for part in "${parts[@]}"; do
    [ $SECONDS -lt $end ] || break
    case $part in
      fuzz)
        run Proxy.Tests -namespace Pilotfish.Proxy.Tests.Fuzz
        run Language.Tests -class Pilotfish.Language.Tests.AnyTextTests
        ;;
      coverage) child fuzz/run.sh "$PILOTFISH_FUZZ_SECONDS" || exit 1 ;;
      connections)
        run Proxy.Tests -class Pilotfish.Proxy.Tests.Http.ManyIdleConnectionsTests -class Pilotfish.Proxy.Tests.Clusters.UpstreamPortsTests
        run EndToEnd -namespace Pilotfish.EndToEnd.Faults
        run EndToEnd -namespace Pilotfish.EndToEnd.Overload
        ;;
      mesh) run EndToEnd -class Pilotfish.EndToEnd.Local.FaultyMeshTests ;;
      tests) for project in Api Language Runtime Capture Proxy Agent ControlPlane Local; do run "$project.Tests"; done ;;
    esac
  done
done
echo "Rounds that passed: $round, in $(((SECONDS - end + minutes * 60) / 60)) minutes"
