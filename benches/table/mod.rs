//! One row of the table that `make bench` prints.

/// What the same work costs elsewhere, measured in the same run.
pub(crate) struct Peer<'a> {
    pub(crate) name: &'a str,
    pub(crate) cost: f64,
}

/// Prints a cost, the peer's, ours over the peer's, and what it is meant to be.
pub(crate) fn row(what: &str, ours: f64, unit: &str, peer: Option<&Peer<'_>>, aim: &str) {
    let (name, cost, ratio) = peer.map_or_else(
        || ("-".to_owned(), "-".to_owned(), "-".to_owned()),
        |peer| {
            (
                peer.name.to_owned(),
                format!("{:.2}", peer.cost),
                format!("{:.2}", ours / peer.cost),
            )
        },
    );
    println!(
        "| {what:<48} | {ours:>9.2} | {cost:>9} | {unit:<6} | {ratio:>5} | {aim:<14} | {name:<22} |"
    );
}
