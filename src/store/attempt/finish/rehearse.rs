//! A finish that is taken back: what shows, without a call to eBay, whether results can be written.

use uuid::Uuid;

use crate::store::postgres::{error::StoreError, pool::Store};

/// The tables that a finish changes, with no row of them.
const TOUCH_STATE: &str = "/* rehearse_state */ update refresh_state set epoch = epoch where account_id = $1";
const TOUCH_TOKEN: &str = "/* rehearse_token */ update tokens set version = version where account_id = $1";
const TOUCH_REQUEST: &str =
    "/* rehearse_request */ update refresh_requests set closed_at = closed_at where attempt = $1";
const PUT_ENTRY: &str = "/* rehearse_entry */
    insert into connect_log_outbox (id, created_at, org_id, account_id, environment, action, source, class, body)
    values ($1, clock(), $1, $1, 'sandbox', 'token_refreshed', 'scheduled', 'refreshed', '')";

impl Store {
    /// Writes what a finish writes, for an account that there is not, and takes it back.
    pub async fn rehearse_finish(&self) -> Result<(), StoreError> {
        let nobody = Uuid::now_v7();
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        for statement in [TOUCH_REQUEST, TOUCH_STATE, TOUCH_TOKEN, PUT_ENTRY] {
            transaction.run(statement, &[&nobody]).await?;
        }
        // Not committed, it is rolled back.
        drop(transaction);
        Ok(())
    }
}
