//! The result of a window, on its way out.

use tailrace_core::{
    event_time::rfc3339,
    manifest::{Delivery, LateForWindow, Stands},
    ports::{broker::Output, store::StoreError},
    window::{Members, Part},
};

use crate::{
    message::outgoing::MAX_SUBJECT_BYTES,
    process::{HEADER_ROOM, processor::Processor},
    windows::plan::PlannedWindow,
};

/// Which result of a window it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// While the window is open.
    Early,
    /// When it is over.
    Final,
    /// Behind an event that came late.
    Corrected,
}

impl Told {
    fn as_str(self) -> &'static str {
        match self {
            Self::Early => "early",
            Self::Final => "final",
            Self::Corrected => "corrected",
        }
    }
}

impl Processor {
    /// Publishes the result of a window from then to then.
    pub(super) fn tell_window(
        &mut self,
        window: &PlannedWindow,
        group: &str,
        span: (u64, u64),
        part: &Part,
        told: Told,
    ) -> Result<(), StoreError> {
        let plan = self.plan.clone();
        let Some(output) = &plan.manifest.output else {
            return Ok(());
        };
        let values: Vec<serde_json::Value> = serde_json::from_str(group)
            .map_err(|cause| StoreError::Damaged(format!("the group {group:?} cannot be read: {cause}")))?;
        let key = key_of(&values);
        let payload = self
            .payload(window, &values, span, part, told)
            .map_err(|cause| StoreError::Damaged(format!("a sketch of window {}: {cause}", window.name)))?;
        let subject = output.subject_of(Stands {
            key: &key,
            window: Some(window.name.as_str()),
        });
        let limit = self.max_message_bytes.saturating_sub(HEADER_ROOM);
        if payload.len() > limit || subject.len() > MAX_SUBJECT_BYTES {
            let pipeline = &plan.pipeline;
            let bytes = payload.len();
            tracing::warn!(%pipeline, window = %window.name, group, bytes, limit, "a window's result is too large for the broker, and is lost");
            self.stats.counts.windows_lost += 1;
            return Ok(());
        }
        let id = (plan.manifest.delivery != Delivery::ExactlyOnce).then(|| {
            let (start_ms, end_ms) = span;
            let (name, told, events) = (&window.name, told.as_str(), part.events);
            format!(
                "{}:window:{name}:{group}:{start_ms}:{end_ms}:{told}:{events}",
                plan.pipeline
            )
        });
        self.stats.counts.outcomes.outputs += 1;
        self.stats.counts.bytes_out += payload.len() as u64;
        self.stats.counts.window_results += 1;
        self.effects.publish(Output {
            subject,
            headers: Vec::new(),
            payload: payload.into(),
            id,
            keep: output.keep.age.map(|age| age.0),
        });
        Ok(())
    }

    fn payload(
        &self,
        window: &PlannedWindow,
        values: &[serde_json::Value],
        (start_ms, end_ms): (u64, u64),
        part: &Part,
        told: Told,
    ) -> Result<String, tailrace_sketch::SketchError> {
        let manifest = &window.manifest;
        let mut members = Members::default();
        members.text("window", window.name.as_str());
        for (name, ms) in [("start", start_ms), ("end", end_ms)] {
            match rfc3339(ms) {
                Some(time) => members.text(name, &time.to_string()),
                None => members.raw(name, &ms.to_string()),
            }
        }
        if manifest.early.is_some() || manifest.late == LateForWindow::Correct {
            members.text("result", told.as_str());
        }
        if manifest.by.is_empty() {
            members.text("key", &key_of(values));
        }
        for (name, value) in manifest.by.keys().zip(values) {
            members.raw(name, &value.to_string());
        }
        part.write(&manifest.aggregate, self.plan.seed, &mut members)?;
        Ok(members.finish())
    }
}

/// What stands for a group in a subject: its values, one after the other.
fn key_of(values: &[serde_json::Value]) -> String {
    let shown = values.iter().map(|value| match value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    shown.collect::<Vec<_>>().join(",")
}
