//! JSON as Python's `json.loads` reads it: the same values accepted, the same message at the same
//! character for the rest.
//!
//! Not recursive, and bounded in depth and in the number of values, so that no body costs much
//! more memory than its own length. Beyond the standard, and like Python: `NaN` and the infinities
//! are read (as null), the last of repeated keys wins, lone surrogates are let in (as U+FFFD).

use serde_json::{Map, Number, Value};

/// More values than this in one body are refused.
const MAX_VALUES: usize = 20_000;

/// Python refuses integers with more digits than this.
const MAX_INTEGER_DIGITS: usize = 4300;

/// Why a text gave no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum JsonError {
    /// It is not JSON.
    Syntax {
        /// The character, from 0, that Python names.
        position: usize,
        /// Python's words.
        message: &'static str,
    },
    /// It is JSON, but more than we or Python read.
    OverLimit,
}

/// Reads one value and nothing after it but white space. Nesting beyond `max_depth` is refused;
/// Python gives up at its recursion limit of about a thousand.
pub(super) fn parse(text: &str, max_depth: usize) -> Result<Value, JsonError> {
    let mut reader = Reader {
        text,
        at: 0,
        values: 0,
        max_depth,
    };
    match reader.document() {
        Ok(value) => Ok(value),
        Err(Stop::OverLimit) => Err(JsonError::OverLimit),
        Err(Stop::Syntax(byte, message)) => Err(JsonError::Syntax {
            position: text.as_bytes()[..byte]
                .iter()
                .filter(|byte| **byte & 0xc0 != 0x80)
                .count(),
            message,
        }),
    }
}

enum Stop {
    Syntax(usize, &'static str),
    OverLimit,
}

/// A container whose end has not come yet.
enum Open {
    Array(Vec<Value>),
    Object(Map<String, Value>, String),
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
    values: usize,
    max_depth: usize,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Value, Stop> {
        let mut open: Vec<Open> = Vec::new();
        self.skip_space();
        loop {
            let mut finished = match self.begin_value(open.len())? {
                Begun::Whole(value) => value,
                Begun::Inside(container) => {
                    open.push(container);
                    continue;
                }
            };
            // A finished value may finish the containers around it.
            loop {
                self.skip_space();
                match open.pop() {
                    None => {
                        let at_end = self.at == self.text.len();
                        return if at_end {
                            Ok(finished)
                        } else {
                            Err(Stop::Syntax(self.at, "Extra data"))
                        };
                    }
                    Some(Open::Array(mut items)) => {
                        items.push(finished);
                        if self.closes_with(b']')? {
                            finished = Value::Array(items);
                            continue;
                        }
                        self.skip_space();
                        open.push(Open::Array(items));
                    }
                    Some(Open::Object(mut fields, key)) => {
                        fields.insert(key, finished);
                        if self.closes_with(b'}')? {
                            finished = Value::Object(fields);
                            continue;
                        }
                        self.skip_space();
                        let key = self.key()?;
                        open.push(Open::Object(fields, key));
                    }
                }
                break;
            }
        }
    }

    fn begin_value(&mut self, depth: usize) -> Result<Begun, Stop> {
        self.values += 1;
        if self.values > MAX_VALUES {
            return Err(Stop::OverLimit);
        }
        match self.peek() {
            Some(b'{' | b'[') if depth >= self.max_depth => Err(Stop::OverLimit),
            Some(b'{') => {
                self.at += 1;
                self.skip_space();
                if self.eat("}") {
                    return Ok(Begun::Whole(Value::Object(Map::new())));
                }
                let key = self.key()?;
                Ok(Begun::Inside(Open::Object(Map::new(), key)))
            }
            Some(b'[') => {
                self.at += 1;
                self.skip_space();
                if self.eat("]") {
                    return Ok(Begun::Whole(Value::Array(Vec::new())));
                }
                Ok(Begun::Inside(Open::Array(Vec::new())))
            }
            Some(b'"') => self.string().map(Value::String).map(Begun::Whole),
            _ => self.word_or_number().map(Begun::Whole),
        }
    }

    /// After a value in a container: true at `close`, false after a comma.
    fn closes_with(&mut self, close: u8) -> Result<bool, Stop> {
        let next = self.peek();
        if next != Some(close) && next != Some(b',') {
            return Err(Stop::Syntax(self.at, "Expecting ',' delimiter"));
        }
        self.at += 1;
        Ok(next == Some(close))
    }

    /// A key with its colon, up to the value.
    fn key(&mut self) -> Result<String, Stop> {
        if self.peek() != Some(b'"') {
            return Err(Stop::Syntax(
                self.at,
                "Expecting property name enclosed in double quotes",
            ));
        }
        let key = self.string()?;
        self.skip_space();
        if !self.eat(":") {
            return Err(Stop::Syntax(self.at, "Expecting ':' delimiter"));
        }
        self.skip_space();
        Ok(key)
    }

