//! Sections in columns of text: flat, one line a metric, where they fit; else a heading and indented lines.

use comfy_table::{CellAlignment, ContentArrangement, Table, presets::NOTHING};

use super::section::{Column, Group, Section};

/// Spaces between columns, and before indented lines.
const GAP: usize = 2;

/// A section in lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Laid {
    /// The line of titles.
    pub titles: String,
    /// The other lines.
    pub lines: Vec<Line>,
    /// Titles of the columns that were dropped, in the order they went.
    pub dropped: Vec<String>,
}

/// A line of a section.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// About what the next lines are.
    Heading(String),
    /// Cells.
    Cells(String),
}

/// Lays a section out for a width; `None` is no limit.
pub(super) fn lay(section: &Section, width: Option<usize>) -> Laid {
    let flat = Sheet::flat(section, width.is_some());
    flat.fit(width)
        .or_else(|| Sheet::blocks(section).fit(width))
        .unwrap_or_else(|| Sheet::blocks(section).least())
}

/// Cells, and the headings that go before some lines.
struct Sheet {
    columns: Vec<Column>,
    rows: Vec<Vec<String>>,
    headings: Vec<(usize, String)>,
    indent: usize,
}

impl Sheet {
    /// `blank`: cells that only repeat what stands above them are left empty.
    fn flat(section: &Section, blank: bool) -> Self {
        let Section { key, columns, groups, .. } = section;
        let row = |group: &Group, number: usize, line: &Vec<String>| {
            let key =
                group.key.iter().map(|cell| if blank && number > 0 { String::new() } else { cell.clone() });
            key.chain(line.iter().cloned()).collect()
        };
        let rows = groups.iter().flat_map(|group| {
            group.lines.iter().enumerate().map(move |(number, line)| row(group, number, line))
        });
        Self {
            columns: key.iter().chain(columns).cloned().collect(),
            rows: rows.collect(),
            headings: Vec::new(),
            indent: 0,
        }
    }

    fn blocks(section: &Section) -> Self {
        let mut rows = Vec::new();
        let mut headings = Vec::new();
        for group in &section.groups {
            headings.push((rows.len(), group.heading.clone()));
            rows.extend(group.lines.iter().cloned());
        }
        Self { columns: section.columns.clone(), rows, headings, indent: GAP }
    }

    /// With as few columns dropped as the width asks for; `None` if it cannot be had.
    fn fit(&self, width: Option<usize>) -> Option<Laid> {
        let mut widths: Vec<_> = (0..self.columns.len()).map(|at| self.width(at)).collect();
        let mut dropped = Vec::new();
        let needed = |widths: &[usize]| {
            self.indent + widths.iter().filter(|&&one| one > 0).map(|one| one + GAP).sum::<usize>() - GAP
        };
        let mut order = self.order().into_iter();
        while width.is_some_and(|width| needed(&widths) > width) {
            let next = order.next()?;
            widths[next] = 0;
            dropped.push(next);
        }
        Some(self.lines(&dropped))
    }

    /// With all columns dropped that can be.
    fn least(&self) -> Laid {
        self.lines(&self.order())
    }

    /// The columns that can be dropped, first to go first.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<_> =
            (0..self.columns.len()).filter(|&at| self.columns[at].drops.is_some()).collect();
        order.sort_by_key(|&at| self.columns[at].drops);
        order
    }

    fn width(&self, at: usize) -> usize {
        let cells = self.rows.iter().map(|row| &row[at]).chain([&self.columns[at].title]);
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    }

    fn lines(&self, dropped: &[usize]) -> Laid {
        let kept: Vec<_> = (0..self.columns.len()).filter(|at| !dropped.contains(at)).collect();
        let mut table = Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(kept.iter().map(|&at| &self.columns[at].title));
        for row in &self.rows {
            table.add_row(kept.iter().map(|&at| &row[at]));
        }
        for (&at, column) in kept.iter().zip(table.column_iter_mut()) {
            column.set_padding((GAP as u16, 0));
            let right = self.columns[at].right;
            column.set_cell_alignment(if right { CellAlignment::Right } else { CellAlignment::Left });
        }
        // A cell is padded on its left, so that nothing stands behind the last one: the first column's goes.
        let text = table.trim_fmt();
        let mut lines = text.lines().map(|line| line.get(GAP - self.indent..).unwrap_or_default().to_owned());
        let titles = lines.next().unwrap_or_default();
        let mut headings = self.headings.iter().peekable();
        let mut all = Vec::new();
        for (number, line) in lines.enumerate() {
            while let Some((_, heading)) = headings.next_if(|(at, _)| *at <= number) {
                all.push(Line::Heading(heading.clone()));
            }
            all.push(Line::Cells(line));
        }
        let dropped = dropped.iter().map(|&at| self.name(at)).collect();
        Laid { titles, lines: all, dropped }
    }

    /// A column's title; the interval of a ratio is told from that of a difference.
    fn name(&self, at: usize) -> String {
        let title = &self.columns[at].title;
        match at.checked_sub(1).map(|before| &*self.columns[before].title) {
            Some("ratio") => format!("{title} of the ratio"),
            _ => title.clone(),
        }
    }
}
