//! What addresses hold that nobody but their site should see.
//!
//! A user and a password stay with the fetcher ([`Credentials`]). The values of some query
//! parameters are needed to ask for a page and are masked wherever its address is shown
//! ([`Masks`]).

use url::{Url, form_urlencoded};

/// Parameters that are masked unless the operator names others.
pub const MASKED_PARAMETERS: [&str; 6] = [
    "token",
    "key",
    "sig",
    "signature",
    "password",
    "access_token",
];

/// Stands in front of what a masked value is told apart by.
const MASK: &str = "***-";
/// Hexadecimal digits of that.
const MASK_DIGITS: usize = 6;
/// Of an address that cannot be read, no more than this is shown, in characters.
const LONGEST_SHOWN: usize = 200;

/// Users and passwords by the addresses that they were written in.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Credentials(Vec<Url>);

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.0.len())
    }
}

impl Credentials {
    /// Keeps what `url` holds and returns the address without it.
    pub fn take(&mut self, url: Url) -> Url {
        let plain = without_credentials(url.clone());
        if plain != url {
            self.0.push(url);
        }
        plain
    }

    /// The address with the user and password of its site. Where a site has several, those of the
    /// address that shares the longest path with it (RFC 7617, section 2.2).
    pub(super) fn add_to(&self, url: &Url) -> Url {
        let shared = |known: &&Url| {
            let pairs = known.path().split('/').zip(url.path().split('/'));
            pairs.take_while(|(a, b)| a == b).count()
        };
        let same_site = self.0.iter().filter(|known| known.origin() == url.origin());
        // Of several, the first that was named.
        let Some(known) = same_site.rev().max_by_key(shared) else {
            return url.clone();
        };
        let mut url = url.clone();
        // These fail only for addresses without a host.
        let _ = url.set_username(known.username());
        let _ = url.set_password(known.password());
        url
    }
}

/// The address without user and password.
pub(super) fn without_credentials(mut url: Url) -> Url {
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url
}

/// Which parameters are masked, and how their values are told apart all the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masks {
    names: Vec<String>,
    salt: [u8; 32],
}

impl Masks {
    /// Masks the parameters with these names, and those whose last word is one of them
    /// (`X-Amz-Signature`, `apiKey`).
    ///
    /// Two addresses that differ only in a masked value are two documents. Their values are told
    /// apart by a hash with `salt`, so that whoever sees the hash cannot try values.
    pub fn new(names: &[String], salt: [u8; 32]) -> Self {
        Self {
            names: names.iter().map(|name| name.to_lowercase()).collect(),
            salt,
        }
    }

    /// The address as it may be shown.
    pub fn shown(&self, url: &Url) -> String {
        let mut shown = without_credentials(url.clone());
        let query = url.query().map(|query| self.shown_query(query));
        if query.as_deref() != url.query() {
            shown.set_query(query.as_deref());
        }
        shown.into()
    }

    /// The same for what should have been an address and cannot be read as one: where its parts end
    /// is anybody's guess, so that rather too much is left out.
    pub fn shown_text(&self, text: &str) -> String {
        let text: String = text.chars().filter(|c| !c.is_control()).collect();
        let text = text.trim().split('#').next().unwrap_or_default();
        let (before, query) = text
            .split_once('?')
            .map_or((text, None), |(before, query)| (before, Some(query)));
        let mut shown = match before.rsplit_once('@') {
            None => before.to_owned(),
            Some((front, after)) => {
                let scheme = front.split_once("//").map_or("", |(scheme, _)| scheme);
                let slashes = if scheme.is_empty() { "" } else { "//" };
                format!("{scheme}{slashes}***@{after}")
            }
        };
        if let Some(query) = query {
            shown = format!("{shown}?{}", self.shown_query(query));
        }
        match shown.char_indices().nth(LONGEST_SHOWN) {
            Some((end, _)) => format!("{}…", &shown[..end]),
            None => shown,
        }
    }

    /// Whether a shown address lacks a value that is needed to ask for it.
    pub fn is_masked(shown: &str) -> bool {
        shown.contains(&format!("={MASK}"))
    }

    fn shown_query(&self, query: &str) -> String {
        let pairs = query.split('&').map(|pair| match pair.split_once('=') {
            Some((name, value)) if self.masks(name) && !is_mask(value) && !value.is_empty() => {
                let hash = blake3::keyed_hash(&self.salt, value.as_bytes()).to_hex();
                format!("{name}={MASK}{}", &hash[..MASK_DIGITS])
            }
            _ => pair.to_owned(),
        });
        pairs.collect::<Vec<_>>().join("&")
    }

