//! One connection: reads requests, waits as told, and writes answers or breaks off.

use std::{sync::Arc, time::Duration};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use super::{
    FakeEbay, Inner,
    answer::{Delivery, answer},
    behaviour::Behaviour,
    control,
    form::Asked,
    http::{CONTROL_PREFIX, HttpRequest, MAX_CALL_BYTES, NoRequest, Reply, read_request},
    state::Begun,
};

/// The token endpoint's path.
const TOKEN_PATH: &str = "/identity/v1/oauth2/token";

/// Serves `stream` until one of both sides leaves.
pub(super) async fn serve(fake: FakeEbay, mut stream: TcpStream) {
    let mut buffer = Vec::with_capacity(4_096);
    loop {
        let request = match read_request(&mut stream, &mut buffer).await {
            Ok(request) => request,
            Err(NoRequest::Left) => return,
            Err(NoRequest::Refused(status, what)) => {
                fake.0.state().violate(None, what);
                let reply = Reply::json(status, &serde_json::json!({"error": what}));
                let _ = stream.write_all(&reply.with("Connection", "close").bytes()).await;
                return;
            }
        };
        let go_on = if request.path() == TOKEN_PATH {
            call(&fake.0, &request, &mut stream, &mut buffer).await
        } else {
            let reply = if request.target.starts_with(CONTROL_PREFIX) {
                control::handle(&fake, &request)
            } else {
                fake.0.state().violate(None, "a path that is not the token endpoint's");
                Reply::json(404, &serde_json::json!({"error": "not found"}))
            };
            stream.write_all(&reply.bytes()).await.is_ok()
        };
        if !go_on || !request.keep_alive {
            return;
        }
    }
}

/// Answers a call. `false` if the connection must be closed.
async fn call(
    inner: &Arc<Inner>,
    request: &HttpRequest,
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
) -> bool {
    let asked = Asked::of(request);
    let (rlogid, request_id) = inner.mint.trace_ids();
    let begun = inner.state().begin(&asked, &rlogid, inner.start.elapsed(), &inner.mint);
    inner.changed.notify_waiters();
    let mut running = Running { inner, number: begun.number, ended: false };
    if while_present(stream, buffer, wait(inner, &begun)).await.is_none() {
        return false;
    }
    let (delivery, minted) = answer(inner, begun.behaviour, &asked, request);
    let traced = |reply: Reply| {
        let reply = reply.with("rlogid", rlogid.as_str()).with("x-ebay-c-request-id", request_id.as_str());
        // eBay sets one, so that a client which shows it is found out.
        reply.with("Set-Cookie", "ebay=%5Esbf%3D%23%5E; Domain=.ebay.com; Path=/")
    };
    match delivery {
        Delivery::Whole(reply) => {
            // Recorded first: who has the answer finds it recorded.
            running.answer(reply.status, minted, true);
            let written = stream.write_all(&traced(reply).bytes()).await.is_ok();
            if !written {
                inner.state().record(begun.number, |call| call.answered = false);
            }
            written
        }
        Delivery::Half(reply) | Delivery::Stall(reply) => {
            running.begin_answer(reply.status, minted);
            let reply = traced(reply);
            let bytes = reply.bytes();
            let half = bytes.len() - reply.body.len().div_ceil(2);
            let written = stream.write_all(&bytes[..half]).await.is_ok();
            if written && begun.behaviour == Behaviour::Stall {
                while_present(stream, buffer, std::future::pending::<()>()).await;
            }
            false
        }
        Delivery::Huge(reply, bytes) => {
            running.begin_answer(reply.status, minted);
            let written = write_huge(stream, &traced(reply), bytes).await.is_ok();
            running.answer(200, minted, written);
            written
        }
        Delivery::Cut => false,
        Delivery::Never => {
            while_present(stream, buffer, std::future::pending::<()>()).await;
            false
        }
    }
}

/// The time a behaviour takes before it answers.
async fn wait(inner: &Inner, begun: &Begun) {
    match begun.behaviour {
        Behaviour::Slow(ms) => tokio::time::sleep(Duration::from_millis(ms.into())).await,
        Behaviour::Hold => inner.until(|state| state.is_released(begun.hold)).await,
        _ => {}
    }
}

/// Waits for `future`. `None` if the client leaves before.
async fn while_present<F: Future>(
    stream: &mut TcpStream,
    buffer: &mut Vec<u8>,
    future: F,
) -> Option<F::Output> {
    tokio::pin!(future);
    loop {
        tokio::select! {
            biased;
            output = &mut future => return Some(output),
            // What comes in the meantime is the next request.
            read = stream.read_buf(buffer), if buffer.len() < MAX_CALL_BYTES => {
                if read.is_err() || read.is_ok_and(|count| count == 0) {
                    return None;
                }
            }
        }
    }
}

async fn write_huge(stream: &mut TcpStream, reply: &Reply, bytes: usize) -> std::io::Result<()> {
    const START: &[u8] = b"{\"access_token\":\"v^1.1#i^1#p^3#f^0#";
    const END: &[u8] = b"\"}";
    let mut left = bytes.max(START.len() + END.len()) - START.len() - END.len();
    stream.write_all(&reply.head(START.len() + left + END.len())).await?;
    stream.write_all(START).await?;
    let chunk = vec![b'A'; 64 * 1024];
    while left > 0 {
        let count = left.min(chunk.len());
        stream.write_all(&chunk[..count]).await?;
        left -= count;
    }
    stream.write_all(END).await
}

/// A call in flight; however it ends, its record does.
struct Running<'a> {
    inner: &'a Inner,
    number: u64,
    ended: bool,
}

impl Running<'_> {
    fn begin_answer(&mut self, status: u16, minted: bool) {
        self.inner.state().record(self.number, |call| {
            call.status = Some(status);
            call.minted = minted;
        });
    }

    fn answer(&mut self, status: u16, minted: bool, answered: bool) {
        self.begin_answer(status, minted);
        self.inner.state().record(self.number, |call| call.answered = answered);
        self.end();
    }

    fn end(&mut self) {
        if !std::mem::replace(&mut self.ended, true) {
            self.inner.state().end(self.number, self.inner.start.elapsed());
            self.inner.changed.notify_waiters();
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.end();
    }
}
