//! The nearest known word to a misspelt one.

/// The candidate nearest to `word`, if one is near enough to be what was meant.
///
/// Near enough is one wrong letter, or one for every three, as long as some letter is right. Case does not count.
pub fn nearest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let (edits, candidate) = closest(word, candidates)?;
    let (ours, theirs) = (word.chars().count(), candidate.chars().count());
    // A wrong letter is two edits; as many edits as letters means that none was right.
    let near = edits <= 2 * (ours.max(theirs) / 3).max(1);
    (near && edits < ours + theirs).then_some(candidate)
}

/// The candidate with the fewest edits from `word`, however many they are, and their number. Of several the one most
/// like it in length, and then the first.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<(usize, &'a str)> {
    let pairs = candidates.into_iter().map(|candidate| (edits(word, candidate), candidate));
    pairs.min_by_key(|(edits, candidate)| (*edits, word.len().abs_diff(candidate.len())))
}

/// The letters to insert and drop to turn `a` into `b`, ignoring ASCII case. Replacing one counts twice, so that
/// words that share letters come before words of the same length that do not.
fn edits(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    // row[j] is the distance between the part of `a` read so far and the first j letters of `b`.
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let one_more = row[j].min(row[j + 1]) + 1;
            let distance = if x.eq_ignore_ascii_case(y) { diagonal } else { one_more };
            diagonal = std::mem::replace(&mut row[j + 1], distance);
        }
    }
    row[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEYS: [&str; 9] = ["d", "w0", "wa", "wm", "g", "b", "se", "classes", "stem"];

    #[test]
    fn distances() {
        for (a, b, distance) in [("", "", 0), ("", "abc", 3), ("kitten", "sitting", 5), ("WM", "wm", 0)] {
            assert_eq!(edits(a, b), distance, "{a} {b}");
            assert_eq!(edits(b, a), distance, "{b} {a}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        for (word, key) in [
            ("clases", "classes"),
            ("Classes", "classes"),
            ("dd", "d"),
            ("w", "w0"),
            ("wo", "w0"),
            ("sten", "stem"),
        ] {
            assert_eq!(nearest(word, KEYS), Some(key), "{word}");
        }
        for word in ["q", "resolution", ""] {
            assert_eq!(nearest(word, KEYS), None, "{word}");
        }
        assert_eq!(nearest("d", []), None);
    }
}
