//! A message that only puts another name in the place of one, said in full.

use super::identifiers::identifiers;
use super::terms::terms;

/// `earlier` with its name replaced by the one that `last` says: "What does the K2 weigh?" and "And
/// the K5?" make "What does the K5 weigh?". `None` where `last` says anything else, or either names
/// more than one thing of that form.
pub fn restate(earlier: &str, last: &str) -> Option<String> {
    let names = identifiers(last);
    let [new] = names.as_slice() else {
        return None;
    };
    let said: Vec<String> = terms(last).collect();
    let of_name: Vec<String> = terms(&new.written).collect();
    if said != of_name {
        return None;
    }
    let earlier_names = identifiers(earlier);
    let mut replaced = earlier_names
        .iter()
        .filter(|name| new.kind == name.kind && new.replaces(name) && *name != new);
    let old = replaced.next()?;
    if replaced.next().is_some() {
        return None;
    }
    Some(earlier.replacen(&old.written, &new.written, 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_takes_the_place_of_the_old_one() {
        let said = restate("What does the K2 weigh?", "And the K5?");
        assert_eq!(said.as_deref(), Some("What does the K5 weigh?"));
        let said = restate("What does E-133 mean?", "E-134?");
        assert_eq!(said.as_deref(), Some("What does E-134 mean?"));
    }

    #[test]
    fn what_asks_something_else_is_left_alone() {
        for last in ["What does the K5 cost?", "And the boiler?", "And K5 or K6?"] {
            assert_eq!(restate("What does the K2 weigh?", last), None, "{last}");
        }
        assert_eq!(restate("Is K2 or K3 lighter?", "And K5?"), None);
    }
}
