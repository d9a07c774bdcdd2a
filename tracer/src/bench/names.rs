//! Benches by their names.

use super::{Bench, list::ALL};

/// No bench has this name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no bench `{name}`{}; `exitpath bench --list` shows all", did_you_mean(*.nearest))]
pub struct Unknown {
    name: String,
    nearest: Option<&'static str>,
}

fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map(|name| format!(", did you mean `{name}`?")).unwrap_or_default()
}

/// The benches of these names, each once; the standard ones if there is no name, `all` is all.
pub fn named(names: &[String]) -> Result<Vec<&'static Bench>, Unknown> {
    if names.is_empty() {
        return Ok(ALL.iter().filter(|bench| bench.standard).collect());
    }
    let mut found: Vec<&Bench> = Vec::new();
    for name in names {
        let before = found.len();
        for bench in ALL {
            let is_it = name == "all" || name == bench.name || bench.alias.is_some_and(|alias| name == alias);
            if is_it && !found.iter().any(|other| other.name == bench.name) {
                found.push(bench);
            }
        }
        let known =
            found.len() > before || found.iter().any(|one| one.name == name || one.alias == Some(name));
        if !known && name != "all" {
            return Err(Unknown { name: name.clone(), nearest: nearest(name) });
        }
    }
    Ok(found)
}

/// The name most like it, if any is.
fn nearest(name: &str) -> Option<&'static str> {
    let names = ALL.iter().flat_map(|bench| [Some(bench.name), bench.alias]).flatten();
    names
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .filter(|&(likeness, _)| likeness > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, known)| known)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(words: &[&str]) -> Result<Vec<&'static str>, Unknown> {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        named(&words).map(|found| found.iter().map(|bench| bench.name).collect())
    }

    #[test]
    fn names_are_found_once_and_in_the_order_given() {
        assert_eq!(names(&["int80", "getppid", "null"]), Ok(vec!["int80", "null"]));
        assert_eq!(names(&["all"]).unwrap().len(), ALL.len());
        assert_eq!(names(&["null", "all"]).unwrap().len(), ALL.len());
        assert_eq!(names(&["all", "all", "null"]).unwrap().len(), ALL.len());
        assert_eq!(names(&[]).unwrap().len(), ALL.iter().filter(|bench| bench.standard).count());
    }

    #[test]
    fn a_name_that_is_none_gets_the_nearest() {
        let said = |word| names(&[word]).unwrap_err().to_string();
        assert!(said("getppd").contains("did you mean `getppid`?"), "{}", said("getppd"));
        assert!(said("sigretrun").contains("`sigreturn`"));
        assert!(!said("zzz").contains("did you mean"));
        assert!(said("").starts_with("there is no bench ``"));
    }
}
