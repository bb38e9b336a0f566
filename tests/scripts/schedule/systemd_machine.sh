#!/usr/bin/env bash
# Boots a real systemd as a container over a throw-away layer of this machine's files, with the units as they are shipped,
# and runs a script within it. Nothing outside the layer changes.
#
#   systemd_machine.sh CHECKOUT SCRIPT      as root; prints what SCRIPT prints
#
# CHECKOUT is a directory that becomes /opt/lengthwise, with units in its scripts/schedule.
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    exec unshare --mount --kill-child --fork -- "$0" --inside "$@"
fi

work=$(mktemp -d)
mount --make-rprivate /
mount -t tmpfs tmpfs "$work"
mkdir "$work/upper" "$work/work" "$work/root"
mount -t overlay -o "lowerdir=/,upperdir=$work/upper,workdir=$work/work" overlay "$work/root"
root=$work/root

cp -r "$2" "$root/opt/lengthwise"
cp "$3" "$root/driver.sh"
cp "$2"/scripts/schedule/lengthwise-retrain.* "$root/etc/systemd/system/"
useradd --root "$root" --system --home-dir /var/lib/lengthwise lengthwise
# Another machine than this one, else nspawn would join the journals of both.
rm -f "$root/etc/machine-id"
tr -d - </proc/sys/kernel/random/uuid >"$root/etc/machine-id"

cat >"$root/etc/systemd/system/driver.target" <<'UNIT'
[Unit]
Wants=systemd-journald.service driver.service lengthwise-retrain.timer
UNIT
cat >"$root/etc/systemd/system/driver.service" <<'UNIT'
[Unit]
DefaultDependencies=no
After=systemd-journald.socket
[Service]
Type=oneshot
StandardOutput=append:/driver.output
StandardError=inherit
ExecStart=/bin/bash /driver.sh
ExecStopPost=/bin/systemctl --force --force poweroff
UNIT
SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 timeout 200 systemd-nspawn --quiet --keep-unit --register=no --console=pipe \
    --machine="lengthwise-$$" --directory="$root" --boot systemd.unit=driver.target </dev/null >&2
cat "$root/driver.output"
