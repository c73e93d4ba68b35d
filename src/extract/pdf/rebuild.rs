//! Files whose table of objects or page tree is lost, as a broken download leaves them.
//!
//! As `MuPDF` and pdf.js do: every `N G obj` in the bytes is an object, the last one of a number counts,
//! objects in object streams are objects too, and every object of type `Page` is a page, in the order
//! of the file. A new page tree, table and trailer are put behind what is there.

use std::collections::BTreeMap;

use lopdf::{Dictionary, Object, Stream};

/// Objects that are looked at.
const MAX_OBJECTS: usize = 200_000;
/// A dictionary is read up to this many bytes to see what it is.
const MAX_DICTIONARY: usize = 20_000;
/// The end mark stands in this many last bytes (ISO 32000-1, implementation note 18 of PDF 1.7).
const END: usize = 1_024;
/// Bytes that all object streams together may take when decompressed.
const MAX_UNPACKED: usize = 64 << 20;

/// Whether the file ends in the middle: a whole one has its end mark in its last bytes.
pub(super) fn is_cut(bytes: &[u8]) -> bool {
    find(&bytes[bytes.len().saturating_sub(END)..], b"%%EOF").is_none()
}

/// The file with a new page tree; `None` if there is no page in it.
pub(super) fn rebuilt(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut file = bytes.to_vec();
    let mut places = scan(bytes);
    close_last(&mut file, &places);
    unpack(&mut file, &mut places);
    let mut ordered: Vec<(u32, usize)> = places.iter().map(|(&n, &at)| (n, at)).collect();
    ordered.sort_by_key(|&(_, at)| at);
    let pages: Vec<u32> = ordered
        .iter()
        .filter(|&&(_, at)| is_type(head(&file, at), b"Page"))
        .map(|&(number, _)| number)
        .collect();
    if pages.is_empty() {
        return None;
    }
    let next = places.keys().next_back()? + 1;
    let mut kids = String::new();
    for number in &pages {
        kids.push_str(&format!("{number} 0 R "));
    }
    for (number, body) in [
        (
            next,
            format!("<</Type/Pages/Kids[{kids}]/Count {}>>", pages.len()),
        ),
        (next + 1, format!("<</Type/Catalog/Pages {next} 0 R>>")),
    ] {
        places.insert(number, file.len());
        file.extend(format!("{number} 0 obj\n{body}\nendobj\n").bytes());
    }
    let start = file.len();
    let mut table = "xref\n0 1\n0000000000 65535 f \n".to_owned();
    for (number, at) in &places {
        table.push_str(&format!("{number} 1\n{at:010} 00000 n \n"));
    }
    table.push_str(&format!(
        "trailer\n<</Size {}/Root {} 0 R>>\nstartxref\n{start}\n%%EOF\n",
        next + 2,
        next + 1
    ));
    file.extend(table.bytes());
    Some(file)
}

/// Where each object begins.
fn scan(bytes: &[u8]) -> BTreeMap<u32, usize> {
    let mut places = BTreeMap::new();
    let mut from = 0;
    while let Some(found) = find(&bytes[from..], b" obj") {
        let at = from + found;
        from = at + 4;
        let generation = digits_before(bytes, at);
        let space = generation
            .checked_sub(1)
            .filter(|&space| bytes[space] == b' ');
        let Some(space) = space.filter(|_| generation < at) else {
            continue;
        };
        let start = digits_before(bytes, space);
        let number = std::str::from_utf8(&bytes[start..space]).ok();
        if let Some(number) = number.and_then(|number| number.parse::<u32>().ok())
            && number < 8_388_608
            && places.len() < MAX_OBJECTS
        {
            places.insert(number, start);
        }
    }
    places
}

