-- One eBay application. Owned by the platform, lent to orgs through keyset_orgs.
create table keysets (
    id uuid primary key,
    environment text not null,
    client_id text not null,
    client_secret text not null,
    secret_version integer not null default 1,
    -- Takes the secret's place once eBay refuses that one.
    standby_secret text,
    standby_refused boolean not null default false,
    daily_quota integer not null default 50000,
    -- Of these, the calls that only people's debug runs may begin.
    debug_reserve integer not null default 0,
    -- The endpoint; null is eBay's own.
    api_url text,
    -- The breaker. blocked: eBay does not accept the credentials. suspended: eBay does not answer, or
    -- its own quota is reached. Either way single probes ask again; their answer resets it.
    state text not null default 'ready',
    state_reason text,
    state_since timestamptz not null default clock(),
    -- Rises with every change of state or secret: an answer counts only under the one it began in.
    state_version bigint not null default 0,
    created_at timestamptz not null default clock(),
    constraint keysets_application_unique unique (environment, client_id),
    constraint keysets_id_environment_unique unique (id, environment),
    constraint keysets_environment check (environment in ('production', 'sandbox')),
    constraint keysets_client_id_length check (length(client_id) between 1 and 200),
    constraint keysets_client_secret_sealed check (client_secret like 'ENC:v1:%'),
    constraint keysets_standby_secret_sealed check (standby_secret like 'ENC:v1:%'),
    constraint keysets_daily_quota_positive check (daily_quota > 0),
    constraint keysets_debug_reserve check (debug_reserve >= 0 and debug_reserve < daily_quota),
    constraint keysets_state check (state in ('ready', 'blocked', 'suspended'))
);

create table keyset_orgs (
    keyset_id uuid not null references keysets on delete cascade,
    org_id uuid not null references orgs on delete cascade,
    primary key (keyset_id, org_id)
);

-- What was spent and begun per keyset. A claim holds this row while it reserves a call, so that the
-- budget cannot be overdrawn by two claims at once; attempts counts every attempt ever accepted.
-- Every change of the keyset's state is made under the same lock.
create table keyset_ledger (
    keyset_id uuid primary key references keysets on delete cascade,
    attempts bigint not null default 0,
    -- Failures of the provider in a row.
    provider_failures integer not null default 0,
    -- Probes in a row that did not reset the breaker.
    probes integer not null default 0,
    -- When eBay last accepted the credentials, to within some seconds.
    accepted_at timestamptz,
    -- When the next probe may go, and the one that is under way.
    probe_at timestamptz,
    probe_attempt uuid,
    probe_until timestamptz
) with (fillfactor = 50);

-- Calls reserved per five minutes; a sliding day is the sum over its buckets. What people's debug
-- runs spend is counted apart as well.
create table quota_usage (
    keyset_id uuid not null references keysets on delete cascade,
    bucket timestamptz not null,
    calls integer not null,
    debug_calls integer not null default 0,
    primary key (keyset_id, bucket),
    constraint quota_usage_calls check (calls >= 0),
    constraint quota_usage_debug_calls check (debug_calls between 0 and calls)
) with (fillfactor = 50);

create table accounts (
    id uuid primary key,
    org_id uuid not null references orgs,
    keyset_id uuid not null,
    environment text not null,
    username text not null,
    ebay_user_id text,
    house_name text,
    paused_at timestamptz,
    last_used_at timestamptz,
    created_at timestamptz not null default clock(),
    constraint accounts_username_unique unique (org_id, environment, username),
    constraint accounts_username_length check (length(username) between 1 and 200),
    constraint accounts_keyset_environment foreign key (keyset_id, environment) references keysets (id, environment),
    constraint accounts_keyset_lent foreign key (keyset_id, org_id) references keyset_orgs (keyset_id, org_id)
);
create index accounts_username on accounts (username);
create index accounts_keyset on accounts (keyset_id);

-- An entry takes org and environment from the account; if they could change, history would lie.
create function refuse_move() returns trigger language plpgsql as $$
begin
    raise exception 'org and environment of account % never change', old.id
        using errcode = 'check_violation', constraint = 'accounts_never_move';
end $$;
create trigger accounts_never_move before update of org_id, environment on accounts
    for each row when (old.org_id is distinct from new.org_id or old.environment is distinct from new.environment)
    execute function refuse_move();

create table tokens (
    account_id uuid primary key references accounts on delete cascade,
    access_token text,
    access_expires_at timestamptz,
    refresh_token text not null,
    refresh_expires_at timestamptz,
    -- What the access token may do, separated by spaces: null until eBay has named it.
    scopes text,
    version bigint not null default 1,
    updated_at timestamptz not null default clock(),
    constraint tokens_access_token_sealed check (access_token like 'ENC:v1:%'),
    constraint tokens_refresh_token_sealed check (refresh_token like 'ENC:v1:%'),
    constraint tokens_access_expiry check ((access_token is null) = (access_expires_at is null))
);
create index tokens_access_expires on tokens (access_expires_at);
create index tokens_refresh_expiry on tokens (refresh_expires_at);

-- Every refresh token that an account ever had, so that an old export cannot bring one back. When it
-- was seen is for a person who asks where a token came from; no statement reads it.
create table refresh_token_digests (
    account_id uuid not null references accounts on delete cascade,
    sha256 bytea not null,
    seen_at timestamptz not null default clock(),
    primary key (account_id, sha256),
    constraint refresh_token_digests_length check (octet_length(sha256) = 32)
);

-- A known text sealed by each key: a wrong key under a known id stops a process at its start.
create table key_canaries (
    key_id text primary key,
    canary text not null,
    created_at timestamptz not null default clock(),
    constraint key_canaries_sealed check (canary like 'ENC:v1:%')
);

-- Every column that holds sealed texts, for whoever looks after keys. A new one is added here.
create view sealed_texts as
    select 'access_token' as column_name, t.account_id as row_id, a.environment, t.access_token as sealed
        from tokens t join accounts a on a.id = t.account_id where t.access_token is not null
    union all select 'refresh_token', t.account_id, a.environment, t.refresh_token
        from tokens t join accounts a on a.id = t.account_id
    union all select 'client_secret', id, environment, client_secret from keysets
    union all select 'standby_secret', id, environment, standby_secret from keysets
        where standby_secret is not null;
