-- What the numbered migrations stand on: time, and the lease of whoever applies them. Run before
-- them each time, by anybody; made once.
do $bootstrap$ begin
    perform pg_advisory_xact_lock(hashtext('token-refresh bootstrap'));
    if to_regclass('exclusive_leases') is not null then
        return;
    end if;

    -- Instants come from here, never from a process; only tests put a row into clock_shift. Stable, so
    -- that `x <= clock()` can be an index condition and leave out partitions.
    create table clock_shift (
        one boolean primary key default true,
        shift interval not null,
        constraint clock_shift_one_row check (one)
    );

    create function clock() returns timestamptz language sql stable parallel safe as
        $$ select clock_timestamp() + coalesce((select shift from clock_shift), interval '0') $$;

    -- What one process at a time may do. A holder that died is followed when its lease is over.
    create table exclusive_leases (
        name text primary key,
        holder text not null,
        until timestamptz not null
    );
end $bootstrap$;
