#!/usr/bin/env bash
# Measures our own memory: RSS at rest, after load and when it is gone, managed bytes allocated per request, bytes per idle connection.
# Usage: bench/peers/memory.sh [--connections N] [--idle N] [--seconds N]; the executable is chosen as run.sh does.
set -euo pipefail
exec "$(dirname "$0")/run.sh" --modes memory --peers pilotfish "$@"
