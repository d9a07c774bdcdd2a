//! Where exitpath keeps what it builds or downloads once: outside the tree, so that a clone stays clean and
//! several clones share it.

use anyhow::{Context as _, Result};
use std::{env, path::PathBuf};

/// The variables that decide the folder, first one first; a build script reruns when one changes.
pub const VARIABLES: [&str; 3] = ["EXITPATH_CACHE", "XDG_CACHE_HOME", "HOME"];

/// The cache folder: `$EXITPATH_CACHE`, else `$XDG_CACHE_HOME/exitpath`, else `~/.cache/exitpath`.
/// It need not exist.
pub fn folder() -> Result<PathBuf> {
    let path = choose(|name| env::var_os(name).map(PathBuf::from))
        .context("no folder to cache in: set EXITPATH_CACHE, XDG_CACHE_HOME or HOME")?;
    std::path::absolute(&path).with_context(|| format!("cannot make {} absolute", path.display()))
}

fn choose(variable: impl Fn(&str) -> Option<PathBuf>) -> Option<PathBuf> {
    // An empty variable counts as unset, as the XDG specification asks.
    let set = |name: &str| variable(name).filter(|value| !value.as_os_str().is_empty());
    let [own, xdg, home] = VARIABLES;
    set(own)
        .or_else(|| set(xdg).map(|dir| dir.join("exitpath")))
        .or_else(|| set(home).map(|dir| dir.join(".cache/exitpath")))
}

#[cfg(test)]
mod tests {
    use super::choose;
    use std::path::PathBuf;

    fn chosen(set: &[(&str, &str)]) -> Option<PathBuf> {
        choose(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| PathBuf::from(value)))
    }

    #[test]
    fn own_variable_wins_then_xdg_then_home() {
        let all = [("EXITPATH_CACHE", "/own"), ("XDG_CACHE_HOME", "/xdg"), ("HOME", "/h")];
        assert_eq!(chosen(&all), Some("/own".into()));
        assert_eq!(chosen(&all[1..]), Some("/xdg/exitpath".into()));
        assert_eq!(chosen(&all[2..]), Some("/h/.cache/exitpath".into()));
        assert_eq!(chosen(&[]), None);
    }

    #[test]
    fn empty_counts_as_unset() {
        assert_eq!(chosen(&[("EXITPATH_CACHE", ""), ("HOME", "/h")]), Some("/h/.cache/exitpath".into()));
    }
}
