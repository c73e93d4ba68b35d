//! One source to one document: fetch or read, compare with last time, extract.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use url::Url;

use super::arrived::{Arrival, Arrived, charset_parameter, read_file, unchanged_page};
use super::cache::{Cache, TextKey};
use super::extractor::{Extractor, Outcome};
use super::folders::LeftOut;
use super::gathered::{Gathered, PageLinks, Text};
use super::last_time::{LastTime, StandIn};
use super::memory::Memory;
use super::sources::Source;
use super::worker::Job;
use super::{IngestError, Status};
use crate::crawl::{
    Crawler, FetchError, FetchOutcome, Masks, Validators, Visit, is_same_site, normalize,
    same_site_links,
};
use crate::extract::{html, sniff, unread};
use crate::model::{ContentKind, Document, DocumentId, Extracted};
use crate::runtime::blocking;
use crate::snapshot::Records;
use crate::snapshot::write::Body;

/// A run that takes over from an interrupted one believes pages that were fetched so long ago.
const RESUME_SECONDS: i64 = 6 * 3600;

/// Pages that only lead on, one to the next, on the way to a document; as browsers, after some no more.
const MOST_REFRESHES: usize = 5;

/// What all sources are gathered with.
pub(super) struct Gatherer {
    pub(super) crawler: Crawler,
    pub(super) memory: Memory,
    /// How addresses are shown.
    pub(super) masks: Masks,
    pub(super) extractor: Extractor,
    pub(super) max_file_bytes: u64,
    /// Seconds since the Unix epoch.
    pub(super) now: i64,
    pub(super) cache: Arc<Cache>,
    /// Seconds for which a failing source is kept; `None` is for ever.
    pub(super) max_stale: Option<i64>,
}

impl Gatherer {
    /// Never fails for what a source does; only when no worker can be started.
    pub(super) async fn gather(
        &self,
        source: &Source,
        previous: Option<&Records>,
        wants_links: bool,
    ) -> Result<Gathered, IngestError> {
        let begun = Instant::now();
        let name = source.name();
        if let Source::LeftOut(left_out) = source {
            return Ok(Gathered::left_out(name, left_out));
        }
        let wants_links = wants_links && source.url().is_some();
        let mut last =
            previous.and_then(|records| LastTime::find(records, &DocumentId::of_source(&name)));
        let mut gathered = Gathered::failed(name, String::new());
        if let Some(last) = &mut last {
            let page = self.memory.find(last.document);
            last.lacks_links = wants_links && page.is_none_or(|page| page.links.is_none());
            gathered.page = page.cloned();
        }
        let (mut is_final, mut fetched) = (false, None);
        match self.arrive(source, last.as_ref()).await {
            Arrival::New(arrived) => {
                is_final = arrived.kind.is_none();
                fetched = arrived.to_keep(self.now);
                self.take(arrived, last, wants_links, &mut gathered).await?;
            }
            Arrival::NotModified => {
                fetched = last
                    .as_ref()
                    .map(|last| last.document)
                    .zip(source.url())
                    .map(|(document, url)| unchanged_page(url, document, self.now));
                gathered.keep(last);
            }
            Arrival::Failed(reason) => gathered.keep_stale(last.as_ref(), reason, self),
            Arrival::Gone(reason) => {
                gathered.status = if last.is_some() {
                    Status::Removed
                } else {
                    Status::Failed
                };
                gathered.reason = Some(reason);
                gathered.page = None;
                is_final = true;
            }
        }
        let is_fresh = matches!(
            gathered.status,
            Status::Added | Status::Changed | Status::Unchanged
        );
        if let Some(page) = fetched.filter(|_| is_fresh) {
            let (cache, name) = (Arc::clone(&self.cache), gathered.source.clone());
            blocking::run(move || cache.keep_page(&name, &page)).await;
        }
        if let (Some(page), Some(url)) = (&mut gathered.page, source.url()) {
            page.address = (url.as_str() != gathered.source).then(|| url.clone());
        }
        let is_failed = gathered.status == Status::Failed;
        if is_failed && is_final && !matches!(source, Source::Url(_)) {
            gathered.status = Status::Skipped;
        }
        let is_down = is_failed || gathered.status == Status::KeptStale;
        let knows_links = gathered
            .page
            .as_ref()
            .is_some_and(|page| page.links.is_some());
        gathered.hides_links = wants_links && is_down && !is_final && !knows_links;
        gathered.seconds = begun.elapsed().as_secs_f64();
        Ok(gathered)
    }

