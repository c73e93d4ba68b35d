//! The conversation in a request, item by item.

use serde_json::Value;

use crate::assistant::errand::{Speaker, Turn};
use crate::http::validation::{Problems, Step};

/// Names of what was not honoured that a reply lists.
const MOST_NAMED: usize = 32;

/// What a conversation says.
#[derive(Debug, Default)]
pub(in crate::http) struct Dialogue {
    /// Every message with text, oldest first.
    pub(in crate::http) turns: Vec<Turn>,
    /// In all messages.
    pub(in crate::http) bytes: usize,
    /// What of it is not read: instructions, replies of tools, pictures.
    pub(in crate::http) unread: Vec<String>,
    /// Whether a picture, a sound or a file of the user's was passed over.
    pub(in crate::http) has_media: bool,
}

impl Dialogue {
    /// The user's messages, oldest first.
    pub(in crate::http) fn questions(&self) -> Vec<String> {
        let of_user = self
            .turns
            .iter()
            .filter(|turn| turn.speaker == Speaker::User);
        of_user.map(|turn| turn.text.clone()).collect()
    }

    /// A question alone.
    pub(in crate::http) fn asking(text: &str) -> Self {
        Self {
            bytes: text.len(),
            turns: vec![Turn {
                speaker: Speaker::User,
                text: text.to_owned(),
            }],
            ..Self::default()
        }
    }

    /// Reads the list in `field` of the body.
    pub(in crate::http) fn read(
        field: &'static str,
        list: &[Value],
        most_bytes: usize,
        problems: &mut Problems,
    ) -> Self {
        let loc = [Step::Name("body"), Step::Name(field)];
        let mut dialogue = Self::default();
        for (index, message) in list.iter().enumerate() {
            dialogue.take(field, index, message, problems);
        }
        let last = dialogue
            .turns
            .iter()
            .rev()
            .find(|turn| turn.speaker == Speaker::User);
        match last {
            None if problems.is_empty() && dialogue.has_media => {
                let expected =
                    "messages with a text of role 'user': pictures, sounds and files are not read";
                problems.not_one_of(&loc, &Value::Null, expected);
            }
            None if problems.is_empty() => {
                let expected = "a list with a message of role 'user'";
                problems.not_one_of(&loc, &Value::Null, expected);
            }
            None | Some(_) => {}
        }
        if dialogue.bytes > most_bytes {
            problems.text_too_long(&loc, most_bytes);
        }
        dialogue
    }

    fn take(
        &mut self,
        field: &'static str,
        index: usize,
        message: &Value,
        problems: &mut Problems,
    ) {
        let at = |name| {
            [
                Step::Name("body"),
                Step::Name(field),
                Step::Index(index),
                Step::Name(name),
            ]
        };
        // Items of the Responses API that are no messages: calls of tools, their output, references.
        let kind = message["type"].as_str().filter(|kind| *kind != "message");
        if let Some(kind) = kind.filter(|_| message["role"].is_null()) {
            self.name(format!("{field}[{index}] ({kind})"));
            return;
        }
        let Some(role) = message["role"].as_str() else {
            problems.not_text(&at("role"), &message["role"]);
            return;
        };
        let speaker = match role {
            "user" => Speaker::User,
            "system" | "developer" => Speaker::Program,
            _ => Speaker::Model,
        };
        let content = &message["content"];
        let media_before = self.has_media;
        let text = match content {
            Value::String(text) => Some(text.clone()),
            // Calls of tools have no content.
            Value::Null if speaker != Speaker::User => return,
            Value::Array(parts) => self.join(field, index, parts),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
        };
        let Some(text) = text else {
            problems.not_text(&at("content"), content);
            return;
        };
        self.has_media = media_before || (self.has_media && speaker == Speaker::User);
        if !["user", "assistant"].contains(&role) {
            self.name(format!("{field}[{index}] ({role})"));
        }
        self.bytes += text.len();
        // A message that is a picture alone asks nothing.
        if !text.is_empty() || content.is_string() {
            self.turns.push(Turn { speaker, text });
        }
    }

    /// The texts of parts, one below the other; `None` if one is no part.
    fn join(&mut self, field: &str, index: usize, parts: &[Value]) -> Option<String> {
        let mut texts: Vec<&str> = Vec::new();
        for (position, part) in parts.iter().enumerate() {
            match part["type"].as_str()? {
                "text" | "input_text" | "output_text" => texts.push(part["text"].as_str()?),
                "refusal" => texts.push(part["refusal"].as_str()?),
                other => {
                    self.has_media = true;
                    self.name(format!("{field}[{index}].content[{position}] ({other})"));
                }
            }
        }
        Some(texts.join("\n"))
    }

    fn name(&mut self, mut what: String) {
        what.truncate(what.floor_char_boundary(80));
        if self.unread.len() < MOST_NAMED {
            self.unread.push(what);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(list: &Value) -> (Dialogue, Value) {
        let mut problems = Problems::default();
        let list = list.as_array().unwrap();
        let dialogue = Dialogue::read("messages", list, 1000, &mut problems);
        (dialogue, problems.to_detail())
    }

    #[test]
    fn what_is_not_read_is_named() {
        let (dialogue, problems) = read(&json!([
            {"role": "system", "content": "Talk like a pirate."},
            {"role": "user", "content": [{"type": "text", "text": "What is it?"}, {"type": "image_url"}]},
            {"role": "assistant", "content": null, "tool_calls": []},
            {"role": "tool", "content": "42"},
        ]));
        assert_eq!(problems, json!([]));
        assert_eq!(dialogue.questions(), ["What is it?"]);
        assert!(dialogue.has_media);
        assert_eq!(
            dialogue.unread,
            [
                "messages[0] (system)",
                "messages[1].content[1] (image_url)",
                "messages[3] (tool)"
            ]
        );
    }

    #[test]
    fn a_conversation_asks_something() {
        for (list, place) in [
            (
                json!([{"role": "system", "content": "x"}]),
                json!(["body", "messages"]),
            ),
            (
                json!([{"role": "user", "content": [{"type": "image_url"}]}]),
                json!(["body", "messages"]),
            ),
            (
                json!([{"role": "user", "content": null}]),
                json!(["body", "messages", 0, "content"]),
            ),
            (
                json!([{"content": "x"}]),
                json!(["body", "messages", 0, "role"]),
            ),
            (
                json!([{"role": "user", "content": ["x"]}]),
                json!(["body", "messages", 0, "content"]),
            ),
        ] {
            assert_eq!(read(&list).1[0]["loc"], place, "{list}");
        }
        let long = json!([{"role": "user", "content": "x".repeat(1001)}]);
        assert_eq!(read(&long).1[0]["type"], "string_too_long");
    }
}
