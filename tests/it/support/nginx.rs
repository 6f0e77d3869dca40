//! An nginx of one test's own before a server of ours, as a stranger sets it up.

use std::{net::SocketAddr, path::Path};

use tokio::process::Child;

use super::unprivileged::{Directory, free_port, listens};

/// A running nginx; it ends with the value.
pub(crate) struct Nginx {
    port: u16,
    _process: Child,
    _directory: Directory,
}

impl Nginx {
    /// Starts one that knows nothing but `proxy_pass`: what comes below `from` goes to `to` of the server.
    pub(crate) async fn before(server: SocketAddr, from: &str, to: &str) -> Self {
        let (directory, port) = (Directory::create(), free_port());
        let paths = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|kind| format!("{kind}_temp_path {};", directory.file(kind)))
            .join(" ");
        directory.write(
            "nginx.conf",
            &format!(
                "daemon off; pid {pid}; error_log stderr; events {{}}
                http {{ access_log off; {paths}
                    server {{ listen 127.0.0.1:{port};
                        location {from} {{ proxy_pass http://{server}{to}; }} }} }}",
                pid = directory.file("nginx.pid"),
            ),
        );
        let arguments = ["-e", "stderr", "-c", &directory.file("nginx.conf")];
        let process = directory.start(Path::new("/usr/sbin/nginx"), &arguments);
        listens(port).await;
        Self { port, _process: process, _directory: directory }
    }

    /// `http://127.0.0.1:port`
    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}
