//! Tests on the real PostgreSQL and RabbitMQ: `./deploy/local test` runs them.

mod admin;
mod cli;
mod docs;
mod failures;
mod faults;
mod import;
mod layers;
mod outage;
mod page;
mod pipeline;
mod quota;
mod requests;
mod rows;
mod rules;
mod seed;
mod smoke;
mod support;
mod terminal;
mod words;
