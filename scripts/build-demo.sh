# Sourced by demo.sh: sets $pilotfish, and makes samples/bookinfo/bin/bookinfo. With build=jit the debug build is used, else the
# published executables, and the sample is native, too; what is there is made anew only when sources are newer.

# Runs a build that speaks only when it fails; what it said stays in artifacts/.
quietly() {
  local rc=0
  mkdir -p artifacts
  run "$@" >artifacts/demo-build.log 2>&1 || { rc=$?; cat artifacts/demo-build.log >&2; }
  return $rc
}

sources_newer_than() { [ ! -e "$1" ] || [ -n "$(find "${@:2}" -name '*.cs' -newer "$1" -print -quit 2>/dev/null)" ]; }

if [ "${build:-native}" = jit ]; then
  echo "Building (the first time takes minutes)"
  quietly dotnet build src/Pilotfish -nologo -v quiet
  quietly dotnet build src/Pilotfish.Sidecar -nologo -v quiet
  pilotfish=$PWD/artifacts/build/bin/Pilotfish/debug/pilotfish
else
  if sources_newer_than artifacts/pilotfish src || [ ! -e artifacts/pilotfish-sidecar ]; then
    run ./publish.sh all
  fi
  pilotfish=$PWD/artifacts/pilotfish
fi

# The sample is built as the rest is: native needs a C compiler and minutes.
if [ "${build:-native}" = jit ]; then run samples/bookinfo/build.sh --jit; else run samples/bookinfo/build.sh; fi
