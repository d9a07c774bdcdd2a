//! Debian's cloud kernels: the newest of each series, unpacked into the cache and kept there.
//!
//! The cloud flavour boots with no module, disk or network. Nothing is installed.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::apt::{self, Apt, Archive};

/// A series and the suite that has it.
const SERIES: [(&str, Archive, &str); 5] = [
    ("5.10", Archive::Security, "bullseye-security"),
    ("6.1", Archive::Security, "bookworm-security"),
    ("6.12", Archive::Security, "trixie-security"),
    ("7.2", Archive::Main, "sid"),
    ("7.3", Archive::Main, "trixie-backports"),
];

const FLAVOUR: &str = "-cloud-amd64";
/// From 7.2 on the image package is empty, and the binary package has the kernel.
const PREFIXES: [&str; 2] = ["linux-binary-", "linux-image-"];

/// A kernel in the cache.
#[derive(Debug, Clone)]
pub struct Kernel {
    /// Its series, as asked for.
    pub series: String,
    /// What `uname -r` says in it.
    pub release: String,
    /// The bootable image.
    pub image: PathBuf,
}

impl Kernel {
    /// The user's own image, named after its file. It must hold all it needs: nothing is loaded from a disk.
    pub fn given(image: &Path) -> Result<Self> {
        let bytes = fs::read(image).with_context(|| format!("cannot read {}", image.display()))?;
        let name = image.file_name().and_then(|name| name.to_str()).unwrap_or("image");
        let release = release(&bytes)
            .with_context(|| format!("{} is no x86 kernel image (bzImage, vmlinuz)", image.display()))?;
        let image = image.canonicalize().with_context(|| format!("cannot find {}", image.display()))?;
        Ok(Self { series: name.to_owned(), release, image })
    }
}

/// What the header of a bzImage says `uname -r` is (Documentation/x86/boot.rst: `HdrS` at 0x202, and at 0x20e
/// where the text lies, 0x200 before its place in the file).
fn release(image: &[u8]) -> Option<String> {
    if image.get(0x202..0x206)? != b"HdrS" {
        return None;
    }
    let at = usize::from(u16::from_le_bytes([*image.get(0x20e)?, *image.get(0x20f)?])) + 0x200;
    let text = image.get(at..)?.split(|byte| !byte.is_ascii_graphic()).next()?;
    String::from_utf8(text.to_vec()).ok().filter(|text| !text.is_empty())
}

/// The series that are asked for; `all` are all. Fails for one that no suite is known for.
pub fn series(asked: &[String]) -> Result<Vec<String>> {
    if asked.iter().any(|series| series == "all") {
        return Ok(SERIES.map(|known| known.0.to_owned()).into());
    }
    for series in asked {
        known(series)?;
    }
    Ok(asked.to_vec())
}

fn known(series: &str) -> Result<(Archive, &'static str)> {
    SERIES.iter().find(|known| known.0 == series).map(|&(_, archive, suite)| (archive, suite)).with_context(
        || {
            format!(
                "kernel series {series} is not known: choose from {}",
                SERIES.map(|known| known.0).join(", ")
            )
        },
    )
}

/// The newest cached kernel of a series, else (or with `update`) the newest that Debian has.
pub fn fetch(cache: &Path, series: &str, update: bool) -> Result<Kernel> {
    let folder = cache.join("kernels").join(series);
    let cached = newest_cached(&folder, series);
    if let (Some(kernel), false) = (&cached, update) {
        return Ok(kernel.clone());
    }
    let (archive, suite) = known(series)?;
    println!("vm: looking for the newest {series} kernel in Debian {suite}");
    let scratch = folder.join(format!(".fetch-{}", std::process::id()));
    let fetched = download(&scratch, &folder, series, &apt::source(archive, suite)?);
    // Left-overs of a failed download would be taken for nothing, but they are large.
    let _ = fs::remove_dir_all(&scratch);
    fetched
}

fn newest_cached(folder: &Path, series: &str) -> Option<Kernel> {
    let releases = fs::read_dir(folder).ok()?.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    releases
        .filter(|release| !release.starts_with('.'))
        .max_by(|a, b| by_number(a, b))
        .map(|release| at(folder, series, release))
}

