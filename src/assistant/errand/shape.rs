//! What a request about a conversation looks like: a transcript inside one message, and the form of
//! an object that the reply is to have. Both are found by their build alone, in linear time.

use serde_json::{Map, Value};

/// Bytes at either end of a message that are looked at; a transcript in between is read by its ends.
const LOOKED_AT: usize = 16 * 1024;
/// Braces that are tried as the beginning of a form.
const MOST_FORMS: usize = 16;
/// The longest name of a speaker, in words and bytes.
const SPEAKER_WORDS: usize = 3;
const SPEAKER_BYTES: usize = 32;

/// A message taken apart.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Shape {
    /// What is said outside the transcript.
    pub(super) instruction: String,
    /// What the first speaker of the transcript says, oldest first; empty if there is none.
    pub(super) said: Vec<String>,
    /// The form of the reply.
    pub(super) form: Option<Form>,
}

/// The fields of an object that the reply is to be, and whether each is a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form(pub(super) Vec<(String, bool)>);

impl Form {
    /// The form that an example shows; `None` if it is no object with fields.
    fn of_example(example: &Map<String, Value>) -> Option<Self> {
        let fields = example.iter();
        let fields: Vec<_> = fields
            .map(|(name, value)| (name.clone(), value.is_array()))
            .collect();
        (!fields.is_empty()).then_some(Self(fields))
    }

    /// The form that a JSON schema asks for; `None` if it asks for no object with fields.
    pub(super) fn of_schema(schema: &Value) -> Option<Self> {
        let fields = schema["properties"].as_object()?.iter();
        let fields: Vec<_> = fields
            .map(|(name, field)| (name.clone(), field["type"] == "array"))
            .collect();
        (!fields.is_empty()).then_some(Self(fields))
    }
}

impl Shape {
    /// Takes a message apart.
    pub(super) fn of(message: &str) -> Self {
        let text = ends(message);
        let (said, instruction) = match to_continue(&text).or_else(|| transcript(&text)) {
            Some(talk) => {
                let instruction = format!("{}\n{}", &text[..talk.start], &text[talk.end..]);
                (talk.of_first(), instruction)
            }
            None => (Vec::new(), text),
        };
        Self {
            form: form(&instruction),
            instruction,
            said,
        }
    }
}

/// A message without its middle, if it is long.
fn ends(message: &str) -> String {
    if message.len() <= 2 * LOOKED_AT {
        return message.to_owned();
    }
    let (first, last) = (
        message.floor_char_boundary(LOOKED_AT),
        message.ceil_char_boundary(message.len() - LOOKED_AT),
    );
    format!("{}\n{}", &message[..first], &message[last..])
}

/// A talk for a model that goes on with texts: lines of a label behind the same mark, what each speaker
/// says below it, and a last label that is left open.
fn to_continue(text: &str) -> Option<Talk<'_>> {
    let text = text.trim_end();
    let open = text.rfind('\n')? + 1;
    let mark = mark_of(&text[open..]);
    let (_, "") = marked(&text[open..], mark)? else {
        return None;
    };
    let mut talk: Option<Talk<'_>> = None;
    let mut at = 0;
    for line in text[..open].split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        match (marked(line, mark), &mut talk) {
            (Some((speaker, said)), Some(talk)) => {
                talk.turns.push((speaker, said.to_owned()));
                talk.end = end;
            }
            (Some((speaker, said)), None) => {
                let turns = vec![(speaker, said.to_owned())];
                talk = Some(Talk { turns, start, end });
            }
            (None, Some(talk)) => talk.go_on(line, end),
            (None, None) => {}
        }
    }
    talk.filter(Talk::is_whole)
}

/// What stands in front of a label and is no letter, figure or space.
fn mark_of(line: &str) -> &str {
    let end = line.find(|c: char| c.is_alphanumeric() || c.is_whitespace());
    &line[..end.unwrap_or(0)]
}

