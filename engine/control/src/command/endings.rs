//! What a change of a pipeline ends: a window or a join that is declared otherwise, or no longer, loses what it has open.

use std::collections::BTreeMap;

use tailrace_core::{join, manifest::PipelineManifest, name::Name, window::stored};

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
    windows.chain(joins).collect()
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
    fn a_window_that_changes_what_it_computes_is_told_and_one_that_waits_longer_is_not() {
        let manifest = |windows: &str| {
            let text =
                format!("name: p\ninput: {{subjects: [in]}}\noutput: {{subject: out}}\nwindows: {windows}\n");
            parse(text.as_bytes()).unwrap()
        };
        let active = manifest("{w: {over: {tumbling: 1m}, aggregate: {n: count}}}");
        for (next, expected) in [
            ("{w: {over: {tumbling: 1m}, aggregate: {n: count}, grace: 5m}}", 0),
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
    fn a_join_of_other_values_is_told_and_one_that_tells_more_rows_is_not() {
        let manifest = |join: &str| {
            let inputs = "{a: {subjects: [a]}, b: {subjects: [b]}}";
            let text = format!(
                "name: p\ninputs: {inputs}\noutput: {{subject: out}}\njoins: {{j: {{left: a, right: b, within: {{after: 1m}}{join}}}}}\n"
            );
            parse(text.as_bytes()).unwrap()
        };
        let active = manifest("");
        for (next, expected) in [
            (", kind: full", 0),
            (", grace: 1m", 0),
            (", on: {left: /a, right: /b}", 1),
        ] {
            assert_eq!(ended(&active, &manifest(next)).len(), expected, "{next}");
        }
    }
}
