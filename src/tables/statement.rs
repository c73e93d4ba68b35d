//! The one statement of a question: candidates by vectors, by words and by names, what was summed up over
//! all rows, and the vectors of the candidates and of the rows beside them.

/// What a connection is told first. Plans do not depend on values, compiling one takes longer than a
/// question, and a search in the graph keeps as many candidates as that of a folder (`SEARCH_WIDTH`), and
/// looks further where a filter takes them away.
pub(super) const SESSION: &str = "SET jit = off; SET plan_cache_mode = force_generic_plan;
    SET hnsw.ef_search = 192; SET hnsw.iterative_scan = strict_order";

/// Terms that one number tells apart by its bits.
pub(super) const TERMS_IN_A_NUMBER: usize = 62;

/// Up to this many rows are compared one by one, where the graph would save nothing.
pub(super) const FEW_ROWS: usize = 2_000;

/// How the nearest vectors are found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// Every row is looked at.
    All,
    /// By the graph.
    Graph,
    /// By the graph, among those that a filter admits.
    GraphAmong,
    /// Those that a filter admits are looked at.
    Few,
}

impl Way {
    /// For `all` rows, `left` of which a filter admits.
    pub(super) fn of(all: usize, left: Option<usize>) -> Self {
        match left {
            None if all <= FEW_ROWS => Self::All,
            None => Self::Graph,
            Some(left) if left <= FEW_ROWS => Self::Few,
            Some(_) => Self::GraphAmong,
        }
    }
}

/// Which vectors are searched.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vectors {
    /// Of the generation.
    pub(super) number: i32,
    /// Of a vector.
    pub(super) dimension: usize,
}

/// The rows nearest to `$1`, best first, as `row`. `place` is the number of the value that has the
/// admitted rows: their bits for [`Way::GraphAmong`], their numbers for [`Way::Few`].
pub(super) fn nearest(vectors: Vectors, way: Way, count: usize, place: usize) -> String {
    let Vectors { number, dimension } = vectors;
    let (among, exact) = match way {
        Way::All => (String::new(), " + 0.0, v.row"),
        Way::Graph => (String::new(), ""),
        Way::GraphAmong => (format!("WHERE get_bit(${place}::bytea, v.row) = 1"), ""),
        Way::Few => (
            format!("WHERE v.row = ANY(${place}::int4[])"),
            " + 0.0, v.row",
        ),
    };
    // A sum is nothing that an index is ordered by.
    format!(
        "SELECT v.row FROM wattwise_index.vectors_{number} v {among}
         ORDER BY (v.near::halfvec({dimension}) <#> $1::float4[]::halfvec({dimension})){exact}
         LIMIT {count}"
    )
}

/// The whole statement. `$1` vector; `$2` terms and `$3` how often the question says each; `$4` to `$7`
/// names: which, which way of writing it, a term of that, of how many; `$8` in how many rows a name may
/// stand; with a filter, `$9` bits of the admitted rows and, where these are few, `$10` their numbers.
pub(super) fn question(vectors: Vectors, way: Way, count: usize, terms: usize) -> String {
    let number = vectors.number;
    let admitted = match way {
        Way::All | Way::Graph => "",
        Way::GraphAmong | Way::Few => "WHERE get_bit($9::bytea, row) = 1",
    };
    let nearest = nearest(vectors, way, count, if way == Way::Few { 10 } else { 9 });
    format!(
        "WITH {words}, {named}, dense AS MATERIALIZED ({nearest}
         ), lexical AS MATERIALIZED (
             SELECT row FROM hits {admitted} ORDER BY score DESC, row LIMIT {count}
         ), candidates AS MATERIALIZED (
             SELECT row FROM dense UNION SELECT row FROM lexical
             UNION SELECT row FROM named {admitted}
         ), wanted AS MATERIALIZED (
             SELECT row, bool_or(is_candidate) AS is_candidate FROM (
                 SELECT row, true AS is_candidate FROM candidates
                 UNION ALL SELECT row - 1, false FROM candidates
                 UNION ALL SELECT row + 1, false FROM candidates
             ) beside GROUP BY row
         ) {evidence}",
        words = words(number, terms),
        named = named(number),
        evidence = evidence(number),
    )
}

