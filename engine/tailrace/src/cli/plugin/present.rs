//! How `tailrace plugin test` shows an event, and all of them, to a person.

use crate::{
    cli::screen::{count, micros, printable, short, size},
    plugin_test::report::{Content, EventReport, FiredTimer, Outcome, Summary},
};

/// Longest value on a line; the whole is in the JSON output.
const MAX_VALUE: usize = 160;

/// An event, or a timer that fired, and what it caused.
pub fn event(report: &EventReport) -> String {
    let tries = if report.calls > 1 {
        format!("  {} calls", report.calls)
    } else {
        String::new()
    };
    let head = format!(
        "{:>5}  {:<9} {:<16} fuel {:>9}  {:>9}{tries}",
        report.sequence,
        outcome(report.outcome),
        short(&report.key, 16),
        count(report.fuel),
        micros(report.took_us)
    );
    let mut lines = vec![head];
    if let Some(FiredTimer { name, at_ms }) = &report.timer {
        lines.push(format!("timer  {} at {at_ms} ms", short(name, 80)));
    }
    if let (Some(code), Some(reason)) = (&report.code, &report.reason) {
        lines.push(format!("why    {code}: {}", short(reason, MAX_VALUE)));
    }
    lines.extend(
        report
            .time
            .iter()
            .map(|odd| format!("time   {}", short(odd, MAX_VALUE))),
    );
    lines.extend(
        report
            .backtrace
            .iter()
            .map(|frame| format!("at     {}", short(frame, MAX_VALUE))),
    );
    lines.extend(report.messages.iter().map(|message| {
        format!(
            "emits  {}  {}",
            short(&message.subject, 80),
            content(&message.payload)
        )
    }));
    lines.extend(report.state.iter().map(|change| {
        let value = change.value.as_ref().map_or("(deleted)".to_owned(), content);
        let end = change
            .expires_ms
            .map_or(String::new(), |end| format!("  until {end} ms"));
        format!("state  {} = {value}{end}", short(&change.key, 80))
    }));
    lines.extend(report.timers.iter().map(|change| {
        let at = change
            .at_ms
            .map_or("(cancelled)".to_owned(), |at_ms| format!("at {at_ms} ms"));
        format!(
            "sets   timer {} of {} {at}",
            short(&change.name, 80),
            short(&change.key, 80)
        )
    }));
    lines.extend(report.vectors.iter().map(|change| {
        let value = change.vector.as_deref().map_or("(deleted)".to_owned(), numbers);
        format!("vector {}/{} = {value}", change.collection, short(&change.id, 80))
    }));
    lines.extend(report.sketches.iter().map(|change| {
        format!(
            "sketch {} {}",
            change.sketch,
            short(&format!("{:?}", change.update), MAX_VALUE)
        )
    }));
    lines.extend(
        report
            .log
            .iter()
            .map(|line| format!("log    {}: {}", line.level, short(&line.message, MAX_VALUE))),
    );
    lines.join("\n         ")
}

/// All events together.
pub fn summary(summary: &Summary) -> String {
    let each = |total: f64| {
        // Timers count as events.
        let all = summary.events + summary.timers;
        if all == 0 { 0.0 } else { total / all as f64 }
    };
    let parts = [
        ("forwarded", summary.forwarded),
        ("emitted", summary.emitted),
        ("dropped", summary.dropped),
        ("rejected", summary.rejected),
        ("duplicates", summary.duplicates),
        ("markers", summary.markers),
        ("exhausted", summary.exhausted),
        ("trapped", summary.trapped),
        ("timers fired", summary.timers),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(_, number)| *number > 0)
        .map(|(name, number)| format!("{} {name}", count(*number)))
        .collect();
    let paused = summary.paused.as_ref();
    let paused = paused.map(|why| format!("\nthe pipeline would pause here: {}", printable(why)));
    let memory = Some(summary.memory_max_bytes).filter(|bytes| *bytes > 0);
    let memory = memory.map(|bytes| format!("; memory at most {}", size(bytes)));
    let text = format!(
        "\n{} events: {}; {} messages\nan event: fuel {} (at most {}), {}{}",
        count(summary.events),
        if parts.is_empty() {
            "none".to_owned()
        } else {
            parts.join(", ")
        },
        count(summary.messages),
        count(each(summary.fuel as f64) as u64),
        count(summary.fuel_max),
        micros(each(summary.took_us)),
        memory.unwrap_or_default()
    );
    let warnings = summary.warnings.iter();
    let warnings: Vec<_> = warnings
        .map(|warning| format!("\nwarning: {}", printable(warning)))
        .collect();
    text + &warnings.concat() + &paused.unwrap_or_default()
}

fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Forward => "forward",
        Outcome::Emit => "emit",
        Outcome::Drop => "drop",
        Outcome::Rejected => "REJECTED",
        Outcome::Refused => "REFUSED",
        Outcome::Duplicate => "duplicate",
        Outcome::Marker => "marker",
        Outcome::Exhausted => "EXHAUSTED",
        Outcome::Trapped => "TRAPPED",
    }
}

fn content(content: &Content) -> String {
    match content {
        Content::Text(text) => short(text, MAX_VALUE),
        Content::Hex(hex) => format!("0x{}", short(hex, MAX_VALUE)),
    }
}

fn numbers(vector: &[f32]) -> String {
    let first: Vec<String> = vector
        .iter()
        .take(8)
        .map(|number| format!("{number:.3}"))
        .collect();
    let rest = if vector.len() > first.len() { " …" } else { "" };
    format!("[{}{rest}]", first.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plugin_test::{lines::LogLine, report::StateChange};

    fn report(outcome: Outcome) -> EventReport {
        EventReport {
            timer: None,
            sequence: 7,
            subject: "a".to_owned(),
            key: "ada".to_owned(),
            outcome,
            code: None,
            reason: None,
            time: None,
            backtrace: Vec::new(),
            messages: Vec::new(),
            state: Vec::new(),
            timers: Vec::new(),
            vectors: Vec::new(),
            sketches: Vec::new(),
            log: Vec::new(),
            calls: 1,
            fuel: 1_234,
            took_us: 2.5,
            memory_bytes: 65_536,
        }
    }

    #[test]
    fn an_event_is_shown_with_what_it_caused_and_cannot_move_the_cursor() {
        let mut shown = report(Outcome::Drop);
        shown.state = vec![StateChange {
            key: "k\u{1b}[2J".to_owned(),
            value: Some(Content::of(&[0xff, 0xfe])),
            expires_ms: Some(9),
        }];
        shown.log = vec![LogLine {
            level: "info".to_owned(),
            message: "one\ntwo".to_owned(),
        }];
        assert_eq!(
            event(&shown),
            "    7  drop      ada              fuel     1,234     2.5 µs\n         state  k\\u{1b}[2J = 0xfffe  until 9 ms\n         log    info: one\\ntwo"
        );
    }

    #[test]
    fn a_summary_names_what_there_was_and_nothing_else() {
        let mut total = Summary::default();
        total.add(&report(Outcome::Drop));
        total.add(&report(Outcome::Trapped));
        let shown = summary(&total);
        assert!(
            shown.contains("2 events: 1 dropped, 1 trapped; 0 messages"),
            "{shown}"
        );
        assert!(
            shown.contains("fuel 1,234") && shown.contains("memory at most 64.0 KiB"),
            "{shown}"
        );
        assert!(summary(&Summary::default()).contains("0 events: none"));
        total.warnings = vec!["all times are odd".to_owned()];
        assert!(summary(&total).ends_with("\nwarning: all times are odd"));
    }
}