fn digits_before(bytes: &[u8], end: usize) -> usize {
    let digits = bytes[..end]
        .iter()
        .rev()
        .take(10)
        .take_while(|byte| byte.is_ascii_digit());
    end - digits.count()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

/// Ends the object in which the file was cut.
fn close_last(file: &mut Vec<u8>, places: &BTreeMap<u32, usize>) {
    let Some(&last) = places.values().max() else {
        return;
    };
    let tail = &file[last..];
    let is_ascii = find(tail, b"ASCII85Decode").is_some() || find(tail, b"/A85").is_some();
    let has_data_end = find(tail, b"~>").is_some();
    let (is_stream, is_ended) = (
        find(tail, b"stream").is_some(),
        find(tail, b"endstream").is_some(),
    );
    if find(tail, b"endobj").is_none() {
        if is_stream && !is_ended {
            if is_ascii && !has_data_end {
                file.extend(b"~>");
            }
            file.extend(b"\nendstream");
        }
        file.extend(b"\nendobj\n");
    }
    file.push(b'\n');
}

/// The first bytes of an object, up to its stream or its end.
fn head(file: &[u8], at: usize) -> &[u8] {
    let head = &file[at..file.len().min(at + MAX_DICTIONARY)];
    let end = [&b"stream"[..], b"endobj"]
        .iter()
        .filter_map(|word| find(head, word))
        .min();
    &head[..end.unwrap_or(head.len())]
}

/// Whether a dictionary says that it is of a type.
fn is_type(head: &[u8], name: &[u8]) -> bool {
    let mut from = 0;
    while let Some(found) = find(&head[from..], b"/Type") {
        from += found + 5;
        let rest = head[from..].trim_ascii_start();
        let value = rest
            .strip_prefix(b"/")
            .and_then(|rest| rest.strip_prefix(name));
        if value.is_some_and(|rest| !rest.first().is_some_and(u8::is_ascii_alphanumeric)) {
            return true;
        }
    }
    false
}

/// Writes the objects of object streams out behind the file.
fn unpack(file: &mut Vec<u8>, places: &mut BTreeMap<u32, usize>) {
    let mut room = MAX_UNPACKED;
    let streams: Vec<usize> = places.values().copied().collect();
    for at in streams {
        let dictionary = head(file, at);
        if !is_type(dictionary, b"ObjStm") {
            continue;
        }
        let Some((first, data)) = content(file, at, &mut room) else {
            continue;
        };
        let Some((numbers, objects)) = data.split_at_checked(first) else {
            continue;
        };
        let numbers: Vec<usize> = String::from_utf8_lossy(numbers)
            .split_ascii_whitespace()
            .map_while(|number| number.parse().ok())
            .collect();
        for (index, pair) in numbers.chunks_exact(2).enumerate() {
            let end = numbers.get(index * 2 + 3).copied().unwrap_or(objects.len());
            let Some(object) = objects.get(pair[1]..end) else {
                continue;
            };
            let Ok(number) = u32::try_from(pair[0]) else {
                continue;
            };
            if places.len() < MAX_OBJECTS {
                places.entry(number).or_insert(file.len());
                file.extend(format!("{number} 0 obj\n").bytes());
                file.extend(object);
                file.extend(b"\nendobj\n");
            }
        }
    }
}

/// Where the objects of an object stream begin, and its data.
fn content(file: &[u8], at: usize, room: &mut usize) -> Option<(usize, Vec<u8>)> {
    let dictionary = head(file, at);
    let first = number_of(dictionary, b"/First")?;
    let after = &file[at + dictionary.len()..];
    let data = after.strip_prefix(b"stream")?;
    let data = data
        .strip_prefix(b"\r\n")
        .or(data.strip_prefix(b"\n"))
        .unwrap_or(data);
    let data = &data[..find(data, b"endstream")?];
    let mut stream = Dictionary::new();
    if find(dictionary, b"FlateDecode").is_some() {
        stream.set("Filter", Object::Name(b"FlateDecode".to_vec()));
    }
    let stream = Stream::new(stream, data.to_vec());
    let plain = if stream.dict.is_empty() {
        data.to_vec()
    } else {
        stream.decompressed_content_with_limit(*room).ok()?
    };
    *room = room.saturating_sub(plain.len());
    Some((first, plain))
}

fn number_of(dictionary: &[u8], key: &[u8]) -> Option<usize> {
    let rest = dictionary[find(dictionary, key)? + key.len()..].trim_ascii_start();
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    std::str::from_utf8(&rest[..digits]).ok()?.parse().ok()
}
