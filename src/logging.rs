//! Logs: their format and filter, and errors with their whole chain.

use std::{fmt, io::IsTerminal};

use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

/// Prints an error and everything that caused it, `a: b: c`. A log line that prints only the
/// outermost message hides the reason.
pub struct Chain<'a>(pub &'a (dyn std::error::Error + 'a));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

crate::text_enum::text_enum! {
    /// How log lines look.
    pub enum LogFormat {
        /// For people.
        Text = "text",
        /// One JSON object a line.
        Json = "json",
    }
}

/// Libraries whose log lines carry message bodies or passwords, and the most that they may say.
const QUIET: &str = "lapin=off,tokio_postgres=warn,reqwest=warn,hyper=warn,hyper_util=warn,refinery=warn";

/// Starts logging to standard error. `filter` is in the syntax of `RUST_LOG`; what is quiet for the
/// sake of secrets stays quiet.
pub fn start(format: LogFormat, filter: &str) -> anyhow::Result<()> {
    // A filter of its own: in the other one, `lapin::channel=trace` would win over `lapin=off`.
    let quiet = QUIET.parse::<Targets>()?.with_default(LevelFilter::TRACE);
    let registry = tracing_subscriber::registry().with(quiet).with(EnvFilter::try_new(filter)?);
    match format {
        LogFormat::Text => {
            registry
                .with(
                    tracing_subscriber::fmt::layer()
                        .with_writer(std::io::stderr)
                        .with_ansi(std::io::stderr().is_terminal())
                        .with_target(false),
                )
                .try_init()?;
        }
        LogFormat::Json => {
            let layer = tracing_subscriber::fmt::layer().json().flatten_event(true).with_current_span(false);
            registry.with(layer.with_writer(std::io::stderr)).try_init()?;
        }
    }
    Ok(())
}
