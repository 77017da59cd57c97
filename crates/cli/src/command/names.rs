//! Names, as they are listed, sorted and guessed at.

use std::cmp::Ordering;
use std::fmt::Display;

/// At most so many names are listed in a message.
const LISTED: usize = 20;

/// The order in which a reader looks for names: numbers in them by their value, `h2` before `h10`.
pub fn natural(a: &str, b: &str) -> Ordering {
    let (mut rest_a, mut rest_b) = (a, b);
    while let (Some(first_a), Some(first_b)) = (rest_a.chars().next(), rest_b.chars().next()) {
        let ordering = if first_a.is_ascii_digit() && first_b.is_ascii_digit() {
            let (digits_a, digits_b) = (digits(&mut rest_a), digits(&mut rest_b));
            digits_a.len().cmp(&digits_b.len()).then_with(|| digits_a.cmp(digits_b))
        } else {
            rest_a = &rest_a[first_a.len_utf8()..];
            rest_b = &rest_b[first_b.len_utf8()..];
            first_a.cmp(&first_b)
        };
        if ordering.is_ne() {
            return ordering;
        }
    }
    // Zeros before a number make it no other.
    rest_a.len().cmp(&rest_b.len()).then_with(|| a.cmp(b))
}

/// Takes the number away that a text begins with; without zeros before it.
fn digits<'t>(text: &mut &'t str) -> &'t str {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, rest) = text.split_at(end);
    *text = rest;
    number.trim_start_matches('0')
}

/// Names in a message: `a`, `b`, and how many more.
pub fn quoted(names: &[impl Display]) -> String {
    let shown: Vec<String> = names.iter().take(LISTED).map(|name| format!("`{name}`")).collect();
    match names.len().saturating_sub(LISTED) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// The name that may have been meant by one that is none of these.
pub fn near<T: Display + AsRef<str>>(wrong: &str, names: &[T]) -> Option<String> {
    let folded = wrong.to_lowercase();
    let distance = |name: &T| strsim::osa_distance(&folded, &name.as_ref().to_lowercase());
    // Of a word of two letters every other is near.
    let far = if wrong.len() < 3 { 0 } else { 1 + wrong.len() / 4 };
    let nearest = names.iter().map(|name| (distance(name), name)).min_by_key(|near| near.0);
    let (_, name) = nearest.filter(|(distance, _)| *distance <= far)?;
    Some(format!("did you mean `{name}`?"))
}

/// The same; else, which names there are.
pub fn meant<T: Display + AsRef<str>>(wrong: &str, names: &[T]) -> Option<String> {
    near(wrong, names).or_else(|| match names.len() {
        0 => None,
        1 => Some(format!("there is only {}", quoted(names))),
        _ => Some(format!("there are {}", quoted(names))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_in_names_count_by_their_value() {
        let mut names = ["h10", "h2", "h02", "h1", "a", "h", "h2a", "r1-10", "r1-9"];
        names.sort_by(|a, b| natural(a, b));
        assert_eq!(names, ["a", "h", "h1", "h02", "h2", "h2a", "h10", "r1-9", "r1-10"]);
    }

    #[test]
    fn what_was_meant() {
        assert_eq!(meant("rigth", &["left", "right"]).unwrap(), "did you mean `right`?");
        assert_eq!(meant("x", &["left", "right"]).unwrap(), "there are `left`, `right`");
        assert_eq!(meant("x", &["left"]).unwrap(), "there is only `left`");
        assert_eq!(meant::<&str>("x", &[]), None);
    }
}
