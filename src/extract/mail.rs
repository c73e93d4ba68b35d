//! Mails (RFC 5322, MIME) and pages saved as mails (MHTML), by mail-parser.

use mail_parser::{Address, Message, MessageParser, MessagePart, MimeHeaders as _, PartType};

use super::builder::{TextBuilder, clean_line};
use super::limits::Limits;
use super::{ExtractError, extract as extract_any, html, kind, text};
use crate::model::extracted::{BlockKind, Extracted, Warning};

/// A mail in a mail in a mail is read, no further.
const MAX_DEPTH: usize = 3;
/// Parts beyond are named, not read.
const MAX_PARTS: usize = 200;

pub(super) fn extract(bytes: &[u8], limits: &Limits) -> Result<Extracted, ExtractError> {
    let message = MessageParser::default()
        .parse(bytes)
        .filter(|message| !message.headers().is_empty())
        .ok_or_else(|| ExtractError::malformed("mail", "it has no header"))?;
    let mut reader = Reader {
        builder: TextBuilder::new(limits.max_text_bytes),
        limits: *limits,
        warnings: Vec::new(),
        parts: 0,
    };
    reader.read(&message, 0);
    if reader.builder.is_empty() {
        return Err(ExtractError::NoText("the mail has no words".to_owned()));
    }
    let mut extracted = reader.builder.finish();
    extracted.title = message
        .subject()
        .map(clean_line)
        .filter(|title| !title.is_empty());
    let fields = header(&message).into_iter();
    extracted.metadata = fields
        .map(|(name, value)| (name.to_lowercase(), value))
        .collect();
    extracted.warnings.extend(reader.warnings);
    Ok(extracted)
}

struct Reader {
    builder: TextBuilder,
    limits: Limits,
    warnings: Vec<Warning>,
    parts: usize,
}

impl Reader {
    fn read(&mut self, message: &Message<'_>, depth: usize) {
        let place = location(message);
        self.builder.at(Some(place.clone()));
        if let Some(subject) = message.subject() {
            self.builder.push(BlockKind::Heading(1), subject, None);
        }
        let fields = header(message).into_iter();
        let fields: Vec<String> = fields
            .map(|(name, value)| format!("{name}: {value}"))
            .collect();
        self.builder
            .push(BlockKind::Paragraph, &fields.join("; "), None);
        for part in message.text_bodies().take(MAX_PARTS) {
            self.read_body(part);
        }
        for part in message.attachments() {
            self.parts += 1;
            let name = part
                .attachment_name()
                .unwrap_or("without a name")
                .to_owned();
            self.builder
                .at(Some(format!("attachment {name} of {place}")));
            if self.parts > MAX_PARTS || depth >= MAX_DEPTH {
                self.leave_out(&name, "too many parts");
            } else if let PartType::Message(inner) = &part.body {
                self.read(inner, depth + 1);
            } else {
                self.read_attachment(part, &name, depth);
            }
        }
    }

    fn read_body(&mut self, part: &MessagePart<'_>) {
        let read = match &part.body {
            PartType::Text(body) => text::extract(body.as_bytes(), Some("utf-8"), &self.limits),
            PartType::Html(body) => {
                html::extract(body.as_bytes(), Some("utf-8"), &html::Limits::default())
            }
            PartType::Binary(_)
            | PartType::InlineBinary(_)
            | PartType::Message(_)
            | PartType::Multipart(_) => return,
        };
        match read {
            Ok(body) => self.warnings.extend(self.builder.append(&body)),
            Err(ExtractError::NoText(_)) => {}
            Err(error) => self.leave_out("the body", &error.to_string()),
        }
    }

    fn read_attachment(&mut self, part: &MessagePart<'_>, name: &str, depth: usize) {
        let bytes = part.contents();
        let declared = part.content_type().map(|declared| {
            let subtype = declared.subtype().unwrap_or_default();
            format!("{}/{subtype}", declared.ctype())
        });
        // Mails nest by their own limit, packed files by being unpacked once.
        let found = kind::sniff(bytes, declared.as_deref(), name)
            .or_else(|| kind::sniff(bytes, None, name));
        let found =
            found.filter(|found| *found != crate::model::ContentKind::Mail || depth < MAX_DEPTH);
        let Some(found) = found else {
            // Pictures of a signature have no name and nothing to read.
            if part.attachment_name().is_some() {
                self.leave_out(name, kind::unread(bytes));
            }
            return;
        };
        if found == crate::model::ContentKind::Mail {
            if let Some(inner) = MessageParser::default().parse(bytes) {
                self.read(&inner, depth + 1);
            }
            return;
        }
        match extract_any(found, bytes, None) {
            Ok(inner) => self.warnings.extend(self.builder.append(&inner)),
            Err(error) => self.leave_out(name, &error.to_string()),
        }
    }

