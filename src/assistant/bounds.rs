//! How much of what a client sends is read to find an answer.
//!
//! Everything is stored as it came; what is searched, split into sentences and embedded is bounded
//! here, so that no request costs more than a long page.

/// Of a message the end is read: a story comes first, the question last.
const READ_OF_A_MESSAGE: usize = 8 * 1024;
/// Of a conversation the last messages are read.
const MESSAGES_READ: usize = 64;

/// The part of a conversation that is read.
pub(super) fn read(mut messages: Vec<String>) -> Vec<String> {
    messages.drain(..messages.len().saturating_sub(MESSAGES_READ));
    for message in &mut messages {
        let start = message.len().saturating_sub(READ_OF_A_MESSAGE);
        message.drain(..message.ceil_char_boundary(start));
    }
    messages
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_story_is_read() {
        let story = format!("{}é How thick is it?", "é".repeat(READ_OF_A_MESSAGE));
        let read = read(vec!["first".to_owned(), story]);
        assert!(read[1].ends_with("How thick is it?") && read[1].len() <= READ_OF_A_MESSAGE);
        assert_eq!(read[0], "first");
        let many = vec!["word".to_owned(); 10 * MESSAGES_READ];
        assert_eq!(super::read(many).len(), MESSAGES_READ);
    }
}
