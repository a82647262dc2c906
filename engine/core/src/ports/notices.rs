//! Where notices of alarms go: subjects of the broker and web addresses. A try either arrives or says
//! why not; repeating it is [`crate::alarm`]'s business.

use async_trait::async_trait;
use bytes::Bytes;

use crate::{alarm::notice::Target, name::Name};

/// Sends notices.
#[async_trait]
pub trait Notices: Send + Sync {
    /// Whether the operator lets notices go there at all; says what would be right.
    fn check(&self, target: &Target) -> Result<(), String>;
    /// One try, for seconds at most; a subject is one of this account, the engine's own where there is none.
    async fn send(&self, account: Option<&Name>, target: &Target, body: Bytes) -> Result<(), String>;
}

/// Nothing is sent.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoNotices;

#[async_trait]
impl Notices for NoNotices {
    fn check(&self, _: &Target) -> Result<(), String> {
        Err("this engine sends no notices".to_owned())
    }
    async fn send(&self, _: Option<&Name>, target: &Target, _: Bytes) -> Result<(), String> {
        self.check(target)
    }
}
