//! `wattwise chat`

use std::fmt::Write as _;
use std::io::{self, BufRead as _, IsTerminal as _};
use std::sync::Arc;

use futures::StreamExt as _;
use rustyline::DefaultEditor;
use rustyline::error::ReadlineError;

use super::args::ChatArguments;
use super::ask::{self, Answering};
use super::plain::{plain, width};
use super::{ExitStatus, printer};
use crate::assistant::{AnswerEvent, Assistant, Begun, ChatRequest, Summary};
use crate::config::File;
use crate::model::{Owner, SessionId};
use crate::runtime::blocking;

const PROMPT: &str = "> ";

const HELP: &str = "\
Ask in your own words; a question that follows up is read in the light of those before it.
/sources   what the last answer stands on, word for word
/history   what was asked in this conversation
/new       begin another conversation
/help      this list
/quit      leave (so does Ctrl-D)";

pub(super) async fn run(arguments: ChatArguments, file: File) -> anyhow::Result<ExitStatus> {
    let assistant = Arc::new(
        ask::assistant(Answering {
            place: arguments.place,
            embed: arguments.embed,
            generate: arguments.generate,
            file,
        })
        .await?,
    );
    let documents = assistant.generation().documents;
    let mut lines = Lines::open()?;
    if lines.is_edited() {
        printer::note(format!(
            "Answers come from {documents} documents. /help lists what else can be said."
        ));
    }
    let mut conversation = Conversation::default();
    loop {
        let line;
        (lines, line) = blocking::run(move || lines.next()).await;
        let Some(line) = line? else {
            return Ok(ExitStatus::Done);
        };
        match line.trim() {
            "" => {}
            "/quit" | "/exit" => return Ok(ExitStatus::Done),
            "/help" => printer::result(HELP)?,
            "/new" => {
                conversation = Conversation::default();
                printer::result("A new conversation.")?;
            }
            "/sources" => printer::result(conversation.sources())?,
            "/history" => printer::result(conversation.history())?,
            other if other.starts_with('/') && !other.contains(' ') => {
                printer::result(format!("There is no {other}; /help lists what there is."))?;
            }
            question => conversation.ask(&assistant, question).await?,
        }
    }
}

/// What was said since `/new`.
#[derive(Default)]
struct Conversation {
    session: Option<SessionId>,
    asked: Vec<String>,
    last: Option<Summary>,
}

impl Conversation {
    /// Prints the answer, each of its lines as soon as it is written.
    async fn ask(&mut self, assistant: &Arc<Assistant>, question: &str) -> anyhow::Result<()> {
        let request = ChatRequest {
            owner: Owner::OPERATOR,
            session: self.session,
            message: question.to_owned(),
            once: None,
            render: |_, summary| summary.answer.text.clone(),
        };
        let chat = match assistant.chats.begin(request).await? {
            Begun::Fresh(chat) => chat,
            // Only requests with a name are repeated.
            Begun::Repeated(reply) => return Ok(printer::result(reply)?),
        };
        self.session = Some(chat.session.id);
        self.asked.push(question.to_owned());
        let (width, mut line) = (width(), String::new());
        let mut events = Arc::clone(&assistant.chats).events(*chat);
        printer::result("")?;
        while let Some(event) = events.next().await {
            match event? {
                AnswerEvent::Text(text) => line.push_str(&text),
                AnswerEvent::Citation(_) => {}
                AnswerEvent::Whole(summary) => {
                    // What a model began is taken back when it breaks off.
                    let again = summary.degraded.is_some();
                    let rest = if again { &summary.answer.text } else { &line };
                    let (rest, below) = (plain(rest, width), ask::sources(&summary));
                    printer::result(format!("{}{rest}{below}\n", ask::reading(&summary)))?;
                    self.last = Some(*summary);
                    break;
                }
            }
            while let Some((whole, rest)) = line.split_once('\n') {
                printer::result(plain(whole, width))?;
                line = rest.to_owned();
            }
        }
        Ok(())
    }

    fn sources(&self) -> String {
        let Some(summary) = &self.last else {
            return "Nothing has been answered yet.".to_owned();
        };
        if summary.answer.citations.is_empty() {
            return "The last answer cites nothing.".to_owned();
        }
        let mut text = String::new();
        for citation in &summary.answer.citations {
            let quote = plain(&format!("“{}”", citation.quote), width());
            let _ = write!(
                text,
                "[{}] {}\n{quote}\n\n",
                citation.marker,
                ask::source(citation)
            );
        }
        text.trim_end().to_owned()
    }

    fn history(&self) -> String {
        if self.asked.is_empty() {
            return "Nothing has been asked yet.".to_owned();
        }
        let numbered = self.asked.iter().enumerate();
        let lines = numbered.map(|(position, question)| format!("{}. {question}", position + 1));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// Where questions come from.
enum Lines {
    /// A person, who can edit a line and get earlier ones back.
    Edited(Box<DefaultEditor>),
    /// A file or a program.
    Read,
}

impl Lines {
    fn open() -> anyhow::Result<Self> {
        let is_person = io::stdin().is_terminal() && io::stdout().is_terminal();
        Ok(if is_person {
            Self::Edited(Box::new(DefaultEditor::new()?))
        } else {
            Self::Read
        })
    }

    fn is_edited(&self) -> bool {
        matches!(self, Self::Edited(_))
    }

    /// The next line, `None` at the end. Gives itself back, since it waits on another thread.
    fn next(mut self) -> (Self, anyhow::Result<Option<String>>) {
        let line = match &mut self {
            Self::Edited(editor) => edited(editor),
            Self::Read => io::stdin()
                .lock()
                .lines()
                .next()
                .transpose()
                .map_err(Into::into),
        };
        (self, line)
    }
}

fn edited(editor: &mut DefaultEditor) -> anyhow::Result<Option<String>> {
    loop {
        match editor.readline(PROMPT) {
            Ok(line) => {
                let _ = editor.add_history_entry(&line);
                return Ok(Some(line));
            }
            Err(ReadlineError::Eof) => return Ok(None),
            Err(ReadlineError::Interrupted) => printer::note("/quit or Ctrl-D leaves."),
            Err(error) => return Err(error.into()),
        }
    }
}
