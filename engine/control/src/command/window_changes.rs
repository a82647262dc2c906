//! What a change of a pipeline does to its windows: one that is declared otherwise, or no longer, ends what it has open
//! without a result.

use tailrace_core::{manifest::PipelineManifest, window::stored::shape};

/// A warning for each window that ends so.
pub(crate) fn ended_windows(active: &PipelineManifest, next: &PipelineManifest) -> Vec<String> {
    let ends = active.windows.iter().filter_map(|(name, window)| {
        let how = match next.windows.get(name) {
            None => "declared no longer",
            Some(next) if shape(next) != shape(window) => "declared otherwise",
            Some(_) => return None,
        };
        Some(format!(
            "window {name} is {how}: what is open of it ends without a result, and is counted as windows_lost; to keep both for a while, give the new one another name"
        ))
    });
    ends.collect()
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
            assert_eq!(ended_windows(&active, &manifest(next)).len(), expected, "{next}");
        }
    }
}
