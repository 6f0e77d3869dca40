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

-- What waited at each minute, for the plots; whoever ticks first in a minute writes it.
create table backlog_samples (
    minute timestamptz primary key,
    due integer not null,
    outbox integer not null,
    in_flight integer not null
);