    fn masks(&self, name: &str) -> bool {
        // Names may be escaped as values may.
        let mut decoded = form_urlencoded::parse(name.as_bytes()).map(|(name, _)| name);
        let name = decoded.next().unwrap_or_default();
        let is_named = |name: &str| self.names.contains(&name.to_lowercase());
        is_named(&name) || is_named(last_word(&name))
    }
}

/// Whether a value is masked already.
fn is_mask(value: &str) -> bool {
    value.strip_prefix(MASK).is_some_and(|hash| {
        hash.len() == MASK_DIGITS && hash.bytes().all(|byte| byte.is_ascii_hexdigit())
    })
}

/// What follows the last sign, or the last change from a small letter to a capital.
fn last_word(name: &str) -> &str {
    let name = name.trim_end_matches(|c: char| !c.is_alphanumeric());
    let mut start = 0;
    let mut before = ' ';
    for (position, c) in name.char_indices() {
        if !c.is_alphanumeric() {
            start = position + c.len_utf8();
        } else if before.is_lowercase() && c.is_uppercase() {
            start = position;
        }
        before = c;
    }
    &name[start..]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn masks() -> Masks {
        Masks::new(&MASKED_PARAMETERS.map(str::to_owned), [7; 32])
    }

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    #[test]
    fn users_passwords_and_the_named_parameters_are_not_shown() {
        for address in [
            "http://alice:s3cret@a.example/x?page=2",
            "http://s3cret@a.example/x?page=2",
            "http://a.example/x?page=2&token=s3cret",
            "http://a.example/x?page=2&TOKEN=s3cret",
            "http://a.example/x?page=2&to%6ben=s3cret",
            "http://a.example/x?page=2&X-Amz-Signature=s3cret",
            "http://a.example/x?page=2&apiKey=s3cret",
            "http://a.example/x?page=2&auth[access_token]=s3cret",
            "http://a.example/x?sig=s3cret&page=2",
        ] {
            let shown = masks().shown(&url(address));
            assert!(!shown.contains("s3cret"), "{shown}");
            assert!(
                shown.contains("a.example/x?") && shown.contains("page=2"),
                "{shown}"
            );
            assert!(!masks().shown_text(address).contains("s3cret"), "{shown}");
            assert_eq!(
                masks().shown(&url(&shown)),
                shown,
                "masking twice changes nothing"
            );
        }
        let other = "http://a.example/x?monkey=1&keys=2&design=3&a=b@c";
        assert_eq!(masks().shown(&url(other)), other);
    }

    #[test]
    fn masked_addresses_are_told_apart_without_telling_the_value() {
        let shown = |value: &str, salt| {
            let masks = Masks::new(&["key".to_owned()], salt);
            masks.shown(&url(&format!("http://a.example/?key={value}")))
        };
        assert_eq!(shown("one", [1; 32]), shown("one", [1; 32]));
        assert_ne!(shown("one", [1; 32]), shown("two", [1; 32]));
        assert_ne!(shown("one", [1; 32]), shown("one", [2; 32]));
        assert!(Masks::is_masked(&shown("one", [1; 32])));
    }

    #[test]
    fn of_what_is_no_address_rather_too_little_is_shown() {
        for (text, shown) in [
            ("http://alice:s3cret@[bad/x", "http://***@[bad/x"),
            ("http://alice:s3/cret@host", "http://***@host"),
            ("alice:s3cret@host/x", "***@host/x"),
            ("http://a b/#s3cret", "http://a b/"),
            ("no address", "no address"),
        ] {
            assert_eq!(masks().shown_text(text), shown);
        }
        assert!(masks().shown_text(&"x".repeat(9_000)).len() < 300);
    }

    #[test]
    fn each_address_is_asked_with_the_nearest_user_of_its_site() {
        let mut credentials = Credentials::default();
        for address in [
            "http://ann:1@a.example/one/x",
            "http://bob:2@a.example/two/x",
            "http://c.example/",
        ] {
            assert!(credentials.take(url(address)).username().is_empty());
        }
        let user = |address: &str| credentials.add_to(&url(address)).username().to_owned();
        assert_eq!(user("http://a.example/one/y"), "ann");
        assert_eq!(user("http://a.example/two/y"), "bob");
        assert_eq!(user("http://a.example/robots.txt"), "ann");
        assert_eq!(user("http://a.example:81/one/x"), "");
        assert_eq!(user("https://a.example/one/x"), "");
        assert_eq!(user("http://c.example/"), "");
    }
}
