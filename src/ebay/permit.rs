//! The body of a refresh request, which knows whether the request was begun.
//!
//! Two things must be certain: that no request is begun after its deadline (G2), and whether a call
//! without an answer may have reached eBay. Neither can be seen from outside the HTTP client: between
//! the last look at the clock and the write lie name resolution, TCP, TLS and a queue inside it, and a
//! process may be frozen in any of them.
//!
//! hyper's HTTP/1 client puts a request's head into a buffer, asks the body for its first frame, and
//! flushes only then; if the body fails, it drops the buffer and the connection. So the permit stands
//! in the body. It is asked once per request, immediately before the first byte is written, and
//! ends for good in one of two states: *begun*, or *closed* because the deadline has passed or
//! the caller has given up. A caller who closes it first knows that not a byte was or will be written.

use std::{
    pin::Pin,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::Instant;
use zeroize::Zeroizing;

const OPEN: u8 = 0;
const BEGUN: u8 = 1;
const CLOSED: u8 = 2;

/// Whether the request may be, or was, begun.
#[derive(Debug)]
pub(super) struct Permit {
    state: AtomicU8,
    begun_at: OnceLock<Instant>,
    deadline: Instant,
}

impl Permit {
    pub(super) fn until(deadline: Instant) -> Arc<Self> {
        Arc::new(Self { state: AtomicU8::new(OPEN), begun_at: OnceLock::new(), deadline })
    }

    /// Closes the permit. `false` if the request was begun before, so it may have been written.
    pub(super) fn close(&self) -> bool {
        self.turn(CLOSED)
    }

    /// Whether it was the deadline, and nothing else, that the permit was closed by.
    pub(super) fn is_overdue(&self) -> bool {
        Instant::now() >= self.deadline
    }

    /// When the first byte was about to be written.
    pub(super) fn begun_at(&self) -> Option<Instant> {
        self.begun_at.get().copied()
    }

    fn pass(&self) -> bool {
        let now = Instant::now();
        if now >= self.deadline {
            self.close();
            return false;
        }
        let passed = self.turn(BEGUN);
        if passed {
            self.begun_at.get_or_init(|| now);
        }
        passed
    }

    fn turn(&self, to: u8) -> bool {
        match self.state.compare_exchange(OPEN, to, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => true,
            Err(found) => found == CLOSED && to == CLOSED,
        }
    }
}

/// A form that is handed over only through its permit.
pub(super) struct PermittedForm {
    form: Option<Bytes>,
    permit: Arc<Permit>,
}

/// The permit was closed before the request was begun.
#[derive(Debug, thiserror::Error)]
#[error("the deadline passed before the request was written")]
pub(super) struct PermitClosed;

impl PermittedForm {
    pub(super) fn new(form: Zeroizing<Vec<u8>>, permit: Arc<Permit>) -> Self {
        // The owner overwrites the form when the last reader lets go of it.
        Self { form: Some(Bytes::from_owner(form)), permit }
    }
}

impl Body for PermittedForm {
    type Data = Bytes;
    type Error = PermitClosed;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, PermitClosed>>> {
        let Some(form) = self.form.take() else { return Poll::Ready(None) };
        Poll::Ready(Some(if self.permit.pass() { Ok(Frame::data(form)) } else { Err(PermitClosed) }))
    }

    fn is_end_stream(&self) -> bool {
        self.form.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.form.as_ref().map_or(0, |form| form.len() as u64))
    }
}
