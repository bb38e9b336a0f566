#!/usr/bin/env bash
# A real Apache Flink cluster on this machine, and the preprocessing job on it.
#
#   scripts/flink.sh up                  one job manager, two task managers with two slots each, Python workers
#   scripts/flink.sh run --spec ...      python -m pipeline with these arguments, on the cluster; without one, it
#                                        brings a cluster up first and takes it down afterwards, however the job ends
#   scripts/flink.sh status              what runs, and where
#   scripts/flink.sh down                ends it all
#   scripts/flink.sh job-server          the path of Beam's job server jar, fetched when it is not there
#
# Needs Java 17 and Maven, which fetches Flink (scripts/flink/pom.xml) and Beam's job server for the Beam version of
# constraints.txt. $LENGTHWISE_FLINK is the directory for jars, logs and process ids (default: .flink in the
# repository root), $LENGTHWISE_FLINK_JOB_SERVER a job server jar to use instead of fetching one, and
# $LENGTHWISE_FLINK_PYTHON the workers' Python (default: that of scripts/environment.sh).
# Exit status: the job's; 2 when something is missing; 3 when Maven does not serve the job server.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
home=${LENGTHWISE_FLINK:-$root/.flink}
pom=$root/scripts/flink/pom.xml
task_managers=2
slots=2 # each; jobs use half of all slots, so that one task manager may be lost
started_here=false

say() { printf '[flink] %s\n' "$*" >&2; }
fail() { printf '[flink] error: %s\n' "$1" >&2; exit "${2:-2}"; }
setting() { sed -n "s/^$1=//p" "$home/run/settings"; }

check_tools() {
    command -v java >/dev/null || fail "found no java; install Java 17 (for instance the package openjdk-17-jre-headless)"
    local version
    version=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
    [ "${version:-0}" -ge 17 ] || fail "java is version ${version:-unknown}, expected 17 or newer"
    command -v mvn >/dev/null || fail "found no mvn; install Maven 3.8 or newer (for instance the package maven)"
}

# Flink's jars into $home/lib, once for each pom.xml.
fetch_flink() {
    local wanted
    wanted=$(sha256sum <"$pom")
    [ "$(cat "$home/lib/fetched" 2>/dev/null)" = "$wanted" ] && return
    say "fetching Flink with Maven (70 MB, once)"
    rm -rf "$home/lib"
    mvn --batch-mode --quiet --file "$pom" dependency:copy-dependencies \
        -DincludeScope=runtime -DoutputDirectory="$home/lib" >"$home/maven.log" 2>&1 \
        || fail "Maven could not fetch Flink: $(grep -m1 ERROR "$home/maven.log"); all of it: $home/maven.log"
    printf '%s\n' "$wanted" >"$home/lib/fetched"
}

# The path of Beam's job server jar on standard output.
fetch_job_server() {
    if [ -n "${LENGTHWISE_FLINK_JOB_SERVER:-}" ]; then
        [ -f "$LENGTHWISE_FLINK_JOB_SERVER" ] \
            || fail "LENGTHWISE_FLINK_JOB_SERVER is '$LENGTHWISE_FLINK_JOB_SERVER'; expected a jar file"
        printf '%s\n' "$LENGTHWISE_FLINK_JOB_SERVER"
        return
    fi
    local flink beam name
    flink=$(sed -n 's/.*<flink.version>\([0-9]*\.[0-9]*\).*/\1/p' "$pom")
    beam=$(sed -n 's/^apache-beam==//p' "$root/constraints.txt")
    name=beam-runners-flink-$flink-job-server
    if [ ! -f "$home/$name-$beam.jar" ]; then
        say "fetching $name $beam with Maven"
        mvn --batch-mode --quiet dependency:copy -Dartifact="org.apache.beam:$name:$beam" \
            -DoutputDirectory="$home" >"$home/maven.log" 2>&1 \
            || fail "Maven serves no org.apache.beam:$name:$beam here ($home/maven.log says why); give the jar's path in LENGTHWISE_FLINK_JOB_SERVER" 3
    fi
    printf '%s\n' "$home/$name-$beam.jar"
}

# As many free TCP ports as asked for, one a line.
free_ports() {
    "$python" - "$1" <<'PYTHON'
import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*(s.getsockname()[1] for s in sockets), sep="\n")
PYTHON
}

write_configuration() {
    local rpc=$1 rest=$2
    sed -e "s|@RPC@|$rpc|; s|@REST@|$rest|; s|@SLOTS@|$slots|; s|@HOME@|$home|; s|@PARALLELISM@|$slots|" \
        "$root/scripts/flink/config.yaml" >"$home/run/config.yaml"
}

# start NAME COMMAND...: in a process group of its own, its output in run/NAME.log, its id in run/NAME.pid.
start() {
    local name=$1
    shift
    setsid "$@" >"$home/run/$name.log" 2>&1 </dev/null 9>&- &
    printf '%s\n' "$!" >"$home/run/$name.pid"
}

