//! Whether two questions ask for the same answer.
//!
//! Vectors do not tell: "how do I save on gas" lies beside "how do I save on electricity", and a
//! "not" hardly moves a vector. So a near neighbour also has to agree in all that decides an answer:
//! the words of content, figures, negation, direction, and what is asked for. English only; what is
//! not understood must be literally the same.

use std::collections::BTreeSet;

use super::expected::Expected;
use super::quantities::quantities;
use crate::language::terms;

/// Words that mean the same when somebody asks about a home. Each group is named by its first word.
/// Several words are joined by a space.
const SYNONYMS: [&[&str]; 42] = [
    &["loft", "attic", "roof space"],
    &[
        "save",
        "saving",
        "savings",
        "cut down",
        "cut",
        "reduce",
        "lower",
        "economise",
        "economize",
        "spend less",
        "shrink",
    ],
    &[
        "cost",
        "costs",
        "price",
        "pay",
        "charge",
        "charged",
        "expensive",
    ],
    &["draught", "draughts", "draft", "drafts", "draughty"],
    &["thermostat", "stat", "room stat"],
    &["television", "tv", "telly"],
    &["fridge", "refrigerator"],
    &["bulb", "bulbs", "lamp", "lamps", "light bulb"],
    &["electricity", "electric", "power"],
    &["home", "house", "property", "dwelling"],
    &["flat", "apartment"],
    &["insulate", "insulation", "insulating", "insulated", "lag"],
    &["thick", "thickness", "depth", "deep"],
    &[
        "fit",
        "fitted",
        "install",
        "installed",
        "put in",
        "installing",
        "fitting",
    ],
    &[
        "stop",
        "prevent",
        "avoid",
        "get rid of",
        "keep out",
        "block",
    ],
    &["mould", "mold"],
    &["bill", "bills"],
    &["buy", "purchase", "choose", "pick", "get hold of"],
    &["dryer", "tumble dryer", "tumble drier", "drier"],
    &["washing", "laundry", "clothes"],
    &["grant", "grants", "funding", "subsidy"],
    &["temperature", "hot", "warm"],
    &["clean", "cleaned"],
    &["repair", "fix", "mend"],
    &["service", "serviced", "servicing"],
    &["window", "windows"],
    &["heat pump", "heat pumps", "heatpump"],
    &["solar", "photovoltaic", "pv"],
    &["panel", "panels"],
    &["last", "lifetime", "lifespan"],
    &["condensation", "misting"],
    &["cheap", "cheapest", "inexpensive"],
    &["gap", "gaps", "crack", "cracks"],
    &["bleed", "bleeding", "let the air out of"],
    &["safe", "safely"],
    &["tank", "cylinder"],
    &["leak", "leaking", "leaks", "escape"],
    &[
        "use",
        "uses",
        "consume",
        "consumes",
        "used",
        "using",
        "consumption",
    ],
    &["supplier", "energy company"],
    &["carbon monoxide", "co"],
    &["turn down", "lower down"],
    &["switch off", "turn off", "shut off"],
];

/// Words that may come or go without another answer.
const FILLERS: [&str; 48] = [
    "put",
    "place",
    "possible",
    "idea",
    "worth",
    "time",
    "cause",
    "causes",
    "makes",
    "mean",
    "frequently",
    "best",
    "good",
    "way",
    "ways",
    "need",
    "want",
    "much",
    "many",
    "actually",
    "really",
    "simply",
    "simple",
    "easiest",
    "easy",
    "recommend",
    "recommended",
    "advise",
    "advice",
    "ought",
    "must",
    "exactly",
    "usually",
    "typically",
    "normally",
    "usual",
    "typical",
    "give",
    "tip",
    "tips",
    "know",
    "explain",
    "say",
    "amount",
    "long",
    "often",
    "person",
    "someone",
];

/// Words that turn an answer round, among them stop words. A question has them or has not.
const DIRECTIONS: [&str; 34] = [
    "before", "after", "off", "out", "up", "down", "with", "less", "more", "over", "under",
    "until", "during", "inside", "outside", "above", "below", "other", "only", "all", "every",
    "most", "least", "always", "min", "max", "minimum", "maximum", "same", "else", "new", "old",
    "first", "without",
];

const NEGATIONS: [&str; 10] = [
    "not", "no", "never", "none", "cannot", "without", "nobody", "nothing", "neither", "nor",
];

