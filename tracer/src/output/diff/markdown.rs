//! The comparison as GitHub and GitLab show it.

use std::io::{self, Write};

use super::{
    section::{Section, sections},
    words,
};
use crate::{diff::Comparison, environment::Difference};

/// Writes the comparison.
///
/// # Errors
///
/// Those of the writer.
pub fn write(comparison: &Comparison, to: &mut dyn Write) -> io::Result<()> {
    let Comparison { base, new, environment, forced, notes, advice, method, repeat, .. } = comparison;
    writeln!(to, "## {} (base) against {} (new)\n", escaped(&base.label), escaped(&new.label))?;
    for line in words::headline(comparison) {
        writeln!(to, "{} {}", if line.starts_with(' ') { "  -" } else { "-" }, escaped(line.trim()))?;
    }
    writeln!(to, "\n{}\n", escaped(words::LEGEND))?;
    for Difference { what, base, new } in forced {
        let [what, base, new] = [what, base, new].map(|text| escaped(text));
        writeln!(to, "> **Warning**: not comparable, but forced: {what}: {base} (base), {new} (new)\n")?;
    }
    for note in notes {
        writeln!(to, "> **Note**: {}\n", escaped(note))?;
    }
    if let Some(advice) = advice {
        writeln!(to, "> {}\n", escaped(&advice.text))?;
    }
    for one in sections(comparison) {
        section(&one, to)?;
    }
    if let Some(line) = words::omitted(comparison) {
        writeln!(to, "{}\n", escaped(&line))?;
    }
    writeln!(to, "### Environment\n")?;
    for (name, side) in [("base", base), ("new", new)] {
        let [what, kernel, machine] = words::side(side, comparison.method.unit).map(|text| escaped(&text));
        writeln!(to, "- **{name}** {what}\n  - kernel: {kernel}\n  - machine: {machine}")?;
    }
    if environment.is_empty() {
        writeln!(to, "\nNo difference.")?;
    } else {
        writeln!(to, "\n| differs | base | new |\n|:--|:--|:--|")?;
        for Difference { what, base, new } in environment {
            writeln!(to, "| {} | {} | {} |", escaped(what), escaped(base), escaped(new))?;
        }
    }
    writeln!(to, "\n### Method\n\n{}\n", escaped(&words::method(method)))?;
    if let Some(line) = words::aa(comparison) {
        writeln!(to, "{}\n", escaped(&line))?;
    }
    writeln!(to, "Repeat, with exitpath {}: {}", super::VERSION, escaped(repeat))
}

fn section(section: &Section, to: &mut dyn Write) -> io::Result<()> {
    let Section { title, key, columns, groups } = section;
    writeln!(to, "### {}\n", capitalised(title))?;
    let titles: Vec<_> = key.iter().chain(columns).map(|column| escaped(&column.title)).collect();
    writeln!(to, "| {} |", titles.join(" | "))?;
    let rules: Vec<_> =
        key.iter().chain(columns).map(|column| if column.right { "--:" } else { ":--" }).collect();
    writeln!(to, "|{}|", rules.join("|"))?;
    for group in groups {
        for line in &group.lines {
            let cells: Vec<_> = group.key.iter().chain(line).map(|cell| escaped(cell)).collect();
            writeln!(to, "| {} |", cells.join(" | "))?;
        }
    }
    writeln!(to)
}

fn capitalised(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// Text that Markdown and HTML leave as it is.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for one in text.chars() {
        match one {
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '@' => {
                out.push('\\');
                out.push(one);
            }
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '&' => out.push_str("&amp;"),
            one if one.is_control() => out.push(' '),
            one => out.push(one),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_cannot_become_markup() {
        assert_eq!(escaped("a|b\n<img>_x_ [y](z) @all"), "a\\|b &lt;img&gt;\\_x\\_ \\[y\\](z) \\@all");
    }
}
