#!/usr/bin/env bash
# One retraining run for cron, which mails whatever a job prints: the output goes to a file, one a run, and only a run
# that somebody must look at prints (its end, and where the rest is). lengthwise.cron sets the variables.
#
# Exit status: 0 for promoted, nothing to do (0), kept champion (10) and locked (13); any other is the run's own,
# 124 when it was ended for taking longer than LENGTHWISE_TIMEOUT (12h).
set -uo pipefail

for name in LENGTHWISE_SPEC LENGTHWISE_INPUT LENGTHWISE_WORKSPACE; do
    if [ -z "${!name:-}" ]; then
        echo "lengthwise: $name is not set; expected it in the crontab, above the line that runs ${BASH_SOURCE[0]}"
        exit 2
    fi
done
checkout=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)
python=${LENGTHWISE_VENV:-$checkout/.venv}/bin/python

# Beside the workspace, not in it: what lies there belongs to retrain.py.
logs=${LENGTHWISE_LOGS:-$LENGTHWISE_WORKSPACE.logs}
mkdir -p "$logs" || exit 1
find "$logs" -name 'retrain-*.log' -mtime +90 -delete
log=$logs/retrain-$(date +%Y-%m-%dT%H-%M-%S).$$.log

# Without a limit, a run that hangs would hold the lock, and every later night would end quietly as "locked".
# LENGTHWISE_OPTIONS is several words, so it stands without quotes; set -f keeps a * in it from being a file name.
set -f
# shellcheck disable=SC2086
PYTHONUNBUFFERED=1 timeout --kill-after=5m "${LENGTHWISE_TIMEOUT:-12h}" nice -n 10 \
    "$python" "$checkout/scripts/retrain.py" run --spec "$LENGTHWISE_SPEC" --input "$LENGTHWISE_INPUT" \
    --workspace "$LENGTHWISE_WORKSPACE" ${LENGTHWISE_OPTIONS:-} </dev/null >"$log" 2>&1
status=$?

case $status in
    0 | 10 | 13) exit 0 ;;
    2) reason="usage or configuration error" ;;
    11) reason="data refused" ;;
    12) reason="gate failed" ;;
    124) reason="ended after ${LENGTHWISE_TIMEOUT:-12h}" ;;
    130 | 137) reason="ended by a signal" ;;
    *) reason="unexpected failure" ;;
esac
printf 'lengthwise: retraining ended with exit status %s (%s). The whole output: %s:%s\nIts end:\n\n' \
    "$status" "$reason" "$(hostname)" "$log"
tail -n 40 "$log"
exit "$status"
