# shellcheck shell=bash
# What is said to people, and the directory of state: its locks, its ports, and the processes that are its own.

# Everything for people goes to standard error: standard output carries the export lines.
say() { printf '%s\n' "$*" >&2; }
die() {
    say "deploy/local: $*"
    exit 1
}

# Sets state to the directory that holds all of this script's files.
open_state() {
    type flock setpriv &>/dev/null || die "this needs Linux with util-linux; Docker does the same: $with_docker"
    local default=${XDG_STATE_HOME:-$HOME/.local/state}/token-refresh
    ((EUID != 0)) || default=/var/lib/token-refresh
    state=${TOKEN_REFRESH_STATE_DIR:-$default}
    mkdir -p "$state" || die "cannot make $state; set TOKEN_REFRESH_STATE_DIR to another directory"
    [[ -O $state && -w $state ]] || die "$state belongs to somebody else; set TOKEN_REFRESH_STATE_DIR"
    state=$(cd "$state" && pwd -P)
    # As root, the servers' users pass through it to their own directories.
    if ((EUID == 0)); then chmod 711 "$state"; else chmod 700 "$state"; fi
    umask 077
}

# Sets password to that of the servers; only under the lock, so that two at once agree on it.
read_password() {
    if [[ ! -s $state/password ]]; then
        head -c 24 /dev/urandom | base64 | tr -d '/+=\n' >"$state/password.new"
        mv "$state/password.new" "$state/password"
    fi
    password=$(<"$state/password")
}

# One at a time starts or stops servers; the lock goes with the process that holds it.
lock() {
    exec 9>>"$state/lock"
    flock -n 9 || { say "waiting for another ./deploy/local that is at work …" && flock 9; }
}

# While test or demo run they are inside; the last one out stops what no `up` asked to keep.
enter() { exec 8>>"$state/users" && flock -s 8; }
nobody_inside() { flock -n "$state/users" true; }

# working NAME TEXT COMMAND…: runs COMMAND, its output in the log of NAME, and shows the seconds that go by;
# where it fails, the end of the log too. COMMAND must hand failures on: callers that ask switch `set -e` off.
working() {
    local log=$state/$1.log text=$2 began=$SECONDS status=0
    say "$text …"
    # A process group of its own, so that an interrupted script ends all of it.
    set -m
    (set +m && "${@:3}") </dev/null >"$log" 2>&1 8>&- 9>&- &
    job=$!
    set +m
    while kill -0 "$job" 2>/dev/null; do
        [[ ! -t 2 ]] || printf '\r%d s' "$((SECONDS - began))" >&2
        sleep 0.1
    done
    wait "$job" || status=$?
    job=''
    [[ ! -t 2 ]] || printf '\r' >&2
    if ((status == 0)); then
        say "done in $((SECONDS - began)) s"
    else
        say "FAILED after $((SECONDS - began)) s; the end of $log:"
        tail -n 20 "$log" | sed 's/^/  | /' >&2
    fi
    return "$status"
}

# until_true SECONDS COMMAND…: polls COMMAND; fails when the time is over.
until_true() {
    local deadline=$((SECONDS + $1))
    until "${@:2}"; do
        ((SECONDS < deadline)) || return 1
        sleep 0.2
    done
}

# as USER COMMAND…: becomes COMMAND, as root with USER's rights, in an environment that `ours` recognises.
as() {
    local who=$1
    shift
    ((EUID != 0)) || set -- setpriv --reuid="$who" --regid="$(id -g "$who")" --init-groups -- "$@"
    exec env -i PATH="$PATH:/usr/sbin:/sbin" LANG=C.UTF-8 HOME="$state/$who" "$mark=$state" "$@"
}

# own USER PATH…: as root, gives them to USER's server.
own() { ((EUID != 0)) || chown "$1:" "${@:2}"; }

# ours PID: is it a process of this directory, and not one that got a dead one's number?
ours() {
    local ids reader=()
    # Status 1 by name: without one, `return` in a trap means the status from before the trap.
    [[ -n ${1:-} ]] && ids=$(stat -c '%u %g' "/proc/$1" 2>/dev/null) || return 1
    # In a container root may not read the environment of others' processes, but each user that of his.
    ((EUID != 0)) || reader=(setpriv --reuid="${ids% *}" --regid="${ids#* }" --clear-groups --)
    "${reader[@]}" grep -qszxF "$mark=$state" "/proc/$1/environ"
}
gone() { ! ours "$1"; }

# stop_process PID SIGNAL SECONDS: asks, then forces; leaves alone what is not ours.
stop_process() {
    ours "$1" || return 0
    kill -s "$2" "$1" 2>/dev/null || true
    ! until_true "$3" gone "$1" || return 0
    kill -s KILL "$1" 2>/dev/null || true
    until_true 10 gone "$1"
}

# port NAME: the port that was chosen last.
port() { cat "$state/port.$1" 2>/dev/null; }

# choose_port NAME DEFAULT: the port chosen last, or the default, or one of those behind it that is free.
choose_port() {
    local try
    for try in $(port "$1") $(seq "$2" $(($2 + 39))); do
        if ! (: <>"/dev/tcp/127.0.0.1/$try") 2>/dev/null; then
            echo "$try" >"$state/port.$1"
            return 0
        fi
    done
    echo "no free port for $1 from $2 on"
    return 1
}
