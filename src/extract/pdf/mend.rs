//! Fonts that do not say what their glyphs mean although it can be known: lopdf adds the map that is
//! missing (ISO 32000-1, 9.10), and the file is drawn with it.

use std::collections::BTreeMap;

use hayro_interpret::hayro_cmap::{BfString, CMap, CMapName, CidFamily, load_embedded};
use hayro_interpret::hayro_syntax::object::{Array, Dict, Name, Object as DrawnObject};
use hayro_interpret::hayro_syntax::page::Page;
use lopdf::{Dictionary, Document, Object, Stream, dictionary};

/// Fonts of one page that are looked at.
const MAX_FONTS: usize = 500;
/// Entries of one section of a `CMap` (Adobe Technical Note 5014).
const SECTION: usize = 100;

/// A map that says of every code that it is its own character, for fonts whose `ToUnicode` is the
/// name `Identity-H`.
const IDENTITY: &[u8] = b"/CIDInit /ProcSet findresource begin begincmap
1 begincodespacerange <0000> <FFFF> endcodespacerange
1 beginbfrange <0000> <FFFF> <0000> endbfrange endcmap";

/// What the font resolver knows by name.
pub(super) fn cmap_by_name(name: CMapName<'_>) -> Option<&'static [u8]> {
    if matches!(name, CMapName::IdentityH | CMapName::IdentityV) {
        return Some(IDENTITY);
    }
    load_embedded(name)
}

/// Whether a font of the page lacks a map that [`mended`] can add.
pub(super) fn needs_mending(page: &Page<'_>) -> bool {
    let fonts = &page.resources().fonts;
    fonts.keys().take(MAX_FONTS).any(|name| {
        fonts.get::<Dict<'_>>(&name).is_some_and(|font| {
            !font.contains_key("ToUnicode") && (is_numbered(&font) || is_cjk(&font))
        })
    })
}

/// Whether it is a Type 3 font whose glyphs have numbers for names.
fn is_numbered(font: &Dict<'_>) -> bool {
    let is_type3 = font
        .get::<Name<'_>>("Subtype")
        .is_some_and(|kind| kind.as_ref() == b"Type3");
    let differences = font
        .get::<Dict<'_>>("Encoding")
        .and_then(|encoding| encoding.get::<Array<'_>>("Differences"));
    is_type3
        && differences.is_some_and(|all| {
            all.iter::<DrawnObject<'_>>().take(512).any(
                |one| matches!(one, DrawnObject::Name(name) if number_in(name.as_ref()).is_some()),
            )
        })
}

