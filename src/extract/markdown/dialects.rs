//! Extensions of Markdown that `CommonMark` knows nothing of, turned into plain Markdown: shortcodes
//! of Hugo, Liquid and Jinja, MDX, directives and callouts.
//!
//! The work is done line by line in front of the parser; code, in fences or spans, is left alone.

/// A tag of a template is shorter than this, in bytes.
const MAX_TAG: usize = 2_000;

/// The source without what only a site generator understands. Takes and gives `\n` line ends.
pub(super) fn plain(source: &str) -> String {
    let mut state = State {
        after_blank: true,
        ..State::default()
    };
    let mut plain = String::with_capacity(source.len());
    for line in source.lines() {
        state.line(line, &mut plain);
    }
    plain
}

/// What goes on over several lines.
#[derive(Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Text,
    /// ECMAScript, up to a blank line.
    Script,
    /// A `{/* comment */}`.
    Comment,
}

#[derive(Default)]
struct State {
    /// The fence that ends the open code block.
    fence: Option<String>,
    inside: Inside,
    /// Inside a directive whose content is indented.
    in_indented: bool,
    after_blank: bool,
}

impl State {
    fn line(&mut self, line: &str, plain: &mut String) {
        let was_after_blank = std::mem::replace(&mut self.after_blank, line.trim().is_empty());
        let line = if self.in_indented && !line.trim().is_empty() {
            let dedented = line
                .strip_prefix("    ")
                .or_else(|| line.strip_prefix('\t'));
            self.in_indented = dedented.is_some();
            dedented.unwrap_or(line)
        } else {
            line
        };
        if self.is_code(line) {
            push(plain, line);
        } else if self.is_script(line, was_after_blank) || is_generator_line(line) {
            push(plain, "");
        } else if let Some(title) = indented_directive(line) {
            self.in_indented = true;
            push(plain, &format!("\n{title}\n"));
        } else if let Some(title) = container_directive(line) {
            push(plain, &format!("\n{title}\n"));
        } else if let Some(callout) = callout(line) {
            push(plain, &callout);
        } else {
            let kept = self.without_tags(line);
            // A line of tags alone shows a title or a whole block.
            let is_tag = line.trim_start().starts_with('{') && line.trim_end().ends_with('}');
            if is_tag && kept.len() < line.len() {
                push(plain, &format!("\n{}\n", kept.trim()));
            } else {
                push(plain, &kept);
            }
        }
    }

    /// Follows fences of code; a line of four spaces after a blank line is code too.
    fn is_code(&mut self, line: &str) -> bool {
        let trimmed = line.trim_start_matches([' ', '>']);
        let mark = trimmed.chars().next().filter(|c| matches!(c, '`' | '~'));
        let length = mark.map_or(0, |mark| trimmed.chars().take_while(|c| *c == mark).count());
        if let Some(fence) = &self.fence {
            if trimmed.trim_end().chars().all(|c| Some(c) == mark)
                && mark.is_some_and(|mark| fence.starts_with(mark))
                && length >= fence.len()
            {
                self.fence = None;
            }
            return true;
        }
        if length >= 3 {
            self.fence = Some(trimmed[..length].to_owned());
            return true;
        }
        line.starts_with("    ") || line.starts_with('\t')
    }

    /// `import … from "…"` and `export const …`, as MDX has them: at the beginning of a paragraph,
    /// up to its end.
    fn is_script(&mut self, line: &str, after_blank: bool) -> bool {
        if line.trim().is_empty() {
            if self.inside == Inside::Script {
                self.inside = Inside::Text;
            }
        } else if after_blank && self.inside == Inside::Text && is_module_syntax(line) {
            self.inside = Inside::Script;
        }
        self.inside == Inside::Script
    }

