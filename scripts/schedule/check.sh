#!/usr/bin/env bash
# Checks the recipes with the schedulers' own tools.
#
#   scripts/schedule/check.sh                 everything, a run under a real cron and a real systemd included (as root)
#   scripts/schedule/check.sh --tools-only    only makes the environment of tools, for pytest tests/scripts/schedule
#
# Airflow, Kubernetes' schemas and a crontab parser come from check-tools.txt, in an environment of their own:
# $LENGTHWISE_SCHEDULE_TOOLS, or lengthwise/schedule-tools in the user's cache. cron, systemd and systemd-nspawn are
# Debian's: without --tools-only, root gets the packages that are absent.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tools_only=false
case ${1:-} in
    "") ;;
    --tools-only) tools_only=true ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' scripts/schedule/check.sh; exit 0 ;;
    *) echo "check.sh: got '$1'; expected --tools-only, --help or nothing" >&2; exit 2 ;;
esac

say() { printf '[schedulers] %s\n' "$*" >&2; }

python=$(scripts/environment.sh </dev/null)
export LENGTHWISE_SCHEDULE_TOOLS=${LENGTHWISE_SCHEDULE_TOOLS:-${XDG_CACHE_HOME:-$HOME/.cache}/lengthwise/schedule-tools}
tools=$LENGTHWISE_SCHEDULE_TOOLS
wanted=$({ "$python" --version && cat scripts/schedule/check-tools.txt; } | sha256sum)

mkdir -p "$(dirname "$tools")"
# Two runs at once: the second waits. The kernel lets the lock go however this ends.
exec 9>"$tools.lock"
flock 9
# The stamp is written last: without it, or with another, the environment is made anew.
if [ "$(cat "$tools/lengthwise.stamp" 2>/dev/null)" = "$wanted" ]; then
    say "reusing $tools"
else
    if [ -n "$(ls -A "$tools" 2>/dev/null)" ] && [ ! -e "$tools/pyvenv.cfg" ]; then
        say "error: $tools holds something else; delete it, or set LENGTHWISE_SCHEDULE_TOOLS to another path"
        exit 1
    fi
    say "installing Airflow and Kubernetes' schemas into $tools (a minute or two, once)"
    rm -rf "$tools"
    "$python" -m venv "$tools"
    # --no-deps: the pins are complete. --no-compile: most of it is never imported.
    "$tools/bin/python" -m pip install --quiet --no-input --disable-pip-version-check --no-compile --no-deps \
        --requirement scripts/schedule/check-tools.txt >&2
    printf '%s\n' "$wanted" >"$tools/lengthwise.stamp"
    say "ready: $tools"
fi
exec 9>&-
if $tools_only; then
    exit 0
fi

packages=()
command -v cron >/dev/null || packages+=(cron)
command -v systemd-analyze >/dev/null || packages+=(systemd)
command -v systemd-nspawn >/dev/null || packages+=(systemd-container)
if [ "$(id -u)" -ne 0 ]; then
    say "not root: no run under a real cron and a real systemd; tests that miss a command are skipped"
else
    if [ ${#packages[@]} -gt 0 ]; then
        say "installing ${packages[*]}"
        apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${packages[@]}" >&2
    fi
    export LENGTHWISE_CRON_TEST=1 LENGTHWISE_SYSTEMD_TEST=1
fi
exec "$python" -m pytest tests/scripts/schedule
