//! The pieces of markup, read without building anything.

use std::hash::{DefaultHasher, Hash, Hasher};

const RAW_TEXT: &[&str] = &[
    "script",
    "style",
    "textarea",
    "title",
    "xmp",
    "iframe",
    "noembed",
    "noframes",
    "plaintext",
];

/// What follows a `<`.
pub(super) enum Token {
    /// How many bytes it takes.
    Comment(usize),
    /// Text or a declaration, and how many bytes to pass over.
    Skip(usize),
    End {
        name: String,
        len: usize,
    },
    Start(StartTag),
}

pub(super) struct StartTag {
    pub(super) name: String,
    /// Bytes up to and including `>`.
    pub(super) len: usize,
    pub(super) attributes: usize,
    pub(super) is_self_closing: bool,
    /// Stands for name and attributes, to tell equal formatting elements.
    pub(super) fingerprint: u64,
}

impl Token {
    pub(super) fn read(rest: &str) -> Self {
        if let Some(comment) = rest.strip_prefix("!--") {
            return Self::Comment(3 + comment_len(comment));
        }
        let name_start = usize::from(rest.starts_with('/'));
        let Some(first) = rest.as_bytes().get(name_start) else {
            return Self::Skip(0);
        };
        if !first.is_ascii_alphabetic() {
            let is_markup = matches!(first, b'!' | b'?') || name_start == 1;
            return Self::Skip(if is_markup {
                rest.find('>').map_or(rest.len(), |at| at + 1)
            } else {
                0
            });
        }
        let name_len = rest[name_start..]
            .find(|c: char| c.is_ascii_whitespace() || matches!(c, '/' | '>'))
            .unwrap_or(rest.len() - name_start);
        let name = rest[name_start..name_start + name_len].to_ascii_lowercase();
        let body = &rest[name_start + name_len..];
        let attributes = Attributes::read(body);
        let len = name_start + name_len + attributes.len;
        if name_start == 1 {
            return Self::End { name, len };
        }
        let mut hasher = DefaultHasher::new();
        rest[..len].hash(&mut hasher);
        Self::Start(StartTag {
            name,
            len,
            attributes: attributes.count,
            is_self_closing: attributes.ends_in_slash,
            fingerprint: hasher.finish(),
        })
    }
}

/// Bytes of a comment after its `<!--`.
fn comment_len(comment: &str) -> usize {
    if comment.starts_with('>') {
        1
    } else if comment.starts_with("->") {
        2
    } else {
        let mut from = 0;
        while let Some(at) = comment[from..].find('>') {
            let end = from + at;
            if comment[..end].ends_with("--") || comment[..end].ends_with("--!") {
                return end + 1;
            }
            from = end + 1;
        }
        comment.len()
    }
}

#[derive(Default)]
struct Attributes {
    len: usize,
    count: usize,
    ends_in_slash: bool,
}

impl Attributes {
    /// Reads up to the `>` that is not inside a quoted value.
    fn read(body: &str) -> Self {
        let mut read = Self::default();
        let mut quote = None;
        let mut previous = b' ';
        for (at, byte) in body.bytes().enumerate() {
            if let Some(open) = quote {
                if byte == open {
                    quote = None;
                }
            } else if byte == b'>' {
                read.len = at + 1;
                read.ends_in_slash = previous == b'/';
                return read;
            } else if matches!(byte, b'"' | b'\'') && opens_value(&body[..at]) {
                quote = Some(byte);
            } else if !is_gap(byte) && is_gap(previous) {
                read.count += 1;
            }
            previous = byte;
        }
        read.len = body.len();
        read
    }
}

fn is_gap(byte: u8) -> bool {
    byte.is_ascii_whitespace() || matches!(byte, b'/' | b'"' | b'\'')
}

/// A quote means something only after an equals sign.
fn opens_value(before: &str) -> bool {
    before
        .trim_end_matches(|c: char| c.is_ascii_whitespace())
        .ends_with('=')
}

/// Bytes of the content of an element that holds no markup; zero for all others.
pub(super) fn raw_text_len(tag: &StartTag, rest: &str) -> usize {
    if !RAW_TEXT.contains(&tag.name.as_str()) {
        return 0;
    }
    let mut from = 0;
    while let Some(at) = rest[from..].find('<') {
        let open = from + at;
        from = open + 1;
        if rest.as_bytes().get(from) != Some(&b'/') {
            continue;
        }
        let name_start = open + 2;
        let name_end = name_start + tag.name.len();
        let is_close = rest
            .as_bytes()
            .get(name_start..name_end)
            .is_some_and(|name| name.eq_ignore_ascii_case(tag.name.as_bytes()));
        let is_whole = rest
            .as_bytes()
            .get(name_end)
            .is_none_or(|next| !next.is_ascii_alphanumeric());
        if is_close && is_whole {
            return open;
        }
    }
    rest.len()
}

/// What follows the end tag that `rest` begins with.
pub(super) fn after_end_tag(rest: &str) -> &str {
    rest.find('>').map_or("", |at| &rest[at + 1..])
}
