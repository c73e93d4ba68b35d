//! Roman numerals, as lists count in them.

/// Signs and pairs of signs that subtract, largest first.
const SIGNS: [(u32, &str); 13] = [
    (1000, "m"),
    (900, "cm"),
    (500, "d"),
    (400, "cd"),
    (100, "c"),
    (90, "xc"),
    (50, "l"),
    (40, "xl"),
    (10, "x"),
    (9, "ix"),
    (5, "v"),
    (4, "iv"),
    (1, "i"),
];

/// In lower case; 1 to 3999 can be written so.
pub(super) fn roman(number: u32) -> Option<String> {
    if !(1..4_000).contains(&number) {
        return None;
    }
    let (mut rest, mut text) = (number, String::new());
    for (worth, sign) in SIGNS {
        while rest >= worth {
            text.push_str(sign);
            rest -= worth;
        }
    }
    Some(text)
}
