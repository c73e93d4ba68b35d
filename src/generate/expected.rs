//! What kind of answer a question expects, and whether a sentence holds one.
//!
//! English only: any other question expects text, which every sentence is.

use crate::language::terms;

/// The kind of answer that a question expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Anything.
    Text,
    /// Some number, or words in its place.
    Number,
    /// A sum of money that is paid.
    Money,
    /// A sum of money or a share.
    Saving,
    /// A temperature.
    Temperature,
    /// A length.
    Length,
    /// A weight.
    Weight,
    /// A voltage.
    Voltage,
    /// A duration or a point in time.
    Time,
    /// How often something comes again.
    Frequency,
    /// A number of things; the stems of the words that may name them.
    Count(Vec<String>),
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token<'a> {
    Word(&'a str),
    Number,
    Sign(char),
}

const MONEY_WORDS: [&str; 11] = [
    "p", "penny", "pence", "pound", "pounds", "cent", "cents", "dollar", "dollars", "euro", "euros",
];
const SHARE_WORDS: [&str; 8] = [
    "half", "third", "quarter", "twice", "times", "percent", "double", "cent",
];
const LENGTH_WORDS: [&str; 13] = [
    "mm", "cm", "m", "metre", "metres", "meter", "meters", "inch", "inches", "in", "foot", "feet",
    "ft",
];
const WEIGHT_WORDS: [&str; 14] = [
    "kg",
    "kilogram",
    "kilograms",
    "kilo",
    "kilos",
    "g",
    "gram",
    "grams",
    "tonne",
    "tonnes",
    "lb",
    "lbs",
    "pounds",
    "ounces",
];
const VOLTAGE_WORDS: [&str; 4] = ["v", "volt", "volts", "kv"];
/// Words of a sum that is kept or given …
const SAVING_WORDS: [&str; 9] = [
    "save", "saves", "saved", "saving", "savings", "grant", "grants", "discount", "rebate",
];
/// … and of one that is paid.
const PAYING_WORDS: [&str; 15] = [
    "cost", "costs", "costing", "price", "prices", "priced", "pay", "pays", "paid", "spend",
    "spending", "charge", "charges", "fee", "bill",
];
const TIME_WORDS: [&str; 24] = [
    "second",
    "seconds",
    "minute",
    "minutes",
    "hour",
    "hours",
    "day",
    "days",
    "week",
    "weeks",
    "month",
    "months",
    "year",
    "years",
    "annual",
    "annually",
    "daily",
    "weekly",
    "monthly",
    "yearly",
    "once",
    "overnight",
    "winter",
    "summer",
];
/// Words that say by themselves how often …
const FREQUENCY_WORDS: [&str; 20] = [
    "annual",
    "annually",
    "yearly",
    "monthly",
    "weekly",
    "daily",
    "nightly",
    "hourly",
    "quarterly",
    "fortnightly",
    "once",
    "twice",
    "times",
    "often",
    "regularly",
    "frequently",
    "rarely",
    "seldom",
    "always",
    "never",
];
/// … and what may come after "every", besides words of time.
const OCCASIONS: [&str; 17] = [
    "night",
    "nights",
    "morning",
    "evening",
    "spring",
    "autumn",
    "season",
    "decade",
    "fortnight",
    "time",
    "use",
    "uses",
    "wash",
    "washes",
    "load",
    "loads",
    "cycle",
];
/// How many words may stand between "every" and the occasion: "every two or three months".
const OCCASION_REACH: usize = 4;
const NUMBER_WORDS: [&str; 15] = [
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve",
    "dozen", "half", "twice", "hundred",
];
/// How many words may stand between a number and what it counts.
const COUNT_REACH: usize = 3;

