//! Logs: their format and filter.

use std::io::IsTerminal;

use tracing_subscriber::{
    EnvFilter,
    filter::{LevelFilter, Targets},
    layer::SubscriberExt,
    util::SubscriberInitExt,
};

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
