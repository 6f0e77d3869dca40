# shellcheck shell=bash
# A PostgreSQL of this directory's own, on a loopback port; and statements to it or to one that is given.

# servers.compose.yaml has the same.
readonly postgres_settings='-c max_connections=300 -c max_locks_per_transaction=256'

# Sets postgres_bin to the directory of PostgreSQL 15 or later, of the very version that made the data.
find_postgres() {
    local dir version made_by
    ((EUID != 0)) || id postgres &>/dev/null || return 1
    made_by=$(cat "$state/postgres/data/PG_VERSION" 2>/dev/null || true)
    for dir in $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV) /usr/pgsql-*/bin \
        "$(dirname "$(readlink -f "$(command -v initdb || echo /)")")"; do
        [[ -x $dir/initdb && -x $dir/psql ]] || continue
        version=$("$dir/initdb" --version | sed 's/[^0-9]*\([0-9]*\).*/\1/')
        if at_least "$version" 15 && [[ $version == "${made_by:-$version}" ]]; then
            postgres_bin=$dir
            return 0
        fi
    done
    [[ -z $made_by ]] || say "$state/postgres is of PostgreSQL $made_by, which is not installed; down --purge removes it"
    return 1
}

postgres_url() { printf 'postgres://%s:%s@127.0.0.1:%s/%s' "$user" "$password" "$(port postgres)" "$user"; }
postgres_pid() { head -n 1 "$state/postgres/data/postmaster.pid" 2>/dev/null || true; }
postgres_answers() { [[ -n $(port postgres) ]] && DATABASE_URL=$(postgres_url) sql 'select' &>/dev/null; }

# sql STATEMENT: in the database of DATABASE_URL.
sql() (
    url=$DATABASE_URL
    # The password goes through the environment: arguments can be read by everybody.
    if [[ $url =~ ^([a-z]+://[^:@/?]*):([^@/?]*)@(.*)$ ]]; then
        url=${BASH_REMATCH[1]}@${BASH_REMATCH[3]}
        PGPASSWORD=$(printf '%b' "${BASH_REMATCH[2]//%/\\x}")
        export PGPASSWORD
    fi
    # As the program does: TLS, unless the address says otherwise or is this machine's.
    is_local "$url" || export PGSSLMODE=require
    export PGCONNECT_TIMEOUT=10 PGOPTIONS='-c client_min_messages=warning'
    exec timeout 60 env PATH="${postgres_bin:-}:$PATH" psql -XAtqw -v ON_ERROR_STOP=1 -d "$url" -c "$1"
)

# is_local URL: does it name this machine?
is_local() { [[ $1 =~ ^[a-z]+://([^@/?]*@)?(localhost|127(\.[0-9]+){3}|\[::1\])(:[0-9]+)?([/?]|$) ]]; }

# with_path URL PATH: another database or virtual host of the same server.
with_path() {
    [[ $1 =~ ^([a-z]+://[^/?]*)(/[^?]*)?(\?.*)?$ ]] || die "an address is no URL like postgres://user@host/database"
    printf '%s/%s%s' "${BASH_REMATCH[1]}" "$2" "${BASH_REMATCH[3]}"
}

# Makes the data, in a directory that gets its name when all is done.
make_postgres_data() {
    local dir=$state/postgres
    [[ ! -e $dir/data/PG_VERSION ]] || return 0
    rm -rf "$dir/data" "$dir/unfinished"
    printf '%s' "$password" >"$dir/password"
    # `password` on loopback: deriving a SCRAM key in an unoptimised build takes longer than a test.
    own postgres "$dir/password" &&
        (as postgres "$postgres_bin/initdb" -D "$dir/unfinished" -U "$user" --pwfile="$dir/password" \
            --auth=password --encoding=UTF8 --no-locale) &&
        (as postgres "$postgres_bin/postgres" --single -D "$dir/unfinished" postgres) <<<"create database $user" &&
        rm "$dir/password" && mv "$dir/unfinished" "$dir/data"
}

# Starts it and waits until it answers. Commits are as durable as in production.
start_postgres() {
    local dir=$state/postgres
    mkdir -p "$dir" && own postgres "$dir" && cd "$dir" && make_postgres_data || return 1
    # A dead server's file keeps the next one from starting where another process got its number.
    rm -f "$dir/data/postmaster.pid"
    choose_port postgres 25432 || return 1
    (as postgres "$postgres_bin/pg_ctl" start -w -t "$boot_seconds" -D "$dir/data" -l "$dir/server.log" \
        -o "-c port=$(port postgres) -c listen_addresses=127.0.0.1 -c unix_socket_directories= $postgres_settings") &&
        postgres_answers && return 0
    tail -n 10 "$dir/server.log"
    return 1
}

stop_postgres() { stop_process "$(postgres_pid)" INT 30; }
