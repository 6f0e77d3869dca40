//! The words and rules of the business, without I/O: what an account, a token and an outcome are, and
//! what follows from a result. Everything here is a pure function or a type, tested as a table.

pub mod account;
pub mod breaker;
pub mod budget;
pub mod class;
pub mod clock;
pub mod credential;
pub mod health;
pub mod lanes;
pub mod retry;
pub mod screen;
pub mod token;
pub mod verdict;
