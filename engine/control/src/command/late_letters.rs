//! Dead letters of windows that would come back at once: an event that was late for its windows is late for ever, since
//! the watermark never goes back. Redriven it would be a dead letter again, under another number, and so on.
//!
//! Only what is certain is refused here. The partition judges the rest, and what it finds late then is a letter that is
//! refused the next time.
//!
//! Why: docs/decisions/0212-a-letter-that-stays-late-is-not-redriven.md

use tailrace_core::{
    dead_letter::{Reason, WINDOWS_STEP},
    identity::{PartitionId, PipelineId},
    manifest::{LateForWindow, PipelineManifest, WindowManifest},
    name::Name,
    record,
    registry::Pipeline,
    watermark::ClockRule,
};

use crate::{
    command::Commands,
    error::{ControlError, ControlResult},
};

impl Commands {
    /// Refuses a letter that no window of the active revision takes.
    pub(super) async fn check_not_late(
        &self,
        id: &PipelineId,
        pipeline: &Pipeline,
        letter: (u64, &Reason),
    ) -> ControlResult<()> {
        let (number, reason) = letter;
        let manifest = &pipeline.active.manifest;
        if reason.step != WINDOWS_STEP || manifest.windows.is_empty() {
            return Ok(());
        }
        let partition = manifest.partition_of(&reason.subject, &reason.key);
        let watermark_ms = self.watermark_of(id, pipeline, partition).await?;
        match why_late(manifest, reason, watermark_ms) {
            Some(why) => Err(ControlError::Conflict(format!(
                "dead letter {number} stays, since it would come back at once: {why}"
            ))),
            None => Ok(()),
        }
    }

    /// The watermark of a partition, as this engine runs it, or as its last record tells of it. It is not behind that by
    /// now, wherever the partition runs.
    async fn watermark_of(&self, id: &PipelineId, pipeline: &Pipeline, partition: u32) -> ControlResult<u64> {
        let status = self.context.overview.pipeline(id);
        if let Some(watermark_ms) = status.and_then(|status| status.watermark_ms(partition)) {
            return Ok(watermark_ms);
        }
        let place = PartitionId {
            pipeline: id.clone(),
            life: pipeline.life,
            partition,
        };
        let last = self
            .context
            .world_of(&id.tenant)
            .await?
            .commits
            .last(&place)
            .await?;
        let head = last.and_then(|last| record::decode_part(&last.payload).ok());
        Ok(head.map_or(0, |(head, _)| head.watermark_ms))
    }
}

/// Why no window takes the event of a letter, and what can be done instead; none where one may, or where the manifest
/// drops such events.
fn why_late(manifest: &PipelineManifest, reason: &Reason, watermark_ms: u64) -> Option<String> {
    let is_of_it = |window: &WindowManifest| {
        let of = window.of.as_ref();
        of.is_none_or(|of| reason.input.as_deref() == Some(of.as_str()))
    };
    let windows = manifest.windows.iter().filter(|(_, window)| is_of_it(window));
    let windows: Vec<(&Name, &WindowManifest)> = windows.collect();
    let is_kept = |window: &WindowManifest| window.late == LateForWindow::DeadLetter;
    if !windows.iter().any(|(_, window)| is_kept(window)) {
        return None;
    }
    let time_ms = reason.time_ms;
    if !ClockRule::of(manifest).believes(time_ms, watermark_ms) {
        let ahead_ms = time_ms.saturating_sub(watermark_ms);
        return Some(format!(
            "its time is {ahead_ms} ms ahead of the watermark and is not believed, so no window takes it; redrive it when the watermark has come near, or publish the event anew with the right time"
        ));
    }
    let taken_until = windows
        .iter()
        .filter_map(|(name, window)| Some((window.takes_until_ms(time_ms)?, *name)));
    let (until_ms, name) = taken_until.max()?;
    let over_ms = watermark_ms.checked_sub(until_ms)?;
    Some(format!(
        "its windows are over, the last ({name}) for {over_ms} ms, and the watermark never goes back; take the event from the letter (tailrace dead-letters show) and correct the result where you keep it, or apply another pipeline that reads the events again with a longer grace (input.start); a longer grace of this one opens no window that is over"
    ))
}

#[cfg(test)]
mod tests {
    use tailrace_core::manifest::parse::parse;

    use super::*;

    const MINUTE: u64 = 60_000;

    fn manifest(windows: &str) -> PipelineManifest {
        let text = format!(
            "name: p\ninput: {{subjects: [in], watermark: {{ahead: 1m}}}}\noutput: {{subject: out}}\nwindows: {windows}\n"
        );
        parse(text.as_bytes()).unwrap()
    }

    fn letter(time_ms: u64) -> Reason {
        let text = format!(
            r#"{{"step":"windows","code":"late","reason":"","revision":1,"fuel":0,"attempts":1,"sequence":1,"time_ms":{time_ms},"subject":"in","key":"k"}}"#
        );
        serde_json::from_str(&text).unwrap()
    }

    #[test]
    fn a_letter_is_refused_from_the_watermark_on_at_which_its_last_window_is_over() {
        for (windows, over_ms) in [
            (
                "{w: {over: {tumbling: 1m}, late: dead-letter, aggregate: {n: count}}}",
                MINUTE,
            ),
            (
                "{w: {over: {tumbling: 1m}, late: dead-letter, grace: 30s, aggregate: {n: count}}}",
                MINUTE + 30_000,
            ),
            (
                "{w: {over: {hopping: 2m, every: 1m}, late: dead-letter, aggregate: {n: count}}}",
                2 * MINUTE,
            ),
            // One that drops what is late takes it for longer.
            (
                "{w: {over: {tumbling: 1m}, late: dead-letter, aggregate: {n: count}}, v: {over: {tumbling: 3m}, aggregate: {n: count}}}",
                3 * MINUTE,
            ),
            // It may be a part of a session that is open still.
            (
                "{w: {over: {session: 1m, at-most: 5m}, late: dead-letter, aggregate: {n: count}}}",
                6 * MINUTE + 1_000,
            ),
        ] {
            let manifest = manifest(windows);
            let why = |watermark_ms| why_late(&manifest, &letter(1_000), watermark_ms);
            assert_eq!(why(over_ms - 1), None, "{windows}");
            let said = why(over_ms).unwrap();
            assert!(
                said.contains("grace") && said.contains("dead-letters show"),
                "{said}"
            );
        }
    }

    #[test]
    fn a_letter_whose_time_is_not_believed_yet_is_refused_until_it_is() {
        let manifest = manifest("{w: {over: {tumbling: 1m}, late: dead-letter, aggregate: {n: count}}}");
        let why = |watermark_ms| why_late(&manifest, &letter(10 * MINUTE), watermark_ms);
        assert!(why(9 * MINUTE - 1).unwrap().contains("not believed"));
        assert_eq!(why(9 * MINUTE), None);
    }

    #[test]
    fn a_letter_is_sent_where_late_events_are_no_letters_any_more() {
        let manifest = manifest("{w: {over: {tumbling: 1m}, aggregate: {n: count}}}");
        assert_eq!(why_late(&manifest, &letter(0), 10 * MINUTE), None);
    }
}
