//! What of an answer is said, piece by piece, under the wishes of a client: the text, a note, the list of
//! sources, an end in between where the client set one.

use super::links::Links;
use super::parameters::{Form, Wishes};
use super::schema::object;
use crate::assistant::Summary;

/// What is put in front of the extractive answer where a part of a model's was sent before it.
const BROKE_OFF: &str = "\n\n(The language model stopped here. From the sources:)\n\n";

/// What a person is told whose picture was passed over.
const MEDIA_UNREAD: &str =
    "\n\n(Pictures, sounds and files are not read here, only what is written.)";

/// Bytes that count as one token, since there may be no model that counts them.
pub(in crate::http) const TOKEN_BYTES: usize = 4;

/// Why a text ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Finish {
    /// It was whole, or came to a sequence of the client's.
    Stop,
    /// It was as long as it may be.
    Length,
}

/// A text on its way to a client.
pub(in crate::http) struct Script {
    wishes: Wishes,
    links: Links,
    has_media: bool,
    /// What the answer said so far.
    told: String,
    /// What was sent of it.
    sent: String,
    /// What may be the beginning of a sequence that ends the text.
    held: String,
    finish: Option<Finish>,
}

impl Script {
    /// Begins a text. `has_media` is whether a picture was passed over.
    pub(in crate::http) fn new(wishes: Wishes, links: Links, has_media: bool) -> Self {
        Self {
            wishes,
            links,
            has_media,
            told: String::new(),
            sent: String::new(),
            held: String::new(),
            finish: None,
        }
    }

    /// Says what it is given as it is, whatever form an answer should have: for what is no answer.
    pub(in crate::http) fn plain(mut self) -> Self {
        self.wishes.form = Form::Text;
        self
    }

    /// Takes more of an answer; gives what is to be sent now, if anything is.
    pub(in crate::http) fn push(&mut self, text: &str) -> Option<String> {
        self.told.push_str(text);
        match self.wishes.form {
            Form::Text => self.send(text, false),
            // An object is written once it is whole.
            Form::Json(_) | Form::Foreign { .. } => None,
        }
    }

    /// Ends the text with what the whole answer adds to it.
    pub(in crate::http) fn end(&mut self, summary: &Summary) -> Option<String> {
        let rest = match &self.wishes.form {
            Form::Json(picked) => object(summary, &self.links, picked).to_string(),
            Form::Text | Form::Foreign { .. } => self.rest(summary),
        };
        self.send(&rest, true)
    }

    /// What is still to be said when the whole answer is there.
    fn rest(&self, summary: &Summary) -> String {
        let answer = &summary.answer;
        let mut rest = if self.told.is_empty() {
            answer.text.clone()
        } else if self.told == answer.text {
            String::new()
        } else {
            format!("{BROKE_OFF}{}", answer.text)
        };
        if self.has_media {
            rest.push_str(MEDIA_UNREAD);
        }
        if self.wishes.sources {
            rest.push_str(&self.links.list(answer));
        }
        rest
    }

    /// All that was sent.
    pub(in crate::http) fn text(&self) -> &str {
        &self.sent
    }

    /// Why it ended.
    pub(in crate::http) fn finish(&self) -> Finish {
        self.finish.unwrap_or(Finish::Stop)
    }

    /// Where its links lead.
    pub(in crate::http) fn links(&self) -> &Links {
        &self.links
    }

    fn send(&mut self, text: &str, is_last: bool) -> Option<String> {
        if self.finish.is_some() {
            return None;
        }
        self.held.push_str(text);
        let stops = &self.wishes.stops;
        let stop = stops
            .iter()
            .filter_map(|stop| self.held.find(stop.as_str()))
            .min();
        let ready = stop.unwrap_or_else(|| {
            let kept = if is_last { 0 } else { begun(&self.held, stops) };
            self.held.len() - kept
        });
        let mut piece: String = self.held.drain(..ready).collect();
        if stop.is_some() {
            self.finish = Some(Finish::Stop);
        }
        let most = self
            .wishes
            .most_tokens
            .map(|most| most.saturating_mul(TOKEN_BYTES));
        let left = most.map_or(usize::MAX, |most| most.saturating_sub(self.sent.len()));
        if piece.len() > left {
            piece.truncate(piece.floor_char_boundary(left));
            self.finish = Some(Finish::Length);
        }
        self.sent.push_str(&piece);
        (!piece.is_empty()).then_some(piece)
    }
}

/// Bytes at the end of a text that may be the beginning of one of `stops`.
fn begun(text: &str, stops: &[String]) -> usize {
    let longest = |stop: &String| {
        let ends = stop
            .char_indices()
            .map(|(at, _)| at)
            .skip(1)
            .collect::<Vec<_>>();
        ends.into_iter()
            .rev()
            .find(|end| text.ends_with(&stop[..*end]))
    };
    stops.iter().filter_map(longest).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assistant::{Outcome, Reason};
    use crate::model::Answer;

    fn summary(text: &str) -> Summary {
        Summary {
            answer: Answer {
                text: text.to_owned(),
                answered: true,
                citations: Vec::new(),
                sentences: Vec::new(),
            },
            outcome: Outcome {
                reason: Reason::Answered,
                confidence: 1.0,
            },
            generation: "g".to_owned(),
            corrected: None,
            generator: "extractive".to_owned(),
            degraded: None,
        }
    }

    fn told(wishes: Wishes, pieces: &[&str]) -> (Vec<String>, Finish) {
        let mut script = Script::new(wishes, Links::default(), false);
        let mut sent: Vec<String> = pieces
            .iter()
            .filter_map(|piece| script.push(piece))
            .collect();
        sent.extend(script.end(&summary(&pieces.concat())));
        assert_eq!(script.text(), sent.concat());
        (sent, script.finish())
    }

    #[test]
    fn a_text_ends_where_the_client_says() {
        let stop = |stops: &[&str]| Wishes {
            stops: stops.iter().map(|stop| (*stop).to_owned()).collect(),
            ..Wishes::default()
        };
        assert_eq!(
            told(stop(&["END"]), &["one E", "ND two"]),
            (vec!["one ".to_owned()], Finish::Stop)
        );
        assert_eq!(
            told(stop(&["END", "é!"]), &["one E", "NE é", "?"]),
            (
                ["one ", "ENE ", "é?"].map(str::to_owned).to_vec(),
                Finish::Stop
            )
        );
        let short = |tokens| Wishes {
            most_tokens: Some(tokens),
            ..Wishes::default()
        };
        assert_eq!(
            told(short(1), &["ééé", "more"]),
            (vec!["éé".to_owned()], Finish::Length)
        );
        assert_eq!(told(short(9), &["word"]).1, Finish::Stop);
        // A whole text that is as long as it may be was not cut.
        assert_eq!(
            told(short(1), &["word"]),
            (vec!["word".to_owned()], Finish::Stop)
        );
    }

    #[test]
    fn what_replaces_a_models_text_is_set_apart() {
        let mut script = Script::new(Wishes::default(), Links::default(), true);
        script.push("Half of a");
        script.end(&summary("The whole."));
        assert!(script.text().starts_with("Half of a\n\n("));
        assert!(script.text().contains("The whole.\n\n(Pictures"));
    }
}
