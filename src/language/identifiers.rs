//! Names that are matched sign for sign: codes, part and form numbers, flags, settings, versions,
//! quoted phrases. What they look like says that they are names; no list does.

use std::collections::HashSet;
use std::ops::Range;

use unicode_normalization::UnicodeNormalization;

use super::stopwords::is_stop_word;

/// A run of letters or of digits, and what joins it to the one before.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Run {
    text: String,
    is_number: bool,
    join: Join,
    range: Range<usize>,
    /// How it is written, where that tells a name: `maxFlow`, `B`.
    starts_upper: bool,
    has_inner_upper: bool,
    /// The underscore or the dash of two that stands before it.
    mark: Option<char>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Join {
    /// Nothing but the change from letters to digits.
    Glued,
    /// A hyphen of any kind, an underscore, a slash or a full stop.
    Tied,
    /// White space alone.
    Spaced,
    /// Anything else, or the beginning.
    Apart,
}

/// Text in the form in which identifiers are compared: compatible forms made equal (NFKC), lower
/// case, cut into runs of letters and of digits.
#[derive(Debug, Clone, Default)]
pub struct Runs(Vec<Run>);

impl Runs {
    /// The runs of `text`, in one pass.
    pub fn of(text: &str) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        let mut gap = String::from("\n\n");
        for (start, c) in text.char_indices() {
            let end = start + c.len_utf8();
            // Marks that only say where a word may break are no part of it.
            if matches!(c, '\u{ad}' | '\u{200b}' | '\u{2060}') {
                continue;
            }
            if !c.is_alphanumeric() {
                gap.push(c);
                continue;
            }
            let is_number = c.is_numeric();
            match runs.last_mut() {
                Some(run) if gap.is_empty() && run.is_number == is_number => {
                    run.has_inner_upper |= c.is_uppercase()
                        && run.text.len() > 1
                        && run.text.ends_with(char::is_lowercase);
                    run.text.push(c);
                    run.range.end = end;
                }
                _ => runs.push(Run {
                    text: c.to_string(),
                    is_number,
                    join: join_of(&gap),
                    range: start..end,
                    starts_upper: c.is_uppercase(),
                    has_inner_upper: false,
                    mark: gap
                        .chars()
                        .last()
                        .filter(|_| gap.ends_with('_') || gap.ends_with("--")),
                }),
            }
            gap.clear();
        }
        for run in &mut runs {
            run.text = run.text.nfkc().flat_map(char::to_lowercase).collect();
        }
        Self(runs)
    }

    /// Where `identifier` stands, whole: neither within a longer number nor as the front of a
    /// longer code.
    pub fn find(&self, identifier: &Identifier) -> Option<Range<usize>> {
        self.find_all(identifier).next()
    }

    /// Every place where it stands.
    pub fn find_all<'a>(
        &'a self,
        identifier: &'a Identifier,
    ) -> impl Iterator<Item = Range<usize>> + 'a {
        let wanted = &identifier.runs;
        self.0
            .windows(wanted.len().max(1))
            .enumerate()
            .filter(move |(at, window)| {
                window
                    .iter()
                    .zip(wanted)
                    .enumerate()
                    .all(|(position, (run, wanted))| {
                        run.text == *wanted && (position == 0 || run.join != Join::Apart)
                    })
                    && !(identifier.is_code() && self.goes_on(at + wanted.len()))
                    && !(identifier.is_code() && self.begins_before(*at))
            })
            .map(|(_, window)| window[0].range.start..window[window.len() - 1].range.end)
    }

    /// Whether the run at `next` is tied to what stands before it as the rest of a code is.
    fn goes_on(&self, next: usize) -> bool {
        self.0.get(next).is_some_and(|run| match run.join {
            Join::Glued => true,
            Join::Tied => run.is_number || run.text.chars().count() <= 2,
            Join::Spaced | Join::Apart => false,
        })
    }

    fn begins_before(&self, at: usize) -> bool {
        let joined = |run: &Run| matches!(run.join, Join::Glued | Join::Tied);
        at > 0 && self.0.get(at).is_some_and(joined) && {
            let before = &self.0[at - 1];
            before.is_number || before.text.chars().count() <= 2
        }
    }

    /// Names of the same series as `identifier`: equal but for the last run, as `text` writes them.
    pub fn siblings(&self, identifier: &Identifier, text: &str) -> Vec<String> {
        let Some((last, front)) = identifier.runs.split_last() else {
            return Vec::new();
        };
        if front.is_empty() {
            return Vec::new();
        }
        let is_number = last.chars().all(char::is_numeric);
        let mut found = Vec::new();
        for window in self.0.windows(identifier.runs.len()) {
            let (end, before) = window.split_last().expect("windows are not empty");
            let same_front =
                before
                    .iter()
                    .zip(front)
                    .enumerate()
                    .all(|(position, (run, wanted))| {
                        run.text == *wanted && (position == 0 || run.join != Join::Apart)
                    });
            // A single letter that only happens to follow is no member of a series.
            let fits = end.is_number == is_number
                && end.join != Join::Apart
                && (is_number || (end.starts_upper && end.text.chars().count() == 1));
            if same_front && fits && end.text != *last {
                found.push(text[window[0].range.start..end.range.end].to_owned());
            }
        }
        found
    }
}

