//! The result of a window, on its way out.

use tailrace_core::{
    headers::headers_bytes,
    manifest::{Delivery, Stands},
    ports::{broker::Output, store::StoreError},
    window::{Part, Told, group_key, group_values, result},
};

use crate::{
    message::outgoing::MAX_SUBJECT_BYTES,
    plan::{About, Written},
    process::{HEADER_ROOM, processor::Processor},
    windows::plan::PlannedWindow,
};

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
        let values = group_values(group)
            .map_err(|cause| StoreError::Damaged(format!("the group {group:?} cannot be read: {cause}")))?;
        let key = group_key(&values);
        let declared = (&window.name, &window.manifest);
        let payload = result(declared, &values, span, (part, plan.seed), told)
            .map_err(|cause| StoreError::Damaged(format!("a sketch of window {}: {cause}", window.name)))?;
        let subject = output.subject_of(Stands {
            key: &key,
            result: Some(window.name.as_str()),
        });
        let (start_ms, end_ms) = span;
        let named = format!(
            "window:{}:{group}:{start_ms}:{end_ms}:{}:{}",
            window.name,
            told.as_str(),
            part.events
        );
        let about = About {
            name: &named,
            time_ms: end_ms,
            key: &key,
            result: Some(window.name.as_str()),
            is_the_event: false,
        };
        let written = plan.written(about, Vec::new(), payload.into());
        let Written { mut headers, payload } = match written {
            Ok(written) => written,
            // Nothing that somebody published may stop the pipeline at each try.
            Err((_, why)) => {
                self.lose_result(window, group, &why);
                return Ok(());
            }
        };
        self.carry(&mut headers);
        let limit = self.max_message_bytes.saturating_sub(HEADER_ROOM);
        if payload.len() + headers_bytes(&headers) > limit || subject.len() > MAX_SUBJECT_BYTES {
            self.met_the_limit = true;
            let bytes = payload.len();
            self.lose_result(
                window,
                group,
                &format!("{bytes} bytes are too large for the broker, which takes {limit}"),
            );
            return Ok(());
        }
        let is_named = plan.manifest.delivery != Delivery::ExactlyOnce;
        let id = is_named.then(|| format!("{}:{named}", plan.pipeline));
        self.stats.counts.outcomes.outputs += 1;
        self.stats.counts.bytes_out += payload.len() as u64;
        self.stats.counts.window_results += 1;
        self.effects.publish(Output {
            subject,
            headers,
            payload,
            id,
            keep: output.keep.age.map(|age| age.0),
        });
        Ok(())
    }

    fn lose_result(&mut self, window: &PlannedWindow, group: &str, why: &str) {
        let pipeline = &self.plan.pipeline;
        tracing::warn!(%pipeline, window = %window.name, group, why, "a window's result is lost");
        self.stats.counts.windows_lost += 1;
    }
}
