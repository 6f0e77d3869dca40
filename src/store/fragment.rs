//! What several statements say, written once. Each is a literal, for `concat!`: statements stay constant.

/// Takes an account's message back: it waits under no attempt's id.
macro_rules! unqueued {
    () => {
        "queued_attempt = null, queued_until = null"
    };
}

/// Ends an account's lease.
macro_rules! lease_ended {
    () => {
        "lease_attempt = null, lease_source = null, lease_triggered_by = null, lease_instance = null, \
         lease_version = null, lease_claimed_at = null, lease_until = null"
    };
}

/// The columns of `Subject`, of accounts `a`.
macro_rules! subject {
    () => {
        "a.id as account_id, a.org_id, a.environment, a.username, a.house_name"
    };
}

/// The columns of `Member`, of users `u`.
macro_rules! member {
    () => {
        "u.id, u.name, u.platform_admin, \
         array(select m.org_id from memberships m where m.user_id = u.id order by m.org_id) as orgs, \
         array(select m.role from memberships m where m.user_id = u.id order by m.org_id) as roles"
    };
}

pub(super) use {lease_ended, member, subject, unqueued};
