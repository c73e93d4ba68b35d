//! One row of the table that `make bench` prints, and what it takes to fill it.

#![allow(dead_code, reason = "no benchmark needs all of it")]

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

/// CPU time of this process so far, in seconds (`proc_pid_stat(5)`: fields 14 and 15, in ticks of
/// 10 ms).
pub(crate) fn cpu_seconds() -> Result<f64, Box<dyn std::error::Error>> {
    let stat = fs_err::read_to_string("/proc/self/stat")?;
    let after_name = stat.rsplit_once(')').ok_or("no name in stat")?.1;
    let ticks: Vec<&str> = after_name.split_whitespace().skip(11).take(2).collect();
    let ticks: u64 = ticks
        .iter()
        .map(|ticks| ticks.parse::<u64>())
        .sum::<Result<u64, _>>()?;
    Ok(ticks as f64 / 100.0)
}

/// The value in the middle; of an even number the upper one.
pub(crate) fn median(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
