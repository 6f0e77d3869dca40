//! Key canaries: a known text sealed by each key.

use crate::store::postgres::{error::StoreError, pool::Store, row::get};

const READ: &str = "/* canaries_of */ select key_id, canary from key_canaries where key_id = any($1)";

const PUT: &str =
    "/* put_canary */ insert into key_canaries (key_id, canary) values ($1, $2) on conflict do nothing";

const KEYS_IN_USE: &str = "/* keys_in_use */
    select split_part(sealed, ':', 3) as key_id, count(*) as texts
    from sealed_texts group by 1 order by 1";

impl Store {
    /// The canaries of those keys that have one, as (key id, canary).
    pub async fn canaries_of(&self, key_ids: &[String]) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.query(READ, &[&key_ids]).await?;
        rows.iter().map(|row| Ok((get(row, "key_id")?, get(row, "canary")?))).collect()
    }

    /// Keeps a key's canary; the first one stays.
    pub async fn put_canary(&self, key_id: &str, canary: &str) -> Result<(), StoreError> {
        self.execute(PUT, &[&key_id, &canary]).await?;
        Ok(())
    }

    /// Which keys sealed what is stored, and how many texts each.
    pub async fn keys_in_use(&self) -> Result<Vec<(String, i64)>, StoreError> {
        let rows = self.query(KEYS_IN_USE, &[]).await?;
        rows.iter().map(|row| Ok((get(row, "key_id")?, get(row, "texts")?))).collect()
    }
}
