# Sourced by the other scripts: `need PROGRAM PACKAGE ...` installs the Debian packages whose programs are missing.

need() {
  local missing=()
  while [ $# -gt 1 ]; do
    if ! command -v "$1" >/dev/null 2>&1 && [ ! -e "$1" ]; then missing+=("$2"); fi
    shift 2
  done
  [ ${#missing[@]} -eq 0 ] && return 0
  local sudo=
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null 2>&1 || { echo "Missing: ${missing[*]}. Run as root, or install them: apt-get install ${missing[*]}" >&2; return 1; }
    sudo=sudo
  fi
  echo "Installing ${missing[*]}" >&2
  # Services of test programs (nginx, haproxy) are never started by their packages.
  local policy=/usr/sbin/policy-rc.d made=
  if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null && $sudo chmod +x $policy && made=1; fi
  local log; log=$(mktemp)
  { $sudo apt-get update -q && DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends "${missing[@]}"; } >"$log" 2>&1
  local rc=$?
  [ -n "$made" ] && $sudo rm -f $policy
  [ $rc -eq 0 ] || { tail -n 5 "$log" >&2; echo "Could not install ${missing[*]}." >&2; }
  rm -f "$log"
  return $rc
}

need_dotnet() {
  # Builds leave no server processes behind that would outlive the script.
  export MSBUILDDISABLENODEREUSE=1 DOTNET_CLI_USE_MSBUILD_SERVER=0 UseSharedCompilation=false
  export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1
  command -v dotnet >/dev/null 2>&1 && dotnet --list-sdks | grep -q '^10\.' && return 0
  echo "The .NET 10 SDK is missing: install dotnet-sdk-10.0 and run this again." >&2
  return 1
}

# Installs the packages of test/Pilotfish.EndToEnd/Node into artifacts/node, unless those that are there are the wanted ones.
need_node_packages() {
  local wanted=test/Pilotfish.EndToEnd/Node/package.json into=artifacts/node
  cmp -s $wanted $into/package.json && [ -e $into/node_modules/.package-lock.json ] && return 0
  mkdir -p $into && cp $wanted $into/ || return 1
  local log; log=$(mktemp)
  npm install --prefix $into --no-package-lock --no-audit --no-fund >"$log" 2>&1
  local rc=$?
  [ $rc -eq 0 ] || { tail -n 5 "$log" >&2; rm -f $into/package.json; echo "Could not install the packages of $wanted." >&2; }
  rm -f "$log"
  return $rc
}
