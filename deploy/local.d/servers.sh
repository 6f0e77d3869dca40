# shellcheck shell=bash
# Both servers: given ones, or this directory's own, brought up and stopped together.

# given URL: is it a server of the caller's, and not one of this directory that `up --env` named?
given() { [[ -n ${1:-} && $1 != *":$password@127.0.0.1"* ]]; }

# Brings up what is not given, and exports where both are.
up() {
    read_password
    if ! given "${DATABASE_URL:-}"; then
        provide postgres postgresql
        DATABASE_URL=$(postgres_url)
    fi
    if ! given "${AMQP_URL:-}"; then
        provide rabbitmq rabbitmq-server curl
        AMQP_URL=$(amqp_url) RABBITMQ_MANAGEMENT_URL=$(management_url)
        RABBITMQCTL="env TOKEN_REFRESH_STATE_DIR=$state $root/deploy/local rabbitmqctl"
    fi
    export DATABASE_URL AMQP_URL RABBITMQ_MANAGEMENT_URL RABBITMQCTL
}

# provide NAME PACKAGE…: installs and starts a server, where it is not there and does not run.
provide() {
    "find_$1" || { install_missing "${@:2}" && "find_$1"; } || die "no $1 on this machine, or too old a one. One of:
  Debian 12, Ubuntu 24.04 or later   sudo apt-get install postgresql rabbitmq-server curl
  Fedora                             sudo dnf install postgresql-server rabbitmq-server curl
  Docker                             $with_docker
  servers that you have              set DATABASE_URL and AMQP_URL"
    "$1_answers" || working "$1" "starting $1" bring_up "$1" ||
        die "$1 does not start; \`./deploy/local down --purge\` begins anew"
}

# bring_up NAME: several times if need be: its port can be taken, and what a killed server left ends late.
bring_up() {
    local attempt
    if ours "$("$1_pid")" && until_true "$mend_seconds" "$1_answers"; then return 0; fi
    for attempt in 1 2 3 4; do
        stop_process "$("$1_pid")" KILL 10
        ! "start_$1" || return 0
        echo "attempt $attempt: $1 did not start"
        sleep 1
    done
    return 1
}

# Stops this directory's own, whoever started them.
stop_servers() {
    local name
    for name in postgres rabbitmq; do
        if ours "$("${name}_pid")"; then working "$name" "stopping $name" "stop_$name" || true; fi
    done
    stop_epmd
}

# At the end: stops the servers, unless `up` asked to keep them or another one uses them.
leave() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    [[ -z $job ]] || kill -- "-$job" 2>/dev/null || true
    exec 8>&-
    lock
    if [[ ! -e $state/kept ]] && nobody_inside; then stop_servers; fi
    exit "$status"
}
leave_at_end() {
    trap leave EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
}
