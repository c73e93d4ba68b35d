//! Which pages to visit next, and when to stop.

use std::collections::{HashMap, HashSet};

use url::Url;

/// How far a crawl goes beyond the pages that the operator named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrontierLimits {
    /// Links followed from a named page to the farthest one.
    pub depth: u32,
    /// Pages in all. Named pages count but are never left out.
    pub max_pages: usize,
}

/// Addresses of one path that differ only in their query, followed from links. Calendars, sortings
/// and filters have no end of them.
const MAX_QUERY_VARIANTS: usize = 20;

/// Breadth first: all pages of one distance, in the order in which their links stand, before any
/// page of the next, so that the same site always yields the same pages.
#[derive(Debug)]
pub struct Frontier {
    limits: FrontierLimits,
    seen: HashSet<String>,
    variants: HashMap<String, usize>,
    admitted: usize,
    left_out: usize,
    level: u32,
    next: Vec<Url>,
}

impl Frontier {
    /// A crawl that begins without any page.
    pub fn new(limits: FrontierLimits) -> Self {
        Self {
            limits,
            seen: HashSet::new(),
            variants: HashMap::new(),
            admitted: 0,
            left_out: 0,
            level: 0,
            next: Vec::new(),
        }
    }

    /// Counts a page that the operator named.
    pub fn name(&mut self, url: &Url) {
        if self.seen.insert(url.to_string()) {
            self.admitted += 1;
        }
    }

    /// Offers a page that was found, and says whether it is to be visited.
    pub fn admit(&mut self, url: &Url) -> bool {
        if self.seen.contains(url.as_str()) {
            return false;
        }
        if self.admitted >= self.limits.max_pages {
            self.left_out += 1;
            return false;
        }
        self.seen.insert(url.to_string());
        self.admitted += 1;
        true
    }

    /// Offers the links of a page of the level that was taken last.
    pub fn offer(&mut self, links: &[Url]) {
        for link in links {
            if self.wants_links() && !self.is_one_variant_too_many(link) && self.admit(link) {
                self.next.push(link.clone());
            }
        }
    }

    /// Whether links of the pages now being visited are followed.
    pub fn wants_links(&self) -> bool {
        self.level < self.limits.depth
    }

    /// The pages one link farther; none when the crawl is over.
    pub fn take_level(&mut self) -> Vec<Url> {
        self.level += 1;
        std::mem::take(&mut self.next)
    }

    /// Pages that were found and not visited, because there were too many.
    pub fn left_out(&self) -> usize {
        self.left_out
    }

    fn is_one_variant_too_many(&mut self, url: &Url) -> bool {
        if url.query().is_none() || self.seen.contains(url.as_str()) {
            return false;
        }
        let mut page = url.clone();
        page.set_query(None);
        let count = self.variants.entry(page.into()).or_default();
        *count += 1;
        let is_over = *count > MAX_QUERY_VARIANTS;
        self.left_out += usize::from(is_over);
        is_over
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(path: &str) -> Url {
        Url::parse("http://a.example").unwrap().join(path).unwrap()
    }

    fn frontier(depth: u32, max_pages: usize) -> Frontier {
        let mut frontier = Frontier::new(FrontierLimits { depth, max_pages });
        frontier.name(&url("/"));
        frontier
    }

    #[test]
    fn levels_follow_each_other_until_the_depth() {
        let mut frontier = frontier(2, 100);
        frontier.offer(&[url("/a"), url("/b"), url("/")]);
        assert_eq!(frontier.take_level(), [url("/a"), url("/b")]);
        frontier.offer(&[url("/b"), url("/c")]);
        assert_eq!(frontier.take_level(), [url("/c")]);
        assert!(!frontier.wants_links());
        frontier.offer(&[url("/d")]);
        assert!(frontier.take_level().is_empty());
    }

    #[test]
    fn pages_and_variants_are_bounded() {
        let mut few = frontier(1, 3);
        few.offer(&[url("/a"), url("/b"), url("/c")]);
        assert_eq!(few.take_level().len(), 2);
        assert_eq!(few.left_out(), 1);

        let mut calendar = frontier(1, 1_000);
        let days: Vec<Url> = (0..100)
            .map(|day| url(&format!("/calendar?day={day}")))
            .collect();
        calendar.offer(&days);
        calendar.offer(&days);
        calendar.offer(&[url("/calendar"), url("/other?x=1")]);
        assert_eq!(calendar.take_level().len(), MAX_QUERY_VARIANTS + 2);
    }
}
