//! Reading values from rows: a value that does not fit is an error that names table, column and row.

use std::str::FromStr;

use tokio_postgres::{
    Row,
    types::{FromSql, ToSql},
};

use super::error::StoreError;

/// A statement's parameters.
pub(in crate::store) type Params<'a> = &'a [&'a (dyn ToSql + Sync)];

/// A value read from one row.
pub(in crate::store) trait FromRow: Sized {
    /// Reads it, by column name.
    fn from_row(row: &Row) -> Result<Self, StoreError>;
}

/// Reads a column whose type the statement itself fixes.
pub(in crate::store) fn get<'a, T: FromSql<'a>>(row: &'a Row, column: &'static str) -> Result<T, StoreError> {
    row.try_get(column).map_err(|error| StoreError::Failed(error.into()))
}

/// Reads a text column as a value that has a text form.
pub(in crate::store) fn get_parsed<T>(
    row: &Row,
    table: &'static str,
    column: &'static str,
    id: &dyn ToString,
) -> Result<T, StoreError>
where
    T: FromStr<Err: std::fmt::Display>,
{
    let text: &str = get(row, column)?;
    text.parse().map_err(|error: T::Err| StoreError::Unreadable {
        table,
        column,
        row: id.to_string(),
        problem: error.to_string(),
    })
}

/// Reads a nullable text column as a value that has a text form.
pub(in crate::store) fn get_parsed_opt<T>(
    row: &Row,
    table: &'static str,
    column: &'static str,
    id: &dyn ToString,
) -> Result<Option<T>, StoreError>
where
    T: FromStr<Err: std::fmt::Display>,
{
    match get::<Option<&str>>(row, column)? {
        Some(_) => get_parsed(row, table, column, id).map(Some),
        None => Ok(None),
    }
}

/// Maps every row that can be read. One that cannot is told of and left out, so that it holds up
/// no other (G6).
pub(in crate::store) fn read_each<T: FromRow>(rows: &[Row]) -> Result<Vec<T>, StoreError> {
    let mut read = Vec::with_capacity(rows.len());
    for row in rows {
        match T::from_row(row) {
            Ok(value) => read.push(value),
            Err(error @ StoreError::Unreadable { .. }) => {
                tracing::error!(error = %error, "a row cannot be read and is left out");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(read)
}

/// Maps every row.
pub(in crate::store) fn read_all<T: FromRow>(rows: &[Row]) -> Result<Vec<T>, StoreError> {
    rows.iter().map(T::from_row).collect()
}