/// Where one of these stands, the order of the words decides who does what to whom.
const RELATIONS: [&str; 20] = [
    "than",
    "instead",
    "rather",
    "from",
    "into",
    "versus",
    "vs",
    "or",
    "over",
    "before",
    "after",
    "landlord",
    "tenant",
    "supplier",
    "council",
    "neighbour",
    "builder",
    "installer",
    "seller",
    "buyer",
];

/// What a question asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Person,
    Time,
    Place,
    Reason,
    Amount,
    Duration,
    Frequency,
    Manner,
    Thing,
    Advice,
    Permission,
    Fact,
    Other,
}

/// A question as far as it decides an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Essence {
    words: Vec<String>,
    kind: Kind,
    /// The same words in the same order have the same of everything.
    all: Vec<String>,
    is_negated: bool,
    is_relation: bool,
    directions: BTreeSet<String>,
    expected: Expected,
    figures: String,
}

impl Essence {
    /// Reads a question.
    pub fn of(question: &str) -> Self {
        let plain = plain(question);
        let all: Vec<String> = plain.split(' ').map(str::to_owned).collect();
        let has = |list: &[&str]| all.iter().any(|word| list.contains(&word.as_str()));
        let directions = all
            .iter()
            .filter(|word| DIRECTIONS.contains(&word.as_str()))
            .cloned()
            .collect();
        let mut words: Vec<String> = Vec::new();
        let without_fillers: Vec<&str> = plain
            .split(' ')
            .filter(|word| !FILLERS.contains(word) && !DIRECTIONS.contains(word))
            .collect();
        for word in terms(&unified(&without_fillers.join(" "))) {
            if !words.contains(&word) && !NEGATIONS.contains(&word.as_str()) {
                words.push(word);
            }
        }
        Self {
            words,
            kind: kind(&plain),
            is_negated: all
                .iter()
                .filter(|word| NEGATIONS.contains(&word.as_str()))
                .count()
                % 2
                == 1,
            is_relation: has(&RELATIONS),
            directions,
            expected: Expected::of(question),
            figures: figures(question),
            all,
        }
    }

    /// Whether one answer does for both.
    pub fn may_share_an_answer(&self, other: &Self) -> bool {
        if self.all == other.all {
            return self.figures == other.figures;
        }
        let is_same = !self.words.is_empty()
            && self.kind == other.kind
            && self.is_negated == other.is_negated
            && self.directions == other.directions
            && self.figures == other.figures
            && self.expected == other.expected;
        is_same && self.has_words_of(other)
    }

    /// Whether nothing but case, spaces and marks tells the questions apart.
    pub fn reads_like(&self, other: &Self) -> bool {
        self.all == other.all && self.figures == other.figures
    }

    fn has_words_of(&self, other: &Self) -> bool {
        if self.is_relation || other.is_relation {
            return self.words == other.words;
        }
        let sorted = |words: &[String]| words.iter().cloned().collect::<BTreeSet<_>>();
        sorted(&self.words) == sorted(&other.words)
    }
}

/// Lower case, without marks, contractions written out.
fn plain(question: &str) -> String {
    let text = question.to_lowercase().replace('\u{2019}', "'");
    let mut words = Vec::new();
    for word in text.split(|c: char| !c.is_alphanumeric() && !"'%£$€°.".contains(c)) {
        let word = word.trim_matches(['\'', '.']);
        match word {
            "" => {}
            "what's" => words.extend(["what", "is"]),
            "can't" => words.extend(["can", "not"]),
            "won't" => words.extend(["will", "not"]),
            _ => match word.strip_suffix("n't") {
                Some(verb) => words.extend([verb, "not"]),
                None => words.push(word.strip_suffix("'s").unwrap_or(word)),
            },
        }
    }
    words.join(" ")
}

/// Each synonym as the first of its group.
fn unified(plain: &str) -> String {
    let mut text = format!(" {plain} ");
    for group in SYNONYMS {
        let name = format!(" {} ", group[0]);
        let mut others: Vec<&str> = group[1..].to_vec();
        // Long ones first: "light bulb" is not a light and a bulb.
        others.sort_by_key(|word| std::cmp::Reverse(word.len()));
        for other in others {
            let other = format!(" {other} ");
            if !name.contains(&other) {
                text = text.replace(&other, &name);
            }
        }
    }
    text.trim().to_owned()
}

