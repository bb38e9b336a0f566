#!/usr/bin/env bash
# The whole suite: formatting, lint and types, then the tests on TensorFlow, then those of the layers on JAX. Before the
# tests, Airflow and Kubernetes' schemas are installed in an environment of their own, for the recipes of scripts/schedule.
#
#   scripts/test.sh                            everything; what continuous integration runs
#   scripts/test.sh --quick                    without the types, the end-to-end and fault tests, and JAX
#   scripts/test.sh tests/pipeline -k bucket   static checks, and pytest with these arguments on TensorFlow
#
# Nothing is needed but Python 3.11: the environment is made by scripts/environment.sh. A failed step does not stop
# the ones after it; the summary at the end names every step, and the exit status is 1 when one has failed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

quick=false
arguments=()
for argument in "$@"; do
    case $argument in
        --quick) quick=true ;;
        -h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit 0 ;;
        *) arguments+=("$argument") ;;
    esac
done

python=$(scripts/environment.sh </dev/null)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
export TF_CPP_MIN_LOG_LEVEL=${TF_CPP_MIN_LOG_LEVEL:-2} PYTHONUNBUFFERED=1
failed=0
summary=()

# step NAME COMMAND...: runs the command, remembers how it ended and how long it took.
step() {
    local name=$1 status=0 started=$SECONDS
    shift
    printf '\n=== %s\n' "$name"
    "$@" </dev/null 2>&1 | tee -a "$log" || status=$?
    if [ "$status" -eq 0 ]; then
        summary+=("passed   $name ($((SECONDS - started)) s)")
    else
        summary+=("FAILED   $name ($((SECONDS - started)) s, exit status $status)")
        failed=1
    fi
}

left_out() { summary+=("not run  $1: $2"); }

run_pytest() {
    local backend=$1
    shift
    env KERAS_BACKEND="$backend" "$python" -m pytest "$@"
}

step "format" "$python" -m ruff format --check .
step "lint" "$python" -m ruff check .
if $quick; then
    left_out "types" "--quick"
else
    step "types" "$python" -m mypy
fi

if $quick; then
    left_out "schedulers' tools" "--quick"
elif [ ${#arguments[@]} -gt 0 ]; then
    left_out "schedulers' tools" "pytest arguments were given"
else
    # Only the tools: the tests that use them run with the others.
    step "schedulers' tools" scripts/schedule/check.sh --tools-only
fi

selection=()
if $quick; then
    selection=(-m "not slow" --ignore tests/end_to_end --ignore tests/faults)
    left_out "tests/end_to_end, tests/faults, tests marked slow" "--quick"
fi
step "tests on TensorFlow" run_pytest tensorflow ${selection[@]+"${selection[@]}"} ${arguments[@]+"${arguments[@]}"}

on_jax=()
for directory in tests/properties tests/trainer/layers; do
    if [ -n "$(find "$directory" -name 'test_*.py' -print -quit 2>/dev/null)" ]; then
        on_jax+=("$directory")
    else
        left_out "$directory on JAX" "there are no tests in it"
    fi
done
if $quick; then
    left_out "tests on JAX" "--quick"
elif [ ${#arguments[@]} -gt 0 ]; then
    left_out "tests on JAX" "pytest arguments were given"
elif [ ${#on_jax[@]} -gt 0 ]; then
    step "tests on JAX (${on_jax[*]})" run_pytest jax "${on_jax[@]}"
fi

printf '\n=== summary\n'
printf '%s\n' "${summary[@]}"
if grep -q '^SKIPPED' "$log"; then
    printf '\nskipped tests:\n'
    grep '^SKIPPED' "$log" | sort | uniq
fi
[ "$failed" -eq 0 ] && printf '\nall passed\n' || printf '\nFAILED\n'
exit "$failed"