    fn leave_out(&mut self, name: &str, why: &str) {
        if self.warnings.len() < MAX_PARTS {
            self.warnings.push(Warning::LeftOut(format!(
                "attachment {name} was not read: {why}"
            )));
        }
    }
}

fn location(message: &Message<'_>) -> String {
    let sender = message.from().and_then(Address::first);
    let sender = sender.and_then(|sender| sender.name.as_deref().or(sender.address.as_deref()));
    let date = message
        .date()
        .map(|date| format!(", {:04}-{:02}-{:02}", date.year, date.month, date.day));
    format!(
        "mail from {}{}",
        sender.unwrap_or("nobody"),
        date.unwrap_or_default()
    )
}

/// Who wrote to whom and when.
fn header(message: &Message<'_>) -> Vec<(&'static str, String)> {
    let mut fields = Vec::new();
    for (name, address) in [
        ("From", message.from()),
        ("To", message.to()),
        ("Cc", message.cc()),
    ] {
        let people: Vec<String> = address
            .into_iter()
            .flat_map(Address::iter)
            .map(person)
            .collect();
        if !people.is_empty() {
            fields.push((name, people.join(", ")));
        }
    }
    if let Some(date) = message.date() {
        let (day, time) = ((date.year, date.month, date.day), (date.hour, date.minute));
        fields.push((
            "Date",
            format!(
                "{:04}-{:02}-{:02} {:02}:{:02}",
                day.0, day.1, day.2, time.0, time.1
            ),
        ));
    }
    fields
}

fn person(address: &mail_parser::Addr<'_>) -> String {
    match (address.name.as_deref(), address.address.as_deref()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &str = "From: Ann Writer <ann@e.org>\r\nTo: bob@e.org\r\nSubject: =?utf-8?q?Night_tariff_=E2=82=AC?=\r\nDate: Fri, 03 May 2024 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nIt costs =A312 and begins=\r\n at 22:30.\r\n--x\r\nContent-Type: text/csv; name=p.csv\r\nContent-Disposition: attachment; filename=p.csv\r\nContent-Transfer-Encoding: base64\r\n\r\nTW9kZWwsUHJpY2UKQi0yMCw0MTAK\r\n--x\r\nContent-Type: image/png\r\nContent-Disposition: attachment; filename=a.png\r\nContent-Transfer-Encoding: base64\r\n\r\niVBORw0KGgoAAAAAAAAAAAAAAAAAAAAA\r\n--x--\r\n";

    #[test]
    fn sender_date_body_and_attachments_are_read() {
        let mail = extract(MAIL.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(mail.title.as_deref(), Some("Night tariff €"));
        assert_eq!(
            mail.text,
            "Night tariff €\n\nFrom: Ann Writer <ann@e.org>; To: bob@e.org; Date: 2024-05-03 10:00\n\nIt costs £12 and begins at 22:30.\n\nModel | Price\nB-20 | 410"
        );
        let places: Vec<&str> = mail
            .locations
            .iter()
            .map(|place| place.name.as_str())
            .collect();
        assert_eq!(places[0], "mail from Ann Writer, 2024-05-03");
        assert_eq!(
            places[1],
            "attachment p.csv of mail from Ann Writer, 2024-05-03"
        );
        assert_eq!(
            mail.warnings[0].to_string(),
            "attachment a.png was not read: a picture (PNG)"
        );
        assert_eq!(mail.metadata[0].0, "from");
    }

    #[test]
    fn damaged_and_nested_mails_end() {
        for bytes in [
            &MAIL.as_bytes()[..500],
            &MAIL.as_bytes()[..250],
            b"\xFF\xFE\0",
            b"",
        ] {
            let _ = extract(bytes, &Limits::default());
        }
        let mut nested = MAIL.to_owned();
        for level in 0..50 {
            nested = format!(
                "From: a@b.c\r\nDate: Fri, 03 May 2024 10:00:00 +0100\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=y{level}\r\n\r\n--y{level}\r\nContent-Type: message/rfc822\r\n\r\n{nested}\r\n--y{level}--\r\n"
            );
        }
        let read = extract(nested.as_bytes(), &Limits::default()).unwrap();
        assert!(read.warnings[0].to_string().contains("too many parts"));
    }
}
