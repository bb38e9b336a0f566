#!/usr/bin/env bash
# Makes the virtual environment that the other scripts run in, or reuses the one that is there.
#
#   python=$(scripts/environment.sh)      # progress on standard error; the environment's Python on standard output
#
# The environment is .venv in the repository root, or $LENGTHWISE_VENV. It holds exactly the versions of
# constraints.txt, with this checkout installed in place. A stamp, written last, says what it was made from:
# without it (an interrupted run) or with another one (changed pins), the environment is made anew.
# $LENGTHWISE_PYTHON names the Python to make it with; the default is the first of python3.11, python3, python3.12 and
# python3.13 that is usable. Two runs at once: the second waits for the first.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
environment=${LENGTHWISE_VENV:-$root/.venv}
stamp=$environment/lengthwise.stamp

say() { printf '[environment] %s\n' "$*" >&2; }
fail() { printf '[environment] error: %s\n' "$*" >&2; exit 1; }

# A Python is usable when it is 3.11 to 3.13 (tfx-bsl is built for no other) and can make environments.
usable() {
    "$1" -c 'import ensurepip, sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

find_python() {
    local candidate
    if [ -n "${LENGTHWISE_PYTHON:-}" ]; then
        usable "$LENGTHWISE_PYTHON" || fail "LENGTHWISE_PYTHON is '$LENGTHWISE_PYTHON'; expected a Python 3.11, 3.12 or 3.13 with the venv and ensurepip modules"
        command -v "$LENGTHWISE_PYTHON"
        return
    fi
    for candidate in python3.11 /usr/bin/python3.11 python3 python3.12 python3.13; do
        if usable "$candidate"; then
            command -v "$candidate"
            return
        fi
    done
    fail "found no usable Python (python3 is: $(python3 --version 2>&1 || true)); install Python 3.11 with its venv module, or set LENGTHWISE_PYTHON to one"
}

# What an environment is made from. The root is part of it: this checkout is installed in place, by its path.
fingerprint() {
    "$1" - "$root" "$environment" <<'PYTHON'
import hashlib, pathlib, sys
root, environment = sys.argv[1:]
digest = hashlib.sha256(repr((root, environment, sys.version)).encode())
for name in ("constraints.txt", "setup.py"):
    digest.update((pathlib.Path(root) / name).read_bytes())
print(digest.hexdigest())
PYTHON
}

make() {
    local python=$1 wanted=$2
    say "making $environment from constraints.txt with $("$python" --version)"
    rm -rf "$environment"
    "$python" -m venv "$environment"
    # Without --no-compile pip spends 47 of 115 CPU seconds on compiling modules that nobody imports.
    local install=("$environment/bin/python" -m pip install --quiet --no-input --disable-pip-version-check
        --no-compile --constraint "$root/constraints.txt")
    # The pinned setuptools first: it is what installs the checkout, so that nothing unpinned is fetched to do it.
    "${install[@]}" setuptools >&2
    say "installing some 160 packages, 900 MB to fetch (two minutes, once)"
    "${install[@]}" --no-build-isolation --editable "$root[jax,test]" >&2
    printf '%s\n' "$wanted" >"$stamp"
    say "ready: $environment"
}

main() {
    local python wanted
    python=$(find_python)
    wanted=$(fingerprint "$python")
    mkdir -p "$(dirname "$environment")"
    # The lock lies beside the environment, which may be deleted below: that it is there says who made the environment.
    if [ ! -e "$environment.lock" ] && [ -n "$(ls -A "$environment" 2>/dev/null)" ]; then
        fail "$environment was not made by this script and is left alone; delete it, or set LENGTHWISE_VENV to another path"
    fi
    # It is let go when this process ends, however it ends.
    exec 9>>"$environment.lock"
    if command -v flock >/dev/null && ! flock --nonblock 9; then
        say "another run is making $environment; waiting for it"
        flock 9
    fi
    # An environment elsewhere may serve another checkout, whose path the stamp does not tell.
    local owner
    owner=$(cat "$environment.lock")
    if [ -n "${LENGTHWISE_VENV:-}" ] && [ -n "$owner" ] && [ "$owner" != "$root" ] && [ -d "$environment" ]; then
        fail "$environment is that of the checkout $owner; set LENGTHWISE_VENV to another path, or delete both it and $environment.lock"
    fi
    printf '%s\n' "$root" >"$environment.lock"
    if [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && [ -x "$environment/bin/python" ]; then
        say "reusing $environment"
    else
        make "$python" "$wanted"
    fi
    printf '%s\n' "$environment/bin/python"
}

main
