//! Consuming one message per task, for as long as the process wants to.

use std::{future::Future, sync::Arc, time::Duration};

use lapin::{message::Delivery, options::BasicConsumeOptions};
use tokio::{sync::Semaphore, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, warn};

use super::{
    error::QueueError,
    incoming::Incoming,
    intake::Intake,
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
    pub(super) handler: H,
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

    async fn consume(
        &self,
        link: &Link,
        under_way: &UnderWay,
        shutdown: &CancellationToken,
    ) -> Result<(), QueueError> {
        let options = BasicConsumeOptions::default();
        let mut intake = Intake::open(link, self.settler.queue, self.prefetch, options).await?;
        let over = CancellationToken::new();
        let _over_at_the_end = over.clone().drop_guard();
        loop {
            let next = async {
                let slot = Arc::clone(&under_way.slots).acquire_owned().await.expect("never closed");
                intake.next().await.map(|delivery| (slot, delivery))
            };
            let Some(next) = shutdown.run_until_cancelled(next).await else {
                let _channel = intake.stop().await?;
                under_way.finish(self.settler.queue, self.drain_limit).await;
                return Ok(());
            };
            let (slot, delivery) = next?;
            let work = handle(self.handler.clone(), self.settler.clone(), delivery, over.clone());
            let abandoned = under_way.abandoned.clone();
            under_way.tasks.spawn(async move {
                abandoned.run_until_cancelled(work).await;
                drop(slot);
            });
        }
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
