//! A model's answer as sentences that can be checked one by one, while it is still being written.
//!
//! The result does not depend on where the text was cut on its way here.

use crate::language::sentences;

/// `language::sentences` joins a shorter sentence to the one before it, so a sentence counts as
/// ended only once this much of the next one is there.
const SURE: usize = 12;

/// One sentence of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// What stands between it and the sentence before: spaces, the end of a line, the mark of a list.
    pub gap: String,
    /// The sentence without the numbers of sources.
    pub text: String,
    /// The numbers of sources that the model put to it, from 1.
    pub named: Vec<usize>,
}

/// Cuts a text that comes in pieces.
#[derive(Debug, Default)]
pub struct Claims {
    pending: String,
    gap: String,
    is_within_line: bool,
}

impl Claims {
    /// Takes some text and gives the sentences that have ended.
    pub fn push(&mut self, text: &str) -> Vec<Claim> {
        self.pending.push_str(text);
        let mut claims = Vec::new();
        while let Some(end) = self.pending.find('\n') {
            let line: String = self.pending.drain(..=end).collect();
            self.whole_line(&line[..end], &mut claims);
            self.end_line();
        }
        // The start of a line may be the mark of a list, which is sure once something follows it.
        let found = sentences(&self.pending, self.lead()..self.pending.len());
        let mut ended = 0;
        for pair in found.windows(2) {
            let next = &self.pending[pair[1].clone()];
            if next.len() < SURE || !next.contains(char::is_alphabetic) {
                break;
            }
            ended = pair[1].start;
        }
        if ended > 0 {
            // Numbers of sources behind a full stop belong to the sentence before it.
            ended += markers(&self.pending[ended..]).0;
            let rest = self.pending.split_off(ended);
            let part = std::mem::replace(&mut self.pending, rest);
            self.whole_line(&part, &mut claims);
        }
        claims
    }

    /// Nothing more will come.
    pub fn finish(&mut self) -> Vec<Claim> {
        let mut claims = Vec::new();
        let line = std::mem::take(&mut self.pending);
        self.whole_line(&line, &mut claims);
        claims
    }

    fn end_line(&mut self) {
        // An empty line parts paragraphs; more than one says no more.
        if !self.gap.ends_with("\n\n") {
            self.gap.push('\n');
        }
        self.is_within_line = false;
    }

    /// Bytes of the mark of a list that `pending` begins with.
    fn lead(&self) -> usize {
        if self.is_within_line {
            0
        } else {
            list_mark(&self.pending)
        }
    }

    fn whole_line(&mut self, line: &str, claims: &mut Vec<Claim>) {
        let lead = if self.is_within_line {
            0
        } else {
            list_mark(line)
        };
        let mut place = lead;
        self.gap.push_str(line[..lead].trim_end_matches(' '));
        if lead > 0 {
            self.gap.push(' ');
        }
        for range in sentences(line, lead..line.len()) {
            let skipped = line[place..range.start].len();
            place = range.end;
            let sentence = &line[range];
            let (length, mut named) = markers(sentence);
            // At the start of a sentence they belong to the one before.
            if length > 0
                && let Some(before) = claims.last_mut()
            {
                before.named.append(&mut named);
            }
            let (text, more) = without_markers(&sentence[length..]);
            named.extend(more);
            if text.is_empty() {
                if let Some(before) = claims.last_mut() {
                    before.named.append(&mut named);
                }
                continue;
            }
            if self.gap.is_empty() && (skipped > 0 || self.is_within_line) {
                self.gap.push(' ');
            }
            self.is_within_line = true;
            claims.push(Claim {
                gap: std::mem::take(&mut self.gap),
                text,
                named,
            });
        }
    }
}

/// Bytes of white space and a mark such as `- `, `* `, `1. `, `## ` at the start of a line.
fn list_mark(line: &str) -> usize {
    let blank = line.len() - line.trim_start().len();
    let rest = &line[blank..];
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    let mark = if (1..=3).contains(&digits) {
        match rest.as_bytes().get(digits) {
            Some(b'.' | b')') => digits + 1,
            _ => 0,
        }
    } else if rest.starts_with('•') {
        '•'.len_utf8()
    } else if rest.starts_with('#') {
        rest.len() - rest.trim_start_matches('#').len()
    } else {
        usize::from(rest.starts_with(['-', '*', '+']))
    };
    let after = &rest[mark..];
    let spaces = after.len() - after.trim_start().len();
    if mark > 0 && spaces > 0 {
        blank + mark + spaces
    } else {
        blank
    }
}

/// How many bytes at the start are numbers of sources and spaces, and the numbers.
fn markers(text: &str) -> (usize, Vec<usize>) {
    let (mut length, mut named) = (0, Vec::new());
    loop {
        let rest = &text[length..];
        let spaces = rest.len() - rest.trim_start().len();
        match marker(&rest[spaces..]) {
            Some((bytes, mut numbers)) => {
                length += spaces + bytes;
                named.append(&mut numbers);
            }
            None if named.is_empty() => return (0, named),
            None => return (length + spaces, named),
        }
    }
}