impl Expected {
    /// Reads it off the words of the question.
    pub fn of(question: &str) -> Self {
        let text = question.to_lowercase();
        let has = |phrases: &[&str]| phrases.iter().any(|phrase| text.contains(phrase));
        let words: Vec<&str> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let is_among = |list: &[&str]| words.iter().any(|word| list.contains(word));

        let counted = text
            .split_once("how many ")
            .map(|(_, rest)| counted(rest))
            .unwrap_or_default();
        let counts_time = counted
            .first()
            .is_some_and(|word| TIME_WORDS.contains(&word.as_str()));
        if has(&["how often", "how frequently", "how regularly"]) {
            return Self::Frequency;
        }
        if has(&["how soon", "how long", "how quickly"]) || counts_time {
            return Self::Time;
        }
        if (has(&["how much", "what do", "what did", "what will", "what would"])
            && is_among(&["cost", "charge", "charged", "pay", "price", "spend"]))
            || has(&["price of", "cost of", "going rate", "fee for", "what rate"])
        {
            return Self::Money;
        }
        if has(&["how much", "how many", "what "])
            && is_among(&["save", "saving", "saved", "less", "keep", "worth", "cut"])
        {
            return Self::Saving;
        }
        if has(&[
            "how hot",
            "how cold",
            "how warm",
            "how cool",
            "temperature",
            "how many degrees",
        ]) && has(&["how ", "what "])
        {
            return Self::Temperature;
        }
        if has(&["how thick", "how deep", "how wide", "how tall", "how high"]) {
            return Self::Length;
        }
        if has(&["weigh", "how heavy"]) {
            return Self::Weight;
        }
        if is_among(&["voltage", "volts"]) {
            return Self::Voltage;
        }
        if !counted.is_empty() {
            let stems: Vec<String> = counted.iter().flat_map(|word| terms(word)).collect();
            return if stems.is_empty() {
                Self::Number
            } else {
                Self::Count(stems)
            };
        }
        if has(&[
            "how much",
            "how big",
            "how large",
            "how loud",
            "how strong",
            "how far",
            "what percentage",
            "what share",
            "what part",
            "what proportion",
            "what size",
            "what wattage",
        ]) {
            return Self::Number;
        }
        Self::Text
    }

    /// Whether a number is wanted, of whatever kind.
    pub fn is_figure(&self) -> bool {
        *self != Self::Text
    }

    /// Whether `text` holds an answer of this kind.
    pub fn is_in(&self, text: &str) -> bool {
        let text = text.to_lowercase();
        let tokens = tokens(&text);
        let any_word = |list: &[&str]| {
            tokens
                .iter()
                .any(|token| matches!(token, Token::Word(word) if list.contains(word)))
        };
        let number_before = |list: &[&str]| {
            tokens.windows(2).any(
                |pair| matches!(pair, [Token::Number, Token::Word(word)] if list.contains(word)),
            )
        };
        let sign = |signs: &[char]| {
            tokens
                .iter()
                .any(|token| matches!(token, Token::Sign(sign) if signs.contains(sign)))
        };
        let has_number = tokens.contains(&Token::Number);
        let is_money = || has_number && (sign(&['£', '$', '€']) || number_before(&MONEY_WORDS));
        match self {
            // "How much water?" is answered by "as much as you need" too.
            Self::Text | Self::Number => true,
            // "It saves £90 a year" is no price.
            Self::Money => is_money() && (any_word(&PAYING_WORDS) || !any_word(&SAVING_WORDS)),
            Self::Saving => is_money() || sign(&['%']) || any_word(&SHARE_WORDS),
            Self::Temperature => {
                sign(&['°']) || any_word(&["degree", "degrees"]) || number_before(&["c", "f"])
            }
            Self::Length => number_before(&LENGTH_WORDS),
            Self::Weight => number_before(&WEIGHT_WORDS),
            Self::Voltage => number_before(&VOLTAGE_WORDS),
            Self::Time => any_word(&TIME_WORDS),
            Self::Frequency => any_word(&FREQUENCY_WORDS) || comes_again(&tokens),
            Self::Count(stems) => {
                let names_money = stems.iter().any(|stem| stem == "pound" || stem == "penc");
                (names_money && is_money()) || counts(&tokens, stems)
            }
        }
    }
}

/// The words after "how many" that may name what is counted: at most two, up to a stop word.
fn counted(rest: &str) -> Vec<String> {
    const PASSED_OVER: [&str; 6] = ["more", "fewer", "extra", "of", "the", "other"];
    rest.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .skip_while(|word| PASSED_OVER.contains(word))
        .take(2)
        .take_while(|word| terms(word).next().is_some())
        .map(str::to_owned)
        .collect()
}

/// Whether it is said of some time or occasion that it comes again: "every second winter", "per day".
fn comes_again(tokens: &[Token<'_>]) -> bool {
    let is_occasion = |token: &Token<'_>| match token {
        Token::Word(word) => TIME_WORDS.contains(word) || OCCASIONS.contains(word),
        Token::Number | Token::Sign(_) => false,
    };
    tokens.iter().enumerate().any(|(at, token)| {
        let reach = match token {
            Token::Word("every" | "each") => OCCASION_REACH,
            Token::Word("per") => 1,
            Token::Word(_) | Token::Number | Token::Sign(_) => 0,
        };
        let within = &tokens[at + 1..tokens.len().min(at + 1 + reach)];
        within.iter().any(is_occasion)
    })
}