fn kind(plain: &str) -> Kind {
    let openings: [(&str, Kind); 40] = [
        ("how much", Kind::Amount),
        ("how many", Kind::Amount),
        ("what does it cost", Kind::Amount),
        ("what is the cost", Kind::Amount),
        ("what is the price", Kind::Amount),
        ("how thick", Kind::Amount),
        ("how deep", Kind::Amount),
        ("what thickness", Kind::Amount),
        ("what depth", Kind::Amount),
        ("how long", Kind::Duration),
        ("how often", Kind::Frequency),
        ("how frequently", Kind::Frequency),
        ("what is the best way", Kind::Manner),
        ("what is the easiest way", Kind::Manner),
        ("what can i do to", Kind::Manner),
        ("what should i do to", Kind::Manner),
        ("what is a good way", Kind::Manner),
        ("ways to", Kind::Manner),
        ("how", Kind::Manner),
        ("why", Kind::Reason),
        ("what is the reason", Kind::Reason),
        ("who", Kind::Person),
        ("when", Kind::Time),
        ("where", Kind::Place),
        ("what cause", Kind::Reason),
        ("what causes", Kind::Reason),
        ("what makes", Kind::Reason),
        ("what", Kind::Thing),
        ("which", Kind::Thing),
        ("should", Kind::Advice),
        ("is it worth", Kind::Advice),
        ("is it a good idea", Kind::Advice),
        ("is it possible", Kind::Permission),
        ("are", Kind::Fact),
        ("do", Kind::Fact),
        ("does", Kind::Fact),
        ("will", Kind::Fact),
        ("do i need", Kind::Advice),
        ("can", Kind::Permission),
        ("is", Kind::Fact),
    ];
    // Something may stand before: "tell me how", "please, what".
    let start = plain
        .trim_start_matches("please ")
        .trim_start_matches("hi ")
        .trim_start_matches("hello ")
        .trim_start_matches("can you tell me ")
        .trim_start_matches("can you explain ")
        .trim_start_matches("explain ")
        .trim_start_matches("could you tell me ")
        .trim_start_matches("tell me ");
    openings
        .iter()
        .find(|(opening, _)| {
            start
                .strip_prefix(opening)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
        })
        .map_or(Kind::Other, |(_, kind)| *kind)
}

/// Digits and what they count, as text that can be compared.
fn figures(question: &str) -> String {
    let digits: Vec<&str> = question
        .split(|c: char| !c.is_ascii_digit())
        .filter(|digits| !digits.is_empty())
        .collect();
    format!("{digits:?} {:?}", quantities(question))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn same(a: &str, b: &str) -> bool {
        let (a, b) = (Essence::of(a), Essence::of(b));
        assert_eq!(a.may_share_an_answer(&b), b.may_share_an_answer(&a));
        a.may_share_an_answer(&b)
    }

    #[test]
    fn near_misses_are_other_questions() {
        for (a, b) in [
            ("How do I save on gas?", "How do I save on electricity?"),
            ("Is it safe?", "Is it not safe?"),
            (
                "Is it safe to sleep with it on?",
                "Isn't it safe to sleep with it on?",
            ),
            ("Does 100 mm do in the loft?", "Does 270 mm do in the loft?"),
            ("Is 20 °C warm enough?", "Is 20 °F warm enough?"),
            ("Who pays for a loft?", "When does one pay for a loft?"),
            ("How much is a heat pump?", "How is a heat pump made?"),
            (
                "Should I turn it up at night?",
                "Should I turn it down at night?",
            ),
            ("Is gas cheaper than oil?", "Is oil cheaper than gas?"),
            ("Grants in Wales?", "Grants in Scotland?"),
            (
                "Can a landlord charge a tenant?",
                "Can a tenant charge a landlord?",
            ),
            (
                "Can I insulate a flat roof?",
                "Should I insulate a flat roof?",
            ),
        ] {
            assert!(!same(a, b), "{a} / {b}");
        }
    }

    #[test]
    fn other_words_may_ask_the_same() {
        for (a, b) in [
            ("How do I insulate my loft?", "how can I insulate the attic"),
            (
                "How do I bleed a radiator?",
                "What's the best way to bleed radiators?",
            ),
            (
                "How thick should loft insulation be?",
                "How deep should the insulation in the loft be?",
            ),
            ("Is it safe?", "is it SAFE"),
        ] {
            assert!(same(a, b), "{a} / {b}");
        }
    }
}
