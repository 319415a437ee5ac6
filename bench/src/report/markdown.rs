//! The report as Markdown: one table to quote, then one table a row with what lies behind it.

use std::fmt::Write;

use super::statistics::Spread;
use super::{Line, Report, RowReport};
use crate::plan::Sample;
use crate::rival::Subject;

pub(super) fn render(report: &Report) -> String {
    let mut out = String::new();
    heading(&mut out, report);
    summary(&mut out, report);
    for row in &report.rows {
        details(&mut out, row);
    }
    out
}

fn heading(out: &mut String, report: &Report) {
    let machine = &report.machine;
    line(out, "# Ringway and its rivals, in one run\n");
    line(
        out,
        &format!(
            "{} rounds of {} s, subjects in turn, each started afresh on a core of its own; load \
             and origin on another. Medians; in parentheses the ratio to the subject named in the \
             third column, taken round by round.\n",
            report.rounds, report.window_seconds
        ),
    );
    line(out, &format!("Linux {}, {}.", machine.kernel, machine.processor));
    line(out, &format!("{}.", machine.subjects.join("; ")));
    let percent = foreign_part_most(report) * 100.0;
    line(out, &format!("Other processes used {percent:.0} % of both cores in the worst window.\n"));
}

/// How quiet the machine was not: what the reader must know before any figure.
fn foreign_part_most(report: &Report) -> f64 {
    let lines = report.rows.iter().flat_map(|row| &row.lines);
    let works = lines.flat_map(|line| &line.samples).filter_map(|sample| sample.work);
    works.map(|work| work.foreign_part).fold(0.0, f64::max)
}

/// One line a row, one column a subject.
fn summary(out: &mut String, report: &Report) {
    let measured = |name: &&str| {
        report.rows.iter().flat_map(|row| &row.lines).any(|line| line.subject == *name)
    };
    let names = Subject::ALL.iter().map(|subject| subject.name());
    let names: Vec<&str> = names.filter(measured).collect();
    line(out, &format!("| work | unit | ratios to | {} | bars for Ringway |", names.join(" | ")));
    line(out, &format!("|---|---|---|{}---|", "---|".repeat(names.len())));
    for row in &report.rows {
        let cell = |name: &&str| {
            row.lines.iter().find(|l| l.subject == *name).map_or_else(String::new, short)
        };
        let cells: Vec<String> = names.iter().map(cell).collect();
        let (title, unit, bars) = (row.title, &row.unit, verdicts(row));
        let (base, cells) = (row.base.unwrap_or_default(), cells.join(" | "));
        line(out, &format!("| {title} | {unit} | {base} | {cells} | {bars} |"));
    }
    line(out, "");
}

fn details(out: &mut String, row: &RowReport) {
    line(out, &format!("## {}: {}\n", row.word, row.title));
    let base = row.base.map_or_else(String::new, |base| format!(" Ratios to: {base}."));
    line(out, &format!("Unit: {}.{base}\n", row.unit));
    line(out, "| subject | median | rounds | spread | ratio | ratios | behind it |");
    line(out, "|---|---|---|---|---|---|---|");
    for entry in &row.lines {
        let subject = entry.subject;
        match (&entry.refusal, entry.figure) {
            (None, Some(figure)) => {
                let (ratio, ratios) = entry.ratio.map_or_else(Default::default, |ratio| {
                    (format!("{:.2}", ratio.median), range(&ratio))
                });
                let (median, spread) = (number(figure.median), figure.width() * 100.0);
                let (rounds, behind) = (range(&figure), behind(&entry.samples));
                line(
                    out,
                    &format!(
                        "| {subject} | {median} | {rounds} | {spread:.0} % | {ratio} | {ratios} | \
                         {behind} |"
                    ),
                );
            }
            (refusal, _) => {
                let why = refusal.as_deref().unwrap_or("not measured").replace('|', "/");
                line(out, &format!("| {subject} | {why} | | | | | |"));
            }
        }
    }
    line(out, "");
}

fn short(line: &Line) -> String {
    match (&line.refusal, line.figure, line.ratio) {
        (None, Some(figure), Some(ratio)) => {
            format!("{} ({:.2})", number(figure.median), ratio.median)
        }
        (None, Some(figure), None) => number(figure.median),
        // The rows' own tables give the reason.
        (Some(refusal), ..) => refusal.split(':').next().unwrap_or_default().to_owned(),
        (None, None, _) => "not measured".into(),
    }
}

fn verdicts(row: &RowReport) -> String {
    let each = row.verdicts.iter().map(|verdict| {
        let (bar, against) = (verdict.bar, &verdict.against);
        match verdict.measured {
            None => format!("at most {bar:.2} {against}: not measured"),
            Some(measured) if measured <= bar => {
                format!("{measured:.2} {against}, at most {bar:.2}: reached")
            }
            Some(measured) => {
                let percent = (measured / bar - 1.0) * 100.0;
                format!("{measured:.2} {against}, at most {bar:.2}: **missed** by {percent:.0} %")
            }
        }
    });
    each.collect::<Vec<_>>().join("; ")
}

/// The means of what explains a figure.
fn behind(samples: &[Sample]) -> String {
    let mean = |part: &dyn Fn(&Sample) -> Option<f64>| {
        let values: Vec<f64> = samples.iter().filter_map(part).collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let mut parts = Vec::new();
    let mut add = |value: Option<f64>, show: &dyn Fn(f64) -> String| {
        parts.extend(value.map(show));
    };
    add(mean(&|s| Some(s.work?.responses_per_second)), &|v| format!("{v:.0} responses/s"));
    add(mean(&|s| Some(s.work?.busy * 100.0)), &|v| format!("core {v:.0} % busy"));
    add(mean(&|s| Some(s.work?.user_part * 100.0)), &|v| format!("{v:.0} % user"));
    add(mean(&|s| Some(s.work?.foreign_part * 100.0)), &|v| format!("{v:.0} % foreign"));
    add(mean(&|s| Some(s.latency?.p50_us)), &|v| format!("p50 {v:.0} us"));
    add(mean(&|s| Some(s.latency?.p999_us)), &|v| format!("p99.9 {v:.0} us"));
    add(mean(&|s| Some(s.latency?.lag_p99_us)), &|v| format!("the load's own lag p99 {v:.0} us"));
    add(mean(&|s| s.resident_kib_per_connection), &|v| format!("resident {v:.2} KiB"));
    parts.join(", ")
}

fn range(spread: &Spread) -> String {
    format!("{} to {}", number(spread.least), number(spread.most))
}

/// Three digits that matter.
fn number(value: f64) -> String {
    match value.abs() {
        100.0.. => format!("{value:.0}"),
        10.0.. => format!("{value:.1}"),
        _ => format!("{value:.2}"),
    }
}

fn line(out: &mut String, text: &str) {
    writeln!(out, "{text}").expect("writing to a string does not fail");
}
