//! Consuming in batches, one batch at a time.

use std::{future::Future, time::Duration};

use lapin::{message::Delivery, options::BasicConsumeOptions};
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{
    error::QueueError,
    incoming::Incoming,
    intake::Intake,
    link::{Dial, Link},
    settle::{Disposition, PANIC_REASON, Settler, ack, give_back, without_panic},
    supervisor::Supervisor,
};

/// A consumer that hands over several deliveries at once.
pub(super) struct Batches<H> {
    pub(super) dial: Dial,
    pub(super) settler: Settler,
    pub(super) prefetch: u16,
    pub(super) max_batch: usize,
    pub(super) linger: Duration,
    pub(super) drain_limit: Duration,
    pub(super) handler: H,
}

impl<H, F> Batches<H>
where
    H: Fn(Vec<Incoming>) -> F,
    F: Future<Output = Vec<Disposition>>,
{
    /// Runs until `shutdown`, then finishes the batch under way within the limit.
    pub(super) async fn run(self, shutdown: CancellationToken) {
        let mut supervisor = Supervisor::new(&self.dial, format!("consumer of {}", self.settler.queue));
        while let Some(link) = supervisor.connect(&shutdown).await {
            let how = self.consume(&link, &shutdown).await;
            supervisor.ended(link, how).await;
        }
    }

    async fn consume(&self, link: &Link, shutdown: &CancellationToken) -> Result<(), QueueError> {
        let options = BasicConsumeOptions::default();
        let mut intake = Intake::open(link, self.settler.queue, self.prefetch, options).await?;
        loop {
            let mut batch = Vec::new();
            let gathered = shutdown.run_until_cancelled(self.gather(&mut intake, &mut batch)).await;
            let Some(gathered) = gathered else {
                for delivery in &batch {
                    give_back(delivery).await?;
                }
                return intake.stop().await.map(drop);
            };
            gathered?;
            let dispositions = tokio::select! {
                biased;
                dispositions = self.handle(&batch) => dispositions,
                () = self.too_long(shutdown) => {
                    warn!(queue.name = self.settler.queue, "stopping without the end of a batch; it will be delivered again");
                    return Ok(());
                }
            };
            intake.unless_lost(self.settle(batch, dispositions)).await?;
        }
    }

    /// Fills `batch`: at least one delivery, then all that come until it is full or has lingered.
    /// Where this is dropped, `batch` holds what has come.
    async fn gather(&self, intake: &mut Intake<'_>, batch: &mut Vec<Delivery>) -> Result<(), QueueError> {
        // More than the prefetch never comes before something is settled.
        let full = self.max_batch.min(self.prefetch.into()).max(1);
        batch.push(intake.next().await?);
        let deadline = Instant::now() + self.linger;
        while batch.len() < full {
            match timeout_at(deadline, intake.next()).await {
                Ok(delivery) => batch.push(delivery?),
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// One disposition per delivery. Where the handler panics over a batch, each delivery is tried
    /// alone, so that only the one that cannot be handled is dead-lettered.
    async fn handle(&self, batch: &[Delivery]) -> Vec<Disposition> {
        let handler = &self.handler;
        let incoming: Vec<_> = batch.iter().map(Incoming::of).collect();
        if let Some(dispositions) = one_each(batch.len(), async { handler(incoming).await }).await {
            return dispositions;
        }
        error!(
            queue.name = self.settler.queue,
            "a handler failed over a batch; its messages are tried one by one"
        );
        let mut dispositions = Vec::with_capacity(batch.len());
        for delivery in batch {
            let incoming = vec![Incoming::of(delivery)];
            match one_each(1, async { handler(incoming).await }).await {
                Some(alone) => dispositions.extend(alone),
                None => dispositions.push(Disposition::DeadLetter(PANIC_REASON.to_owned())),
            }
        }
        dispositions
    }

    /// Acks what was handled up to the first that was not with one frame, and the rest one by one.
    /// One serial task settles here, without which `multiple` would ack what others still handle.
    async fn settle(
        &self,
        mut batch: Vec<Delivery>,
        mut dispositions: Vec<Disposition>,
    ) -> Result<(), QueueError> {
        let handled = dispositions.iter().take_while(|disposition| **disposition == Disposition::Ack).count();
        let rest = batch.split_off(handled);
        if let Some(last) = batch.last() {
            ack(last, true).await?;
        }
        // At once, so that the pause before a redelivery is waited for once.
        let settling = rest.into_iter().zip(dispositions.split_off(handled));
        let never = CancellationToken::new();
        let settling = settling.map(|(delivery, how)| self.settler.settle(delivery, how, &never));
        futures::future::join_all(settling).await;
        Ok(())
    }

    async fn too_long(&self, shutdown: &CancellationToken) {
        shutdown.cancelled().await;
        tokio::time::sleep(self.drain_limit).await;
    }
}

/// The handler's dispositions, if it neither panics nor forgets a message.
async fn one_each(
    expected: usize,
    handler: impl Future<Output = Vec<Disposition>>,
) -> Option<Vec<Disposition>> {
    without_panic(handler).await.ok().filter(|dispositions| dispositions.len() == expected)
}