    fn string(&mut self) -> Result<String, Stop> {
        let begin = self.at;
        self.at += 1;
        let mut text = String::new();
        loop {
            let rest = &self.text.as_bytes()[self.at..];
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f));
            let Some(plain) = plain else {
                return Err(Stop::Syntax(begin, "Unterminated string starting at"));
            };
            text.push_str(&self.text[self.at..self.at + plain]);
            self.at += plain;
            match rest[plain] {
                b'"' => {
                    self.at += 1;
                    return Ok(text);
                }
                b'\\' => text.push(self.escape(begin)?),
                _ => return Err(Stop::Syntax(self.at, "Invalid control character at")),
            }
        }
    }

    fn escape(&mut self, begin: usize) -> Result<char, Stop> {
        let backslash = self.at;
        self.at += 1;
        let character = match self.peek() {
            None => return Err(Stop::Syntax(begin, "Unterminated string starting at")),
            Some(b'u') => return self.unicode_escape(),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(character @ (b'"' | b'\\' | b'/')) => char::from(character),
            Some(_) => return Err(Stop::Syntax(backslash, "Invalid \\escape")),
        };
        self.at += 1;
        Ok(character)
    }

    fn unicode_escape(&mut self) -> Result<char, Stop> {
        let first = self.four_digits()?;
        if (0xd800..0xdc00).contains(&first) && self.text.as_bytes()[self.at..].starts_with(b"\\u")
        {
            let after_first = self.at;
            self.at += 1;
            let second = self.four_digits()?;
            if let Some(Ok(pair)) = char::decode_utf16([first, second]).next() {
                return Ok(pair);
            }
            self.at = after_first;
        }
        Ok(char::from_u32(u32::from(first)).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    /// From the `u` over its digits. As in Python, the text's end right after them is an error of
    /// the escape, not of the string.
    fn four_digits(&mut self) -> Result<u16, Stop> {
        let digits = self.text.as_bytes().get(self.at + 1..self.at + 5);
        let all_hex = digits.filter(|digits| {
            digits.iter().all(u8::is_ascii_hexdigit) && self.at + 5 < self.text.len()
        });
        let Some(digits) = all_hex else {
            return Err(Stop::Syntax(self.at, "Invalid \\uXXXX escape"));
        };
        let number = digits
            .iter()
            .fold(0, |number, digit| number << 4 | hex_value(*digit));
        self.at += 5;
        Ok(number)
    }

    fn word_or_number(&mut self) -> Result<Value, Stop> {
        for (word, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
            ("NaN", Value::Null),
            ("Infinity", Value::Null),
            ("-Infinity", Value::Null),
        ] {
            if self.eat(word) {
                return Ok(value);
            }
        }
        self.number()
    }

    fn number(&mut self) -> Result<Value, Stop> {
        let bytes = self.text.as_bytes();
        let digits_from = |from: usize| {
            bytes[from.min(bytes.len())..]
                .iter()
                .take_while(|byte| byte.is_ascii_digit())
                .count()
        };
        let begin = self.at;
        let integer = begin + usize::from(bytes.get(begin) == Some(&b'-'));
        let integer_digits = match bytes.get(integer) {
            Some(b'0') => 1,
            _ => digits_from(integer),
        };
        if integer_digits == 0 {
            return Err(Stop::Syntax(begin, "Expecting value"));
        }
        let mut end = integer + integer_digits;
        let mut is_float = false;
        if bytes.get(end) == Some(&b'.') && digits_from(end + 1) > 0 {
            end += 1 + digits_from(end + 1);
            is_float = true;
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let digits = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
            if digits_from(digits) > 0 {
                end = digits + digits_from(digits);
                is_float = true;
            }
        }
        if !is_float && integer_digits > MAX_INTEGER_DIGITS {
            return Err(Stop::OverLimit);
        }
        self.at = end;
        Ok(number_value(&self.text[begin..end], is_float))
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn eat(&mut self, word: &str) -> bool {
        let eaten = self.text.as_bytes()[self.at..].starts_with(word.as_bytes());
        self.at += if eaten { word.len() } else { 0 };
        eaten
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }
}

enum Begun {
    Whole(Value),
    Inside(Open),
}

fn hex_value(digit: u8) -> u16 {
    u16::from(match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit - b'A' + 10,
    })
}

/// Integers beyond 64 bits keep their size only; what is too large for that becomes null.
fn number_value(text: &str, is_float: bool) -> Value {
    if !is_float {
        if let Ok(number) = text.parse::<i64>() {
            return number.into();
        }
        if let Ok(number) = text.parse::<u64>() {
            return number.into();
        }
    }
    text.parse()
        .ok()
        .and_then(Number::from_f64)
        .map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests;