/// The label behind a mark, and what is said on its line.
fn marked<'a>(line: &'a str, mark: &str) -> Option<(&'a str, &'a str)> {
    let label = line.strip_prefix(mark).filter(|_| !mark.is_empty())?;
    let (name, said) = label.split_once([':', '：'])?;
    let name = name.trim();
    is_name(name).then_some((name, said.trim()))
}

/// The last talk of two speakers: lines that begin with the name of one of them, the first two that are
/// named. What stands below a line belongs to it, up to the end of the element that the talk stands in.
fn transcript(text: &str) -> Option<Talk<'_>> {
    let mut talks: Vec<Talk<'_>> = Vec::new();
    let mut is_open = false;
    let mut at = 0;
    for line in text.split_inclusive('\n') {
        let (start, end) = (at, at + line.len());
        at = end;
        let talk = talks.last_mut().filter(|_| is_open);
        let is_talk = talk.as_ref().is_some_and(|talk| talk.is_whole());
        let speech = spoken(line);
        if closes_element(line) || (!is_talk && speech.is_none() && divides(line)) {
            is_open = false;
            continue;
        }
        match (talk, speech) {
            (Some(talk), Some((speaker, said))) if talk.admits(speaker) => {
                talk.turns.push((speaker, said.to_owned()));
                talk.end = end;
            }
            (Some(talk), _) => talk.go_on(line, end),
            (None, Some((speaker, said))) => {
                is_open = true;
                talks.push(Talk {
                    turns: vec![(speaker, said.to_owned())],
                    start,
                    end,
                });
            }
            (None, None) => {}
        }
    }
    talks.into_iter().rev().find(Talk::is_whole)
}

/// Who says what, and the bytes that it takes.
struct Talk<'a> {
    turns: Vec<(&'a str, String)>,
    start: usize,
    end: usize,
}

impl Talk<'_> {
    /// Whether both speakers have spoken.
    fn is_whole(&self) -> bool {
        let first = self.turns.first().map(|(speaker, _)| *speaker);
        self.turns
            .iter()
            .any(|(speaker, _)| Some(*speaker) != first)
    }

    fn admits(&self, speaker: &str) -> bool {
        !self.is_whole() || self.turns.iter().any(|(known, _)| *known == speaker)
    }

    fn go_on(&mut self, line: &str, end: usize) {
        if let Some((_, said)) = self.turns.last_mut() {
            said.push('\n');
            said.push_str(line.trim_end());
            self.end = end;
        }
    }

    /// What the first speaker says.
    fn of_first(&self) -> Vec<String> {
        let first = self.turns.first().map(|(speaker, _)| *speaker);
        let turns = self.turns.iter();
        let turns = turns.filter(|(speaker, _)| Some(*speaker) == first);
        turns
            .map(|(_, said)| said.trim().trim_matches('"').to_owned())
            .collect()
    }
}

fn closes_element(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("</") && line.ends_with('>')
}

/// Whether a line stands between what came before and a talk: the beginning of an element, a fence, a
/// rule, a heading.
fn divides(line: &str) -> bool {
    let line = line.trim();
    line.starts_with("```")
        || (line.starts_with('<') && line.ends_with('>'))
        || line.ends_with(':')
        || (line.len() > 2 && line.bytes().all(|byte| b"-=*_#".contains(&byte)))
}

/// The speaker that a line names, and what is said.
fn spoken(line: &str) -> Option<(&str, &str)> {
    let decoration = ['*', '[', ']', '<', '>', '_', ' ', '\t'];
    let (name, said) = line.split_once([':', '：'])?;
    let name = name.trim_matches(decoration);
    let said = said.trim_matches(decoration).trim();
    // What opens an object or a list is no speech, and an empty line of a label heads what follows.
    let is_speech = !said.is_empty() && !said.starts_with(['{', '[']);
    (is_name(name) && is_speech).then_some((name, said))
}

fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= SPEAKER_BYTES
        && name.split(' ').count() <= SPEAKER_WORDS
        && name.chars().all(|c| c.is_alphabetic() || c == ' ')
}