    async fn arrive(&self, source: &Source, last: Option<&LastTime<'_>>) -> Arrival {
        if let Some(arrived) = self.taken_over(source, last) {
            return Arrival::New(arrived);
        }
        match source {
            Source::Url(page) => self.fetch(&page.url, last, false).await,
            Source::Link(page) => self.fetch(&page.url, last, true).await,
            Source::Unusable(_, reason) => Arrival::Failed(reason.clone()),
            Source::File(path) | Source::LeftOut(LeftOut { path, .. }) => {
                read_file(path.clone(), self.max_file_bytes).await
            }
        }
    }

    /// A page that an interrupted run fetched a while ago, if what became of it is still there.
    fn taken_over(&self, source: &Source, last: Option<&LastTime<'_>>) -> Option<Arrived> {
        source.url()?;
        let page = self.cache.page(&source.name())?;
        let age = self.now.saturating_sub(page.fetched_at);
        let is_recent = (0..=RESUME_SECONDS).contains(&age);
        let key = Cache::text_key(
            &page.content_digest,
            page.kind,
            page.charset.as_deref(),
            self.extractor.ocr(),
        );
        let is_unchanged = || last.is_some_and(|last| last.is_made_of(&page.content_digest));
        let is_there = is_recent && (is_unchanged() || self.cache.text(&key).is_some());
        Arrived::kept(page).filter(|_| is_there)
    }

    async fn fetch(&self, url: &Url, last: Option<&LastTime<'_>>, stay_on_site: bool) -> Arrival {
        // Asking only for changes makes sense only while what we have is still good.
        let known = last
            .filter(|last| last.is_current())
            .map(LastTime::validators)
            .unwrap_or_default();
        let visit = Visit {
            url,
            known: &known,
            stay_on_site,
        };
        match self.visit(visit).await {
            Ok(FetchOutcome::NotModified) => Arrival::NotModified,
            Ok(FetchOutcome::Body(fetched)) => {
                let content_type = fetched.content_type.as_deref();
                let kind = sniff(&fetched.body, content_type, fetched.url.as_str());
                Arrival::New(Arrived {
                    charset: content_type.and_then(charset_parameter),
                    validators: fetched.validators,
                    ..Arrived::new(Some(fetched.url), fetched.body, kind)
                })
            }
            Err(error) if error.is_final() => Arrival::Gone(error.to_string()),
            Err(error) => Arrival::Failed(error.to_string()),
        }
    }

    /// Visits a page, and where it leads on to by itself.
    async fn visit(&self, visit: Visit<'_>) -> Result<FetchOutcome, FetchError> {
        let mut outcome = self.crawler.visit(visit).await?;
        for _ in 0..MOST_REFRESHES {
            let FetchOutcome::Body(fetched) = &outcome else {
                break;
            };
            let kind = sniff(
                &fetched.body,
                fetched.content_type.as_deref(),
                fetched.url.as_str(),
            );
            let target = (kind == Some(ContentKind::Html))
                .then(|| html::refresh_target(&fetched.body))
                .flatten()
                .and_then(|address| fetched.url.join(&address).ok())
                .filter(|target| *target != fetched.url);
            let Some(target) = target else {
                break;
            };
            if visit.stay_on_site && !is_same_site(visit.url, &target) {
                return Err(FetchError::OffSite(
                    target.host_str().unwrap_or_default().to_owned(),
                ));
            }
            let onward = Visit {
                url: &target,
                known: &Validators::default(),
                stay_on_site: visit.stay_on_site,
            };
            outcome = self.crawler.visit(onward).await?;
        }
        Ok(outcome)
    }

    /// Makes a document of what arrived.
    async fn take(
        &self,
        arrived: Arrived,
        last: Option<LastTime<'_>>,
        wants_links: bool,
        gathered: &mut Gathered,
    ) -> Result<(), IngestError> {
        gathered.bytes = arrived.length;
        let content_digest = arrived.content_digest;
        if let Some(same) = last
            .as_ref()
            .filter(|last| last.is_made_of(&content_digest))
        {
            let mut text = same.to_text();
            text.document.stale_since = None;
            gathered.status = Status::Unchanged;
            gathered.text = Some(text);
            return Ok(());
        }
        let Some(kind) = arrived.kind else {
            let reason = unread(&arrived.bytes).to_owned();
            gathered.keep_stale(last.as_ref(), reason, self);
            return Ok(());
        };
        let job = Job::new(kind, arrived.charset, arrived.bytes);
        let key = Cache::text_key(
            &content_digest,
            kind,
            job.charset.as_deref(),
            self.extractor.ocr(),
        );
        let outcome = match self.cache.text(&key) {
            Some(extracted) => Ok(extracted),
            None => self.extract(job, &key).await?,
        };
        match outcome {
            Ok(extracted) => {
                gathered.text_key = Some(key);
                gathered.warnings = extracted.warnings.iter().map(ToString::to_string).collect();
                gathered.page = arrived
                    .url
                    .as_ref()
                    .map(|url| page_links(url, &content_digest, &extracted, wants_links));
                let text = self.document(
                    &gathered.source,
                    kind,
                    content_digest,
                    arrived.validators,
                    extracted,
                );
                gathered.status = match &last {
                    None => Status::Added,
                    Some(last) if last.document.text_digest == text.document.text_digest => {
                        Status::Unchanged
                    }
                    Some(_) => Status::Changed,
                };
                gathered.text = Some(text);
            }
            Err(reason) => gathered.keep_stale(last.as_ref(), reason, self),
        }
        Ok(())
    }

