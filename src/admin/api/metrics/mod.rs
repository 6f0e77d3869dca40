//! `GET /metrics`: the fleet's figures in Prometheus' text format.
//!
//! The figures are the database's and the broker's, so every process shows the same; what became of
//! refreshes is what this process saw arrive. They need no token, so they name no seller and no org.

mod arrivals;
mod table;

use std::fmt;

use axum::{
    extract::State,
    http::header,
    response::{IntoResponse, Response},
};
use prometheus_client::{
    encoding::prometheus_text::{CONTENT_TYPE, encode},
    registry::Registry,
};

pub(in crate::admin) use self::arrivals::Arrivals;
use self::table::{Known, register};
use super::health::FleetFigures;
use crate::admin::{lead::Lead, problem::Problem};

/// What every name begins with.
const PREFIX: &str = "token_refresh";

pub(in crate::admin) async fn get(
    State(fleet): State<FleetFigures>,
    State(Lead(lead)): State<Lead>,
    State(arrivals): State<Arrivals>,
) -> Result<Response, Problem> {
    let report = fleet.report().await.ok();
    let known = Known { report: report.as_deref(), feed_is_live: fleet.is_live(), lead };
    let text = render(&known, &arrivals).expect("text takes every figure");
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response())
}

/// What is unknown while the database or the broker is away is left out, not shown as 0.
fn render(known: &Known<'_>, arrivals: &Arrivals) -> Result<String, fmt::Error> {
    let mut registry = Registry::with_prefix(PREFIX);
    register(&mut registry, known);
    arrivals.register(&mut registry);
    let mut text = String::new();
    encode(&mut text, &registry)?;
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn without_a_database_only_what_is_known_is_shown() {
        let known = Known { report: None, feed_is_live: true, lead: Duration::ZERO };
        assert_eq!(
            render(&known, &Arrivals::default()).expect("text"),
            "# HELP token_refresh_database_up Whether the database answers.\n\
             # TYPE token_refresh_database_up gauge\n\
             token_refresh_database_up 0\n\
             # HELP token_refresh_feed_live Whether live entries arrive at this process.\n\
             # TYPE token_refresh_feed_live gauge\n\
             token_refresh_feed_live 1\n"
        );
    }
}
