//! Puts the git commit into the binary, so that every running process can say which code it is.

use std::{env, process::Command};

#[expect(clippy::disallowed_methods, reason = "this is the build, not the program")]
fn main() {
    println!("cargo:rerun-if-env-changed=TOKEN_REFRESH_COMMIT");
    println!("cargo:rerun-if-changed=.git/HEAD");
    println!("cargo:rerun-if-changed=.git/refs/heads");
    println!("cargo:rerun-if-changed=migrations");
    let commit = env::var("TOKEN_REFRESH_COMMIT").ok().filter(|commit| !commit.is_empty()).or_else(from_git);
    println!("cargo:rustc-env=TOKEN_REFRESH_COMMIT={}", commit.unwrap_or_else(|| "unknown".into()));
}

fn from_git() -> Option<String> {
    let output = Command::new("git").args(["rev-parse", "--short=10", "HEAD"]).output().ok()?;
    let commit = String::from_utf8(output.stdout).ok()?;
    Some(commit.trim().to_owned()).filter(|commit| output.status.success() && !commit.is_empty())
}
