-- Who is signed in at the admin page. Cookies and links are kept as SHA-256 only.
create table sessions (
    sha256 bytea primary key,
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null default clock(),
    expires_at timestamptz not null,
    constraint sessions_sha256_length check (octet_length(sha256) = 32)
);
create index sessions_user on sessions (user_id);

-- Links that sign a user in once.
create table login_links (
    sha256 bytea primary key,
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null default clock(),
    expires_at timestamptz not null,
    used_at timestamptz,
    constraint login_links_sha256_length check (octet_length(sha256) = 32)
);
create index login_links_user on login_links (user_id);

-- Every running process.
create table instances (
    id text primary key,
    role text not null,
    version text not null,
    git_commit text not null,
    environment jsonb not null,
    key_ids text[] not null,
    started_at timestamptz not null default clock(),
    last_seen_at timestamptz not null default clock(),
    stopped_at timestamptz,
    in_flight integer not null default 0,
    -- It runs a worker that takes messages; if not, why.
    takes_work boolean not null default false,
    note text,
    -- A scheduler's last finished tick.
    last_tick_at timestamptz,
    -- The last time that it saw the database's clock jump, and by how much.
    clock_step_seconds bigint,
    clock_stepped_at timestamptz,
    constraint instances_role check (role in ('scheduler', 'worker', 'log-writer', 'admin', 'all')),
    constraint instances_clock_step check ((clock_step_seconds is null) = (clock_stepped_at is null))
);
create index instances_last_seen on instances (last_seen_at);

-- What waited at each minute, for the plots; whoever ticks first in a minute writes it.
create table backlog_samples (
    minute timestamptz primary key,
    due integer not null,
    outbox integer not null,
    in_flight integer not null
);
