//! Fetching with manners: with the site's consent, in turn, patiently.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::OnceCell;
use tokio::time::Instant;
use url::Url;

use super::error::FetchError;
use super::fetch::{Answer, BodyLimit, FetchLimits, FetchOutcome, Fetcher, Validators};
use super::robots::{MAX_ROBOTS_BYTES, Robots, product};
use super::scope::is_same_site;
use super::turns::Turns;
use crate::runtime::retry::{self, RetryPolicy};

/// Redirects followed on the way to a robots.txt, as RFC 9309 asks.
const ROBOTS_REDIRECTS: u32 = 5;
/// A server that asks for a longer pause than this is left alone for the rest of the run.
const LONGEST_WAIT: Duration = Duration::from_mins(1);

/// What a crawler owes to the sites it visits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manners {
    /// Pause after each request to a host.
    pub pace: Duration,
    /// The longest pause that a robots.txt may ask for. Sites that ask for more are not crawled.
    pub max_crawl_delay: Duration,
    /// Further attempts after a failure that may pass.
    pub retries: u32,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            pace: Duration::from_millis(500),
            max_crawl_delay: Duration::from_secs(30),
            retries: 2,
        }
    }
}

/// One document to fetch.
#[derive(Debug, Clone, Copy)]
pub struct Visit<'a> {
    /// Where it is.
    pub url: &'a Url,
    /// What an earlier visit learned.
    pub known: &'a Validators,
    /// Whether a redirect to another site ends the visit: true for links that were found, false for
    /// addresses that the operator named.
    pub stay_on_site: bool,
}

/// Fetches documents for one run.
pub struct Crawler {
    fetcher: Fetcher,
    manners: Manners,
    retry: RetryPolicy,
    turns: Turns,
    /// What each origin's robots.txt says. It is read once a run; the 24 hours for which the
    /// standard lets it be kept are longer than a run should take.
    consents: Mutex<HashMap<String, Arc<OnceCell<Consent>>>>,
}

type Consent = Result<Arc<Robots>, FetchError>;

impl Crawler {
    /// Sends nothing yet.
    pub fn new(limits: FetchLimits, manners: Manners) -> Self {
        let total = limits.total_timeout;
        Self {
            fetcher: Fetcher::new(limits),
            retry: RetryPolicy {
                retries: manners.retries,
                first_wait: Duration::from_millis(500),
                longest_wait: LONGEST_WAIT,
                budget: LONGEST_WAIT.saturating_mul(2).max(total.saturating_mul(2)),
            },
            manners,
            turns: Turns::default(),
            consents: Mutex::default(),
        }
    }

    /// Fetches a document, or learns that it has not changed.
    pub async fn visit(&self, visit: Visit<'_>) -> Result<FetchOutcome, FetchError> {
        // A host that could not even be asked for its rules was tried often enough.
        self.consent(visit.url).await?;
        retry::run(&self.retry, FetchError::retry, || self.attempt(visit)).await
    }

    /// The sitemaps that the robots.txt of `url`'s origin names.
    pub async fn sitemaps(&self, url: &Url) -> Result<Vec<String>, FetchError> {
        Ok(self.consent(url).await?.sitemaps.clone())
    }

    async fn attempt(&self, visit: Visit<'_>) -> Result<FetchOutcome, FetchError> {
        let limits = self.fetcher.limits();
        let mut clock = Clock::new(limits.total_timeout);
        let mut url = visit.url.clone();
        for _ in 0..=limits.max_redirects {
            let robots = self.consent(&url).await?;
            if !robots.allow(&url) {
                return Err(FetchError::Forbidden(host_of(&url)));
            }
            let pause = self.pause(&url, &robots)?;
            let limit = BodyLimit::Refuse(limits.max_bytes);
            match self
                .ask(&url, visit.known, limit, pause, &mut clock)
                .await?
            {
                Answer::Body(fetched) => return Ok(FetchOutcome::Body(fetched)),
                Answer::NotModified => return Ok(FetchOutcome::NotModified),
                Answer::Redirect(target)
                    if visit.stay_on_site && !is_same_site(visit.url, &target) =>
                {
                    return Err(FetchError::OffSite(host_of(&target)));
                }
                Answer::Redirect(target) => url = target,
            }
        }
        Err(FetchError::TooManyRedirects(limits.max_redirects))
    }

