# Sourced by the scripts: runs named steps, stops at the first that fails, and prints how long each took.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

steps_started=$SECONDS
steps_table=""

# step NAME COMMAND...
step() {
  local name=$1 started=$SECONDS
  shift
  printf '\n== %s\n' "$name"
  if ! "$@"; then
    printf '\n%s: failed after %d s\n' "$name" $((SECONDS - started)) >&2
    exit 1
  fi
  steps_table+=$(printf '  %5d s  %s' $((SECONDS - started)) "$name")$'\n'
}

# steps_summary NAME: the table of all steps so far.
steps_summary() {
  printf '\n%s: done in %d s\n%s' "$1" $((SECONDS - steps_started)) "$steps_table"
}
