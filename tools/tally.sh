# Sourced by build.sh: the steps of a test run, and how many tests passed and failed in them.

passed=0
failed=0
summary=()

# check NAME COMMAND...: a step without tests of its own; it counts only when it fails.
check() {
  local name=$1
  shift
  say "$name"
  "$@" && return
  summary+=("$name: FAILED")
  failed=$((failed + 1))
  return 1
}

# tests NAME PATTERN COMMAND...: a step that runs tests; PATTERN finds the runner's summary lines.
tests() {
  local name=$1 pattern=$2 log status=0 line runner_failed=0
  shift 2
  say "$name"
  log=$(mktemp)
  "$@" 2>&1 | tee "$log" || status=1
  while IFS= read -r line; do
    summary+=("$name: $line")
    # cargo: "test result: ok. 3 passed; 0 failed; …"; node: "ℹ pass 3", "ℹ fail 0".
    if [[ $line =~ ([0-9]+)\ passed\;\ ([0-9]+)\ failed ]]; then
      passed=$((passed + BASH_REMATCH[1]))
      runner_failed=$((runner_failed + BASH_REMATCH[2]))
    elif [[ $line =~ pass\ ([0-9]+) ]]; then
      passed=$((passed + BASH_REMATCH[1]))
    elif [[ $line =~ (fail|cancelled)\ ([0-9]+) ]]; then
      runner_failed=$((runner_failed + BASH_REMATCH[2]))
    fi
  done < <(grep -E "$pattern" "$log")
  rm -f "$log"
  if [ $status != 0 ] && [ $runner_failed = 0 ]; then
    summary+=("$name: FAILED outside its tests, see above")
    runner_failed=1
  fi
  failed=$((failed + runner_failed))
}
