use super::*;
use crate::language::sentences;

fn passage(text: &str, cosines: &[f32]) -> Passage {
    let ranges = text
        .lines()
        .scan(0, |start, line| {
            let range = *start..*start + line.len();
            *start = range.end + 1;
            Some(range)
        })
        .flat_map(|line| sentences(text, line));
    let sentences = ranges
        .zip(cosines)
        .map(|(range, cosine)| Sentence {
            form: match &text[range.clone()] {
                text if text.starts_with("- ") => Form::ListItem,
                text if text.contains(" | ") => Form::TableRow,
                _ => Form::Prose,
            },
            range,
            cosine: Some(*cosine),
            purpose: Purpose::Statement,
            opens: None,
        })
        .collect();
    Passage {
        text: text.to_owned(),
        headings: String::new(),
        sentences,
        standing: 0.5,
    }
}

fn texts<'a>(passages: &'a [Passage], quotes: &[Quote]) -> Vec<&'a str> {
    quotes
        .iter()
        .map(|quote| &passages[quote.passage].text[quote.range.clone()])
        .collect()
}

#[test]
fn the_sentence_with_the_figure_answers_how_much() {
    let passages = [passage(
        "Loft insulation is a popular measure everywhere. Lay 270 mm of mineral wool in the loft. Wear a mask there.",
        &[0.60, 0.58, 0.1],
    )];
    let quotes = choose("How much insulation should I lay in the loft?", &passages);
    let texts = texts(&passages, &quotes).concat();
    assert!(texts.contains("270 mm"), "{texts}");
    assert!(!texts.contains("mask"), "{texts}");
}

#[test]
fn what_opens_the_section_that_is_asked_for_comes_first() {
    let near = "Measure the depth of the wool in your loft first.";
    let opening = "The usual target for mineral wool is 270 mm.";
    let mut passages = [passage(near, &[0.62]), passage(opening, &[0.58])];
    let question = "How thick should loft insulation be?";
    assert_eq!(texts(&passages, &choose(question, &passages))[0], near);
    passages[1].sentences[0].opens = Some("Draughts around the hatch".to_owned());
    assert_eq!(texts(&passages, &choose(question, &passages))[0], near);
    passages[1].sentences[0].opens = Some("How thick should it be?".to_owned());
    assert_eq!(texts(&passages, &choose(question, &passages))[0], opening);
}

#[test]
fn a_figure_of_another_kind_answers_nothing() {
    let other = "A broken boiler is mended within 48 hours.";
    let fitting = "The boiler service is due yearly.";
    let passages = [passage(other, &[0.60]), passage(fitting, &[0.58])];
    let quotes = choose("How often should a boiler be serviced?", &passages);
    assert_eq!(texts(&passages, &quotes)[0], fitting);
}

#[test]
fn the_same_sentence_is_not_said_twice() {
    let text = "Bleed your radiators every autumn before heating.";
    let passages = [passage(text, &[0.7]), passage(text, &[0.7])];
    assert_eq!(choose("When should I bleed radiators?", &passages).len(), 1);
}

#[test]
fn neighbours_are_quoted_as_one_and_in_reading_order() {
    let passages = [passage(
        "Close the curtains at dusk every day. Heavy lining keeps more warmth inside the room.",
        &[0.60, 0.65],
    )];
    let quotes = choose("Do curtains keep warmth?", &passages);
    assert_eq!(texts(&passages, &quotes), [passages[0].text.as_str()]);
}

#[test]
fn a_sentence_that_points_back_brings_what_it_points_at() {
    let passages = [passage(
        "The usual target for mineral wool is 270 mm. That is commonly laid in two layers across the joists.",
        &[0.1, 0.8],
    )];
    let quotes = choose("Is insulation laid in two layers?", &passages);
    assert_eq!(texts(&passages, &quotes), [passages[0].text.as_str()]);
}

#[test]
fn a_row_brings_the_head_of_its_table() {
    let passages = [passage(
        "Home | Cost\nFlat | £300\nTerrace | £580\nDetached | £1,800",
        &[0.1, 0.1, 0.9, 0.1],
    )];
    let quotes = choose("What does a terrace cost?", &passages);
    assert_eq!(texts(&passages, &quotes), ["Home | Cost", "Terrace | £580"]);
}

#[test]
fn a_list_item_brings_the_line_that_announces_it() {
    let passages = [passage(
        "Never put a battery in one of these places:\n- lofts and roof voids\n- bedrooms and other rooms",
        &[0.2, 0.9, 0.1],
    )];
    let quotes = choose("May it stand in the attic?", &passages);
    assert_eq!(
        texts(&passages, &quotes),
        ["Never put a battery in one of these places:\n- lofts and roof voids"]
    );
}

#[test]
fn names_of_sources_are_no_answer() {
    assert!(heads_references("Sources and further reading"));
    assert!(!heads_references("Hot water"));
    let mut passages = [passage(
        "Store the water at 60 degrees in the tank.\n\nEnergy agency, hot water in the tank at home",
        &[0.5, 0.6],
    )];
    passages[0].sentences[1].purpose = Purpose::Reference;
    let quotes = choose("How hot should water in the tank be?", &passages);
    assert!(
        texts(&passages, &quotes)[0].starts_with("Store"),
        "{quotes:?}"
    );
}

#[test]
fn without_sentences_there_is_no_answer() {
    assert!(choose("Why?", &[]).is_empty());
}
