//! The one door from async code to blocking work.

/// Runs `work` on tokio's blocking threads and waits for it without holding up an async thread.
///
/// The caller's tracing span is entered on the other thread. A panic in `work` continues in the
/// caller. Tokio's limit of blocking threads is large by design, so work that computes needs a
/// permit of its own before it comes here.
pub(crate) async fn run<T, F>(work: F) -> T
where
    F: FnOnce() -> T + Send + 'static,
    T: Send + 'static,
{
    let span = tracing::Span::current();
    #[expect(clippy::disallowed_methods, reason = "this is the one permitted site")]
    let handle = tokio::task::spawn_blocking(move || span.in_scope(work));
    match handle.await {
        Ok(value) => value,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            // Blocking tasks are cancelled only while the runtime shuts down; nobody waits then.
            Err(_) => std::future::pending().await,
        },
    }
}

#[cfg(test)]
mod tests {
    #[tokio::test]
    async fn returns_what_the_work_returned() {
        assert_eq!(super::run(|| 6 * 7).await, 42);
    }

    #[tokio::test]
    #[should_panic(expected = "the work failed")]
    async fn a_panic_reaches_the_caller() {
        super::run(|| panic!("the work failed")).await;
    }
}