impl Run {
    /// Two words in one: `maxRetry`, but not `kWh`.
    fn is_joined_words(&self) -> bool {
        self.has_inner_upper && self.text.len() > 4
    }

    fn is_single_upper(&self) -> bool {
        self.starts_upper && self.text.chars().count() == 1
    }
}

fn join_of(gap: &str) -> Join {
    let is_tie = |c: char| {
        matches!(
            c,
            '-' | '\u{2010}'..='\u{2015}' | '\u{2212}' | '\u{fe63}' | '\u{ff0d}' | '_' | '/' | '.'
        )
    };
    if gap.is_empty() {
        Join::Glued
    } else if gap.chars().count() == 1 && gap.starts_with(is_tie) {
        Join::Tied
    } else if gap.chars().all(char::is_whitespace) && !gap.contains("\n\n") {
        Join::Spaced
    } else {
        Join::Apart
    }
}

/// A name that a question gives.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identifier {
    /// As the question writes it.
    pub written: String,
    /// Lower case, one for each run of letters or digits.
    runs: Vec<String>,
    /// What it is.
    pub kind: IdentifierKind,
}

/// What makes a name one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IdentifierKind {
    /// Letters and digits in one, or signs that words have not: `E-133`, `--dry-run`, `maxRetry`.
    Code,
    /// A word and a number or a single capital letter: `form 7`, `hall B`. A name only where the
    /// sources have a series of them.
    Label,
    /// A number with a full stop in it that counts nothing: `4.2`.
    Version,
    /// What stands between quotation marks.
    Phrase,
    /// A word with a capital letter within a sentence: `Merlin`.
    Proper,
}

impl Identifier {
    fn is_code(&self) -> bool {
        matches!(
            self.kind,
            IdentifierKind::Code | IdentifierKind::Label | IdentifierKind::Version
        )
    }

    /// A name of these runs.
    fn of(text: &str, runs: &[Run], kind: IdentifierKind) -> Self {
        let range = runs[0].range.start..runs[runs.len() - 1].range.end;
        Self {
            written: text[range].to_owned(),
            runs: runs.iter().map(|run| run.text.clone()).collect(),
            kind,
        }
    }

    /// Whether it ends in a number with a full stop, as versions do.
    pub fn is_dotted(&self) -> bool {
        let numbers = self.runs.iter().rev();
        numbers
            .take_while(|run| run.chars().all(char::is_numeric))
            .count()
            > 1
    }

    /// Whether another name has the same form, so that one said later takes its place.
    pub fn replaces(&self, other: &Self) -> bool {
        let form = |name: &Self| -> Vec<bool> {
            let is_number = |run: &String| run.chars().all(char::is_numeric);
            name.runs.iter().map(is_number).collect()
        };
        self.kind == other.kind && form(self) == form(other)
            || self.kind == IdentifierKind::Version
                && form(other).ends_with(&form(self))
                && other.is_code()
    }

    /// The words by which an index finds it: each run, and all in one.
    pub fn words(&self) -> (Vec<String>, String) {
        (self.runs.clone(), self.runs.concat())
    }
}

