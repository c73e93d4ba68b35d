//! From the sources that the operator named to everything that belongs to them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::num::NonZeroUsize;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use indicatif::ProgressBar;
use url::Url;

use super::IngestError;
use super::gather::Gatherer;
use super::gathered::Gathered;
use super::report::Status;
use super::sources::{Page, Source};
use crate::crawl::{Frontier, FrontierLimits, Masks, discover, is_same_site};
use crate::snapshot::Records;

/// One walk over all sources.
pub(super) struct Walk<'a> {
    pub(super) gatherer: &'a Gatherer,
    pub(super) previous: Option<&'a Records>,
    pub(super) concurrency: NonZeroUsize,
    pub(super) limits: FrontierLimits,
    pub(super) sitemaps: &'a [Url],
    pub(super) bar: &'a ProgressBar,
}

impl Walk<'_> {
    /// Gathers the named sources, the pages of the sitemaps, and then, level by level, what their
    /// links lead to. The order of the result depends on the sources alone.
    pub(super) async fn run(&self, named: Vec<Source>) -> Result<Vec<Gathered>, IngestError> {
        let mut frontier = Frontier::new(self.limits);
        for url in named.iter().filter_map(Source::url) {
            frontier.name(url);
        }
        let (crawler, masks) = (&self.gatherer.crawler, &self.gatherer.masks);
        let link = |url: Url| Source::Link(Page::new(url, masks));
        let mapped = discover(crawler, self.sitemaps, self.limits.max_pages).await;
        let mut gathered: Vec<Gathered> = Vec::new();
        let mut unsure: Vec<Url> = Vec::new();
        for (sitemap, error) in mapped.failed {
            let reason = format!("the sitemap cannot be read: {error}");
            gathered.push(Gathered::failed(masks.shown(&sitemap), reason));
            unsure.push(sitemap);
        }
        for (sitemap, entry, error) in mapped.malformed {
            let reason = format!("no address in {}: {error}", masks.shown(&sitemap));
            let mut item = Gathered::failed(masks.shown_text(&entry), reason);
            // Nobody asked for it by name.
            item.status = Status::Skipped;
            gathered.push(item);
        }
        let mut level = named;
        let found = mapped.pages.into_iter().filter(|url| frontier.admit(url));
        level.extend(found.collect::<Vec<_>>().into_iter().map(link));
        while !level.is_empty() {
            let found = self.level(&level, frontier.wants_links()).await?;
            for (source, item) in level.iter().zip(&found) {
                frontier.offer(item.links());
                unsure.extend(source.url().filter(|_| item.hides_links).cloned());
            }
            gathered.extend(found);
            level = frontier.take_level().into_iter().map(link).collect();
        }
        let left = self.out_of_sight(&unsure, &gathered);
        let left: Vec<Source> = left
            .into_iter()
            .filter(|url| frontier.admit(url))
            .map(link)
            .collect();
        gathered.extend(self.level(&left, false).await?);
        if frontier.left_out() > 0 {
            tracing::warn!(
                pages.left_out = frontier.left_out(),
                pages.max = self.limits.max_pages,
                "more pages were found than --max-pages or the limit of variants of one page allow"
            );
        }
        fold_into_canonical(&mut gathered, masks);
        Ok(gathered)
    }

    /// Pages of last time on sites where a sitemap or a page with links failed today. That they
    /// were not found does not mean that they are gone.
    fn out_of_sight(&self, unsure: &[Url], gathered: &[Gathered]) -> Vec<Url> {
        let seen: HashSet<&str> = gathered.iter().map(|item| item.source.as_str()).collect();
        let documents = self.previous.map(Records::documents).unwrap_or_default();
        documents
            .iter()
            .filter(|document| !seen.contains(document.source.as_str()))
            .filter_map(|document| self.address(&document.source))
            .filter(|url| unsure.iter().any(|page| is_same_site(page, url)))
            .collect()
    }

    /// Where a page of last time is asked for.
    fn address(&self, source: &str) -> Option<Url> {
        match self.gatherer.memory.address(source) {
            Some(url) => Some(url.clone()),
            None if Masks::is_masked(source) => None,
            None => Url::parse(source).ok(),
        }
    }

    /// Gathers sources, several at a time, and returns them in their order. A host that is slow or
    /// wants to be asked rarely does not keep the others waiting: each has its share of the places.
    async fn level(
        &self,
        sources: &[Source],
        wants_links: bool,
    ) -> Result<Vec<Gathered>, IngestError> {
        self.bar
            .set_length(self.bar.position() + sources.len() as u64);
        let mut queues = Queues::new(sources, self.concurrency.get());
        let mut running = FuturesUnordered::new();
        let mut gathered: Vec<Option<Gathered>> = sources.iter().map(|_| None).collect();
        loop {
            while let Some(place) = queues.next() {
                let source = &sources[place];
                running.push(async move {
                    let item = self
                        .gatherer
                        .gather(source, self.previous, wants_links)
                        .await;
                    (place, item)
                });
            }
            let Some((place, item)) = running.next().await else {
                break;
            };
            gathered[place] = Some(item?);
            queues.is_done(place);
            self.bar.inc(1);
        }
        Ok(gathered.into_iter().flatten().collect())
    }
}

