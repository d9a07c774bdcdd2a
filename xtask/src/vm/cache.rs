//! Where downloads live: outside the tree, shared by all clones.

use std::env;
use std::path::PathBuf;

use anyhow::{Context, Result};

/// `$EXITPATH_CACHE`, else `$XDG_CACHE_HOME/exitpath`, else `~/.cache/exitpath`.
pub fn folder() -> Result<PathBuf> {
    let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("EXITPATH_CACHE")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("exitpath")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/exitpath")))
        .context("there is no home folder: set EXITPATH_CACHE to a folder for downloads")
}
