//! The memory of processes, where secrets are in the clear: nobody else reads it (G4).

use std::{os::unix::fs::MetadataExt, process::Stdio};

use crate::support::{eventually, stage::Stage};

#[tokio::test]
async fn g4_processes_leave_no_core() {
    let stage = Stage::set().await;
    let worker = stage.worker().await;
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", worker.process_id()));
    let limits = limits.expect("the limits of a process can be read");
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).expect("it is listed");
    assert_eq!(core.split_whitespace().collect::<Vec<_>>()[4..6], ["0", "0"], "{core}");

    // What a process without dumps has in /proc belongs to root, not to its user: neither a debugger
    // nor a handler of cores gets at its memory.
    let mut fake = tokio::process::Command::new(env!("CARGO_BIN_EXE_token-refresh"));
    fake.args(["fake-ebay", "--listen", "127.0.0.1:0"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    if own_user() == 0 {
        fake.uid(65_534);
    }
    let child = fake.kill_on_drop(true).spawn().expect("the binary is built");
    let environ = format!("/proc/{}/environ", child.id().expect("it runs"));
    eventually("the process protects its memory", || async {
        let owner = std::fs::metadata(&environ).expect("it runs").uid();
        (owner == 0).then_some(())
    })
    .await;
    stage.finish().await;
}

/// The user that the tests run as.
fn own_user() -> u32 {
    std::fs::metadata("/proc/self/status").expect("this process runs").uid()
}
