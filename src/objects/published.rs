//! The one small object that says what is published.
//!
//! `CURRENT` holds one generation's id a line: the live one, then the others that were live once and
//! are kept, newest first. So a reader needs no right to list, and what an interrupted upload left is
//! never taken for something that was published. A folder's `CURRENT` is the same with one line.

use crate::model::GenerationId;

/// More ids are not kept.
pub(super) const MOST_KEPT: usize = 500;

/// Larger objects are none of ours.
pub(super) const MOST_BYTES: u64 = 64 << 10;

/// What is published.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// What answers.
    pub live: GenerationId,
    /// What was live once and is still there, newest first.
    pub others: Vec<GenerationId>,
}

impl Published {
    /// `live` before what `before` had, of which the newest `keep` stay. Also says which do not.
    pub fn succeed(
        live: GenerationId,
        before: Option<&Self>,
        keep: usize,
    ) -> (Self, Vec<GenerationId>) {
        let mut others: Vec<GenerationId> = before
            .map(|before| before.all().filter(|id| **id != live).cloned().collect())
            .unwrap_or_default();
        others.sort_by(|one, other| other.cmp(one));
        others.dedup();
        let gone = others.split_off(others.len().min(keep.min(MOST_KEPT)));
        (Self { live, others }, gone)
    }

    /// All, the live one first.
    pub fn all(&self) -> impl Iterator<Item = &GenerationId> {
        std::iter::once(&self.live).chain(&self.others)
    }

    /// What may answer in the place of a live one that is damaged, best first.
    pub fn stand_ins(&self) -> impl Iterator<Item = &GenerationId> {
        self.others.iter().filter(|id| **id < self.live)
    }

    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(|_| "is no text".to_owned())?;
        let mut ids = text
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .map(|line| GenerationId::parse(line).ok_or("holds a line that names no generation"));
        let live = ids.next().ok_or("is empty")??;
        let others = ids.collect::<Result<Vec<_>, _>>()?;
        if others.len() > MOST_KEPT {
            return Err(format!("names more than {MOST_KEPT} generations"));
        }
        Ok(Self { live, others })
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let lines = self.all().map(|id| format!("{id}\n"));
        lines.collect::<String>().into_bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> GenerationId {
        GenerationId::parse(&format!("019000{number:02x}-0000-7000-8000-000000000000")).unwrap()
    }

    #[test]
    fn what_was_live_is_kept_newest_first() {
        let (first, gone) = Published::succeed(id(1), None, 2);
        assert_eq!((first.others.len(), gone.len()), (0, 0));
        let (second, _) = Published::succeed(id(3), Some(&first), 2);
        let (third, _) = Published::succeed(id(2), Some(&second), 2);
        assert_eq!(third.others, [id(3), id(1)]);
        assert_eq!(
            third.stand_ins().collect::<Vec<_>>(),
            [&id(1)],
            "3 was left on purpose"
        );
        let (fourth, gone) = Published::succeed(id(4), Some(&third), 1);
        assert_eq!((fourth.others, gone), (vec![id(3)], vec![id(2), id(1)]));
        assert_eq!(Published::parse(&third.to_bytes()).unwrap(), third);
    }

    #[test]
    fn what_is_no_list_of_generations_is_refused() {
        for bytes in [&b""[..], b"\n", b"latest\n", b"\xff", b"<html>"] {
            assert!(Published::parse(bytes).is_err());
        }
        let torn = [&first().to_bytes()[..], b"0190"].concat();
        assert!(Published::parse(&torn).is_err());
    }

    fn first() -> Published {
        Published::succeed(id(1), None, 0).0
    }
}
