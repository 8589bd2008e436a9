# Sourced by demo.sh: sets $pilotfish, and makes samples/bookinfo/bin/bookinfo. With build=jit the debug build is used, else the
# published executables, which are made anew only when sources are newer.

sources_newer_than() { [ ! -e "$1" ] || [ -n "$(find "${@:2}" -name '*.cs' -newer "$1" -print -quit 2>/dev/null)" ]; }

if [ "${build:-native}" = jit ]; then
  echo "Building"
  run dotnet build src/Pilotfish -nologo -v quiet '-clp:ErrorsOnly;NoSummary'
  run dotnet build src/Pilotfish.Sidecar -nologo -v quiet '-clp:ErrorsOnly;NoSummary'
  pilotfish=$PWD/artifacts/build/bin/Pilotfish/debug/pilotfish
else
  if sources_newer_than artifacts/pilotfish src || [ ! -e artifacts/pilotfish-sidecar ]; then
    run ./publish.sh all
  fi
  pilotfish=$PWD/artifacts/pilotfish
fi

if sources_newer_than samples/bookinfo/bin/bookinfo samples/bookinfo/app; then
  need clang clang /usr/include/zlib.h zlib1g-dev
  echo "Building the bookinfo sample"
  run dotnet publish samples/bookinfo/app -c Release --use-current-runtime -nologo -v quiet -o artifacts/publish/bookinfo
  mkdir -p samples/bookinfo/bin
  install -m 0755 artifacts/publish/bookinfo/bookinfo samples/bookinfo/bin/bookinfo
fi
