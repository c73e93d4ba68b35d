//! Captions of films, `WebVTT` and `SubRip`: running text again, with the time of each sentence.

use super::ExtractError;
use super::builder::TextBuilder;
use super::charset::{self, Markup};
use super::limits::Limits;
use crate::model::extracted::{BlockKind, Extracted};

/// A paragraph ends here at the latest, in bytes: some captions have no full stops.
const MAX_PARAGRAPH: usize = 600;

pub(super) fn extract(
    bytes: &[u8],
    charset: Option<&str>,
    limits: &Limits,
) -> Result<Extracted, ExtractError> {
    let (text, warning) = charset::read(bytes, charset, Markup::None)?;
    let mut builder = TextBuilder::new(limits.max_text_bytes);
    let mut open = Open::default();
    let mut in_cue = false;
    for line in text.lines() {
        if let Some(time) = start_time(line) {
            open.at.get_or_insert_with(|| time.to_owned());
            in_cue = true;
        } else if line.trim().is_empty() {
            in_cue = false;
        } else if in_cue {
            open.add(line, &mut builder);
        }
        if builder.is_full() {
            break;
        }
    }
    open.end(&mut builder);
    if builder.is_empty() {
        return Err(ExtractError::NoText("no caption has words".to_owned()));
    }
    let mut extracted = builder.finish();
    extracted.warnings.extend(warning);
    Ok(extracted)
}

/// A sentence that is being said.
#[derive(Default)]
struct Open {
    at: Option<String>,
    text: String,
    speaker: Option<String>,
}

impl Open {
    fn add(&mut self, line: &str, builder: &mut TextBuilder) {
        let (speaker, words) = spoken(line);
        if speaker.is_some() && speaker != self.speaker {
            let at = self.at.clone();
            self.end(builder);
            self.at = at;
            self.text = format!("{}: ", speaker.as_deref().unwrap_or_default());
            self.speaker = speaker;
        }
        if !self.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&words);
        let is_said = words
            .trim_end()
            .ends_with(['.', '!', '?', '…', '。', '！', '？']);
        if is_said || self.text.len() > MAX_PARAGRAPH {
            self.end(builder);
        }
    }

    fn end(&mut self, builder: &mut TextBuilder) {
        builder.at(self.at.take());
        builder.push(BlockKind::Paragraph, &std::mem::take(&mut self.text), None);
    }
}

/// `00:01:02` of a line such as `00:01:02.500 --> 00:01:04.000 align:start`.
fn start_time(line: &str) -> Option<&str> {
    let (start, _) = line.split_once("-->")?;
    let start = start.trim();
    let is_time = start
        .bytes()
        .all(|b| b.is_ascii_digit() || matches!(b, b':' | b'.' | b','));
    let seconds = start.split(['.', ',']).next()?;
    (is_time && !seconds.is_empty()).then_some(seconds)
}

/// Who speaks, from `<v Ann>`, and the words without tags.
fn spoken(line: &str) -> (Option<String>, String) {
    let (mut speaker, mut words, mut rest) = (None, String::new(), line);
    while let Some((before, tag)) = rest.split_once('<') {
        let Some((tag, after)) = tag.split_once('>') else {
            break;
        };
        words.push_str(before);
        if let Some((name, said_by)) = tag.split_once(' ')
            && (name == "v" || name.starts_with("v."))
        {
            speaker = Some(said_by.trim().to_owned());
        }
        rest = after;
    }
    words.push_str(rest);
    let plain = [
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&nbsp;", " "),
        ("&amp;", "&"),
    ];
    let words = plain.iter().fold(words, |words, (escaped, plain)| {
        words.replace(escaped, plain)
    });
    (speaker, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_run_over_captions_and_keep_their_times() {
        let film = "WEBVTT\n\nNOTE made by hand\n\n1\n00:00:01.000 --> 00:00:03.000\n<v Ann>The night tariff\n\n00:00:03.500 --> 00:00:05.000\nbegins at <i>22:30</i>.\n\n00:01:10.000 --> 00:01:12.000\n<v Bob>Thanks &amp; bye.\n";
        let read = extract(film.as_bytes(), None, &Limits::default()).unwrap();
        assert_eq!(
            read.text,
            "Ann: The night tariff begins at 22:30.\n\nBob: Thanks & bye."
        );
        let places: Vec<&str> = read
            .locations
            .iter()
            .map(|place| place.name.as_str())
            .collect();
        assert_eq!(places, ["00:00:01", "00:01:10"]);
        let srt = "1\r\n00:00:01,000 --> 00:00:03,000\r\nClose it.\r\n";
        assert_eq!(
            extract(srt.as_bytes(), None, &Limits::default())
                .unwrap()
                .text,
            "Close it."
        );
    }
}
