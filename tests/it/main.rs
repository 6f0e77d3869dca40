//! Tests on the real PostgreSQL and RabbitMQ: `./deploy/local test` runs them.

mod admin;
mod cli;
mod deploy;
mod docs;
mod failures;
mod faults;
mod import;
mod keys;
mod lasting;
mod layers;
mod outage;
mod page;
mod pipeline;
mod queue;
mod quota;
mod requests;
mod rows;
mod rules;
mod seed;
mod smoke;
mod support;
mod terminal;
mod words;