    /// Leaves out tags of templates and comments of MDX, except inside code spans.
    fn without_tags(&mut self, line: &str) -> String {
        let mut kept = String::with_capacity(line.len());
        let mut rest = line;
        while !rest.is_empty() {
            if self.inside == Inside::Comment {
                let Some((_, after)) = rest.split_once("*/}") else {
                    break;
                };
                self.inside = Inside::Text;
                rest = after;
                continue;
            }
            let Some(at) = rest.find(['`', '{']) else {
                kept.push_str(rest);
                break;
            };
            kept.push_str(&rest[..at]);
            rest = &rest[at..];
            let length = if rest.starts_with('`') {
                let length = code_span(rest);
                kept.push_str(&rest[..length]);
                length
            } else if rest.starts_with("{/*") {
                self.inside = Inside::Comment;
                3
            } else if let Some((length, words)) = tag(rest) {
                kept.push_str(&words);
                length
            } else {
                kept.push('{');
                1
            };
            rest = &rest[length..];
        }
        kept
    }
}

fn push(plain: &mut String, line: &str) {
    plain.push_str(line);
    plain.push('\n');
}

/// The length of the code span that `text` begins with, or of its backticks if it does not end.
fn code_span(text: &str) -> usize {
    let ticks = text.bytes().take_while(|b| *b == b'`').count();
    let mut at = ticks;
    while let Some(next) = text[at..].find('`') {
        let run = text[at + next..].bytes().take_while(|b| *b == b'`').count();
        at += next + run;
        if run == ticks {
            return at;
        }
    }
    ticks
}

/// The tag of a template at the beginning of `text`: its length and the words that it would show.
/// `{{ name }}` is left alone: it stands for words of the sentence.
fn tag(text: &str) -> Option<(usize, String)> {
    let marks = [("{{<", ">}}"), ("{{%", "%}}"), ("{%", "%}"), ("{#", "#}")];
    let (open, close) = marks.into_iter().find(|(open, _)| text.starts_with(open))?;
    // `{#name}` after a heading is an attribute of Markdown.
    if open == "{#" && !text[open.len()..].starts_with([' ', '-']) {
        return None;
    }
    let near = &text[..text.floor_char_boundary(text.len().min(MAX_TAG))];
    let end = near.find(close)?;
    let words = if open == "{#" {
        String::new()
    } else {
        worded_parameters(&text[open.len()..end])
    };
    Some((end + close.len(), words))
}

/// Quoted parameters that are words of a person: those with a space in them.
fn worded_parameters(tag: &str) -> String {
    let quoted = tag.split('"').skip(1).step_by(2);
    let worded: Vec<&str> = quoted.filter(|text| text.trim().contains(' ')).collect();
    if worded.is_empty() {
        String::new()
    } else {
        format!("{} ", worded.join(". "))
    }
}

/// A line of ECMAScript's module syntax.
fn is_module_syntax(line: &str) -> bool {
    if let Some(rest) = line.strip_prefix("import ") {
        let source = rest.rsplit_once("from ").map_or(rest, |(_, source)| source);
        let source = source.trim().trim_end_matches(';');
        let is_quoted =
            |quote: char| source.len() > 2 && source.starts_with(quote) && source.ends_with(quote);
        return is_quoted('"') || is_quoted('\'') || rest.trim_end() == "{";
    }
    let Some(rest) = line.strip_prefix("export ") else {
        return false;
    };
    [
        "const ",
        "let ",
        "var ",
        "function ",
        "async ",
        "class ",
        "default ",
        "{",
        "*",
    ]
    .iter()
    .any(|word| rest.starts_with(word))
        && rest.contains(['=', '(', '{', '*', ';'])
}

/// Lines that set something for the generator: attribute lists of kramdown, marks of a contents list.
fn is_generator_line(line: &str) -> bool {
    let line = line.trim();
    (line.starts_with("{:") && line.ends_with('}'))
        || matches!(line, "[TOC]" | "[[_TOC_]]" | "[[toc]]")
}