/// The names in a question, in order.
pub fn identifiers(question: &str) -> Vec<Identifier> {
    let runs = Runs::of(question).0;
    let mut found: Vec<Identifier> = phrases(question);
    let mut taken: HashSet<usize> = HashSet::new();
    let mut at = 0;
    while at < runs.len() {
        let tied = runs[at + 1..]
            .iter()
            .take_while(|run| matches!(run.join, Join::Glued | Join::Tied))
            .count();
        let group = &runs[at..=at + tied];
        let begun = at > 0 && runs[at].join == Join::Spaced && names_a_series(&runs[at - 1]);
        if let Some(kind) = kind_of(question, group, runs.get(at + tied + 1), begun) {
            let begun = usize::from(begun && kind == IdentifierKind::Version);
            let kind = if begun == 1 {
                IdentifierKind::Label
            } else {
                kind
            };
            found.push(Identifier::of(
                question,
                &runs[at - begun..=at + tied],
                kind,
            ));
            taken.extend(at..=at + tied);
        }
        at += tied + 1;
    }
    for at in 1..runs.len() {
        let (word, value) = (&runs[at - 1], &runs[at]);
        let is_label = value.join == Join::Spaced
            && names_a_series(word)
            && (value.is_number || value.is_single_upper())
            && runs
                .get(at + 1)
                .is_none_or(|next| !matches!(next.join, Join::Glued | Join::Tied));
        if is_label && !taken.contains(&at) && !taken.contains(&(at - 1)) {
            found.push(Identifier::of(
                question,
                &runs[at - 1..=at],
                IdentifierKind::Label,
            ));
            taken.extend([at]);
        }
    }
    found.extend(proper(question, &runs, &taken));
    found
}

/// Whether a number behind this word may be one of a series: `form 7`, not `at 7`.
fn names_a_series(word: &Run) -> bool {
    !word.is_number && !is_stop_word(&word.text)
}

/// What a group of runs without a space is.
fn kind_of(
    question: &str,
    group: &[Run],
    next: Option<&Run>,
    begun: bool,
) -> Option<IdentifierKind> {
    let has_digits = group.iter().any(|run| run.is_number);
    let has_letters = group.iter().any(|run| !run.is_number);
    let ties =
        |c: char| question[group[0].range.start..group[group.len() - 1].range.end].contains(c);
    let called = question[group[group.len() - 1].range.end..].starts_with("()");
    if called
        || group[0].mark.is_some()
        || group.iter().skip(1).any(|run| run.mark.is_some())
        || group.iter().any(Run::is_joined_words)
    {
        return Some(IdentifierKind::Code);
    }
    if has_digits && has_letters {
        // "270mm", "24-hour", "19-year-old" count something; a date has slashes.
        let counts = group[0].is_number
            && group[1..].iter().all(|run| !run.is_number)
            && !group[1..]
                .iter()
                .any(|run| run.is_single_upper() && run.join == Join::Tied);
        let quantity = group[0].is_number && group.len() > 2 && ties('.') && !ties('-');
        return (!counts && !quantity).then_some(IdentifierKind::Code);
    }
    let counted = next.is_some_and(|next| {
        next.join == Join::Spaced && !next.is_number && !is_stop_word(&next.text)
    });
    let end = group[group.len() - 1].range.end;
    let counted = counted
        || question[end..]
            .trim_start()
            .starts_with(['%', '°', '£', '€', '$']);
    let is_dotted = group.len() > 1 && !has_letters && ties('.') && !ties('/');
    let is_version = is_dotted && (!counted || begun);
    is_version.then_some(IdentifierKind::Version)
}

/// What stands between quotation marks, from two words on; a single one is a word like any other.
fn phrases(question: &str) -> Vec<Identifier> {
    const PAIRS: [(char, char); 4] = [
        ('"', '"'),
        ('\u{201c}', '\u{201d}'),
        ('\u{ab}', '\u{bb}'),
        ('`', '`'),
    ];
    let mut found = Vec::new();
    for (open, close) in PAIRS {
        let mut rest = question;
        while let Some((_, after)) = rest.split_once(open) {
            let Some((quoted, behind)) = after.split_once(close) else {
                break;
            };
            let runs = Runs::of(quoted).0;
            if runs.len() > 1 || (open == '`' && !runs.is_empty()) {
                found.push(Identifier::of(quoted, &runs, IdentifierKind::Phrase));
            }
            rest = behind;
        }
    }
    found
}

