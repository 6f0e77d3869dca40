-- Entries that are decided but not yet stored: the very bytes that are published, and beside them
-- what readers filter by. Written by the transaction that finishes an attempt.
create table connect_log_outbox (
    id uuid primary key,
    created_at timestamptz not null,
    org_id uuid not null,
    account_id uuid not null,
    environment text not null,
    action text not null,
    source text not null,
    class text not null,
    body text not null,
    constraint connect_log_outbox_body_length check (octet_length(body) <= 65536)
);
create index connect_log_outbox_created on connect_log_outbox (created_at);

-- Stored entries, one partition per day. No foreign keys: history outlives what it tells of.
create table connect_logs (
    position bigint not null,
    id uuid not null,
    created_at timestamptz not null,
    org_id uuid not null,
    account_id uuid not null,
    environment text not null,
    action text not null,
    source text not null,
    class text not null,
    body text not null,
    primary key (created_at, id),
    constraint connect_logs_body_length check (octet_length(body) <= 65536)
) partition by range (created_at);
create index connect_logs_position on connect_logs (position);
create index connect_logs_org on connect_logs (org_id, created_at desc, id desc);
create index connect_logs_account on connect_logs (account_id, created_at desc, id desc);

-- Positions are taken under this row's lock, so they become visible in their order; stored counts
-- every entry ever stored, to be held against keyset_ledger.attempts.
create table connect_log_position (
    one boolean primary key default true,
    last bigint not null,
    stored bigint not null,
    constraint connect_log_position_one_row check (one)
) with (fillfactor = 10);
insert into connect_log_position (last, stored) values (0, 0);

-- Creates a day's partition if it is missing. Attached, not created in place: that would lock every
-- reader and writer out of the whole log until the caller's transaction ends.
create function ensure_connect_log_day(day date) returns void language plpgsql as $$
declare
    partition text := 'connect_logs_' || to_char(day, 'YYYYMMDD');
begin
    if to_regclass(partition) is not null then
        return;
    end if;
    -- Two writers may meet at midnight: one creates, the other finds it made.
    perform pg_advisory_xact_lock(hashtext('connect_logs_partitions'));
    if to_regclass(partition) is not null then
        return;
    end if;
    execute format('create table %I (like connect_logs including all)', partition);
    execute format('alter table connect_logs attach partition %I for values from (%L) to (%L)',
        partition, day::timestamp at time zone 'UTC', (day + 1)::timestamp at time zone 'UTC');
end $$;
