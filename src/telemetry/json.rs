//! A log line as one JSON object.
//!
//! The shape is that of `tracing_subscriber`'s own, which is built in several passes; a request's line
//! cost more there than the rest of its way through our code.

use std::fmt::{self, Write};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

/// Time, level and the event's fields, then its target and the spans that it happened in.
pub(super) struct JsonLine;

impl<S> FormatEvent<S, JsonLine> for JsonLine
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonLine>,
        mut out: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        out.write_str("{\"timestamp\":\"")?;
        SystemTime.format_time(&mut out)?;
        write!(out, "\",\"level\":\"{}\"", metadata.level())?;
        let mut fields = Fields::to(&mut out);
        event.record(&mut fields);
        let log_target = fields.done()?;
        out.write_str(",\"target\":")?;
        let target = log_target.as_deref().unwrap_or(metadata.target());
        write_text(&mut out, target)?;
        if let Some(scope) = context.event_scope() {
            let spans = scope.from_root();
            let mut listed = String::new();
            let mut innermost = 0..0;
            for span in spans {
                if !listed.is_empty() {
                    listed.push(',');
                }
                let start = listed.len();
                let extensions = span.extensions();
                let known = extensions.get::<FormattedFields<JsonLine>>();
                let known = known.map_or("", |fields| fields.fields.as_str());
                // Each field has a comma in front of it.
                write!(listed, "{{\"name\":")?;
                write_text(&mut listed, span.name())?;
                listed.push_str(known);
                listed.push('}');
                innermost = start..listed.len();
            }
            if !listed.is_empty() {
                let innermost = &listed[innermost];
                write!(out, ",\"span\":{innermost},\"spans\":[{listed}]")?;
            }
        }
        out.write_str("}\n")
    }
}

impl<'w> FormatFields<'w> for JsonLine {
    fn format_fields<R: RecordFields>(&self, mut out: Writer<'w>, fields: R) -> fmt::Result {
        let mut written = Fields::to(&mut out);
        fields.record(&mut written);
        written.done().map(|_| ())
    }

    fn add_fields(
        &self,
        current: &'w mut FormattedFields<Self>,
        fields: &tracing::span::Record<'_>,
    ) -> fmt::Result {
        self.format_fields(current.as_writer(), fields)
    }
}

/// Writes fields, each with a comma in front of it.
struct Fields<'a, 'w> {
    out: &'a mut Writer<'w>,
    outcome: fmt::Result,
    /// Where an event came from that came by way of the `log` crate.
    log_target: Option<String>,
}

impl<'a, 'w> Fields<'a, 'w> {
    fn to(out: &'a mut Writer<'w>) -> Self {
        Self {
            out,
            outcome: Ok(()),
            log_target: None,
        }
    }

    fn done(self) -> Result<Option<String>, fmt::Error> {
        self.outcome.map(|()| self.log_target)
    }

    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        if self.outcome.is_ok() {
            self.outcome = self.try_write(field, value);
        }
    }

    fn try_write(
        &mut self,
        field: &Field,
        value: impl FnOnce(&mut Writer<'_>) -> fmt::Result,
    ) -> fmt::Result {
        self.out.write_char(',')?;
        write_text(self.out, {
            let name = field.name();
            name.strip_prefix("r#").unwrap_or(name)
        })?;
        self.out.write_char(':')?;
        value(self.out)
    }
}

impl Visit for Fields<'_, '_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |out| {
            out.write_char('"')?;
            write!(Escaped(out), "{value:?}")?;
            out.write_char('"')
        });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "log.target" {
            self.log_target = Some(value.to_owned());
        }
        self.write(field, |out| write_text(out, value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, |out| write!(out, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |out| write!(out, "{value}"));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |out| write!(out, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.write(field, |out| {
            if value.is_finite() {
                write!(out, "{value:?}")
            } else {
                out.write_str("null")
            }
        });
    }
}

fn write_text(out: &mut impl Write, text: &str) -> fmt::Result {
    out.write_char('"')?;
    Escaped(out).write_str(text)?;
    out.write_char('"')
}

/// Writes what stands between the quotes of a JSON string.
struct Escaped<'a, W>(&'a mut W);

impl<W: Write> Write for Escaped<'_, W> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_plain = |byte: u8| byte > 0x1f && byte != b'"' && byte != b'\\';
        if text.bytes().all(is_plain) {
            return self.0.write_str(text);
        }
        let mut plain_from = 0;
        for (position, byte) in text.bytes().enumerate() {
            let escaped = match byte {
                b'"' => "\\\"",
                b'\\' => "\\\\",
                b'\n' => "\\n",
                b'\r' => "\\r",
                b'\t' => "\\t",
                0..=0x1f => "",
                _ => continue,
            };
            self.0.write_str(&text[plain_from..position])?;
            if escaped.is_empty() {
                write!(self.0, "\\u{byte:04x}")?;
            } else {
                self.0.write_str(escaped)?;
            }
            plain_from = position + 1;
        }
        self.0.write_str(&text[plain_from..])
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use serde_json::Value;
    use tracing_subscriber::fmt::MakeWriter;

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    impl<'a> MakeWriter<'a> for Sink {
        type Writer = Self;

        fn make_writer(&'a self) -> Self {
            self.clone()
        }
    }

    fn events() {
        tracing::info!(plain = "x", "without a span");
        let outer = tracing::info_span!("outer");
        let _outer = outer.enter();
        let inner = tracing::info_span!("inner", request.id = "a\"b", number = 7);
        let _inner = inner.enter();
        tracing::warn!(
            text = "quote \" backslash \\ line\nfeed \u{1} ü 😀",
            shown = %"dis\"play", debugged = ?Some("x"), yes = true, less = -3, more = 3_u64,
            part = 0.25, none = f64::NAN, r#type = "word",
            "a {} message", "\"formatted\""
        );
    }

    fn lines(sink: &Sink) -> Vec<Value> {
        let bytes = sink.0.lock().unwrap().clone();
        let lines = String::from_utf8(bytes).unwrap();
        let parsed = lines.lines().map(|line| {
            let mut value: Value = serde_json::from_str(line).unwrap();
            let time = value["timestamp"].take();
            assert!(time.as_str().unwrap().ends_with('Z'), "{time}");
            value
        });
        parsed.collect()
    }

    #[test]
    fn a_line_holds_what_the_librarys_own_holds() {
        let (ours, theirs) = (Sink::default(), Sink::default());
        let subscriber = tracing_subscriber::fmt()
            .with_writer(ours.clone())
            .fmt_fields(JsonLine)
            .event_format(JsonLine);
        tracing::subscriber::with_default(subscriber.finish(), events);
        let subscriber = tracing_subscriber::fmt().with_writer(theirs.clone());
        let subscriber = subscriber.json().flatten_event(true);
        tracing::subscriber::with_default(subscriber.finish(), events);
        assert_eq!(lines(&ours), lines(&theirs));
        assert_eq!(lines(&ours).len(), 2);
        assert_eq!(lines(&ours)[1]["span"]["request.id"], "a\"b");
    }

    #[test]
    fn events_of_the_log_crate_keep_their_origin() {
        let sink = Sink::default();
        let subscriber = tracing_subscriber::fmt()
            .with_writer(sink.clone())
            .fmt_fields(JsonLine)
            .event_format(JsonLine);
        tracing::subscriber::with_default(subscriber.finish(), || {
            tracing::info!(log.target = "lopdf::reader", "read");
        });
        assert_eq!(lines(&sink)[0]["target"], "lopdf::reader");
    }
}
