# Sourced by scripts that run one program after another: `child PROGRAM ...` runs it and gives its exit code. Whatever ends the script
# ends the program first, as its own Ctrl-C would, so that it removes what it made.

child_pid=

child() {
  # In a group of its own it hears of a Ctrl-C from us alone, and of a TERM that only this script gets.
  set -m
  "$@" &
  child_pid=$!
  set +m
  wait "$child_pid"
  local rc=$?
  child_pid=
  return $rc
}

child_stop() {
  trap '' INT TERM
  if [ -n "$child_pid" ]; then
    kill -INT -- "-$child_pid" 2>/dev/null
    for _ in $(seq 300); do kill -0 "$child_pid" 2>/dev/null || break; sleep 0.1; done
    kill -KILL -- "-$child_pid" 2>/dev/null
  fi
  exit "$1"
}
trap 'child_stop 130' INT
trap 'child_stop 143' TERM

# Builds one project or solution; prints nothing but what is wrong.
quiet_build() {
  local log; log=$(mktemp)
  child dotnet build "$1" -nologo -v quiet >"$log" 2>&1
  local rc=$?
  [ $rc -eq 0 ] || grep -E 'error|warning' "$log" | sort -u | head -n 40 >&2
  rm -f "$log"
  return $rc
}
