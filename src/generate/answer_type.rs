//! What kind of answer a question expects, and whether a sentence holds one.
//!
//! The words are those of the language's lists: any other question expects text, which every sentence is.

use crate::language::{WordList, lists, terms};

/// The kind of answer that a question expects.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AnswerType {
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

/// How many words may stand between "every" and the occasion: "every two or three months".
const OCCASION_REACH: usize = 4;
/// How many words may stand between a number and what it counts.
const COUNT_REACH: usize = 3;

impl AnswerType {
    /// Reads it off the words of the question.
    pub fn of(question: &str) -> Self {
        let text = question.to_lowercase();
        let lists = &lists().answer_types;
        let has = |phrases: &WordList| phrases.is_in(&text);
        let words: Vec<&str> = text
            .split(|c: char| !c.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .collect();
        let is_among = |list: &WordList| words.iter().any(|word| list.has(word));

        let counted = text
            .split_once(lists.how_many.as_str())
            .map(|(_, rest)| counted(rest))
            .unwrap_or_default();
        let counts_time = counted.first().is_some_and(|word| lists.times.has(word));
        if has(&lists.asks_frequency) {
            return Self::Frequency;
        }
        if has(&lists.asks_time) || counts_time {
            return Self::Time;
        }
        if (has(&lists.asks_sum) && is_among(&lists.sum_paid)) || has(&lists.asks_money) {
            return Self::Money;
        }
        if has(&lists.asks_figure) && is_among(&lists.sum_saved) {
            return Self::Saving;
        }
        if has(&lists.asks_temperature) && has(&lists.asks_property) {
            return Self::Temperature;
        }
        if has(&lists.asks_length) {
            return Self::Length;
        }
        if has(&lists.asks_weight) {
            return Self::Weight;
        }
        if is_among(&lists.asks_voltage) {
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
        if has(&lists.asks_number) {
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
        let lists = &lists().answer_types;
        let any_word = |list: &WordList| {
            tokens
                .iter()
                .any(|token| matches!(token, Token::Word(word) if list.has(word)))
        };
        let number_before = |list: &WordList| {
            tokens
                .windows(2)
                .any(|pair| matches!(pair, [Token::Number, Token::Word(word)] if list.has(word)))
        };
        let sign = |signs: &[char]| {
            tokens
                .iter()
                .any(|token| matches!(token, Token::Sign(sign) if signs.contains(sign)))
        };
        let has_number = tokens.contains(&Token::Number);
        let is_money = || has_number && (sign(&['£', '$', '€']) || number_before(&lists.money));
        match self {
            // "How much water?" is answered by "as much as you need" too.
            Self::Text | Self::Number => true,
            // "It saves £90 a year" is no price.
            Self::Money => is_money() && (any_word(&lists.payments) || !any_word(&lists.savings)),
            Self::Saving => is_money() || sign(&['%']) || any_word(&lists.shares),
            Self::Temperature => {
                sign(&['°']) || any_word(&lists.degrees) || number_before(&lists.degree_signs)
            }
            Self::Length => number_before(&lists.lengths),
            Self::Weight => number_before(&lists.weights),
            Self::Voltage => number_before(&lists.voltages),
            Self::Time => any_word(&lists.times),
            Self::Frequency => any_word(&lists.frequencies) || comes_again(&tokens),
            Self::Count(stems) => {
                let names_money = stems.iter().any(|stem| lists.money_stems.has(stem));
                (names_money && is_money()) || counts(&tokens, stems)
            }
        }
    }
}

/// The words after "how many" that may name what is counted: at most two, up to a stop word.
fn counted(rest: &str) -> Vec<String> {
    let passed_over = &lists().answer_types.passed_over;
    rest.split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .skip_while(|word| passed_over.has(word))
        .take(2)
        .take_while(|word| terms(word).next().is_some())
        .map(str::to_owned)
        .collect()
}

/// Whether it is said of some time or occasion that it comes again: "every second winter", "per day".
fn comes_again(tokens: &[Token<'_>]) -> bool {
    let lists = &lists().answer_types;
    let is_occasion = |token: &Token<'_>| match token {
        Token::Word(word) => lists.times.has(word) || lists.occasions.has(word),
        Token::Number | Token::Sign(_) => false,
    };
    tokens.iter().enumerate().any(|(at, token)| {
        let reach = match token {
            Token::Word(word) if lists.each.has(word) => OCCASION_REACH,
            Token::Word(word) if lists.per.has(word) => 1,
            Token::Word(_) | Token::Number | Token::Sign(_) => 0,
        };
        let within = &tokens[at + 1..tokens.len().min(at + 1 + reach)];
        within.iter().any(is_occasion)
    })
}

/// Whether a number stands close before a word with one of the stems.
fn counts(tokens: &[Token<'_>], stems: &[String]) -> bool {
    let short_units = &lists().answer_types.short_units;
    let is_number = |token: &Token<'_>| match token {
        Token::Number => true,
        Token::Word(word) => lists().answer_types.numbers.has(word),
        Token::Sign(_) => false,
    };
    let names = |token: &Token<'_>| match token {
        Token::Word(word) => {
            terms(word).any(|stem| stems.contains(&stem))
                || short_units
                    .iter()
                    .any(|(stem, short)| stems.contains(stem) && word.starts_with(short.as_str()))
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
            |stems: &[&str]| AnswerType::Count(stems.iter().map(|s| (*s).to_owned()).collect());
        for (question, expected) in [
            (
                "What does it cost to have a heat pump fitted?",
                AnswerType::Money,
            ),
            (
                "How much would I save with a shower timer?",
                AnswerType::Saving,
            ),
            ("How hot should the water be?", AnswerType::Temperature),
            (
                "What temperature should my fridge be?",
                AnswerType::Temperature,
            ),
            ("How thick should loft insulation be?", AnswerType::Length),
            ("How long does a full freezer stay cold?", AnswerType::Time),
            ("How many years does a fridge last?", AnswerType::Time),
            (
                "How often should a boiler be serviced?",
                AnswerType::Frequency,
            ),
            (
                "How many solar panels do I need?",
                count(&["solar", "panel"]),
            ),
            ("How many of the bulbs are LED?", count(&["bulb"])),
            ("How loud is a heat pump?", AnswerType::Number),
            ("How can I cut my heating bill?", AnswerType::Text),
            ("Wie dick soll die Dämmung sein?", AnswerType::Text),
        ] {
            assert_eq!(AnswerType::of(question), expected, "{question}");
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
                AnswerType::of(question).is_in(text),
                is_in,
                "{question} {text}"
            );
        }
    }
}
