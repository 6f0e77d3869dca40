//! Standard output that may end before we do.

use std::io::{ErrorKind, Write};

/// Prints `text`; returns whether anybody still reads. `… | head` is no error.
pub(super) fn print(text: &str) -> anyhow::Result<bool> {
    let mut out = std::io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error.into()),
    }
}
