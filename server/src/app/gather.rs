//! Many callers' work of one kind done together: what waits at the moment is handled as one batch, so that the
//! database writes many rows in one statement, and each caller gets its own answer.

use std::future::Future;

use tokio::sync::{mpsc, oneshot};

const QUEUE: usize = 4096;
const BATCH: usize = 512;

pub struct Gather<T, R> {
    queue: mpsc::Sender<(T, oneshot::Sender<R>)>,
}

/// The other end: whoever starts the application runs it.
pub struct Gathered<T, R> {
    waiting: mpsc::Receiver<(T, oneshot::Sender<R>)>,
}

pub fn gather<T, R>() -> (Gather<T, R>, Gathered<T, R>) {
    let (queue, waiting) = mpsc::channel(QUEUE);
    (Gather { queue }, Gathered { waiting })
}

impl<T, R> Gather<T, R> {
    /// None when the server is stopping.
    pub async fn ask(&self, work: T) -> Option<R> {
        let (answer, heard) = oneshot::channel();
        self.queue.send((work, answer)).await.ok()?;
        heard.await.ok()
    }
}

impl<T, R> Gathered<T, R> {
    /// `handle` answers each piece of work, in order. Ends when nobody can ask any more.
    pub async fn run<F, Fut>(mut self, mut handle: F)
    where
        F: FnMut(Vec<T>) -> Fut,
        Fut: Future<Output = Vec<R>>,
    {
        let mut batch = Vec::new();
        while self.waiting.recv_many(&mut batch, BATCH).await > 0 {
            let (work, answers): (Vec<T>, Vec<_>) = batch.drain(..).unzip();
            for (answer, result) in answers.into_iter().zip(handle(work).await) {
                // The caller's stream may have ended meanwhile.
                let _ = answer.send(result);
            }
        }
    }
}
