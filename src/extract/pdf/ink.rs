//! How much ink letters take: the only sign of bold type that every kind of font gives.
//!
//! Font names are not always there and not always true, so weight is measured: the inked area of a
//! line's letters against that of the same letters in Helvetica. Only relations within one file
//! matter, so the choice of reference cancels out.

/// Inked share of the em square of Helvetica's letters, A to Z, in ten-thousandths.
const CAPITALS: [u16; 26] = [
    1443, 2064, 1557, 1865, 1693, 1302, 1888, 1686, 696, 986, 1652, 993, 2367, 1921, 1872, 1556,
    2013, 1872, 1760, 1097, 1567, 1182, 2184, 1399, 1089, 1532,
];
/// The same for a to z.
const SMALL: [u16; 26] = [
    1320, 1405, 975, 1425, 1299, 795, 1677, 1252, 539, 761, 1230, 632, 1682, 1064, 1173, 1394,
    1421, 602, 1117, 724, 1077, 848, 1529, 992, 1060, 1007,
];

/// The inked share of the em square that Helvetica gives this letter; `None` for anything else.
pub(super) fn reference_ink(letter: char) -> Option<f32> {
    let byte = u8::try_from(letter).ok()?;
    let share = match byte {
        b'A'..=b'Z' => CAPITALS[usize::from(byte - b'A')],
        b'a'..=b'z' => SMALL[usize::from(byte - b'a')],
        _ => return None,
    };
    Some(f32::from(share) / 10_000.0)
}
