//! What a change of a pipeline ends: a window or a join that is declared otherwise, or no longer, loses what it has open.
//! One that waits otherwise keeps it, and what that costs is told too.

use std::collections::BTreeMap;

use tailrace_core::{
    join,
    manifest::{JoinManifest, JoinSide, PipelineManifest, WindowManifest},
    name::Name,
    waiting::{JoinRules, WindowRules},
    window::stored,
};

/// A warning for each window and join that ends so.
pub(crate) fn ended(active: &PipelineManifest, next: &PipelineManifest) -> Vec<String> {
    let windows = |manifest: &PipelineManifest| -> BTreeMap<Name, u32> {
        let shape = |(name, window): (&Name, _)| (name.clone(), stored::shape(window, 0));
        manifest.windows.iter().map(shape).collect()
    };
    let joins = |manifest: &PipelineManifest| -> BTreeMap<Name, u32> {
        let shape = |(name, join): (&Name, _)| (name.clone(), join::shape(join, 0));
        manifest.joins.iter().map(shape).collect()
    };
    let keep = "to keep both for a while, give the new one another name";
    let windows = changed(windows(active), windows(next)).map(|(name, how)| {
        format!(
            "window {name} is {how}: what is open of it ends without a result, and is counted as windows_lost; {keep}"
        )
    });
    let joins = changed(joins(active), joins(next)).map(|(name, how)| {
        format!(
            "join {name} is {how}: events that it keeps find no partner any more, and are counted as joins_lost if they were to be told alone; {keep}"
        )
    });
    windows.chain(joins).chain(waits(active, next)).collect()
}

/// What becomes of what is open where only the waiting changes.
fn waits(active: &PipelineManifest, next: &PipelineManifest) -> Vec<String> {
    let windows = next.windows.iter().filter_map(|(name, window)| {
        let before = active.windows.get(name)?;
        let is_same = stored::shape(before, 0) == stored::shape(window, 0);
        is_same.then(|| window_waits(name, before, window))
    });
    let joins = next.joins.iter().filter_map(|(name, join)| {
        let before = active.joins.get(name)?;
        let is_same = join::shape(before, 0) == join::shape(join, 0);
        is_same.then(|| join_waits(name, before, join))
    });
    windows.flatten().chain(joins.flatten()).collect()
}

fn window_waits(name: &Name, before: &WindowManifest, next: &WindowManifest) -> Vec<String> {
    let (before, next) = (WindowRules::of(before), WindowRules::of(next));
    let mut told = Vec::new();
    if before.is_corrected() && !next.is_corrected() {
        told.push(format!(
            "window {name} corrects no longer: a result that was published stays as it is, and events that come for it are late"
        ));
    }
    if next.waits_ms() < before.waits_ms() {
        told.push(format!(
            "window {name} waits for less time: what is over by then leaves at once, and events that come for it are late, or correct it"
        ));
    }
    if next.grace_ms() > before.grace_ms() || next.is_corrected() && !before.is_corrected() {
        told.push(format!(
            "window {name} waits for more events from now on: what is closed stays closed, and events that come for it are late"
        ));
    }
    told
}

fn join_waits(name: &Name, before: &JoinManifest, next: &JoinManifest) -> Vec<String> {
    let (before, next) = (JoinRules::of(before), JoinRules::of(next));
    let sides = [JoinSide::Left, JoinSide::Right];
    let mut told = Vec::new();
    if sides
        .iter()
        .any(|side| next.tells_alone(*side) && !before.tells_alone(*side))
    {
        told.push(format!(
            "join {name} tells more events without a partner: those that it keeps by now are not told, for whether they had one was not noted, and are counted as joins_lost if they find none"
        ));
    }
    if sides
        .iter()
        .any(|side| before.tells_alone(*side) && !next.tells_alone(*side))
    {
        told.push(format!(
            "join {name} tells fewer events without a partner: those that it keeps by now have no row if they find none"
        ));
    }
    if sides
        .iter()
        .any(|side| next.keeps_ms(*side) < before.keeps_ms(*side))
    {
        told.push(format!(
            "join {name} keeps events for less time: those whose wait is over by then leave at once"
        ));
    }
    told
}

