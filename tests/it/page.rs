//! The admin page in a real browser against the real system: signing in, each view, live entries, who
//! sees and may do what, and whether everybody can use it.

mod access;
mod account;
mod accounts;
mod hostile;
mod live;
mod pace;
mod sign_in;
mod stage;
mod terminal;
mod wall;
mod workers;