    fn pause(&self, url: &Url, robots: &Robots) -> Result<Duration, FetchError> {
        let asked = robots.crawl_delay.unwrap_or_default();
        if asked > self.manners.max_crawl_delay {
            return Err(FetchError::CrawlDelay {
                host: host_of(url),
                asked,
            });
        }
        Ok(asked.max(self.manners.pace))
    }

    /// One request in the host's turn. Waiting for the turn takes nothing off the `clock`.
    async fn ask(
        &self,
        url: &Url,
        known: &Validators,
        limit: BodyLimit,
        pause: Duration,
        clock: &mut Clock,
    ) -> Result<Answer, FetchError> {
        let host = host_of(url);
        let patience = LONGEST_WAIT
            .max(self.manners.max_crawl_delay)
            .max(self.manners.pace);
        let turn = self
            .turns
            .take(&host, patience)
            .await
            .map_err(|wait| FetchError::Resting {
                host,
                seconds: wait.as_secs(),
            })?;
        let answer = clock.run(self.fetcher.request(url, known, limit)).await;
        let asked = match &answer {
            Err(FetchError::Status {
                status: 429 | 503,
                retry_after: Some(wait),
            }) => *wait,
            _ => Duration::ZERO,
        };
        turn.end(pause.max(asked));
        answer
    }

    /// What the site of `url` allows.
    async fn consent(&self, url: &Url) -> Consent {
        let origin = url.origin().ascii_serialization();
        let cell = {
            let mut consents = self.consents.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(consents.entry(origin).or_default())
        };
        cell.get_or_init(|| self.ask_for_consent(url)).await.clone()
    }

    async fn ask_for_consent(&self, url: &Url) -> Consent {
        let read = || self.read_robots(url);
        match retry::run(&self.retry, FetchError::retry, read).await {
            Ok(robots) => Ok(Arc::new(robots)),
            // A client error means that there are no rules; RFC 9309 says the same of a chain of
            // redirects that does not end. Of the client errors, only "too many requests" says
            // nothing about the file.
            Err(
                FetchError::Gone(_) | FetchError::TooManyRedirects(_) | FetchError::BadRedirect,
            ) => Ok(Arc::default()),
            Err(FetchError::Status { status, .. })
                if (400..500).contains(&status) && status != 429 =>
            {
                Ok(Arc::default())
            }
            // These say by themselves what is wrong with the host.
            Err(
                error @ (FetchError::Private { .. }
                | FetchError::Scheme
                | FetchError::Unresolvable(_)
                | FetchError::NoClient(_)
                | FetchError::Connect(_)),
            ) => Err(error),
            Err(error) => Err(FetchError::NoRobots {
                host: host_of(url),
                reason: error.to_string(),
            }),
        }
    }

    async fn read_robots(&self, url: &Url) -> Result<Robots, FetchError> {
        let limits = self.fetcher.limits();
        let mut clock = Clock::new(limits.total_timeout);
        let mut url = url.join("/robots.txt").map_err(|_| FetchError::Scheme)?;
        let (known, limit) = (Validators::default(), BodyLimit::Cut(MAX_ROBOTS_BYTES));
        for _ in 0..=ROBOTS_REDIRECTS {
            let pause = self.manners.pace;
            match self.ask(&url, &known, limit, pause, &mut clock).await? {
                Answer::Body(file) => {
                    return Ok(Robots::parse(&file.body, product(&limits.user_agent)));
                }
                Answer::NotModified => return Ok(Robots::default()),
                Answer::Redirect(target) => url = target,
            }
        }
        Err(FetchError::TooManyRedirects(ROBOTS_REDIRECTS))
    }
}

fn host_of(url: &Url) -> String {
    url.host_str().unwrap_or_default().to_owned()
}

/// The time that one fetch may take, redirects included.
struct Clock {
    total: Duration,
    left: Duration,
}

impl Clock {
    fn new(total: Duration) -> Self {
        Self { total, left: total }
    }

    async fn run<T>(
        &mut self,
        work: impl Future<Output = Result<T, FetchError>>,
    ) -> Result<T, FetchError> {
        let begun = Instant::now();
        let outcome = tokio::time::timeout(self.left, work).await;
        self.left = self.left.saturating_sub(begun.elapsed());
        outcome.unwrap_or(Err(FetchError::TimedOut(self.total.as_secs())))
    }
}
