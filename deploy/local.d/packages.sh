# shellcheck shell=bash
# Packages of the system, installed where they are missing, without starting the services that they bring.

# at_least VERSION MINIMUM
at_least() { [[ $(printf '%s\n' "$2" "$1" | sort -V | head -n 1) == "$2" ]]; }

as_root() { if ((EUID == 0)); then "$@"; else sudo -n "$@"; fi; }

# install_missing PACKAGE…: fails where apt-get or the right to use it is missing.
install_missing() {
    command -v apt-get >/dev/null && as_root true 2>/dev/null || return 1
    working install "installing $* with apt-get" install_packages "$@"
}

# install_packages PACKAGE…: no service of theirs starts, now or with the machine.
install_packages() {
    local unit brought=() policy=/usr/sbin/policy-rc.d mark='# deploy/local: no service starts while it installs'
    # An interrupted script leaves apt-get to finish: half an installation is worse.
    trap '' INT TERM HUP
    for unit in postgresql.service rabbitmq-server.service epmd.service epmd.socket; do
        [[ -e /lib/systemd/system/$unit ]] || brought+=("$unit")
    done
    if [[ ! -e $policy ]] || grep -qF "$mark" "$policy"; then
        # shellcheck disable=SC2064 # expanded here, where it is known
        trap "as_root rm -f $policy" EXIT
        printf '#!/bin/sh\n%s\nexit 101\n' "$mark" | as_root tee "$policy" >/dev/null
        as_root chmod 755 "$policy"
    fi
    as_root apt-get -o DPkg::Lock::Timeout=300 update &&
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
            install -y --no-install-recommends "$@" || return 1
    for unit in "${brought[@]}"; do
        as_root systemctl disable "$unit" || as_root update-rc.d "${unit%.*}" disable || true
    done
}
