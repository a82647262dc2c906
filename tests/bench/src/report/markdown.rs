//! The report as Markdown: the machine, the budgets, then a table a section.

use super::{Budget, Row, Section, machine::Machine, number::number, row::Figure};

/// The whole of it.
pub fn text(machine: &Machine, sections: &[Section], failures: &[String]) -> String {
    let mut parts = vec![format!(
        "# What an event costs\n\n{machine}\n\nRows that are compared were measured in turn in one run; a figure is the median of its rounds, a ratio the \
         median of those of each round (least to greatest).\n"
    )];
    let failed = |failure: &String| format!("\n**Failed:** {}\n", failure.lines().next().unwrap_or_default());
    parts.extend(failures.iter().map(failed));
    let budgets: Vec<String> = sections.iter().flat_map(budgets).collect();
    if !budgets.is_empty() {
        parts.push(
            "\n## Budgets\n\n| what | budget | reached | holds |\n| --- | ---: | ---: | --- |\n".to_owned(),
        );
        parts.extend(budgets);
    }
    for section in sections {
        parts.push(format!("\n## {}\n\n{}\n\n", section.heading, section.about));
        parts.push(
            "| what | median | least to greatest | against | also |\n| --- | ---: | ---: | --- | --- |\n"
                .to_owned(),
        );
        parts.extend(section.rows.iter().map(|row| line(section, row)));
    }
    parts.concat()
}

fn budgets(section: &Section) -> Vec<String> {
    let line = |row: &Row| {
        let (budget, ratio) = (row.budget.as_ref()?, section.ratio(row));
        let holds = match budget.holds(row, ratio) {
            Some(true) => "yes",
            Some(false) => "**no**",
            None => "not measured",
        };
        let (bound, reached) = shown(budget, row, ratio);
        Some(format!("| {} | {bound} | {reached} | {holds} |\n", row.what))
    };
    section.rows.iter().filter_map(line).collect()
}

fn shown(budget: &Budget, row: &Row, ratio: Option<Figure>) -> (String, String) {
    let ratio = ratio.map_or("-".to_owned(), scattered);
    let median = format!("{} {}", number(row.figure().median), row.unit);
    let other = row.against.as_deref().unwrap_or_default();
    match budget {
        Budget::RatioAtLeast(bound) => (format!("at least {bound} of {other}"), ratio),
        Budget::RatioAtMost(bound) => (format!("at most {bound} of {other}"), ratio),
        Budget::AtLeast(bound) => (format!("at least {} {}", number(*bound), row.unit), median),
        Budget::AtMost(bound) => (format!("at most {} {}", number(*bound), row.unit), median),
    }
}

fn line(section: &Section, row: &Row) -> String {
    let figure = row.figure();
    let against = section.ratio(row).map_or(String::new(), |ratio| {
        let other = row.against.as_deref().unwrap_or_default();
        format!("{} of {other}", scattered(ratio))
    });
    let also = row
        .also
        .iter()
        .map(|(name, value, unit)| format!("{name} {} {unit}", number(*value)));
    format!(
        "| {} | {} {} | {} to {} | {against} | {} |\n",
        row.what,
        number(figure.median),
        row.unit,
        number(figure.least),
        number(figure.greatest),
        also.collect::<Vec<_>>().join("; ").replace(" ;", ";").trim_end(),
    )
}

/// A ratio, and where it is of several rounds how they scatter.
fn scattered(ratio: Figure) -> String {
    let Figure {
        median,
        least,
        greatest,
    } = ratio;
    if least < greatest {
        format!("{median:.2} ({least:.2} to {greatest:.2})")
    } else {
        format!("{median:.2}")
    }
}
