//! A zip file whose parts are unpacked within bounds.

use std::collections::HashMap;
use std::io::{Cursor, Read as _};

use zip::ZipArchive;
use zip::result::ZipError;

use super::super::charset::{self, Markup};
use super::super::xml::{self, Element, Visitor};
use super::super::{ExtractError, xml::walk};

/// More entries than any office file or book has.
const MAX_ENTRIES: usize = 20_000;
/// Of all parts together, in bytes: several times the largest text that is kept.
const MAX_UNPACKED: u64 = 256 * 1024 * 1024;
/// A part that grows by more than this is made to grow: sheets of equal cells reach 100.
const MAX_RATIO: u64 = 400;
/// Small parts may be packed as well as they like.
const RATIO_COUNTS_FROM: u64 = 8 * 1024 * 1024;
/// Office keeps encrypted packages inside a compound file.
const COMPOUND: &[u8] = b"\xD0\xCF\x11\xE0";

/// An open package.
pub(super) struct Container<'a> {
    archive: ZipArchive<Cursor<&'a [u8]>>,
    kind: &'static str,
    /// Bytes that may still be unpacked.
    left: u64,
}

impl<'a> Container<'a> {
    pub(super) fn open(bytes: &'a [u8], kind: &'static str) -> Result<Self, ExtractError> {
        if bytes.starts_with(COMPOUND) {
            return Err(ExtractError::Encrypted);
        }
        let archive = ZipArchive::new(Cursor::new(bytes))
            .map_err(|error| ExtractError::malformed(kind, error))?;
        if archive.len() > MAX_ENTRIES {
            let reason = format!("more than {MAX_ENTRIES} parts in the package");
            return Err(ExtractError::OverLimit(reason));
        }
        Ok(Self {
            archive,
            kind,
            left: MAX_UNPACKED,
        })
    }

    /// Names of all parts, in order.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .archive
            .file_names()
            .filter_map(|name| Some(name.ok()?.into_owned()))
            .collect();
        names.sort();
        names
    }

    /// The bytes of a part; `None` if there is no such part.
    pub(super) fn read(&mut self, name: &str) -> Result<Option<Vec<u8>>, ExtractError> {
        let kind = self.kind;
        let file = match self.archive.by_name(name) {
            Ok(file) => file,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(ZipError::UnsupportedArchive(ZipError::PASSWORD_REQUIRED)) => {
                return Err(ExtractError::Encrypted);
            }
            Err(error) => return Err(ExtractError::malformed(kind, error)),
        };
        let packed = file.compressed_size().max(1);
        let room = self
            .left
            .min(packed.saturating_mul(MAX_RATIO).max(RATIO_COUNTS_FROM));
        let mut bytes = Vec::new();
        // The size that the entry states is its own claim; what counts is what comes out.
        file.take(room + 1)
            .read_to_end(&mut bytes)
            .map_err(|error| ExtractError::malformed(kind, error))?;
        if bytes.len() as u64 > room {
            let reason = format!("the part {name} unpacks to more than {} MiB", room >> 20);
            return Err(ExtractError::OverLimit(reason));
        }
        self.left -= bytes.len() as u64;
        Ok(Some(bytes))
    }

    /// Unpacks every part once, for readers that do it again without bounds.
    pub(super) fn check_all(&mut self) -> Result<(), ExtractError> {
        for name in self.names() {
            self.read(&name)?;
        }
        Ok(())
    }

    /// A part as text.
    pub(super) fn text(&mut self, name: &str) -> Result<Option<String>, ExtractError> {
        let bytes = self.read(name)?;
        Ok(bytes.map(|bytes| charset::decode(&bytes, Some("utf-8"), Markup::None).0))
    }

    /// Walks through an XML part; a part that is not there has nothing to say.
    pub(super) fn walk(
        &mut self,
        name: &str,
        visitor: &mut impl Visitor,
    ) -> Result<(), ExtractError> {
        match self.text(name)? {
            Some(text) => walk(&text, self.kind, visitor),
            None => Ok(()),
        }
    }

    /// Where the relations of a part lead, by their ids.
    pub(super) fn relations(
        &mut self,
        part: &str,
    ) -> Result<HashMap<String, Relation>, ExtractError> {
        let (folder, file) = part.rsplit_once('/').unwrap_or(("", part));
        let name = format!("{folder}/_rels/{file}.rels");
        let mut found = Relations {
            folder,
            by_id: HashMap::new(),
        };
        self.walk(name.trim_start_matches('/'), &mut found)?;
        Ok(found.by_id)
    }

    /// Title and other properties that the program keeps of a package of Office Open XML.
    pub(super) fn properties(&mut self) -> Result<Properties, ExtractError> {
        let mut properties = Properties::default();
        self.walk("docProps/core.xml", &mut properties)?;
        Ok(properties)
    }
}

