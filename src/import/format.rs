//! How files are written.

use crate::text_enum::text_enum;

text_enum! {
    /// How a file of accounts is written.
    pub enum Format {
        /// One JSON object per line.
        Json = "json",
        /// A table with a header.
        Csv = "csv",
    }
}
