//! How retrieval weighs its evidence.

/// How retrieval weighs its evidence.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetrievalParameters {
    /// Candidates taken from each side.
    pub candidates: usize,
    /// Weight of the dense side; the lexical side has the rest.
    pub dense_weight: f32,
    /// Weight of a chunk's best sentence within the dense side; the whole chunk where it stands has
    /// the rest.
    pub sentence_weight: f32,
    /// Weight of each neighbour in the vector of a chunk where it stands; the chunk counts 1.
    pub neighbour_weight: f32,
    /// Weight of the whole document within the lexical side; the chunk has the rest.
    pub document_weight: f32,
    /// Weight of the second look, at what the best chunks have in common.
    pub feedback_weight: f32,
    /// Weight of late interaction, word by word, beside the fused scores.
    pub late_weight: f32,
    /// Two chunks whose vectors have at least this cosine say the same; only the better one is
    /// returned.
    pub duplicate_cosine: f32,
    /// Coverage under which the sources count as not covering the question.
    pub floor: f32,
}

impl Default for RetrievalParameters {
    fn default() -> Self {
        Self {
            candidates: 100,
            dense_weight: 0.75,
            sentence_weight: 0.6,
            neighbour_weight: 0.5,
            document_weight: 0.8,
            feedback_weight: 0.3,
            late_weight: 0.5,
            duplicate_cosine: 0.998,
            floor: 0.135,
        }
    }
}