/// A relation of a part.
pub(super) struct Relation {
    /// The last part of its type's address, such as `slide`.
    pub(super) kind: String,
    /// The part's name in the package, or an address outside.
    pub(super) target: String,
}

struct Relations<'a> {
    folder: &'a str,
    by_id: HashMap<String, Relation>,
}

impl Visitor for Relations<'_> {
    fn open(&mut self, element: &Element<'_>) {
        let (Some(id), Some(target)) = (element.attribute("Id"), element.attribute("Target"))
        else {
            return;
        };
        let kind = element.attribute("Type").unwrap_or_default();
        let is_outside = element
            .attribute("TargetMode")
            .is_some_and(|mode| mode == "External");
        let target = if is_outside {
            target
        } else {
            resolve(self.folder, &target)
        };
        let kind = kind.rsplit('/').next().unwrap_or_default().to_owned();
        self.by_id.insert(id, Relation { kind, target });
    }

    fn close(&mut self, _: &str) {}

    fn text(&mut self, _: &str) {}
}

/// A part's name from a target relative to a folder.
pub(super) fn resolve(folder: &str, target: &str) -> String {
    let mut parts: Vec<&str> = if target.starts_with('/') {
        Vec::new()
    } else {
        folder.split('/').collect()
    };
    for part in target.split('/') {
        match part {
            ".." => {
                parts.pop();
            }
            "" | "." => {}
            part => parts.push(part),
        }
    }
    parts.retain(|part| !part.is_empty());
    parts.join("/")
}

/// Dublin Core elements of a package's properties (ECMA-376 part 2, `OpenDocument`, EPUB).
#[derive(Default)]
pub(super) struct Properties {
    /// Names and values in the order of the file.
    pub(super) all: Vec<(String, String)>,
    open: Option<(String, String)>,
}

impl Properties {
    pub(super) fn title(&self) -> Option<String> {
        let (_, title) = self.all.iter().find(|(name, _)| name == "title")?;
        Some(title.clone())
    }
}

/// Elements of Dublin Core and the dates that the packages add to it.
const PROPERTIES: [&str; 11] = [
    "title",
    "subject",
    "creator",
    "keywords",
    "keyword",
    "description",
    "created",
    "modified",
    "date",
    "language",
    "publisher",
];

impl Visitor for Properties {
    fn open(&mut self, element: &Element<'_>) {
        let name = element.name();
        if PROPERTIES.contains(&name.as_str()) {
            self.open = Some((name, String::new()));
        }
    }

    fn close(&mut self, name: &str) {
        if let Some((open, value)) = self.open.take_if(|(open, _)| open == name) {
            let value = super::super::builder::clean_line(&value);
            if !value.is_empty() {
                self.all.push((open, value));
            }
        }
    }

    fn text(&mut self, text: &str) {
        if let Some((_, value)) = &mut self.open {
            value.push_str(text);
        }
    }
}

/// Walks a text that is already at hand.
pub(super) fn walk_text(
    text: &str,
    kind: &'static str,
    visitor: &mut impl Visitor,
) -> Result<(), ExtractError> {
    xml::walk(text, kind, visitor)
}
