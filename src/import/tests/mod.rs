//! Tests on whole files: what they share.

mod files;
mod properties;
mod refusals;

use super::*;
use crate::domain::account::Environment;

const TOKEN: &str = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8xMDpGQUtFLVRPS0VOLUZPUi1URVNUUw==";
const HEADER: &str = "username,environment,refresh_token";

fn read(file: impl AsRef<[u8]>) -> Vec<Result<Record, Refused>> {
    Accounts::open(file.as_ref(), None).expect("the file begins well").collect()
}

fn unusable(file: impl AsRef<[u8]>) -> Unusable {
    Accounts::open(file.as_ref(), None).map(|accounts| accounts.format()).expect_err("must not be usable")
}

/// What became of each line: a user name, or the reason.
fn told(file: impl AsRef<[u8]>) -> Vec<String> {
    let tell = |item| match item {
        Ok(Record { line, username, .. }) => format!("{line} {username}"),
        Err(refused) => refused_text(&refused),
    };
    read(file).into_iter().map(tell).collect()
}

fn refused_text(refused: &Refused) -> String {
    let text = refused.to_string();
    assert!(!text.contains("v^1") && !format!("{refused:?}").contains("v^1"), "{text}");
    text
}

fn json(username: &str) -> String {
    format!("{{\"username\":\"{username}\",\"environment\":\"production\",\"refresh_token\":\"{TOKEN}\"}}\n")
}

fn csv(username: &str) -> String {
    format!("{username},production,{TOKEN}\n")
}