/// Words with a capital letter where no sentence begins. None in a text that is written in capitals
/// or as a headline.
fn proper(question: &str, runs: &[Run], taken: &HashSet<usize>) -> Vec<Identifier> {
    let words = runs.iter().filter(|run| !run.is_number);
    let (all, upper) = words.fold((0, 0), |(all, upper), run| {
        (all + 1, upper + usize::from(run.starts_upper))
    });
    if upper * 2 > all {
        return Vec::new();
    }
    let begins = |run: &Run| {
        let before = question[..run.range.start].trim_end();
        before.is_empty() || before.ends_with(['.', '!', '?', ':', '\n', '"', '\u{201c}', '('])
    };
    runs.iter()
        .enumerate()
        .filter(|(at, run)| {
            run.starts_upper
                && !run.is_number
                && run.text.chars().count() > 2
                && !taken.contains(at)
                && !is_stop_word(&run.text)
                && !begins(run)
        })
        .map(|(_, run)| Identifier::of(question, std::slice::from_ref(run), IdentifierKind::Proper))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(question: &str) -> Vec<(String, IdentifierKind)> {
        identifiers(question)
            .into_iter()
            .map(|name| (name.written, name.kind))
            .collect()
    }

    #[test]
    fn codes_flags_and_settings_are_names() {
        use IdentifierKind::{Code, Label, Proper, Version};
        for (question, name, kind) in [
            ("What does E-133 mean?", "E-133", Code),
            ("price of MX\u{2011}1055", "MX\u{2011}1055", Code),
            ("FX-4410-B", "FX-4410-B", Code),
            ("what is max_flow_temp", "max_flow_temp", Code),
            ("what does --dry-run do", "dry-run", Code),
            ("limit of maxRetryCount", "maxRetryCount", Code),
            ("what does reset() do", "reset", Code),
            ("what is form 7 for?", "form 7", Label),
            ("the roof of hall B", "hall B", Label),
            ("When was version 4.2 out?", "version 4.2", Label),
            ("and for 4.2?", "4.2", Version),
            ("How much does the Merlin cost?", "Merlin", Proper),
        ] {
            assert!(
                names(question).contains(&(name.to_owned(), kind)),
                "{question}: {:?}",
                names(question)
            );
        }
    }

    #[test]
    fn what_counts_something_is_no_name() {
        for question in [
            "Is 270mm enough?",
            "Do I need a 24-hour clock?",
            "a 19-year-old boiler",
            "Is 10.5 kWh a day much?",
            "How Do I Insulate My Loft?",
            "WHY IS MY BOILER LOUD",
        ] {
            assert_eq!(names(question), [], "{question}");
        }
    }

    #[test]
    fn hyphens_spaces_and_case_do_not_tell_names_apart() {
        let wanted = &identifiers("What does E-134 mean?")[0];
        for text in ["E\u{2011}134", "code e134 here", "E 134", "(Ｅ－１３４)"] {
            assert!(Runs::of(text).find(wanted).is_some(), "{text}");
        }
        for text in ["E-1345", "E-13", "RE-134", "E, 134", "E-134-B", "1E-134"] {
            assert_eq!(Runs::of(text).find(wanted), None, "{text}");
        }
    }

    #[test]
    fn names_of_one_series_are_told() {
        let text = "E-131, E-133 and F-9";
        let wanted = &identifiers("What is E-999?")[0];
        assert_eq!(Runs::of(text).siblings(wanted, text), ["E-131", "E-133"]);
    }

    #[test]
    fn a_name_takes_the_place_of_one_of_its_form() {
        let name = |text| identifiers(text).remove(0);
        assert!(name("E-134").replaces(&name("E-133")));
        assert!(name("and for 4.0?").replaces(&name("When was version 4.2 out?")));
        assert!(!name("form 7").replaces(&name("E-133")));
    }
}
