#!/usr/bin/env bash
# A real cron daemon with one crontab, in namespaces of its own: it sees no other job of this machine, and whatever it
# starts ends with it.
#
#   cron_daemon.sh CRONTAB COMMANDS      as root; COMMANDS holds a sendmail, which cron finds as /usr/sbin/sendmail
set -euo pipefail

if [ "${1:-}" != --inside ]; then
    exec unshare --mount --pid --fork --kill-child --mount-proc -- "$0" --inside "$@"
fi

mount -t tmpfs tmpfs /run # another daemon's process id would keep this one from starting
mount -t tmpfs -o mode=1730,gid=crontab tmpfs /var/spool/cron/crontabs
mount -t tmpfs tmpfs /etc/cron.d
mount --bind /dev/null /etc/crontab
mount -t overlay -o "lowerdir=$3:/usr/sbin" overlay /usr/sbin
crontab "$2"
exec timeout 300 cron -f # should the test be killed before it ends this