start_java() {
    local name=$1 heap=$2 class=$3 opens=()
    while read -r package; do opens+=(--add-opens="$package=ALL-UNNAMED"); done <"$root/scripts/flink/opens.txt"
    start "$name" java "-Xmx$heap" -XX:+UseSerialGC "${opens[@]}" "-Dlog4j.configurationFile=$root/scripts/flink/log4j2.xml" \
        -cp "$home/lib/*" "$class" --configDir "$home/run"
}

# wait_for SECONDS WHAT COMMAND...: until the command succeeds.
wait_for() {
    local deadline=$((SECONDS + $1)) what=$2
    shift 2
    until "$@" >/dev/null 2>&1; do
        [ -z "$(ended)" ] || fail "$(ended) ended at once; see the logs in $home/run"
        [ "$SECONDS" -lt "$deadline" ] || fail "$what did not come up; see the logs in $home/run"
        sleep 0.5
    done
}

rest() { "$python" -c 'import sys, urllib.request as r; print(r.urlopen(sys.argv[1], timeout=5).read().decode())' "http://localhost:$(setting rest)/$1"; }
all_slots_there() { rest overview | grep -q "\"slots-total\":$((task_managers * slots))[,}]"; }
listening() { "$python" -c 'import socket, sys; socket.create_connection(("localhost", int(sys.argv[1])), 1).close()' "$1"; }

running() { [ -f "$home/run/$1.pid" ] && kill -0 "$(cat "$home/run/$1.pid")" 2>/dev/null; }
is_up() { running job-manager; }

# The name of a process that was started and is no more, if there is one.
ended() {
    local file
    for file in "$home"/run/*.pid; do
        running "$(basename "$file" .pid)" || { basename "$file" .pid; return; }
    done
}

up() {
    check_tools
    mkdir -p "$home"
    fetch_flink
    is_up && fail "a cluster is up already (scripts/flink.sh status); take it down first"
    rm -rf "$home/run" && mkdir -p "$home/run"
    local ports
    mapfile -t ports < <(free_ports 3)
    printf 'rest=%s\nworkers=%s\n' "${ports[1]}" "${ports[2]}" >"$home/run/settings"
    write_configuration "${ports[0]}" "${ports[1]}"
    started_here=true
    start_java job-manager 512m org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint
    for number in $(seq "$task_managers"); do
        start_java "task-manager-$number" 512m org.apache.flink.runtime.taskexecutor.TaskManagerRunner
    done
    # Workers of this environment: a process of the first `python` on the PATH for each that a task manager asks for.
    start workers env "PATH=$(dirname "$python"):$PATH" "PYTHONPATH=$root" "$python" -m apache_beam.runners.worker.worker_pool_main \
        "--service_port=${ports[2]}"
    wait_for 90 "the cluster" all_slots_there
    wait_for 90 "the worker pool" listening "${ports[2]}"
    started_here=false
    say "up: http://localhost:${ports[1]}, $task_managers task managers with $slots slots each, workers at localhost:${ports[2]}"
}

down() {
    local file name
    for file in "$home"/run/*.pid; do
        [ -f "$file" ] || continue
        name=$(basename "$file" .pid)
        running "$name" && kill -TERM -- "-$(cat "$file")" 2>/dev/null || true
    done
    for _ in $(seq 20); do
        any_running || break
        sleep 0.25
    done
    for file in "$home"/run/*.pid; do
        [ -f "$file" ] || continue
        kill -KILL -- "-$(cat "$file")" 2>/dev/null || true
        rm -f "$file"
    done
    say "down"
}

any_running() {
    local file
    for file in "$home"/run/*.pid; do
        [ -f "$file" ] && kill -0 -- "-$(cat "$file")" 2>/dev/null && return 0
    done
    return 1
}

run() {
    check_tools
    mkdir -p "$home"
    local jar
    jar=$(fetch_job_server)
    if ! is_up; then
        up
        started_here=true
    fi
    PYTHONPATH=$root "$python" -m pipeline "$@" \
        --runner=FlinkRunner "--flink_master=localhost:$(setting rest)" "--flink_job_server_jar=$jar" \
        --environment_type=EXTERNAL "--environment_config=localhost:$(setting workers)" "--parallelism=$slots"
}

status() {
    is_up || { say "no cluster is up"; return 1; }
    local file
    printf 'dashboard http://localhost:%s\nworkers   localhost:%s\n' "$(setting rest)" "$(setting workers)"
    for file in "$home"/run/*.pid; do
        printf '%-9s %s\n' "$(cat "$file")" "$(basename "$file" .pid)$(running "$(basename "$file" .pid)" || printf ' (ended)')"
    done
}

# What this call started ends with it, unless `up` has finished.
trap 'if $started_here; then down; fi' EXIT
trap 'exit 130' INT TERM

command=${1:-}
[ $# -gt 0 ] && shift
case $command in
    up | run)
        python=${LENGTHWISE_FLINK_PYTHON:-$("$root/scripts/environment.sh" </dev/null)}
        "$command" "$@"
        ;;
    down | status) "$command" ;;
    job-server)
        check_tools
        mkdir -p "$home"
        fetch_job_server
        ;;
    -h | --help) sed -n '2,17s/^# \{0,1\}//p' "${BASH_SOURCE[0]}" ;;
    *) fail "received '${command}', expected up, run, status, down or job-server" ;;
esac
