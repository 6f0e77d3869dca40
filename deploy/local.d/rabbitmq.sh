# shellcheck shell=bash
# A RabbitMQ of this directory's own, on loopback ports; and calls to its HTTP API or to one that is given.

# Sets rabbitmq_bin to the directory of RabbitMQ's own scripts (not the wrappers that insist on a user).
find_rabbitmq() {
    local dir
    command -v curl >/dev/null || return 1
    ((EUID != 0)) || id rabbitmq &>/dev/null || return 1
    for dir in /usr/lib/rabbitmq/bin "$(dirname "$(readlink -f "$(command -v rabbitmq-server || echo /)")")"; do
        rabbitmq_bin=$dir
        [[ ! -x $dir/rabbitmqctl || ! -e $dir/rabbitmq-env ]] || return 0
    done
    return 1
}

amqp_url() { printf 'amqp://%s:%s@127.0.0.1:%s/%%2f' "$user" "$password" "$(port amqp)"; }
management_url() { printf 'http://%s:%s@127.0.0.1:%s' "$user" "$password" "$(port management)"; }
rabbitmq_pid() { cat "$state/pid.rabbitmq" 2>/dev/null || true; }
rabbitmq_answers() {
    local RABBITMQ_MANAGEMENT_URL
    [[ -n $(port management) ]] || return 1
    RABBITMQ_MANAGEMENT_URL=$(management_url)
    broker_api GET "/api/health/checks/port-listener/$(port amqp)" 2>/dev/null
}

# broker_api METHOD PATH [BODY]: succeeds where the HTTP API at RABBITMQ_MANAGEMENT_URL does.
broker_api() {
    # The address comes through standard input: it holds a password, and arguments can be read by everybody.
    printf 'url = "%s%s"\n' "${RABBITMQ_MANAGEMENT_URL%/}" "$2" |
        curl -qsSf -K - -m 5 --noproxy '*' -o /dev/null -X "$1" -H 'content-type: application/json' ${3:+-d "$3"}
}

# in_rabbitmq COMMAND…: becomes one of its programs, with what all of them must agree on.
in_rabbitmq() {
    local dir=$state/rabbitmq loopback='-kernel inet_dist_use_interface {127,0,0,1}'
    as rabbitmq env HOME="$dir/home" RABBITMQ_NODENAME=token-refresh@localhost \
        "RABBITMQ_CONF_ENV_FILE=$dir/none" "RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf" \
        "RABBITMQ_ADVANCED_CONFIG_FILE=$dir/advanced.config" "RABBITMQ_ENABLED_PLUGINS_FILE=$dir/enabled_plugins" \
        "RABBITMQ_MNESIA_BASE=$dir/data" "RABBITMQ_LOG_BASE=$dir/log" \
        "RABBITMQ_GENERATED_CONFIG_DIR=$dir/generated" "RABBITMQ_DIST_PORT=$(port distribution)" \
        "ERL_EPMD_PORT=$(port epmd)" ERL_EPMD_ADDRESS=127.0.0.1 \
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS=$loopback" "RABBITMQ_CTL_ERL_ARGS=$loopback" "$@"
}

# Writes the server's files.
configure_rabbitmq() {
    local dir=$state/rabbitmq
    mkdir -p "$dir"/{home,data,log,generated} || return 1
    echo '[rabbitmq_management].' >"$dir/enabled_plugins"
    cp "$root/deploy/servers.advanced.config" "$dir/advanced.config"
    cat "$root/deploy/servers.rabbitmq.conf" - >"$dir/rabbitmq.conf" <<END
listeners.tcp.local = 127.0.0.1:$(port amqp)
management.tcp.ip = 127.0.0.1
management.tcp.port = $(port management)
default_user = $user
default_pass = $password
END
    own rabbitmq "$dir" "$dir"/{home,data,log,generated,enabled_plugins,advanced.config,rabbitmq.conf}
}

# Starts it and waits until it answers.
start_rabbitmq() {
    local dir=$state/rabbitmq pid deadline=$((SECONDS + boot_seconds))
    stop_epmd
    choose_port amqp 25472 && choose_port management 25512 && choose_port distribution 25552 &&
        choose_port epmd 25592 && configure_rabbitmq || return 1
    (
        cd "$dir" || exit
        ulimit -Sn 65536 2>/dev/null || ulimit -Sn "$(ulimit -Hn)"
        # RUNNING_UNDER_SYSTEMD: the script becomes the server instead of watching over it.
        in_rabbitmq RUNNING_UNDER_SYSTEMD=1 setsid "$rabbitmq_bin/rabbitmq-server"
    ) >"$dir/server.log" 2>&1 &
    pid=$!
    echo "$pid" >"$state/pid.rabbitmq"
    while kill -0 "$pid" 2>/dev/null && ((SECONDS < deadline)); do
        ! rabbitmq_answers || return 0
        sleep 0.3
    done
    tail -n 20 "$dir/server.log"
    return 1
}

stop_rabbitmq() { stop_process "$(rabbitmq_pid)" TERM 60 && rm -f "$state/pid.rabbitmq"; }

# Erlang's port mapper, which the server and rabbitmqctl start where none runs, and leave behind.
stop_epmd() {
    local pid
    while read -r pid; do stop_process "$pid" TERM 5; done < <(grep -lxs epmd /proc/[0-9]*/comm | cut -d/ -f3)
}