fn at(folder: &Path, series: &str, release: String) -> Kernel {
    let image = folder.join(&release).join("vmlinuz");
    Kernel { series: series.to_owned(), release, image }
}

fn download(scratch: &Path, folder: &Path, series: &str, source: &str) -> Result<Kernel> {
    let apt = Apt::new(&scratch.join("apt"), &[source.to_owned()])?;
    let mut names = Vec::new();
    for prefix in PREFIXES {
        names.extend(apt.names(prefix)?);
    }
    let release = newest(names.iter().map(String::as_str), series)
        .with_context(|| format!("`{source}` has no {series} kernel any more: choose another series"))?;
    let kernel = at(folder, series, release.to_owned());
    if kernel.image.exists() {
        return Ok(kernel);
    }
    let package = PREFIXES.map(|prefix| format!("{prefix}{release}"));
    let package = package.iter().find(|package| names.contains(package)).context("the package vanished")?;
    println!("vm: downloading {package}");
    let unpacked = scratch.join("unpacked");
    apt.unpack(package, &unpacked)?;
    let image = [format!("boot/vmlinuz-{release}"), format!("usr/lib/modules/{release}/vmlinuz")];
    let Some(image) = image.iter().map(|image| unpacked.join(image)).find(|image| image.exists()) else {
        bail!("{package} holds no kernel image: Debian has moved it, teach vm/kernel.rs where");
    };
    // Renamed into place as a whole, so that a folder in the cache is always complete.
    let ready = scratch.join("ready");
    fs::create_dir_all(&ready).context("cannot write to the cache")?;
    fs::rename(&image, ready.join("vmlinuz")).context("cannot move the kernel")?;
    fs::rename(&ready, folder.join(release)).context("cannot move the kernel into the cache")?;
    Ok(kernel)
}

/// The newest release of a series among package names.
fn newest<'a>(names: impl Iterator<Item = &'a str>, series: &str) -> Option<&'a str> {
    names
        .filter_map(|name| PREFIXES.iter().find_map(|prefix| name.strip_prefix(prefix)))
        .filter(|release| release.ends_with(FLAVOUR))
        .filter(|release| release.strip_prefix(series).is_some_and(|rest| rest.starts_with('.')))
        .max_by(|a, b| by_number(a, b))
}

/// Compares releases by the numbers in them, so that 6.12.100 is newer than 6.12.99.
fn by_number(a: &str, b: &str) -> Ordering {
    let numbers = |release: &str| -> Vec<u64> {
        release.split(|c: char| !c.is_ascii_digit()).filter_map(|digits| digits.parse().ok()).collect()
    };
    numbers(a).cmp(&numbers(b))
}

#[cfg(test)]
mod tests {
    use super::{newest, release};

    #[test]
    fn an_image_says_its_release_and_anything_else_is_refused() {
        let mut image = vec![0; 0x400];
        image[0x202..0x206].copy_from_slice(b"HdrS");
        image[0x20e..0x210].copy_from_slice(&[0x00, 0x01]);
        image[0x300..0x310].copy_from_slice(b"4.14.5 (someone)");
        assert_eq!(release(&image).as_deref(), Some("4.14.5"));
        assert_eq!(release(&image[..0x20f]), None);
        assert_eq!(release(b"#!/bin/sh"), None);
    }

    #[test]
    fn the_newest_cloud_kernel_of_the_series_is_chosen() {
        let names = [
            "linux-image-6.1.0-9-cloud-amd64",
            "linux-image-6.1.0-56-cloud-amd64",
            "linux-image-6.1.0-57-amd64",
            "linux-image-6.1.0-58-cloud-amd64-dbg",
            "linux-image-6.12.117+deb13-cloud-amd64",
            "linux-binary-7.3.4+deb13-cloud-amd64",
        ];
        assert_eq!(newest(names.into_iter(), "6.1"), Some("6.1.0-56-cloud-amd64"));
        assert_eq!(newest(names.into_iter(), "7.3"), Some("7.3.4+deb13-cloud-amd64"));
        assert_eq!(newest(names.into_iter(), "7.2"), None);
    }
}
