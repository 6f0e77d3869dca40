create table orgs (
    id uuid primary key,
    name text not null,
    created_at timestamptz not null default clock(),
    constraint orgs_name_unique unique (name),
    constraint orgs_name_length check (length(name) between 1 and 200)
);

create table users (
    id uuid primary key,
    name text not null,
    platform_admin boolean not null default false,
    created_at timestamptz not null default clock(),
    constraint users_name_unique unique (name),
    constraint users_name_length check (length(name) between 1 and 200)
);

-- A user's id is never an org's id: an entry is looked up by org, and mixing the two up hides it.
create function refuse_shared_id() returns trigger language plpgsql as $$
begin
    if tg_table_name = 'users' and exists (select from orgs where id = new.id)
       or tg_table_name = 'orgs' and exists (select from users where id = new.id) then
        raise exception 'id % belongs to an org and to a user', new.id
            using errcode = 'unique_violation', constraint = 'users_and_orgs_share_no_id';
    end if;
    return new;
end $$;
create trigger users_and_orgs_share_no_id before insert or update of id on users
    for each row execute function refuse_shared_id();
create trigger users_and_orgs_share_no_id before insert or update of id on orgs
    for each row execute function refuse_shared_id();

create table memberships (
    user_id uuid not null references users on delete cascade,
    org_id uuid not null references orgs on delete cascade,
    role text not null,
    primary key (user_id, org_id),
    constraint memberships_role check (role in ('viewer', 'operator', 'admin'))
);

create table api_tokens (
    sha256 bytea primary key,
    user_id uuid not null references users on delete cascade,
    created_at timestamptz not null default clock(),
    expires_at timestamptz not null,
    revoked_at timestamptz,
    constraint api_tokens_sha256_length check (octet_length(sha256) = 32)
);
create index api_tokens_user on api_tokens (user_id);