/// Whether a number stands close before a word with one of the stems.
fn counts(tokens: &[Token<'_>], stems: &[String]) -> bool {
    let is_number = |token: &Token<'_>| match token {
        Token::Number => true,
        Token::Word(word) => NUMBER_WORDS.contains(word),
        Token::Sign(_) => false,
    };
    let names = |token: &Token<'_>| match token {
        Token::Word(word) => {
            terms(word).any(|stem| stems.contains(&stem))
                || (stems.iter().any(|stem| stem == "kilowatt") && word.starts_with("kwh"))
        }
        Token::Number | Token::Sign(_) => false,
    };
    tokens.iter().enumerate().any(|(at, token)| {
        let within = &tokens[at + 1..tokens.len().min(at + 1 + COUNT_REACH)];
        is_number(token) && within.iter().any(names)
    })
}

/// Words, numbers and signs of a lower-case text; "34p" is a number and a word.
fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let is_part: fn(char) -> bool = if first.is_alphabetic() {
            char::is_alphabetic
        } else if first.is_ascii_digit() {
            |c| c.is_ascii_digit() || c == '.' || c == ','
        } else {
            |_| false
        };
        let length = rest
            .find(|c| !is_part(c))
            .unwrap_or(rest.len())
            .max(first.len_utf8());
        let (token, after) = rest.split_at(length);
        if first.is_alphabetic() {
            found.push(Token::Word(token));
        } else if first.is_ascii_digit() {
            found.push(Token::Number);
        } else if ['£', '$', '€', '%', '°'].contains(&first) {
            found.push(Token::Sign(first));
        }
        rest = after;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_kind_is_read_off_the_question() {
        let count =
            |stems: &[&str]| Expected::Count(stems.iter().map(|s| (*s).to_owned()).collect());
        for (question, expected) in [
            (
                "What does it cost to have a heat pump fitted?",
                Expected::Money,
            ),
            (
                "How much would I save with a shower timer?",
                Expected::Saving,
            ),
            ("How hot should the water be?", Expected::Temperature),
            (
                "What temperature should my fridge be?",
                Expected::Temperature,
            ),
            ("How thick should loft insulation be?", Expected::Length),
            ("How long does a full freezer stay cold?", Expected::Time),
            ("How many years does a fridge last?", Expected::Time),
            (
                "How often should a boiler be serviced?",
                Expected::Frequency,
            ),
            (
                "How many solar panels do I need?",
                count(&["solar", "panel"]),
            ),
            ("How many of the bulbs are LED?", count(&["bulb"])),
            ("How loud is a heat pump?", Expected::Number),
            ("How can I cut my heating bill?", Expected::Text),
            ("Wie dick soll die Dämmung sein?", Expected::Text),
        ] {
            assert_eq!(Expected::of(question), expected, "{question}");
        }
    }

    #[test]
    fn a_sentence_holds_an_answer_of_the_kind_or_not() {
        for (question, text, is_in) in [
            ("How much does it cost?", "A unit is 34p today.", true),
            ("How much does it cost?", "It costs around £90.", true),
            (
                "How much does it cost?",
                "It costs a lot, up to 90 or so.",
                false,
            ),
            ("How much do I save?", "That cuts the use in half.", true),
            ("How hot should it be?", "Store it at 60 °C.", true),
            ("How hot should it be?", "Store it for 60 days.", false),
            ("How much does it cost?", "It saves £90 a year.", false),
            ("How much does it cost?", "For £16 you save £70.", false),
            (
                "How much does it cost?",
                "It costs £16 and saves £70.",
                true,
            ),
            ("How heavy is it?", "A panel weighs 20 kg.", true),
            ("What does it weigh?", "A panel makes 400 W.", false),
            ("At what voltage does it run?", "It needs 230 V.", true),
            ("At what voltage does it run?", "It needs 10 A.", false),
            ("How thick should it be?", "Lay 270 mm.", true),
            ("How thick should it be?", "Lay two rolls.", false),
            (
                "How many solar panels?",
                "A home needs ten large panels.",
                true,
            ),
            ("How many solar panels?", "Panels last 25 years.", false),
            ("How many kilowatt hours?", "It holds 5 kWh.", true),
            (
                "How often is it due?",
                "A repair within 24 to 48 hours is reasonable.",
                false,
            ),
            ("How often is it due?", "It lasts for 20 years.", false),
            ("How often is it due?", "Lag every pipe and tank.", false),
            (
                "How often is it due?",
                "Do it every two or three years.",
                true,
            ),
            (
                "How often is it due?",
                "Clean it after every few washes.",
                true,
            ),
            ("How often is it due?", "A yearly service is enough.", true),
            ("Why?", "Because.", true),
        ] {
            assert_eq!(
                Expected::of(question).is_in(text),
                is_in,
                "{question} {text}"
            );
        }
    }
}