/// The first object with fields in a text.
fn form(text: &str) -> Option<Form> {
    text.match_indices('{')
        .take(MOST_FORMS)
        .find_map(|(at, _)| {
            let mut values = serde_json::Deserializer::from_str(&text[at..]).into_iter::<Value>();
            let value = values.next()?.ok()?;
            Form::of_example(value.as_object()?)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_transcript_is_known_by_its_speakers() {
        let message = "Name the talk below in a few words.\nRules:\n- no full stop\n\n<talk>\nUSER: How thick \
                       is it?\nAnd why?\nASSISTANT: 270 mm.\n</talk>\nReply as {\"name\": \"…\"}";
        let shape = Shape::of(message);
        assert_eq!(shape.said, ["How thick is it?\nAnd why?"]);
        assert_eq!(shape.form, Some(Form(vec![("name".to_owned(), false)])));
        assert!(
            shape.instruction.starts_with("Name the talk") && !shape.instruction.contains("270")
        );
        let decorated = Shape::of("Gesprächstitel bitte:\n**Nutzer:** Wie dick?\n**KI:** 270 mm.");
        assert_eq!(decorated.said, ["Wie dick?"]);
        // What an answer says in the form of a talk is no talk of its own.
        let nested =
            Shape::of("Hint: be brief\n<t>\nA: q\nB: It is:\nCost: 5\nTime: 2 h\nA: r\n</t>");
        assert_eq!(nested.said, ["q", "r"]);
    }

    #[test]
    fn a_text_to_go_on_with_holds_a_talk_before_its_open_label() {
        let shape = Shape::of(
            "Name the talk in five words.\n\n||>User:\n\"How thick is it?\nAnd why?\"\n||>Response:\n\"270 \
             mm.\"\n\n||>Title:",
        );
        assert_eq!(shape.said, ["How thick is it?\nAnd why?"]);
        assert!(
            shape.instruction.contains("five words") && shape.instruction.ends_with("||>Title:"),
            "{shape:?}"
        );
        assert!(!shape.instruction.contains("270"), "{shape:?}");
        for message in [
            // Sections of an instruction: none of them is left open, or there is but one speaker.
            "## Task:\nBe brief.\n## Rules:\nNo jokes.\n## Question:\nHow thick is it?",
            "## Question:\nHow thick is it?\n## Answer:",
            "Colours:\nred\nSizes:\nsmall\nPrice:",
            "||>Title:",
        ] {
            let shape = Shape::of(message);
            assert!(shape.said.is_empty(), "{message:?} {shape:?}");
        }
    }

    #[test]
    fn lists_of_other_things_are_no_transcript() {
        for message in [
            "How do I stop draughts?",
            "Model: X1\nWhat does it mean?",
            "Note: it is cold\nNote: it is wet",
            "see https://example.org: it says so",
            "JSON format: {\"title\": \"x\"}\nOutput: [1]",
        ] {
            let shape = Shape::of(message);
            assert!(shape.said.is_empty(), "{message:?} {shape:?}");
        }
    }

    #[test]
    fn forms_are_read_from_examples_and_schemas() {
        let lists = Form(vec![("tags".to_owned(), true)]);
        assert_eq!(
            Shape::of("as {x} or {\n \"tags\": [\"a\"]\n}").form,
            Some(lists.clone())
        );
        let schema =
            serde_json::json!({"type": "object", "properties": {"tags": {"type": "array"}}});
        assert_eq!(Form::of_schema(&schema), Some(lists));
        assert_eq!(Shape::of(&"{".repeat(100_000)).form, None);
    }

    #[test]
    fn of_a_long_message_the_ends_are_read() {
        let message = format!(
            "Name it.\nA: q\nB: {}\n</t>\nas {{\"t\": \"\"}}",
            "é".repeat(40_000)
        );
        let shape = Shape::of(&message);
        assert_eq!((shape.said[0].as_str(), shape.form.is_some()), ("q", true));
    }
}
