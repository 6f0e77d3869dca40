-- What a failure means: for the account, for its keyset, and for when to ask again.

-- An account's standing. Accounts that do not stand as active are not due; a person's refresh, an
-- import or, for a missing key, the key's return brings them back.
alter table refresh_state
    add column standing text not null default 'active',
    -- The key that would open a blocked account's token.
    add column missing_key text,
    add column interruptions integer not null default 0,
    -- eBay's invalid_grant answers since the last success: how many, the first, and of the last one
    -- the call's begin, the secret it was sent with and the token that it was about.
    add column suspicions integer not null default 0,
    add column suspected_at timestamptz,
    add column suspect_claimed_at timestamptz,
    add column suspect_secret_version integer,
    add column suspect_token_version bigint,
    -- Begin and secret of the last successful call: what other accounts' refusals are judged by.
    add column success_claimed_at timestamptz,
    add column success_secret_version integer,
    -- Not always fresh: the keyset's day has not enough calls for all.
    add column demoted boolean not null default false,
    -- The last warning given of the refresh token's end, in days before it.
    add column warned_days integer,
    add constraint refresh_state_standing check (standing in ('active', 'reconnect_required', 'blocked'));
create index refresh_state_suspects on refresh_state (account_id) where class = 'grant_suspect';
create index refresh_state_missing_key on refresh_state (missing_key) where missing_key is not null;

-- A keyset's gate. blocked: eBay does not accept its credentials. suspended: eBay does not answer,
-- or its own quota is reached. Either way single probes ask again; their answer opens the gate.
alter table keysets drop constraint keysets_state;
alter table keysets
    add column standby_secret text,
    add column standby_refused boolean not null default false,
    add column debug_reserve integer not null default 0,
    add column state_reason text,
    add column state_since timestamptz not null default clock(),
    add constraint keysets_state check (state in ('open', 'blocked', 'suspended')),
    add constraint keysets_standby_secret_sealed check (standby_secret like 'ENC:v1:%'),
    add constraint keysets_debug_reserve check (debug_reserve >= 0 and debug_reserve < daily_quota);
-- A twentieth of the day is people's.
update keysets set debug_reserve = greatest(1, daily_quota / 20) where daily_quota > 1;

-- Written under the ledger row's lock, like every change of the keyset's state.
alter table keyset_ledger
    -- Failures of the provider in a row.
    add column provider_failures integer not null default 0,
    -- Probes in a row that did not open the gate.
    add column probes integer not null default 0,
    -- When eBay last accepted the credentials, to within some seconds.
    add column accepted_at timestamptz,
    -- When the next probe may go, and the one that is under way.
    add column probe_at timestamptz,
    add column probe_attempt uuid,
    add column probe_until timestamptz;

-- Lanes: what people's debug runs spend is counted apart.
alter table quota_usage
    add column debug_calls integer not null default 0,
    add constraint quota_usage_debug_calls check (debug_calls between 0 and calls);

-- Why a live process does not work: it lacks a key that others have.
alter table instances add column note text;

create index tokens_refresh_expiry on tokens (refresh_expires_at);
create index refresh_state_standing on refresh_state (standing) where standing <> 'active';
