//! Lines of text: cleaned, wrapped to a width, coloured.

use std::io::{self, Write};

use super::section::BELOW_RESOLUTION;
use crate::output::table::{Ink, Style};

/// Where lines of text go.
pub(super) struct Page<'a> {
    pub to: &'a mut dyn Write,
    /// No line is longer; `None` is no limit.
    pub width: Option<usize>,
    /// Only ASCII, and lines that cannot be wrapped are cut into pieces.
    pub ascii: bool,
    pub style: Style,
}

impl Page<'_> {
    /// A line of running text, wrapped; lines after the first are indented by `indent`.
    pub(super) fn text(&mut self, text: &str, indent: usize) -> io::Result<()> {
        self.painted(None, text, indent)
    }

    /// The same in colour.
    pub(super) fn ink(&mut self, ink: Ink, text: &str, indent: usize) -> io::Result<()> {
        self.painted(Some(ink), text, indent)
    }

    fn painted(&mut self, ink: Option<Ink>, text: &str, indent: usize) -> io::Result<()> {
        for line in wrap(&self.clean(text), self.width, indent) {
            match ink {
                Some(ink) => writeln!(self.to, "{}", self.style.paint(ink, &line))?,
                None => writeln!(self.to, "{line}")?,
            }
        }
        Ok(())
    }

    /// A line of cells, whose last is a verdict's name or none; never wrapped but where lines must not be long.
    pub(super) fn cells(&mut self, text: &str) -> io::Result<()> {
        let text = self.clean(text);
        if self.ascii {
            return wrap(&text, self.width, 4).iter().try_for_each(|line| writeln!(self.to, "{line}"));
        }
        let inks = [("slower", Ink::Red), ("faster", Ink::Green)];
        let (bare, mark) =
            text.strip_suffix(BELOW_RESOLUTION).map_or((&*text, ""), |bare| (bare, BELOW_RESOLUTION));
        match inks.iter().find_map(|(verdict, ink)| Some((bare.strip_suffix(verdict)?, verdict, ink))) {
            Some((before, verdict, ink)) => {
                writeln!(self.to, "{before}{}{mark}", self.style.paint(*ink, verdict))
            }
            None => writeln!(self.to, "{text}"),
        }
    }

    /// An empty line.
    pub(super) fn gap(&mut self) -> io::Result<()> {
        writeln!(self.to)
    }

    /// Names come from files: what would move a cursor, or is not ASCII where only ASCII may be, does not pass.
    fn clean(&self, text: &str) -> String {
        text.chars()
            .map(|one| match one {
                '\n' | '\t' => ' ',
                one if one.is_control() || (self.ascii && !one.is_ascii()) => '?',
                one => one,
            })
            .collect()
    }
}

/// Breaks a line at spaces, and a word that is longer than a line where it must.
fn wrap(text: &str, width: Option<usize>, indent: usize) -> Vec<String> {
    let Some(width) = width.map(|width| width.max(indent + 8)) else { return vec![text.to_owned()] };
    let mut lines = Vec::new();
    let mut rest: Vec<char> = text.chars().collect();
    while rest.len() > width {
        let least = rest.iter().position(|one| *one != ' ').unwrap_or(0);
        let space = (least + 1..=width).rev().find(|&at| rest[at] == ' ');
        let at = space.unwrap_or(width);
        let line: String = rest[..at].iter().collect();
        lines.push(line.trim_end().to_owned());
        let next = rest[at..].iter().skip_while(|one| **one == ' ');
        rest = std::iter::repeat_n(' ', indent).chain(next.copied()).collect();
    }
    lines.push(rest.iter().collect::<String>().trim_end().to_owned());
    lines.retain(|line| !line.is_empty());
    if lines.is_empty() { vec![String::new()] } else { lines }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lines_break_at_spaces() {
        assert_eq!(wrap("one two three", Some(12), 2), ["one two", "  three"]);
        assert_eq!(wrap("abcdefghijkl", Some(10), 1), ["abcdefghij", " kl"]);
        assert_eq!(wrap("as it is", None, 2), ["as it is"]);
    }

    proptest! {
        #[test]
        fn no_line_is_longer_and_no_word_is_lost(text in "[a-z ]{0,300}", width in 20_usize..90, indent in 0_usize..6) {
            let lines = wrap(&text, Some(width), indent);
            prop_assert!(lines.iter().all(|line| line.chars().count() <= width));
            let letters = |text: &str| text.chars().filter(|one| *one != ' ').collect::<String>();
            prop_assert_eq!(letters(&lines.join("")), letters(&text));
        }
    }
}