/// What is not as it was, and how.
fn changed(
    active: BTreeMap<Name, u32>,
    next: BTreeMap<Name, u32>,
) -> impl Iterator<Item = (Name, &'static str)> {
    active.into_iter().filter_map(move |(name, shape)| {
        let how = match next.get(&name) {
            None => "declared no longer",
            Some(next) if *next != shape => "declared otherwise",
            Some(_) => return None,
        };
        Some((name, how))
    })
}

#[cfg(test)]
mod tests {
    use tailrace_core::manifest::parse::parse;

    use super::*;

    #[test]
    fn a_window_that_changes_what_it_computes_is_told_and_one_that_tells_early_is_not() {
        let manifest = |windows: &str| {
            let text =
                format!("name: p\ninput: {{subjects: [in]}}\noutput: {{subject: out}}\nwindows: {windows}\n");
            parse(text.as_bytes()).unwrap()
        };
        let active = manifest("{w: {over: {tumbling: 1m}, aggregate: {n: count}}}");
        for (next, expected) in [
            ("{w: {over: {tumbling: 1m}, aggregate: {n: count}, early: 5s}}", 0),
            (
                "{w: {over: {tumbling: 1m}, aggregate: {n: count}}, v: {over: {session: 1m}, aggregate: {n: count}}}",
                0,
            ),
            ("{w: {over: {tumbling: 2m}, aggregate: {n: count}}}", 1),
            ("{v: {over: {tumbling: 1m}, aggregate: {n: count}}}", 1),
        ] {
            assert_eq!(ended(&active, &manifest(next)).len(), expected, "{next}");
        }
    }

    #[test]
    fn a_window_that_waits_otherwise_is_told_where_that_has_consequences() {
        let manifest = |rules: &str| {
            let text = format!(
                "name: p\ninput: {{subjects: [in]}}\noutput: {{subject: out}}\nwindows: {{w: {{over: {{tumbling: 1m}}, aggregate: {{n: count}}{rules}}}}}\n"
            );
            parse(text.as_bytes()).unwrap()
        };
        for (before, next, expected) in [
            ("", ", late: dead-letter", ""),
            ("", ", grace: 1m", "what is closed stays closed"),
            (", grace: 1m", "", "waits for less time"),
            (", late: correct, grace: 1m", ", grace: 1m", "corrects no longer"),
            (", early: 1s", "", ""),
        ] {
            let told = ended(&manifest(before), &manifest(next)).join("; ");
            assert_eq!(told.is_empty(), expected.is_empty(), "{told}");
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn a_join_that_waits_otherwise_is_told_where_that_has_consequences() {
        let manifest = |rules: &str| {
            let text = format!(
                "name: p\ninputs: {{a: {{subjects: [a]}}, b: {{subjects: [b]}}}}\noutput: {{subject: out}}\njoins: {{j: {{left: a, right: b, {rules}}}}}\n"
            );
            parse(text.as_bytes()).unwrap()
        };
        let before = manifest("within: {after: 2m}, kind: left");
        for (next, expected) in [
            ("within: {after: 3m}, kind: left", ""),
            ("within: {after: 1m}, kind: left", "for less time"),
            ("within: {after: 2m}, kind: full", "joins_lost"),
            ("within: {after: 2m}", "fewer events"),
        ] {
            let told = ended(&before, &manifest(next)).join("; ");
            assert_eq!(told.is_empty(), expected.is_empty(), "{told}");
            assert!(told.contains(expected), "{told}");
        }
    }

    #[test]
    fn a_join_of_other_values_is_told_and_one_that_waits_longer_is_not() {
        let manifest = |join: &str| {
            let inputs = "{a: {subjects: [a]}, b: {subjects: [b]}}";
            let text = format!(
                "name: p\ninputs: {inputs}\noutput: {{subject: out}}\njoins: {{j: {{left: a, right: b, within: {{after: 1m}}{join}}}}}\n"
            );
            parse(text.as_bytes()).unwrap()
        };
        let active = manifest("");
        for (next, expected) in [(", grace: 1m", 0), (", on: {left: /a, right: /b}", 1)] {
            assert_eq!(ended(&active, &manifest(next)).len(), expected, "{next}");
        }
    }
}
