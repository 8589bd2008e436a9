#!/usr/bin/env bash
# Makes bin/bookinfo, the program of the sample's pods, unless it is newer than its sources.
# usage: samples/bookinfo/build.sh [--jit]
#   --jit   needs the machine's .NET runtime, but no C compiler and no minutes of native compilation
set -euo pipefail
cd "$(dirname "$0")/../.."
. scripts/install.sh

build=native
for option in "$@"; do
  case $option in
    --jit) build=jit ;;
    -h | --help) sed -n '2,4s/^# //p' samples/bookinfo/build.sh; exit 0 ;;
    *) echo "samples/bookinfo/build.sh: unknown option '$option'; see --help." >&2; exit 64 ;;
  esac
done

# One file either way, since what lies beside manifests is read with them; .jit marks the one that needs the runtime.
app=samples/bookinfo/bin into=artifacts/publish/bookinfo options=()
is_jit=; [ ! -e $app/.jit ] || is_jit=1
[ ! -x $app/bookinfo ] || [ "$is_jit" != "$([ $build = native ] || echo 1)" ] ||
  [ -n "$(find samples/bookinfo/app -name '*.cs' -newer $app/bookinfo -print -quit)" ] || exit 0
need_dotnet
if [ $build = jit ]; then
  into=artifacts/publish/bookinfo-jit options=(-p:PublishAot=false -p:PublishSingleFile=true --no-self-contained)
else
  need clang clang /usr/include/zlib.h zlib1g-dev
fi
echo "Building the bookinfo sample"
mkdir -p artifacts
dotnet publish samples/bookinfo/app -c Release "${options[@]}" --use-current-runtime -nologo -v quiet -o $into >artifacts/demo-build.log 2>&1 ||
  { cat artifacts/demo-build.log >&2; exit 1; }
rm -rf $app && mkdir -p $app
install -m 0755 $into/bookinfo $app/bookinfo
[ $build = native ] || touch $app/.jit
