//! What one process at a time may do: leases under a name, which end with their holder.
//!
//! Rows and not session locks, because a pooler may give each transaction another session.

use std::time::Duration;

use super::{error::StoreError, pool::Store};

const HOLD: &str = "/* hold_lease */
    insert into exclusive_leases as l (name, holder, until) values ($1, $2, clock() + make_interval(secs => $3))
    on conflict (name) do update set holder = excluded.holder, until = excluded.until
        where l.holder = excluded.holder or l.until <= clock()";

const RELEASE: &str = "/* release_lease */ delete from exclusive_leases where name = $1 and holder = $2";

impl Store {
    /// Takes the lease `name` for `holder`, or holds it longer; it ends `lasts` from this moment.
    /// Returns whether `holder` has it: another's lease stands until its end.
    pub async fn hold_lease(&self, name: &str, holder: &str, lasts: Duration) -> Result<bool, StoreError> {
        Ok(self.execute(HOLD, &[&name, &holder, &lasts.as_secs_f64()]).await? == 1)
    }

    /// Ends the lease `name` if `holder` has it.
    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        self.execute(RELEASE, &[&name, &holder]).await?;
        Ok(())
    }
}
