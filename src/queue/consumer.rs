//! Consuming one message per task, for as long as the process wants to.

use std::{future::Future, sync::Arc, time::Duration};

use lapin::{message::Delivery, options::BasicConsumeOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};

use super::{
    error::QueueError,
    incoming::Incoming,
    intake::{Intake, while_held},
    link::{Dial, Link},
    settle::{Disposition, PANIC_REASON, Settler, without_panic},
    supervisor::Supervisor,
};

/// A consumer that runs each delivery in a task of its own.
pub(super) struct Workers<H> {
    pub(super) dial: Dial,
    pub(super) settler: Settler,
    pub(super) prefetch: u16,
    pub(super) drain_limit: Duration,
    /// Whether deliveries are wanted at present.
    pub(super) wanted: watch::Receiver<bool>,
    pub(super) handler: H,
}

/// Why no more deliveries are taken.
enum Pause {
    /// The process stops.
    Stopping,
    /// Deliveries are not wanted at present.
    Unwanted,
}

impl<H, F> Workers<H>
where
    H: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Disposition> + Send + 'static,
{
    /// Runs until `shutdown`, then finishes what is under way within the limit.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let mut supervisor = Supervisor::new(&self.dial, format!("consumer of {}", self.settler.queue));
        // Tasks outlive the connection their delivery came by, so the slots do too: a reconnect must
        // not double what runs at once.
        let under_way = UnderWay::new(self.prefetch);
        while let Some(link) = supervisor.connect(&shutdown).await {
            let how = self.consume(&link, &under_way, &shutdown).await;
            supervisor.ended(link, how).await;
        }
        under_way.finish(self.settler.queue, self.drain_limit).await;
    }

    /// Takes deliveries while they are wanted. The channel stays in between: what is under way is
    /// settled on it.
    async fn consume(
        &self,
        link: &Link,
        under_way: &UnderWay,
        shutdown: &CancellationToken,
    ) -> Result<(), QueueError> {
        let over = CancellationToken::new();
        let _over_at_the_end = over.clone().drop_guard();
        let mut channel = link.channel().await?;
        loop {
            let wanted = while_held(link, &channel, until(self.wanted.clone(), true));
            let Some(held) = shutdown.run_until_cancelled(wanted).await else {
                under_way.finish(self.settler.queue, self.drain_limit).await;
                return Ok(());
            };
            held?;
            let options = BasicConsumeOptions::default();
            let queue = self.settler.queue;
            let mut intake = Intake::begin(link, channel, queue, self.prefetch, options).await?;
            let pause = self.take(&mut intake, under_way, &over, shutdown).await?;
            channel = intake.stop().await?;
            if matches!(pause, Pause::Stopping) {
                under_way.finish(queue, self.drain_limit).await;
                return Ok(());
            }
        }
    }

    /// Begins deliveries until there is a reason to take no more.
    async fn take(
        &self,
        intake: &mut Intake<'_>,
        under_way: &UnderWay,
        over: &CancellationToken,
        shutdown: &CancellationToken,
    ) -> Result<Pause, QueueError> {
        loop {
            let next = async {
                let slot = Arc::clone(&under_way.slots).acquire_owned().await.expect("never closed");
                intake.next().await.map(|delivery| (slot, delivery))
            };
            let (slot, delivery) = tokio::select! {
                biased;
                () = shutdown.cancelled() => return Ok(Pause::Stopping),
                () = until(self.wanted.clone(), false) => return Ok(Pause::Unwanted),
                next = next => next?,
            };
            self.begin(slot, delivery, under_way, over);
        }
    }

    fn begin(
        &self,
        slot: OwnedSemaphorePermit,
        delivery: Delivery,
        under_way: &UnderWay,
        over: &CancellationToken,
    ) {
        let work = handle(self.handler.clone(), self.settler.clone(), delivery, over.clone());
        let abandoned = under_way.abandoned.clone();
        under_way.tasks.spawn(async move {
            abandoned.run_until_cancelled(work).await;
            drop(slot);
        });
    }
}

/// Waits until `wanted` has this value. One that nobody changes any more stays as it is.
async fn until(mut wanted: watch::Receiver<bool>, value: bool) {
    if wanted.wait_for(|wanted| *wanted == value).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn handle<H, F>(handler: H, settler: Settler, delivery: Delivery, over: CancellationToken)
where
    H: Fn(Incoming) -> F,
    F: Future<Output = Disposition>,
{
    let incoming = Incoming::of(&delivery);
    let answer = without_panic(async { handler(incoming).await }).await;
    let disposition = answer.unwrap_or_else(|_| {
        error!(queue.name = settler.queue, "a handler panicked; its message is dead-lettered");
        Disposition::DeadLetter(PANIC_REASON.to_owned())
    });
    settler.settle(delivery, disposition, &over).await;
}

/// The tasks that are under way.
struct UnderWay {
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
    abandoned: CancellationToken,
}

impl UnderWay {
    fn new(prefetch: u16) -> Self {
        let slots = Arc::new(Semaphore::new(prefetch.max(1).into()));
        Self { slots, tasks: TaskTracker::new(), abandoned: CancellationToken::new() }
    }

    /// Waits for all tasks, and abandons those that take longer than `limit`.
    async fn finish(&self, queue: &'static str, limit: Duration) {
        self.tasks.close();
        if timeout(limit, self.tasks.wait()).await.is_err() {
            warn!(
                queue.name = queue,
                queue.under_way = self.tasks.len(),
                "stopping without the end of what is under way; it will be delivered again"
            );
            self.abandoned.cancel();
            self.tasks.wait().await;
        }
    }
}
