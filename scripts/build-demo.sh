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

# The sample is built as the rest is: native needs a C compiler and minutes. One file either way, since what lies beside manifests is read with
# them; .jit marks the one that needs the machine's .NET runtime.
app=samples/bookinfo/bin
if [ "${build:-native}" = jit ]; then
  if sources_newer_than $app/.jit samples/bookinfo/app; then
    quietly dotnet publish samples/bookinfo/app -c Release -p:PublishAot=false -p:PublishSingleFile=true --no-self-contained \
      --use-current-runtime -nologo -v quiet -o artifacts/publish/bookinfo-jit
    rm -rf $app && mkdir -p $app
    install -m 0755 artifacts/publish/bookinfo-jit/bookinfo $app/bookinfo
    touch $app/.jit
  fi
elif sources_newer_than $app/bookinfo samples/bookinfo/app || [ -e $app/.jit ]; then
  need clang clang /usr/include/zlib.h zlib1g-dev
  echo "Building the bookinfo sample"
  quietly dotnet publish samples/bookinfo/app -c Release --use-current-runtime -nologo -v quiet -o artifacts/publish/bookinfo
  rm -rf $app && mkdir -p $app
  install -m 0755 artifacts/publish/bookinfo/bookinfo $app/bookinfo
fi