/// Whether it is a composite font over a character collection of Adobe's.
fn is_cjk(font: &Dict<'_>) -> bool {
    let info = font
        .get::<Array<'_>>("DescendantFonts")
        .and_then(|fonts| fonts.iter::<Dict<'_>>().next())
        .and_then(|font| font.get::<Dict<'_>>("CIDSystemInfo"));
    info.and_then(|info| {
        let ordering = info.get::<hayro_interpret::hayro_syntax::object::String<'_>>("Ordering")?;
        CidFamily::from_registry_ordering(b"Adobe", ordering.as_bytes()).ucs2_cmap()
    })
    .is_some()
}

/// The file with the maps that its fonts lack; `None` if lopdf cannot read it.
pub(super) fn mended(bytes: &[u8], max_bytes: usize) -> Option<Vec<u8>> {
    let options = lopdf::LoadOptions {
        password: Some(String::new()),
        max_decompressed_size: Some(max_bytes),
        ..lopdf::LoadOptions::default()
    };
    let mut document = Document::load_mem_with_options(bytes, options).ok()?;
    if document.is_encrypted() {
        return None;
    }
    let maps: Vec<_> = document
        .objects
        .iter()
        .filter_map(|(&id, object)| {
            let font = object.as_dict().ok()?;
            if font.has(b"ToUnicode") {
                return None;
            }
            Some((id, map_of(&document, font)?))
        })
        .collect();
    if maps.is_empty() {
        return None;
    }
    for (id, (width, map)) in maps {
        let stream = document.add_object(Stream::new(dictionary! {}, cmap_of(width, &map)));
        let font = document
            .get_object_mut(id)
            .and_then(Object::as_dict_mut)
            .ok()?;
        font.set("ToUnicode", stream);
    }
    let mut mended = Vec::new();
    document.save_to(&mut mended).ok()?;
    Some(mended)
}

type Characters = BTreeMap<u32, String>;

/// The map of a font's codes, and how many bytes a code has.
fn map_of(document: &Document, font: &Dictionary) -> Option<(usize, Characters)> {
    let name = |key: &[u8]| font.get_deref(key, document).and_then(Object::as_name);
    match name(b"Subtype").ok()? {
        b"Type3" => Some((1, numbered_map(document, font)?)),
        b"Type0" => Some((2, cjk_map(document, font)?)),
        _ => None,
    }
}

/// Glyph names that are numbers, with or without a letter in front, are codes of characters.
fn numbered_map(document: &Document, font: &Dictionary) -> Option<Characters> {
    let encoding = font.get_deref(b"Encoding", document).ok()?.as_dict().ok()?;
    let differences = encoding.get_deref(b"Differences", document).ok()?;
    let mut map = Characters::new();
    let mut code = 0_u32;
    for one in differences.as_array().ok()?.iter().take(512) {
        if let Ok(next) = one.as_i64() {
            code = u32::try_from(next).ok()?;
        } else if let Ok(name) = one.as_name() {
            if let Some(text) = number_in(name).and_then(character_of) {
                map.insert(code, text);
            }
            code = code.saturating_add(1);
        }
    }
    map.retain(|&code, _| code < 256);
    (!map.is_empty()).then_some(map)
}

fn number_in(name: &[u8]) -> Option<u32> {
    let name = std::str::from_utf8(name).ok()?;
    let digits = name.trim_start_matches(|letter: char| letter.is_ascii_alphabetic());
    if name.len() - digits.len() > 1 || digits.is_empty() || digits.len() > 5 {
        return None;
    }
    digits.parse().ok()
}

/// The character that a number names. Below the printing ones stand the ligatures of TeX's text
/// encodings, which OT1 and T1 have in the same places.
fn character_of(number: u32) -> Option<String> {
    let ligature = match number {
        27 => "ff",
        28 => "fi",
        29 => "fl",
        30 => "ffi",
        31 => "ffl",
        9 | 10 | 13 => " ",
        _ => {
            let character = char::from_u32(number).filter(|one| !one.is_control())?;
            return Some(character.to_string());
        }
    };
    Some(ligature.to_owned())
}

/// Codes to characters by way of the collection's own numbers (9.10.2, the last method).
fn cjk_map(document: &Document, font: &Dictionary) -> Option<Characters> {
    let descendants = font.get_deref(b"DescendantFonts", document).ok()?;
    let first = descendants.as_array().ok()?.first()?;
    let (_, first) = document.dereference(first).ok()?;
    let info = first
        .as_dict()
        .ok()?
        .get_deref(b"CIDSystemInfo", document)
        .ok()?;
    let ordering = info.as_dict().ok()?.get_deref(b"Ordering", document).ok()?;
    let family = CidFamily::from_registry_ordering(b"Adobe", ordering.as_str().ok()?);
    let by_cid = CMap::parse(load_embedded(family.ucs2_cmap()?)?, load_embedded)?;
    let encoding = font.get_deref(b"Encoding", document).ok()?;
    let encoding = match encoding.as_name() {
        Ok(b"Identity-H") => CMap::identity_h(),
        Ok(b"Identity-V") => CMap::identity_v(),
        Ok(name) => CMap::parse(load_embedded(CMapName::from_bytes(name))?, load_embedded)?,
        Err(_) => {
            let data = encoding.as_stream().ok()?.decompressed_content().ok()?;
            CMap::parse(&data, load_embedded)?
        }
    };
    let map: Characters = (0..=0xFFFF)
        .filter_map(|code| {
            let cid = encoding.lookup_cid_code(code, 2)?;
            let text = match by_cid.lookup_bf_string(cid)? {
                BfString::Char(one) => one.to_string(),
                BfString::String(several) => several,
            };
            Some((code, text))
        })
        .collect();
    (!map.is_empty()).then_some(map)
}

/// The map as a `ToUnicode` `CMap`.
fn cmap_of(width: usize, map: &Characters) -> Vec<u8> {
    let digits = width * 2;
    let last = "F".repeat(digits);
    let mut text = format!(
        "/CIDInit /ProcSet findresource begin begincmap\n1 begincodespacerange <{:0digits$X}> <{last}> endcodespacerange\n",
        0
    );
    let entries: Vec<(&u32, &String)> = map.iter().collect();
    for section in entries.chunks(SECTION) {
        text.push_str(&format!("{} beginbfchar\n", section.len()));
        for (code, characters) in section {
            text.push_str(&format!("<{code:0digits$X}> <"));
            for unit in characters.encode_utf16() {
                text.push_str(&format!("{unit:04X}"));
            }
            text.push_str(">\n");
        }
        text.push_str("endbfchar\n");
    }
    text.push_str("endcmap\n");
    text.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_numbers_with_one_letter_at_most() {
        assert_eq!(number_in(b"a65"), Some(65));
        assert_eq!(number_in(b"122"), Some(122));
        assert_eq!(number_in(b"uni0041"), None);
        assert_eq!(number_in(b"one"), None);
        assert_eq!(character_of(28).as_deref(), Some("fi"));
        assert_eq!(character_of(7), None);
    }
}
