//! How much of a block's text leads away, is pressed or names who wrote it.

/// How much of a block's text is what, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Ink {
    pub(super) text: usize,
    /// In links that lead to other pages.
    pub(super) linked: usize,
    /// On buttons that open nothing.
    pub(super) pressed: usize,
    /// Who wrote it and when, marked as such.
    pub(super) credit: usize,
    /// Characters of text, for people.
    pub(super) chars: usize,
    pub(super) in_link: bool,
    pub(super) in_button: bool,
    pub(super) in_credit: bool,
}

impl Ink {
    /// Text that is the page's own: neither leads away nor is pressed.
    pub(super) fn own(&self) -> usize {
        self.text.saturating_sub(self.linked + self.pressed)
    }

    /// Counts one character under what is open.
    pub(super) fn add(&mut self, c: char) {
        let len = c.len_utf8();
        self.text += len;
        self.chars += 1;
        if self.in_link {
            self.linked += len;
        } else if self.in_button {
            self.pressed += len;
        }
        if self.in_credit {
            self.credit += len;
        }
    }

    /// The counts so far; what is open stays open.
    pub(super) fn take(&mut self) -> Self {
        let counted = *self;
        *self = Self {
            in_link: self.in_link,
            in_button: self.in_button,
            in_credit: self.in_credit,
            ..Self::default()
        };
        Self {
            in_link: false,
            in_button: false,
            in_credit: false,
            ..counted
        }
    }

    /// Adds the counts of an inner walk.
    pub(super) fn merge(&mut self, inner: Self) {
        self.text += inner.text;
        self.linked += inner.linked;
        self.pressed += inner.pressed;
        self.credit += inner.credit;
        self.chars += inner.chars;
    }
}
