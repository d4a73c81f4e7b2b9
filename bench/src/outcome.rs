//! What came out: rows of ratios, figures, and whether they reach their targets; as a table and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use crate::statistics::Spread;

/// A compared workload. CPU is in microseconds for one bag.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Row {
    /// Name of the workload.
    pub(crate) workload: String,
    /// What it is compared with.
    pub(crate) reference_name: String,
    /// CPU of ours.
    pub(crate) ours: Spread,
    /// The same of each process: the server, and its adapter where there is one.
    pub(crate) ours_by_process: Vec<Spread>,
    /// CPU of what it is compared with.
    pub(crate) reference: Spread,
    /// Ours divided by the reference, round by round.
    pub(crate) ratio: Spread,
    /// The most that the ratio may be.
    pub(crate) target: Option<f64>,
    /// Calls that ours answered in a second.
    pub(crate) calls_per_second: f64,
    /// CPU of the original.
    pub(crate) original: Option<Spread>,
}

/// A single number.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Figure {
    /// What it is.
    pub(crate) name: String,
    /// The number.
    pub(crate) value: f64,
    /// Its unit.
    pub(crate) unit: &'static str,
    /// The most that it may be.
    pub(crate) target: Option<f64>,
}

/// Everything that was measured.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Outcome {
    /// Compared workloads.
    pub(crate) rows: Vec<Row>,
    /// Single numbers.
    pub(crate) figures: Vec<Figure>,
}

impl Outcome {
    /// The tables.
    pub(crate) fn table(&self) -> String {
        let mut lines = vec![
            [
                "workload",
                "ours µs/bag",
                "reference µs/bag",
                "ratio",
                "target",
                "verdict",
                "calls/s",
                "original µs/bag",
                "compared with",
            ]
            .map(str::to_owned),
        ];
        lines.extend(self.rows.iter().map(|row| {
            [
                row.workload.clone(),
                format!("{}{}", spread(row.ours, 1), by_process(&row.ours_by_process)),
                spread(row.reference, 1),
                spread(row.ratio, 2),
                target(row.target, 2),
                verdict(row.ratio.median, row.target),
                format!("{:.0}", row.calls_per_second),
                row.original.map_or_else(|| "–".to_owned(), |original| spread(original, 1)),
                row.reference_name.clone(),
            ]
        }));
        let mut text = if self.rows.is_empty() { String::new() } else { columns(&lines) };
        if !self.figures.is_empty() {
            let mut lines = vec![["figure", "value", "target", "verdict"].map(str::to_owned)];
            lines.extend(self.figures.iter().map(|figure| {
                let value = format!("{:.1} {}", figure.value, figure.unit);
                [figure.name.clone(), value, target(figure.target, 1), verdict(figure.value, figure.target)]
            }));
            text.push_str(if text.is_empty() { "" } else { "\n" });
            text.push_str(&columns(&lines));
        }
        text
    }
}

/// `median (min–max)`.
fn spread(spread: Spread, digits: usize) -> String {
    format!("{:.digits$} ({:.digits$}–{:.digits$})", spread.median, spread.min, spread.max)
}

/// The medians of processes, when there are several.
fn by_process(processes: &[Spread]) -> String {
    if processes.len() < 2 {
        return String::new();
    }
    let medians: Vec<String> = processes.iter().map(|process| format!("{:.1}", process.median)).collect();
    format!(" = {}", medians.join(" + "))
}

fn target(target: Option<f64>, digits: usize) -> String {
    target.map_or_else(|| "–".to_owned(), |target| format!("≤ {target:.digits$}"))
}

fn verdict(value: f64, target: Option<f64>) -> String {
    match target {
        None => "–".to_owned(),
        Some(target) if value <= target => "reached".to_owned(),
        Some(target) => format!("missed by {:.2} ({:.0} %)", value - target, (value / target - 1.0) * 100.0),
    }
}

/// Lines of cells, each column as wide as its widest cell; the first is aligned left like all words.
fn columns<const N: usize>(lines: &[[String; N]]) -> String {
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|line| line.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let mut text = String::new();
    for line in lines {
        let mut whole = String::new();
        for (cell, width) in line.iter().zip(&widths) {
            // Writing to a string cannot fail.
            let _ = write!(whole, "{cell:<width$}  ");
        }
        text.push_str(whole.trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests;
