//! Who may do what: keys, their scopes, and whom a conversation belongs to.

use std::fmt;
use std::num::NonZeroI64;

/// What a key opens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Conversations: sessions, messages, answers, records.
    Chat,
    /// Search without conversation.
    Retrieve,
    /// Everything, figures of operation included.
    Admin,
}

impl Scope {
    /// Every scope, in the order in which a list of them is written.
    pub const ALL: [Self; 3] = [Self::Chat, Self::Retrieve, Self::Admin];

    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Chat => "chat",
            Self::Retrieve => "retrieve",
            Self::Admin => "admin",
        }
    }

    fn bit(self) -> u8 {
        match self {
            Self::Chat => 1,
            Self::Retrieve => 2,
            Self::Admin => 4,
        }
    }
}

/// A set of scopes, never empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes(u8);

impl Scopes {
    /// Whatever there is.
    pub const ADMIN: Self = Self(4);

    /// Reads words between commas; `None` if one is unknown or there is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bits = 0;
        for word in text.split(',').map(str::trim) {
            let scope = Scope::ALL
                .into_iter()
                .find(|scope| scope.as_str() == word)?;
            bits |= scope.bit();
        }
        Some(Self(bits))
    }

    /// Whether `scope` is among them; an admin may do everything.
    pub fn allow(self, scope: Scope) -> bool {
        self.0 & (scope.bit() | Scope::Admin.bit()) != 0
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let held = Scope::ALL
            .into_iter()
            .filter(|scope| self.0 & scope.bit() != 0);
        for (position, scope) in held.enumerate() {
            let comma = if position == 0 { "" } else { "," };
            write!(f, "{comma}{}", scope.as_str())?;
        }
        Ok(())
    }
}

/// The public part of a key: names it in lists and logs and opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct KeyId(NonZeroI64);

impl KeyId {
    /// Makes an id of random bits; the few that would be zero become one.
    pub fn from_random(bits: u64) -> Self {
        let number = i64::try_from(bits >> 1).unwrap_or(i64::MAX);
        Self(NonZeroI64::new(number).unwrap_or(NonZeroI64::MIN))
    }

    /// The number a store keeps; `None` for zero.
    pub fn from_number(number: i64) -> Option<Self> {
        NonZeroI64::new(number).map(Self)
    }

    /// The number a store keeps.
    pub fn number(self) -> i64 {
        self.0.get()
    }

    /// Reads sixteen lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let number = u64::from_str_radix(text, 16).ok()?.cast_signed();
        Self::from_number(number).filter(|id| id.to_string() == text)
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0.get())
    }
}

/// Whom conversations belong to: the operator, who needs no stored key, or a stored key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Owner(i64);

impl Owner {
    /// Whoever uses a server without keys, or the key from the environment.
    pub const OPERATOR: Self = Self(0);

    /// The holder of a stored key.
    pub fn of(key: KeyId) -> Self {
        Self(key.number())
    }

    /// Takes a stored number.
    pub fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// The number a store keeps.
    pub fn number(self) -> i64 {
        self.0
    }
}

/// The digest of a key. Comparing two takes the same time wherever they differ.
///
/// A plain fast hash is enough because what it protects are 256 random bits: nobody can guess
/// through them, so there is nothing that a slow hash such as argon2 would slow down but the server.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct KeyHash(blake3::Hash);

impl KeyHash {
    /// The digest of a whole key.
    pub fn of(key: &[u8]) -> Self {
        Self(blake3::hash(key))
    }

    /// Takes a stored digest.
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes.into())
    }

    /// What to store.
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.0.as_bytes()
    }
}

impl fmt::Debug for KeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHash(..)")
    }
}

/// A key as it is kept: everything but the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Key {
    /// Names it.
    pub id: KeyId,
    /// What its owner calls it.
    pub name: String,
    /// What it opens.
    pub scopes: Scopes,
    /// Recognises it.
    pub hash: KeyHash,
    /// Seconds since the Unix epoch.
    pub created_at: i64,
    /// About when it was last used, in seconds since the Unix epoch.
    pub last_used_at: Option<i64>,
    /// When it stopped being valid, in seconds since the Unix epoch.
    pub revoked_at: Option<i64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_are_read_and_written_in_one_form() {
        assert_eq!(
            Scopes::parse("retrieve, chat").unwrap().to_string(),
            "chat,retrieve"
        );
        for wrong in ["", "chat,", "Chat", "root"] {
            assert_eq!(Scopes::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn an_admin_may_do_everything_and_others_what_they_hold() {
        assert!(Scope::ALL.into_iter().all(|s| Scopes::ADMIN.allow(s)));
        let chat = Scopes::parse("chat").unwrap();
        assert!(chat.allow(Scope::Chat));
        assert!(!chat.allow(Scope::Retrieve) && !chat.allow(Scope::Admin));
    }

    #[test]
    fn key_ids_are_read_in_one_form_and_never_the_operators() {
        let id = KeyId::from_random(u64::MAX);
        assert_eq!(KeyId::parse(&id.to_string()), Some(id));
        assert_eq!(KeyId::parse(&id.to_string().to_uppercase()), None);
        assert_eq!(KeyId::parse("0000000000000000"), None);
        assert_eq!(KeyId::parse("1"), None);
        assert_ne!(Owner::of(KeyId::from_random(0)), Owner::OPERATOR);
    }
}
