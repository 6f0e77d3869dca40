# shellcheck shell=bash
# What the project's own programs need: Rust, what the tests want, and the demo's database and virtual host.

find_rust() {
    local wanted version
    command -v cargo >/dev/null || PATH=$PATH:$HOME/.cargo/bin
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
    version=$(cd "$root" && cargo --version 2>/dev/null | cut -d' ' -f2) || true
    at_least "${version:-0}" "$wanted" || die "Rust $wanted or later is needed${version:+, and $version is here}.
Install it:  curl --proto '=https' --tlsv1.2 -sSf https://sh.rustup.rs | sh   (https://rustup.rs)"
    command -v cc >/dev/null || install_missing gcc libc6-dev ||
        die "a C compiler is needed to link Rust programs:  sudo apt-get install gcc libc6-dev"
}

# What the tests want: for the admin page a browser, its driver, and npm for the tools that check it; and
# servers that single tests start, break and put between.
find_test_tools() {
    local missing=()
    command -v chromium >/dev/null || command -v google-chrome >/dev/null || missing+=(chromium)
    command -v chromedriver >/dev/null || missing+=(chromium-driver)
    command -v npm >/dev/null || missing+=(npm)
    [[ -x /usr/sbin/nginx ]] || missing+=(nginx)
    find_postgres || missing+=(postgresql)
    ((${#missing[@]} > 0)) || return 0
    install_missing "${missing[@]}" || say "Tests will fail: no ${missing[*]} on this machine."
}

# run COMMAND…: lets it have the terminal, hands signals on, and returns its status.
run() {
    local child signalled=yes status=0
    # A background process of a script ignores Ctrl-C unless it is told not to.
    (trap - INT QUIT && exec "$@") <&0 8>&- 9>&- &
    child=$!
    # A terminal's Ctrl-C reaches the child too, and a second one would mean "at once".
    trap 'signalled=yes; [[ $(ps -o stat= -p $$) == *+* ]] || kill -s INT "$child" 2>/dev/null || true' INT
    trap 'signalled=yes; kill -s TERM "$child" 2>/dev/null || true' TERM HUP
    while [[ -n $signalled ]]; do
        signalled='' status=0
        wait "$child" || status=$?
    done
    leave_at_end
    return "$status"
}

# Makes an empty database and an empty virtual host in place of those of an earlier demo.
prepare_demo() {
    local slot name broker_user
    # Demos that run at once have different ones; a lock goes with the demo that holds it.
    for slot in {1..99}; do
        exec 7>>"$state/demo.$slot"
        ! flock -n 7 || break
    done
    name=token_refresh_demo_$(cksum <"$state/password" | cut -d' ' -f1)_$slot
    if ! sql "drop database if exists $name with (force)" || ! sql "create database $name"; then
        die "the demo needs psql, and the right to make a database of its own at DATABASE_URL"
    fi
    DATABASE_URL=$(with_path "$DATABASE_URL" "$name")
    if [[ -z ${RABBITMQ_MANAGEMENT_URL:-} ]]; then
        say "Without RABBITMQ_MANAGEMENT_URL the demo uses the virtual host that AMQP_URL names."
        return 0
    fi
    [[ $RABBITMQ_MANAGEMENT_URL == https://* ]] || is_local "$RABBITMQ_MANAGEMENT_URL" ||
        die "RABBITMQ_MANAGEMENT_URL would send a password in the clear to another machine: use https://"
    broker_user=guest
    if [[ $AMQP_URL =~ ^[a-z]+://([^:@/?]+)(:[^@/?]*)?@ ]]; then broker_user=${BASH_REMATCH[1]}; fi
    broker_api DELETE "/api/vhosts/$name" 2>/dev/null || true
    if ! broker_api PUT "/api/vhosts/$name" '{}' || ! broker_api PUT "/api/permissions/$name/$broker_user" \
        '{"configure":".*","write":".*","read":".*"}'; then
        die "the demo needs curl, and the right to make a virtual host of its own at RABBITMQ_MANAGEMENT_URL"
    fi
    AMQP_URL=$(with_path "$AMQP_URL" "$name")
}
