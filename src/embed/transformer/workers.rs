//! The threads that run the model.

use std::num::NonZeroUsize;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{mpsc, oneshot};

use super::network::Network;
use crate::embed::{EmbedError, Passage, PassageVectors, QueryVectors};
use crate::encoder::Pass;

/// Jobs that may wait for a free worker, per worker. Enough to keep it busy; more would only let
/// requests queue that nobody awaits any more.
const QUEUE_PER_WORKER: usize = 4;

/// Where a worker leaves what came of a job.
type Reply<T> = oneshot::Sender<Result<T, EmbedError>>;

enum Job {
    Passage(Passage, Reply<PassageVectors>),
    Query(String, Reply<QueryVectors>),
}

/// Sends passages to worker threads. The threads end when this is dropped.
pub(super) struct Workers {
    queue: mpsc::Sender<Job>,
}

impl Workers {
    pub(super) fn start(network: &Arc<Network>, threads: NonZeroUsize) -> Self {
        let (queue, jobs) = mpsc::channel(threads.get() * QUEUE_PER_WORKER);
        let jobs = Arc::new(Mutex::new(jobs));
        for index in 0..threads.get() {
            let network = Arc::clone(network);
            let jobs = Arc::clone(&jobs);
            std::thread::Builder::new()
                .name(format!("embed-{index}"))
                .spawn(move || work(&network, &jobs))
                .expect("the operating system starts a thread at start-up");
        }
        Self { queue }
    }

    /// Embeds a question; waits while the queue is full.
    pub(super) async fn embed_query(&self, text: &str) -> Result<QueryVectors, EmbedError> {
        self.submit(|reply| Job::Query(text.to_owned(), reply))
            .await?
            .await
            .map_err(|_| EmbedError::Stopped)?
    }

    /// Embeds all passages on all workers, keeping their order. At most one queue's length of them
    /// is under way at a time.
    pub(super) async fn embed_all(
        &self,
        passages: Vec<Passage>,
    ) -> Result<Vec<PassageVectors>, EmbedError> {
        let mut replies = Vec::with_capacity(passages.len());
        for passage in passages {
            replies.push(self.submit(|reply| Job::Passage(passage, reply)).await?);
        }
        let mut vectors = Vec::with_capacity(replies.len());
        for reply in replies {
            vectors.push(reply.await.map_err(|_| EmbedError::Stopped)??);
        }
        Ok(vectors)
    }

    async fn submit<T>(
        &self,
        job: impl FnOnce(Reply<T>) -> Job,
    ) -> Result<oneshot::Receiver<Result<T, EmbedError>>, EmbedError> {
        let (reply, answer) = oneshot::channel();
        self.queue
            .send(job(reply))
            .await
            .map_err(|_| EmbedError::Stopped)?;
        Ok(answer)
    }
}

/// One worker: takes jobs until the queue is closed.
fn work(network: &Network, jobs: &Mutex<mpsc::Receiver<Job>>) {
    let mut pass = Pass::new();
    loop {
        let job = jobs
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .blocking_recv();
        // Nobody wants the vectors of a caller that has left; one may leave while they are made.
        match job {
            None => return,
            Some(Job::Passage(passage, reply)) if !reply.is_closed() => {
                let _ = reply.send(network.embed(&passage, &mut pass));
            }
            Some(Job::Query(text, reply)) if !reply.is_closed() => {
                let _ = reply.send(network.embed_query(&text, &mut pass));
            }
            Some(Job::Passage(..) | Job::Query(..)) => {}
        }
    }
}