/// `hits` and `document_hits`: what each row and document scores by its words (BM25, added up), and which
/// terms a row holds.
fn words(number: i32, terms: usize) -> String {
    let held: Vec<String> = match terms.div_ceil(TERMS_IN_A_NUMBER) {
        0 | 1 => vec!["bit_or(bit)".to_owned()],
        words => (0..words)
            .map(|word| format!("coalesce(bit_or(bit) FILTER (WHERE word = {word}), 0)"))
            .collect(),
    };
    format!(
        "asked AS MATERIALIZED (
             SELECT a.repeats, 1::int8 << ((a.place - 1) % {TERMS_IN_A_NUMBER})::int4 AS bit,
                    ((a.place - 1) / {TERMS_IN_A_NUMBER})::int4 AS word,
                    p.rows, p.weights, p.documents, p.document_weights
             FROM unnest($2::text[], $3::float4[]) WITH ORDINALITY a(term, repeats, place)
             JOIN wattwise_index.postings_{number} p ON p.term = a.term
         ), hits AS MATERIALIZED (
             SELECT row, sum(repeats * weight) AS score, ARRAY[{held}]::int8[] AS held
             FROM (SELECT repeats, bit, word, unnest(rows) AS row, unnest(weights) AS weight
                   FROM asked) one
             GROUP BY row
         ), document_hits AS MATERIALIZED (
             SELECT document, sum(repeats * weight) AS score
             FROM (SELECT repeats, unnest(documents) AS document, unnest(document_weights) AS weight
                   FROM asked) one
             GROUP BY document
         )",
        held = held.join(", "),
    )
}

/// `named`: the rows that hold a name of the question, if these are few.
fn named(number: i32) -> String {
    format!(
        "ways AS (
             SELECT name, row
             FROM (SELECT w.name, w.way, w.size, unnest(p.rows) AS row
                   FROM unnest($4::int4[], $5::int4[], $6::text[], $7::int8[]) w(name, way, term, size)
                   JOIN wattwise_index.postings_{number} p ON p.term = w.term) one
             GROUP BY name, way, size, row HAVING count(*) = size
         ), named AS MATERIALIZED (
             SELECT name, row FROM (
                 SELECT name, row, count(*) OVER (PARTITION BY name) AS many FROM ways
             ) counted WHERE many <= $8::int8
         )"
    )
}

/// The rows of the answer, each with the sums over all.
fn evidence(number: i32) -> String {
    format!(
        "SELECT w.row, w.is_candidate, e.vector,
                CASE WHEN w.is_candidate THEN e.sentences END,
                CASE WHEN w.is_candidate THEN e.words END,
                h.score, h.held, e.document, d.score,
                ARRAY(SELECT n.name FROM named n WHERE n.row = w.row),
                (SELECT sum(score::float8) FROM hits), (SELECT sum(score::float8 * score) FROM hits),
                (SELECT sum(score::float8) FROM document_hits),
                (SELECT sum(score::float8 * score) FROM document_hits)
         FROM wanted w
         CROSS JOIN LATERAL (
             SELECT x.document, x.vector, x.sentences, x.words
             FROM wattwise_index.exact_{number} x WHERE x.row = w.row LIMIT 1
         ) e
         LEFT JOIN hits h ON w.is_candidate AND h.row = w.row
         LEFT JOIN document_hits d ON w.is_candidate AND d.document = e.document
         ORDER BY w.row"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_rows_are_looked_at_one_by_one() {
        assert_eq!(Way::of(FEW_ROWS, None), Way::All);
        assert_eq!(Way::of(FEW_ROWS + 1, None), Way::Graph);
        assert_eq!(Way::of(1 << 20, Some(10)), Way::Few);
        assert_eq!(Way::of(1 << 20, Some(FEW_ROWS + 1)), Way::GraphAmong);
    }
}
