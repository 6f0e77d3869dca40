//! Many callers, one statement: rows that arrive while a transaction runs share the next one.
//!
//! A commit costs the same for one row as for a hundred, so callers that work on one message each
//! hand their row in here and wait. A row that the database refuses, or whose code panics, is found
//! by halving the slice, so it fails alone (G6).

use std::{future::Future, panic::AssertUnwindSafe, sync::Arc};

use futures::{FutureExt, future::BoxFuture};
use tokio::sync::{Mutex, mpsc, oneshot};

use super::error::StoreError;

type Waiting<I, O> = (I, oneshot::Sender<Result<O, StoreError>>);

/// Gathers rows for one statement. Cheap to clone.
pub struct Coalescer<I, O> {
    queue: mpsc::Sender<Waiting<I, O>>,
}

impl<I, O> Clone for Coalescer<I, O> {
    fn clone(&self) -> Self {
        Self { queue: self.queue.clone() }
    }
}

impl<I: Clone + Send + Sync + 'static, O: Send + 'static> Coalescer<I, O> {
    /// Runs `statement` over slices of at most `slice_max` rows, `lanes` of them at once, until the
    /// last clone is dropped. `statement` answers one value per row, in the rows' order.
    pub fn spawn<F, R>(lanes: usize, slice_max: usize, statement: F) -> Self
    where
        F: Fn(Vec<I>) -> R + Send + Sync + 'static,
        R: Future<Output = Result<Vec<O>, StoreError>> + Send + 'static,
    {
        let (queue, receiver) = mpsc::channel::<Waiting<I, O>>(slice_max * lanes * 2);
        let (receiver, statement) = (Arc::new(Mutex::new(receiver)), Arc::new(statement));
        for _ in 0..lanes {
            let (receiver, statement) = (Arc::clone(&receiver), Arc::clone(&statement));
            tokio::spawn(async move {
                let mut waiting = Vec::with_capacity(slice_max);
                loop {
                    if receiver.lock().await.recv_many(&mut waiting, slice_max).await == 0 {
                        return;
                    }
                    let (rows, callers): (Vec<_>, Vec<_>) = waiting.drain(..).unzip();
                    let answers = isolate(&*statement, rows).await;
                    for (caller, answer) in callers.into_iter().zip(answers) {
                        // A caller that has gone away needs no answer.
                        drop(caller.send(answer));
                    }
                }
            });
        }
        Self { queue }
    }

    /// Hands in one row and waits for its answer.
    pub async fn run(&self, row: I) -> Result<O, StoreError> {
        let stopped = || StoreError::Unavailable(Arc::new(std::io::Error::other("the store is stopping")));
        let (answer, answered) = oneshot::channel();
        self.queue.send((row, answer)).await.map_err(|_| stopped())?;
        answered.await.map_err(|_| stopped())?
    }
}

/// Runs `statement` over `rows`, halving them until a refused row stands alone.
pub(in crate::store) fn isolate<'a, I, O, F, R>(
    statement: &'a F,
    rows: Vec<I>,
) -> BoxFuture<'a, Vec<Result<O, StoreError>>>
where
    I: Clone + Send + Sync + 'a,
    O: Send + 'a,
    F: Fn(Vec<I>) -> R + Sync,
    R: Future<Output = Result<Vec<O>, StoreError>> + Send + 'a,
{
    Box::pin(async move {
        let count = rows.len();
        // Nothing of a try that panicked is looked at again: its transaction is rolled back.
        let trying = AssertUnwindSafe(async { statement(rows.clone()).await }).catch_unwind();
        match trying.await.unwrap_or(Err(StoreError::Panicked)) {
            Ok(answers) => answers.into_iter().map(Ok).collect(),
            Err(error) if count > 1 && !error.is_transient() => {
                let mut first = rows;
                let second = first.split_off(count / 2);
                let mut answers = isolate(statement, first).await;
                answers.extend(isolate(statement, second).await);
                answers
            }
            Err(error) => (0..count).map(|_| Err(error.clone())).collect(),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused() -> StoreError {
        StoreError::Unreadable { table: "t", column: "c", row: "r".into(), problem: "p".into() }
    }

    #[tokio::test]
    async fn g6_a_refused_row_fails_alone() {
        let doubled = Coalescer::spawn(1, 64, |rows: Vec<i32>| async move {
            if rows.contains(&13) { Err(refused()) } else { Ok(rows.iter().map(|row| row * 2).collect()) }
        });
        let answers = futures::future::join_all((0..50).map(|row| doubled.run(row))).await;
        for (row, answer) in answers.into_iter().enumerate() {
            assert_eq!(answer.ok(), (row != 13).then(|| i32::try_from(row).expect("small") * 2));
        }
    }

    #[tokio::test]
    async fn g6_a_row_that_panics_fails_alone_and_its_lane_goes_on() {
        let doubled = Coalescer::spawn(1, 64, |rows: Vec<i32>| async move {
            assert!(!rows.contains(&13), "row 13 panics");
            Ok(rows.iter().map(|row| row * 2).collect())
        });
        for _ in 0..2 {
            let answers = futures::future::join_all((0..20).map(|row| doubled.run(row))).await;
            for (row, answer) in (0..).zip(answers) {
                match answer {
                    Err(StoreError::Panicked) if row == 13 => {}
                    answer => assert_eq!(answer.ok(), (row != 13).then_some(row * 2), "{row}"),
                }
            }
        }
    }

    #[tokio::test]
    async fn a_statement_that_names_no_row_fails_all_its_callers() {
        let away = || StoreError::Unavailable(Arc::new(std::io::Error::other("away")));
        let waiting = Coalescer::<i32, i32>::spawn(1, 64, move |_| async move { Err(away()) });
        let answers = futures::future::join_all((0..20).map(|row| waiting.run(row))).await;
        assert!(answers.iter().all(|answer| answer.as_ref().is_err_and(StoreError::is_transient)));
    }
}
