//! Where a stream gets its messages from, if not from publishers: whether those streams are there, and what they take. The
//! stream itself stays as it was when one of them goes, and has nothing to give for ever.

use serde_json::Value;

use super::NatsSubscription;
use crate::stream_info::StreamInfo;

/// So many are asked; what comes from others may be anything.
const MOST: usize = 16;

impl NatsSubscription {
    /// Asks the streams that it takes all from what that is.
    pub(super) async fn learn_origins(&self, info: &mut StreamInfo) {
        let config = &mut info.config;
        let sources = config
            .mirror
            .iter_mut()
            .chain(config.sources.iter_mut().flatten());
        for source in sources.filter(|source| source.takes_all()).take(MOST) {
            let asked = format!("STREAM.INFO.{}", source.name);
            // One that is not there, or not ours to ask, may hold anything.
            if let Ok(origin) = self.broker.ask::<StreamInfo>(&asked, &Value::Null).await {
                source.held = Some(origin.config.may_hold());
            }
        }
    }
}
