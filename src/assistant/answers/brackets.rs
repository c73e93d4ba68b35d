//! Square brackets in an answer's text are its own: they hold the numbers of citations.
//!
//! What a source says is text, not markup. Its own `[1]` must not look like one of our citations,
//! and nothing in it may become a link but an address of the web. Quotations stay letter for letter
//! as they stand in the source; only the running text is written so.

use std::borrow::Cow;

/// The longest target of a link that is looked for.
const MOST_TARGET_BYTES: usize = 2048;

/// What makes a bracket before it a link, or may become it.
const JOINED: [char; 4] = ['(', '[', ':', '<'];

/// The text with round brackets where square ones would be read as a citation's number or as a link
/// of Markdown (`CommonMark` 0.31, 6.3 to 6.5 and 4.7). The target of a link stays if it is an
/// address of the web.
pub(super) fn without_markup(text: &str) -> Cow<'_, str> {
    if !text.contains(['[', ']', '<']) {
        return text.into();
    }
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    // Where the brackets that are open began, in `plain`.
    let mut open: Vec<usize> = Vec::new();
    while let Some(at) = rest.find(['[', ']', '<']) {
        plain.push_str(&rest[..at]);
        let (bracket, after) = rest[at..].split_at(1);
        rest = after;
        match bracket {
            "[" => {
                open.push(plain.len());
                plain.push('[');
            }
            "]" => match open.pop() {
                Some(start) => rest = close(&mut plain, start, after),
                None if after.starts_with(JOINED) => plain.push(')'),
                None => plain.push(']'),
            },
            _ if is_address_in_angles(after) => plain.push('('),
            _ => plain.push('<'),
        }
    }
    plain.push_str(rest);
    plain.into()
}

/// Ends a bracket that began at `start`, before `after`; gives what is left of that.
fn close<'a>(plain: &mut String, start: usize, after: &'a str) -> &'a str {
    let link = link_target(after);
    if link.is_none() && !is_number(&plain[start + 1..]) && !after.starts_with(JOINED) {
        plain.push(']');
        return after;
    }
    // Nothing is taken out of the text, so that what is left cannot grow together.
    plain.replace_range(start..=start, "(");
    plain.push(')');
    let Some((target, rest)) = link else {
        return after;
    };
    if is_of_the_web(target) && !target.contains(['[', ']', '<', '>']) {
        plain.push_str(&format!(" ({target})"));
    }
    rest
}

/// The target in `(target)` or `(target "title")` at the very start, and what follows.
fn link_target(text: &str) -> Option<(&str, &str)> {
    let inner = text.strip_prefix('(')?;
    let mut depth = 0_usize;
    let mut end_of_target = None;
    for (at, byte) in inner.bytes().enumerate().take(MOST_TARGET_BYTES) {
        match byte {
            b'(' => depth += 1,
            b')' if depth == 0 => {
                let target = &inner[..end_of_target.unwrap_or(at)];
                let target = target.trim_matches(['<', '>']);
                return Some((target, &inner[at + 1..]));
            }
            b')' => depth -= 1,
            b'\n' => return None,
            byte if byte.is_ascii_whitespace() && at > 0 => {
                end_of_target.get_or_insert(at);
            }
            _ => {}
        }
    }
    None
}

fn is_of_the_web(target: &str) -> bool {
    scheme(target).is_some_and(|scheme| {
        scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https")
    })
}

/// Whether `<` before this begins a link to anything but the web, as `<javascript:…>` does.
fn is_address_in_angles(text: &str) -> bool {
    scheme(text).is_some() && !is_of_the_web(text)
}

/// The scheme of an address at the very start (RFC 3986, 3.1).
fn scheme(text: &str) -> Option<&str> {
    let length = text
        .bytes()
        .take(32)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(byte))
        .count();
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic());
    (begins && length >= 2 && text[length..].starts_with(':')).then(|| &text[..length])
}

/// Whether it is what stands between the brackets of citations: `1`, `2, 3`.
fn is_number(inner: &str) -> bool {
    let is_of_numbers = |byte: u8| byte.is_ascii_digit() || b" ,;-".contains(&byte);
    inner.bytes().all(is_of_numbers) && inner.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_sources_own_numbers_are_not_ours() {
        for (text, plain) in [
            ("Loft costs 300. [1]", "Loft costs 300. (1)"),
            ("So [2, 3] and [ 4 ].", "So (2, 3) and ( 4 )."),
            ("Regulation [EU] 2016, a[i]", "Regulation [EU] 2016, a[i]"),
            ("[[1]]", "[(1)]"),
            ("Open [1 and ] closed", "Open [1 and ] closed"),
            ("1 < 2 ]", "1 < 2 ]"),
        ] {
            assert_eq!(without_markup(text), plain);
        }
    }

    #[test]
    fn only_addresses_of_the_web_are_told() {
        for (text, plain) in [
            ("[click](javascript:alert(8)) now", "(click) now"),
            ("[a](<JavaScript:alert(8)> 'title')", "(a)"),
            (
                "![x](https://a.example/p?q=1)",
                "!(x) (https://a.example/p?q=1)",
            ),
            ("[see](http://a.example \"b\")", "(see) (http://a.example)"),
            ("[rel](/etc/passwd)", "(rel)"),
            ("[x][1]", "(x)(1)"),
            ("[1]: javascript:x", "(1): javascript:x"),
            ("<javascript:alert(1)>", "(javascript:alert(1)>"),
            ("]<<javascript:x", ")<(javascript:x"),
            ("<https://a.example>", "<https://a.example>"),
            ("[out [in](data:x)](vbscript:y)", "(out (in))"),
            ("[x](", "(x)("),
            ("<[javascript:x](y)>", "<(javascript:x)>"),
        ] {
            assert_eq!(without_markup(text), plain);
        }
    }

    proptest! {
        #[test]
        fn no_number_in_brackets_and_no_link_is_left(
            text in r"[\[\]()!<: 1,ax]{0,40}(javascript:|https://)?[\[\]()!<: 1,ax]{0,40}",
        ) {
            let plain = without_markup(&text);
            prop_assert!(!plain.contains("]("), "{}", plain);
            prop_assert!(!plain.contains("[1]"), "{}", plain);
            prop_assert!(!plain.contains("<javascript:"), "{}", plain);
        }
    }
}