/// What waits, host by host.
struct Queues {
    hosts: Vec<Queue>,
    /// The host of each source.
    host_of: Vec<usize>,
    turn: usize,
    running: usize,
    places: usize,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<usize>,
    running: usize,
}

impl Queues {
    fn new(sources: &[Source], places: usize) -> Self {
        let mut hosts: Vec<Queue> = Vec::new();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut host_of = Vec::with_capacity(sources.len());
        for (place, source) in sources.iter().enumerate() {
            // Files share one queue.
            let host = source.url().and_then(Url::host_str).unwrap_or_default();
            let host = *known.entry(host).or_insert_with(|| {
                hosts.push(Queue::default());
                hosts.len() - 1
            });
            hosts[host].waiting.push_back(place);
            host_of.push(host);
        }
        Self {
            hosts,
            host_of,
            turn: 0,
            running: 0,
            places,
        }
    }

    /// The next source that may begin.
    fn next(&mut self) -> Option<usize> {
        if self.running >= self.places {
            return None;
        }
        let waiting = self.hosts.iter().filter(|host| !host.waiting.is_empty());
        let share = (self.places / waiting.count().max(1)).max(1);
        for offset in 0..self.hosts.len() {
            let at = (self.turn + offset) % self.hosts.len();
            let host = &mut self.hosts[at];
            if host.running < share
                && let Some(place) = host.waiting.pop_front()
            {
                host.running += 1;
                self.running += 1;
                self.turn = at + 1;
                return Some(place);
            }
        }
        None
    }

    fn is_done(&mut self, place: usize) {
        self.running -= 1;
        self.hosts[self.host_of[place]].running -= 1;
    }
}

/// Pages that name another page of the run as the one to read are folded into it.
fn fold_into_canonical(gathered: &mut [Gathered], masks: &Masks) {
    let canonical_of = |item: &Gathered| -> Option<String> {
        let canonical = masks.shown(item.page.as_ref()?.canonical.as_ref()?);
        (canonical != item.source).then_some(canonical)
    };
    // A page that sends its readers on stands for nothing, or two that name each other would both
    // be lost.
    let standing: HashSet<String> = gathered
        .iter()
        .filter(|item| item.text.is_some() && canonical_of(item).is_none())
        .map(|item| item.source.clone())
        .collect();
    for item in gathered.iter_mut().filter(|item| item.text.is_some()) {
        if let Some(canonical) = canonical_of(item).filter(|url| standing.contains(url)) {
            item.status = Status::Duplicate;
            item.reason = Some(format!("its canonical address is {canonical}"));
            item.text = None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pages(addresses: &[&str]) -> Vec<Source> {
        let masks = Masks::new(&[], [0; 32]);
        let parse = |address: &&str| Source::Url(Page::new(Url::parse(address).unwrap(), &masks));
        addresses.iter().map(parse).collect()
    }

    #[test]
    fn every_host_has_its_share_of_the_places() {
        let sources = pages(&[
            "http://a.example/1",
            "http://a.example/2",
            "http://a.example/3",
            "http://b.example/1",
        ]);
        let mut queues = Queues::new(&sources, 2);
        assert_eq!((queues.next(), queues.next()), (Some(0), Some(3)));
        assert_eq!(queues.next(), None, "both places are taken");
        queues.is_done(3);
        assert_eq!(queues.next(), Some(1), "nobody else waits");
        queues.is_done(0);
        queues.is_done(1);
        assert_eq!((queues.next(), queues.next()), (Some(2), None));
    }
}