/// `[1]`, `[1, 2]`, `[Source 3]` at the very start.
fn marker(text: &str) -> Option<(usize, Vec<usize>)> {
    let (inner, _) = text.strip_prefix('[')?.split_once(']')?;
    let numbers = inner
        .split([',', ';'])
        .map(|part| {
            let part = part.trim().to_lowercase();
            let digits = part
                .trim_start_matches("sources")
                .trim_start_matches("source")
                .trim();
            let is_number =
                (1..=3).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
            digits.parse().ok().filter(|_| is_number)
        })
        .collect::<Option<Vec<usize>>>()?;
    Some((inner.len() + 2, numbers))
}

/// The text without numbers of sources, and the numbers.
fn without_markers(text: &str) -> (String, Vec<usize>) {
    let (mut plain, mut named) = (String::with_capacity(text.len()), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('[') {
        plain.push_str(&rest[..at]);
        if let Some((length, mut numbers)) = marker(&rest[at..]) {
            named.append(&mut numbers);
            plain.truncate(plain.trim_end().len());
            rest = &rest[at + length..];
        } else {
            plain.push('[');
            rest = &rest[at + 1..];
        }
    }
    plain.push_str(rest);
    (plain.trim().to_owned(), named)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn claims_of(pieces: &[&str]) -> Vec<Claim> {
        let mut claims = Claims::default();
        let mut found: Vec<Claim> = pieces.iter().flat_map(|piece| claims.push(piece)).collect();
        found.extend(claims.finish());
        found
    }

    fn shown(text: &str) -> Vec<(String, String, Vec<usize>)> {
        claims_of(&[text])
            .into_iter()
            .map(|claim| (claim.gap, claim.text, claim.named))
            .collect()
    }

    #[test]
    fn numbers_of_sources_belong_to_the_sentence_before_them() {
        let one = |gap: &str, text: &str, named: &[usize]| {
            (gap.to_owned(), text.to_owned(), named.to_vec())
        };
        assert_eq!(
            shown("Lay 270 mm of wool. [1] Wear a mask [2, Source 3]. It takes [a] day[4]."),
            [
                one("", "Lay 270 mm of wool.", &[1]),
                one(" ", "Wear a mask.", &[2, 3]),
                one(" ", "It takes [a] day.", &[4]),
            ]
        );
        assert_eq!(
            shown("Do this:\n1. Close the curtains. [1]\n2. Bleed radiators.[2]\n\n\n\n- Rest."),
            [
                one("", "Do this:", &[]),
                one("\n1. ", "Close the curtains.", &[1]),
                one("\n2. ", "Bleed radiators.", &[2]),
                one("\n\n- ", "Rest.", &[]),
            ]
        );
    }

    const ANSWERS: [&str; 4] = [
        "Lay 270 mm of wool, e.g. rock wool. [1] It costs £1,200.50 at most [2]. Don’t wait! Yes. Go on then please.",
        "**Turn it down** to 18 °C. [1][2]\n\nThen:\n1. Bleed the radiators – 12 of them.\n2. Check approx. 3 valves [12].\n  • Ünïcode 🔥 works too? It does so. [1",
        "No stop at all [1",
        "\n\n  A short one. B. 12 mm of it [3] [4]  And a lower rate.   \n",
    ];

    #[test]
    fn a_cut_anywhere_changes_nothing() {
        for answer in ANSWERS {
            let whole = claims_of(&[answer]);
            let cuts: Vec<usize> = (0..=answer.len())
                .filter(|at| answer.is_char_boundary(*at))
                .collect();
            for first in &cuts {
                for second in cuts.iter().filter(|second| *second >= first) {
                    let pieces = [
                        &answer[..*first],
                        &answer[*first..*second],
                        &answer[*second..],
                    ];
                    assert_eq!(claims_of(&pieces), whole, "{pieces:?}");
                }
            }
            let letters: Vec<&str> = answer.split_inclusive(|_| true).collect();
            assert_eq!(claims_of(&letters), whole);
        }
    }

    proptest! {
        #[test]
        fn no_words_are_lost(
            words in prop::collection::vec("[A-Za-z]{2,9}[.,!]?", 1..40),
            size in 1_usize..9,
        ) {
            let text = words.join(" ");
            let pieces: Vec<&str> = text.as_bytes().chunks(size)
                .map(|piece| std::str::from_utf8(piece).unwrap()).collect();
            let claims = claims_of(&pieces);
            prop_assert_eq!(&claims, &claims_of(&[&text]));
            let said: Vec<&str> = claims.iter().flat_map(|claim| claim.text.split_whitespace()).collect();
            prop_assert_eq!(said, words);
        }
    }
}
