-- The hot part of an account: rewritten by every claim and finish, so no ciphertext stands here.
create table refresh_state (
    account_id uuid primary key references accounts on delete cascade,
    -- The attempt that the scheduler published last and no worker has claimed.
    queued_attempt uuid,
    queued_until timestamptz,
    -- The attempt that is under way.
    lease_attempt uuid,
    lease_source text,
    lease_triggered_by text,
    lease_instance text,
    lease_version text,
    lease_claimed_at timestamptz,
    lease_until timestamptz,
    epoch bigint not null default 0,
    -- When the account is due, and who made it due.
    next_refresh_at timestamptz not null default clock(),
    due_source text not null default 'scheduled',
    due_triggered_by text,
    last_attempt_at timestamptz,
    last_success_at timestamptz,
    consecutive_failures integer not null default 0,
    class text,
    refresh_error text,
    -- Accounts that do not stand as active are not due; a person's refresh, an import or, for a
    -- missing key, the key's return brings them back.
    standing text not null default 'active',
    -- The key that would open a blocked account's token.
    missing_key text,
    interruptions integer not null default 0,
    -- eBay's invalid_grant answers since the last success: how many, the first, and of the last one
    -- the call's begin, the secret it was sent with and the token that it was about.
    suspicions integer not null default 0,
    suspected_at timestamptz,
    suspect_claimed_at timestamptz,
    suspect_secret_version integer,
    suspect_token_version bigint,
    -- Begin and secret of the last successful call: what other accounts' refusals are judged by.
    success_claimed_at timestamptz,
    success_secret_version integer,
    -- Not always fresh: the keyset's day has not enough calls for all.
    demoted boolean not null default false,
    -- The last warning given of the refresh token's end, in days before it.
    warned_days integer,
    constraint refresh_state_queued check ((queued_attempt is null) = (queued_until is null)),
    constraint refresh_state_lease check (num_nulls(lease_attempt, lease_source, lease_instance,
        lease_version, lease_claimed_at, lease_until) in (0, 6)),
    constraint refresh_state_lease_source check (lease_source in ('scheduled', 'debug', 'admin')),
    constraint refresh_state_due_source check (due_source in ('scheduled', 'admin')),
    constraint refresh_state_standing check (standing in ('active', 'reconnect_required', 'blocked'))
) with (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
create index refresh_state_due on refresh_state (next_refresh_at);
create index refresh_state_leases on refresh_state (lease_until) where lease_attempt is not null;
create index refresh_state_queued on refresh_state (queued_until) where queued_attempt is not null;
create index refresh_state_standing on refresh_state (standing) where standing <> 'active';
create index refresh_state_suspects on refresh_state (account_id) where class = 'grant_suspect';
create index refresh_state_missing_key on refresh_state (missing_key) where missing_key is not null;

-- A person's accepted request, kept until it is claimed or closed.
create table refresh_requests (
    attempt uuid primary key,
    account_id uuid not null references accounts on delete cascade,
    source text not null,
    triggered_by text not null,
    requested_at timestamptz not null default clock(),
    published_at timestamptz,
    claimed_at timestamptz,
    -- When it was sent to eBay: what a page that watches it shows as it happens.
    called_at timestamptz,
    closed_at timestamptz,
    constraint refresh_requests_source check (source in ('debug', 'admin'))
);
create index refresh_requests_open on refresh_requests (requested_at) where claimed_at is null and closed_at is null;
create index refresh_requests_account on refresh_requests (account_id);
