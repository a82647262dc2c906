//! The meaning of each query parameter, for the page of the API.

/// The meaning of a query parameter.
pub(super) fn meaning(path: &str, name: &str) -> &'static str {
    let is_dead_letters = path.ends_with("/dead-letters");
    match name {
        "before" => "a sequence. The page ends before it. Pass the lowest `sequence` of the page before.",
        "limit" if path.ends_with("/audit") => "the most records, up to 500. The default is 100.",
        "limit" if path.ends_with("/state") => "the most entries, up to 1,000. The default is 100.",
        "limit" if is_dead_letters => "the most dead letters, up to 500. The default is 50.",
        "subject" => "the subject of every event that names none.",
        "from" if path.ends_with("/outputs") => {
            "`first`, `new`, a sequence of the pipeline's own stream, or a time (RFC 3339). The default is `first`, and `new` with `follow`."
        }
        "after" if path.ends_with("/outputs") => {
            "a sequence. The page starts after it. Pass the `sequence` of the last output of the page before."
        }
        "key" if path.ends_with("/outputs") => {
            "only results of this key. `output.subject` must contain `{key}`."
        }
        "limit" if path.ends_with("/outputs") => {
            "the most outputs, up to 500. The default is 100. With `follow`, the stream ends after this many."
        }
        "follow" if path.ends_with("/outputs") => "`true` keeps the answer open for new outputs.",
        "force" if path.ends_with("/streams/{stream}") => "`true` deletes a stream that a pipeline reads.",
        "limit" if path.ends_with("/tap") => "the stream ends after this many samples.",
        "after" if is_dead_letters => "an id. The page starts after it.",
        "after" if path.ends_with("/windows/{window}") => "`next` of the answer before.",
        "after" if path.ends_with("/timers") || path.ends_with("/joins/{join}") => {
            "`next` of the answer before, as it is."
        }
        "after" if path == "/v1/streams" => {
            "the number of streams to pass over: `next` of the answer before."
        }
        "after" if path.ends_with("/vectors/{collection}") => "an id. The page starts after it.",
        "after" => "a key. The page starts after it.",
        "prefix" => "only keys that begin with this text.",
        "format" => "`json` (the default), `mermaid` or `dot`.",
        "detail" => "`pipelines` (the default) or `steps`.",
        "accept-loss" => {
            "`true` goes on without the events that the input stream has dropped by now. They are counted as lost. The state is kept, and no event is read twice. It is refused with 409 where the stream was made anew: `from` says where to begin."
        }
        "accept-repeats" => {
            "`true` goes on from the last commit record that is there, where newer ones are gone. The state is that of this record. Events since then are processed again, and their outputs are published a second time."
        }
        "from" if path.ends_with("/resume") => {
            "`first`, or a sequence of the input stream: the pipeline reads on from there. The state is kept. Events that were processed before are processed again."
        }
        "stream" => "the pipeline reads this input stream from now on. The state is kept.",
        "new-stream" => {
            "`true` lets a pipeline begin again whose own stream is gone: with a new stream and an empty state."
        }
        "accept-registry-loss" => "`true` gives a lost registry up: what only that one knew is deleted.",
        "force" => "`true` accepts a changed `state-version`. The state is kept as it is.",
        "dry-run" => "`true` checks everything and changes nothing. The answer says what would change.",
        "shadow" => {
            "`true` makes the revision a shadow: it processes the same events and none of its effects happen."
        }
        "canary" => "a share of the keys, such as `5%`. The revision becomes a canary for them.",
        "max-error-ratio" => "the canary ends when a greater share of its events fails.",
        "max-p99" => "the canary ends when 1 of 100 of its events takes longer than this duration.",
        "min-events" => "the limits of a canary apply after this many events. The default is 100.",
        "step" if path.ends_with("/timers") => "only timers of this step.",
        "step" => "only calls of this step.",
        "key" if path.ends_with("/joins/{join}") => "only events of this value.",
        "key" if path.ends_with("/tables/{table}") => {
            "only the row of this key. It goes with neither `prefix` nor `after`."
        }
        "account" => "the NATS account. The default is the engine's own.",
        "key" => "only events with this key.",
        "follow" => "`true` keeps the answer open for new lines.",
        "lines" => "the number of last lines. The default is 100.",
        "q" => "quantiles between 0 and 1, separated by commas, such as `0.5,0.99`.",
        "item" => "an item, for a sketch of kind `top` or `seen`.",
        "from" => "the start in event time: RFC 3339, or `-1h` for an hour before the newest event.",
        "to" => "the end in event time, in the same form.",
        "by" => "`true` shows each group.",
        "group" => "only the group of this value.",
        "last" => "the last stretch of event time. The default is `1h`.",
        "base" => "the stretch before it. The default is `24h`.",
        "limit" => "the most entries of the answer, at most 1,000. The default is 100.",
        "rest" => "`other` for values beyond the most groups, `missing` for events without a value.",
        _ => panic!("the page of the API does not explain the parameter {name} of {path}"),
    }
}