/// `!!! note "Title"`, `??? note`, `=== "Tab"` of Material for `MkDocs`: the content is indented.
fn indented_directive(line: &str) -> Option<String> {
    let rest = ["!!! ", "??? ", "???+ ", "=== "]
        .iter()
        .find_map(|mark| line.strip_prefix(mark))?;
    let (name, title) = rest.split_once('"').unwrap_or((rest, ""));
    let is_name = name
        .chars()
        .all(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_' | '+'));
    is_name.then(|| titled(name, title.trim_end().trim_end_matches('"')))
}

/// `:::warning Title`, `:::{note}`, `::: tip`; the closing colons are a blank line.
fn container_directive(line: &str) -> Option<String> {
    let rest = line
        .trim_start()
        .strip_prefix(":::")?
        .trim_start_matches(':')
        .trim();
    let rest = rest.trim_start_matches('{');
    let end = rest
        .find(|c: char| !(c.is_alphanumeric() || matches!(c, '-' | '_')))
        .unwrap_or(rest.len());
    let (name, rest) = rest.split_at(end);
    let title = rest.split_once('{').map_or(rest, |(title, _)| title);
    Some(titled(name, title.trim_matches([' ', '[', ']', '}', '"'])))
}

/// `> [!WARNING]` of GitHub and `> [!info]- Title` of Obsidian.
fn callout(line: &str) -> Option<String> {
    let body = line.trim_start_matches([' ', '>']);
    let quote = &line[..line.len() - body.len()];
    let (name, rest) = body.strip_prefix("[!")?.split_once(']')?;
    if !quote.contains('>') || !name.chars().all(|c| c.is_alphanumeric() || c == '-') {
        return None;
    }
    let title = rest.trim_start_matches(['-', '+']).trim();
    let words = titled(&name.to_lowercase(), title);
    Some(if title.is_empty() {
        format!("{quote}{words}")
    } else {
        format!("{quote}{words}\n>")
    })
}

/// `Warning: Title`, or what there is of it.
fn titled(name: &str, title: &str) -> String {
    let name = name.trim();
    let mut letters = name.chars();
    let name: String = letters
        .next()
        .into_iter()
        .flat_map(char::to_uppercase)
        .chain(letters)
        .collect();
    match (name.is_empty(), title.is_empty()) {
        (true, _) => title.to_owned(),
        (false, true) => format!("{name}:"),
        (false, false) => format!("{name}: {title}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(source: &str) -> String {
        plain(source)
            .split_whitespace()
            .collect::<Vec<_>>()
            .join(" ")
    }

    #[test]
    fn tags_of_templates_leave_their_content() {
        assert_eq!(words("{{< note >}}Cover it.{{< /note >}}"), "Cover it.");
        assert_eq!(
            words("{% hint style=\"info\" %}\nUse gloves.\n{% endhint %}"),
            "Use gloves."
        );
        assert_eq!(
            words("{{< figure src=\"a.png\" caption=\"The lamp at night\" >}}"),
            "The lamp at night"
        );
        assert_eq!(
            words("Hello {{ name }}, `{% if %}` is code {# not #}"),
            "Hello {{ name }}, `{% if %}` is code"
        );
        assert_eq!(words("# Title {#own-id}"), "# Title {#own-id}");
        assert_eq!(words("```\n{{< note >}}\n```"), "``` {{< note >}} ```");
    }

    #[test]
    fn mdx_leaves_its_prose() {
        assert_eq!(
            words(
                "import Tabs from \"@theme/Tabs\";\nimport {\n  a\n} from './b'\n\nText {/* no */}two."
            ),
            "Text two."
        );
        assert_eq!(
            words("import duties rise.\n\nexport of gas falls."),
            "import duties rise. export of gas falls."
        );
        assert_eq!(
            words("export const meta = {\n  a: 1,\n};\n\nText."),
            "Text."
        );
        assert_eq!(words("{/* a\nb */} c"), "c");
    }

    #[test]
    fn directives_and_callouts_become_words() {
        assert_eq!(words(":::warning Danger\nx\n:::"), "Warning: Danger x");
        assert_eq!(
            words("!!! note \"Read this\"\n    One.\n\n    Two.\nThree."),
            "Note: Read this One. Two. Three."
        );
        assert_eq!(words("> [!WARNING]\n> Never."), "> Warning: > Never.");
        assert_eq!(words("> [!faq]- Why?\n> So."), "> Faq: Why? > > So.");
    }
}
