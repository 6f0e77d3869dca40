//! Adapter to eBay's token endpoint: one request builder, one client, and what an answer means.
//!
//! Knows tokens and failures, and nothing of accounts' rows, queues or schedules. The way through:
//!
//! ```text
//! RefreshRequest ──shown()──▶ ShownRequest                 what the entry shows
//!       │
//! EbayClient::refresh ──▶ TokenCall { sent, result, timings }
//!                              │
//!                              ├─ Answer::shown() ──▶ ShownResponse   what the entry shows
//!                              └─ classify() ──▶ Grant | Refusal         what it means
//! ```
//!
//! What is shown is made from the very request that is sent, and everything that is shown of an
//! answer is masked first, also where it echoes the request: a token leaves here only inside a
//! [`Grant`] (G4).

mod answer;
mod call;
mod classify;
mod client;
mod endpoint;
mod json;
mod mask;
mod percent;
mod permit;
mod request;
mod secrets;

pub use self::{
    answer::{Answer, Ending, MAX_BODY_BYTES},
    call::{CallFailure, TokenCall},
    classify::{Grant, Refusal, classify},
    client::{ClientError, ClientSettings, EbayClient},
    endpoint::{EndpointError, TokenEndpoint},
    request::{RefreshRequest, synthetic_request},
};

#[cfg(test)]
mod client_tests;
#[cfg(test)]
mod tests;
