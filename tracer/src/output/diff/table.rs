//! The table for a terminal, and the same for a patch mail: result first, then rows, then all that a reader must know.

use std::io::{self, Write};

use super::{
    Options,
    layout::{self, Line},
    page::Page,
    section::{Section, sections},
    words,
};
use crate::{
    diff::Comparison,
    environment::Difference,
    output::table::{Ink, Style},
};

/// What a mail to the kernel's lists may be wide (Documentation/process/submitting-patches.rst).
pub const LKML_WIDTH: usize = 75;

/// Writes the table.
///
/// # Errors
///
/// Those of the writer.
pub fn write(comparison: &Comparison, options: &Options, to: &mut dyn Write) -> io::Result<()> {
    let Options { width, style } = *options;
    whole(comparison, &mut Page { to, width, ascii: false, style })
}

/// Writes it for a patch mail: ASCII, no line over 75 columns.
///
/// # Errors
///
/// Those of the writer.
pub fn write_lkml(comparison: &Comparison, to: &mut dyn Write) -> io::Result<()> {
    whole(comparison, &mut Page { to, width: Some(LKML_WIDTH), ascii: true, style: Style::Plain })
}

fn whole(comparison: &Comparison, page: &mut Page<'_>) -> io::Result<()> {
    let Comparison { base, new, .. } = comparison;
    let title = format!("{} (base) against {} (new), exitpath {}", base.label, new.label, super::VERSION);
    page.ink(Ink::Bold, &title, 2)?;
    page.text(words::LEGEND, 2)?;
    page.gap()?;
    for line in words::headline(comparison) {
        page.text(&line, 4)?;
    }
    warnings(comparison, page)?;
    let mut dropped: Vec<String> = Vec::new();
    for section in sections(comparison) {
        for column in rows(&section, page)? {
            if !dropped.contains(&column) {
                dropped.push(column);
            }
        }
    }
    page.gap()?;
    if let Some(line) = words::omitted(comparison) {
        page.text(&line, 2)?;
    }
    page.text(
        "rows show mean and p50 (of turnaround p5 too), and whatever moved; --format csv and json have every metric",
        2,
    )?;
    if !dropped.is_empty() {
        page.text(&format!("columns left out to fit the width, in this order: {}", dropped.join(", ")), 2)?;
    }
    sides(comparison, page)?;
    page.gap()?;
    page.text(&format!("method: {}", words::method(&comparison.method)), 2)?;
    if let Some(line) = words::aa(comparison) {
        page.text(&line, 2)?;
    }
    page.text(&format!("repeat: {}", comparison.repeat), 2)
}

/// What a reader must know before believing a number.
fn warnings(comparison: &Comparison, page: &mut Page<'_>) -> io::Result<()> {
    let Comparison { forced, notes, advice, .. } = comparison;
    if forced.is_empty() && notes.is_empty() && advice.is_none() {
        return Ok(());
    }
    page.gap()?;
    for Difference { what, base, new } in forced {
        let line =
            format!("warning: not comparable, but forced (--force): {what}: {base} (base), {new} (new)");
        page.ink(Ink::Red, &line, 2)?;
    }
    for note in notes {
        page.ink(Ink::Yellow, &format!("note: {note}"), 2)?;
    }
    if let Some(advice) = advice {
        page.text(&format!("advice: {}", advice.text), 2)?;
    }
    Ok(())
}

/// Writes a section; the columns that had to go.
fn rows(section: &Section, page: &mut Page<'_>) -> io::Result<Vec<String>> {
    page.gap()?;
    page.ink(Ink::Bold, &section.title, 2)?;
    let laid = layout::lay(section, page.width);
    page.cells(&laid.titles)?;
    for line in &laid.lines {
        match line {
            Line::Heading(text) => page.text(text, 4)?,
            Line::Cells(text) => page.cells(text)?,
        }
    }
    Ok(laid.dropped)
}

/// Both sides, and where they differ.
fn sides(comparison: &Comparison, page: &mut Page<'_>) -> io::Result<()> {
    let Comparison { base, new, environment, .. } = comparison;
    page.gap()?;
    let ([base, base_kernel, base_machine], [new, new_kernel, new_machine]) =
        (words::side(base, comparison.method.unit), words::side(new, comparison.method.unit));
    page.text(&format!("base: {base}"), 4)?;
    page.text(&format!("new: {new}"), 4)?;
    for (what, base, new) in [("kernel", base_kernel, new_kernel), ("machine", base_machine, new_machine)] {
        if base == new {
            page.text(&format!("{what}, both: {base}"), 4)?;
        } else {
            page.text(&format!("{what}, base: {base}"), 4)?;
            page.text(&format!("{what}, new: {new}"), 4)?;
        }
    }
    if environment.is_empty() {
        return page.text("environment: no difference", 2);
    }
    page.text("environment differs in:", 2)?;
    for Difference { what, base, new } in environment {
        page.text(&format!("  {what}: {base} (base), {new} (new)"), 4)?;
    }
    Ok(())
}