    /// Extracts anew and remembers the text, in case this run is interrupted.
    async fn extract(&self, job: Job, key: &TextKey) -> Result<Outcome<Extracted>, IngestError> {
        let outcome = self.extractor.extract(job).await?;
        let (cache, key) = (Arc::clone(&self.cache), key.clone());
        Ok(blocking::run(move || {
            if let Ok(extracted) = &outcome {
                cache.keep_text(&key, extracted);
            }
            outcome
        })
        .await)
    }

    fn document(
        &self,
        source: &str,
        kind: ContentKind,
        content_digest: String,
        validators: Validators,
        extracted: Extracted,
    ) -> Text {
        let document = Document {
            id: DocumentId::of_source(source),
            source: source.to_owned(),
            title: extracted
                .title
                .unwrap_or_else(|| file_name(source).to_owned()),
            kind,
            content_digest,
            text_digest: blake3::hash(extracted.text.as_bytes()).to_hex().to_string(),
            page_count: extracted.page_count,
            blocks: extracted.blocks,
            fetched_at: self.now,
            etag: validators.etag,
            last_modified: validators.last_modified,
            stale_since: None,
            locations: extracted.locations,
            metadata: extracted.metadata,
        };
        Text {
            document,
            body: Body::New(extracted.text),
        }
    }
}

impl Gathered {
    /// A source of which there is nothing.
    pub(super) fn failed(source: String, reason: String) -> Self {
        Self {
            source,
            status: Status::Failed,
            text: None,
            reason: (!reason.is_empty()).then_some(reason),
            warnings: Vec::new(),
            bytes: 0,
            seconds: 0.0,
            page: None,
            hides_links: false,
            stale_since: None,
            text_key: None,
        }
    }

    /// A part of a folder that is not read.
    fn left_out(source: String, left_out: &LeftOut) -> Self {
        let mut gathered = Self::failed(source, left_out.reason.clone());
        if !left_out.is_failure {
            gathered.status = Status::Skipped;
        }
        gathered
    }

    /// The pages of its site that it leads to, as far as known.
    pub(super) fn links(&self) -> &[Url] {
        let links = self.page.as_ref().and_then(|page| page.links.as_deref());
        links.unwrap_or_default()
    }

    /// The content of last time is today's.
    fn keep(&mut self, last: Option<LastTime<'_>>) {
        let Some(last) = last else {
            // A server that says so without having been asked whether.
            self.reason = Some("not modified, yet it was never fetched".to_owned());
            return;
        };
        let mut text = last.to_text();
        text.document.stale_since = None;
        self.status = Status::Unchanged;
        self.text = Some(text);
    }

    /// The source fails: the content of last time stands in, unless that has gone on for too long.
    fn keep_stale(&mut self, last: Option<&LastTime<'_>>, reason: String, gatherer: &Gatherer) {
        let stand_in = StandIn::of(last, reason, gatherer.now, gatherer.max_stale);
        self.status = stand_in.status;
        self.reason = Some(stand_in.reason);
        self.stale_since = stand_in.stale_since;
        self.text = stand_in.text;
    }
}

fn page_links(
    url: &Url,
    content_digest: &str,
    extracted: &Extracted,
    wants_links: bool,
) -> PageLinks {
    let canonical = extracted
        .canonical_url
        .as_deref()
        .and_then(|address| Url::parse(address).ok())
        .map(normalize)
        .filter(|canonical| is_same_site(url, canonical));
    let links =
        wants_links.then(|| same_site_links(url, extracted.base_url.as_deref(), &extracted.links));
    PageLinks::new(content_digest, canonical, links)
}

fn file_name(source: &str) -> &str {
    let trimmed = source.trim_end_matches('/');
    Path::new(trimmed)
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or(trimmed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_without_a_title_is_called_by_its_last_part() {
        assert_eq!(file_name("data/pdfs/guide.pdf"), "guide.pdf");
        assert_eq!(file_name("https://example.org/advice/"), "advice");
    }
}
