# Sourced by demo.sh and the end-to-end tests: sets $pilotfish, and makes samples/bookinfo/bin/bookinfo.

sources_newer_than() { [ ! -e "$1" ] || [ -n "$(find "${@:2}" -name '*.cs' -newer "$1" -print -quit 2>/dev/null)" ]; }

if sources_newer_than artifacts/pilotfish src || [ ! -e artifacts/pilotfish-sidecar ]; then
  ./publish.sh all
fi
pilotfish=$PWD/artifacts/pilotfish

if sources_newer_than samples/bookinfo/bin/bookinfo samples/bookinfo/app; then
  need clang clang /usr/include/zlib.h zlib1g-dev
  echo "Building the bookinfo sample"
  dotnet publish samples/bookinfo/app -c Release --use-current-runtime -nologo -v quiet -o artifacts/publish/bookinfo
  mkdir -p samples/bookinfo/bin
  install -m 0755 artifacts/publish/bookinfo/bookinfo samples/bookinfo/bin/bookinfo
fi
