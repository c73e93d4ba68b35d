//! Questions that ask for much the same, found by their vectors.

use std::collections::HashMap;

use crate::model::dot;

/// Bounds of grouping.
pub(super) struct Bounds {
    /// The least cosine of two questions of a group. On the pairs of `data/question_pairs.jsonl` nine of
    /// ten paraphrases reach it, and so do questions that differ in one point: whoever writes the missing
    /// page wants both. Of questions that have nothing to do with each other hardly any does.
    pub(super) cosine: f32,
    /// So many wordings are compared with each other, which takes their square; others stand alone.
    pub(super) compared: usize,
}

pub(super) const BOUNDS: Bounds = Bounds {
    cosine: 0.7,
    compared: 1000,
};

/// A wording and how often it was used.
struct Wording<'a> {
    /// Positions of the questions that use it.
    uses: Vec<usize>,
    vector: Option<&'a [f32]>,
}

/// Positions in `questions` (text, and vector if it can be compared) by group; the first of each group
/// has the wording that most others are near to. Greedy: the wording with most questions around it
/// takes them, then the next among those left.
pub(super) fn group(questions: &[(&str, Option<&[f32]>)], bounds: &Bounds) -> Vec<Vec<usize>> {
    let mut wordings: Vec<Wording<'_>> = Vec::new();
    let mut known: HashMap<String, usize> = HashMap::new();
    for (position, (text, vector)) in questions.iter().enumerate() {
        let place = *known.entry(folded(text)).or_insert_with(|| {
            wordings.push(Wording {
                uses: Vec::new(),
                vector: *vector,
            });
            wordings.len() - 1
        });
        wordings[place].uses.push(position);
    }
    let near = neighbours(&wordings, bounds);
    let weight = |place: usize| -> usize {
        let around = near[place].iter().map(|near| wordings[*near].uses.len());
        wordings[place].uses.len() + around.sum::<usize>()
    };
    let mut order: Vec<usize> = (0..wordings.len()).collect();
    order.sort_by_key(|place| std::cmp::Reverse(weight(*place)));
    let mut is_taken = vec![false; wordings.len()];
    let mut groups = Vec::new();
    for place in order {
        if is_taken[place] {
            continue;
        }
        let mut members = Vec::new();
        for member in std::iter::once(&place).chain(&near[place]) {
            if !std::mem::replace(&mut is_taken[*member], true) {
                members.extend(&wordings[*member].uses);
            }
        }
        groups.push(members);
    }
    groups
}

/// For each wording those that are near to it.
fn neighbours(wordings: &[Wording<'_>], bounds: &Bounds) -> Vec<Vec<usize>> {
    let mut near = vec![Vec::new(); wordings.len()];
    let compared = wordings.len().min(bounds.compared);
    for first in 0..compared {
        for second in first + 1..compared {
            let vectors = wordings[first].vector.zip(wordings[second].vector);
            if vectors.is_some_and(|(a, b)| a.len() == b.len() && dot(a, b) >= bounds.cosine) {
                near[first].push(second);
                near[second].push(first);
            }
        }
    }
    near
}

/// A wording without what does not make another one: case, spaces and the mark at its end.
fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    let text = words.join(" ");
    let end = |c: char| c.is_ascii_punctuation() || c == '？' || c == '。';
    text.trim_end_matches(end).trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use std::num::NonZeroUsize;
    use std::path::Path;

    use super::*;
    use crate::embed::Embedder as _;
    use crate::embed::transformer::{ModelFiles, TransformerEmbedder};

    #[tokio::test]
    async fn paraphrases_are_grouped_and_questions_about_other_things_are_not() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let embedder = TransformerEmbedder::open(ModelFiles::shipped(), NonZeroUsize::MIN).unwrap();
        let pairs = fs_err::read_to_string(root.join("data/question_pairs.jsonl")).unwrap();
        let mut questions: Vec<[Vec<f32>; 2]> = Vec::new();
        for line in pairs.lines() {
            let pair: serde_json::Value = serde_json::from_str(line).unwrap();
            if pair["same"] != true {
                continue;
            }
            let embed = async |side: &str| {
                let text = pair[side].as_str().unwrap();
                let query = embedder.embed_query(text).await.unwrap();
                query.whole.as_slice().to_vec()
            };
            questions.push([embed("a").await, embed("b").await]);
        }
        let near = |a: &[f32], b: &[f32]| dot(a, b) >= BOUNDS.cosine;
        let same = questions.iter().filter(|[a, b]| near(a, b)).count();
        let (mut others, mut mixed) = (0, 0);
        for (place, [a, _]) in questions.iter().enumerate() {
            for [_, b] in &questions[place + 1..] {
                others += 1;
                mixed += usize::from(near(a, b));
            }
        }
        let count = questions.len();
        println!("{same} of {count} paraphrases, {mixed} of {others} other pairs are near");
        assert!(same * 10 >= count * 9);
        assert!(mixed * 100 <= others);
    }

    #[test]
    fn the_wording_in_the_middle_takes_those_around_it() {
        let (cos, sin) = (0.8_f32, 0.6_f32);
        let (left, middle, right) = ([cos, sin], [1.0, 0.0], [cos, -sin]);
        let far = [0.0, -1.0];
        let questions: [(&str, Option<&[f32]>); 7] = [
            ("left", Some(&left)),
            ("right", Some(&right)),
            ("Middle ?", Some(&middle)),
            ("far", Some(&far)),
            ("no vector", None),
            ("  middle", Some(&middle)),
            ("No vector!", None),
        ];
        let groups = group(&questions, &BOUNDS);
        let sorted: Vec<Vec<usize>> = groups
            .into_iter()
            .map(|mut group| {
                group.sort_unstable();
                group
            })
            .collect();
        assert_eq!(sorted, [vec![0, 1, 2, 5], vec![4, 6], vec![3]]);
        // Left and right are not near to each other, so neither could take the other.
        assert!(dot(&left, &right) < BOUNDS.cosine);
        let none = Bounds {
            compared: 1,
            ..BOUNDS
        };
        assert_eq!(group(&questions, &none).len(), 5);
    }
}
