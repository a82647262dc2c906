//! Permits for uploads and downloads of plugins. Each holds a plugin in memory, and an upload then a compiler, so there
//! are few permits for both. One tenant never has them all. A request that finds none is refused with the advice to
//! come back, instead of waiting for ever.
//!
//! Why: docs/decisions/0055-uploads-are-counted-and-tried.md

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tailrace_core::{
    compile_semaphore::{CompilePermit, CompileSemaphore},
    name::Name,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::error::{ControlError, ControlResult};

/// Uploads and downloads under way of all tenants: each holds at most 32 MiB of body, and as much again encoded.
const UPLOADS: usize = 16;
/// Of them, those of one tenant.
const UPLOADS_PER_TENANT: usize = 4;
/// Longest wait for a compiler; the compilation itself and this stay within a request's three minutes.
const PATIENCE: Duration = Duration::from_secs(30);

/// The upload permits of one engine.
#[derive(Clone)]
pub(crate) struct UploadPermits(Arc<Shared>);

struct Shared {
    uploads: Arc<Semaphore>,
    /// How many each tenant has under way.
    tenants: Mutex<BTreeMap<Name, usize>>,
}

impl Default for UploadPermits {
    fn default() -> Self {
        Self(Arc::new(Shared {
            uploads: Arc::new(Semaphore::new(UPLOADS)),
            tenants: Mutex::default(),
        }))
    }
}

/// A permit for one upload, from before its body is read until it is answered; or for one download, until its body is
/// sent.
pub struct UploadPermit {
    places: Arc<Shared>,
    tenant: Name,
    _upload: OwnedSemaphorePermit,
}

impl std::fmt::Debug for UploadPermit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("UploadPlace").field(&self.tenant).finish()
    }
}

impl UploadPermits {
    /// A permit for an upload or a download of this tenant, if there is one now.
    pub(crate) fn take(&self, tenant: &Name) -> ControlResult<UploadPermit> {
        let mut tenants = self.0.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        let own = tenants.get(tenant).copied().unwrap_or(0);
        if own >= UPLOADS_PER_TENANT {
            return Err(busy(&format!(
                "the tenant has {UPLOADS_PER_TENANT} uploads and downloads of plugins under way"
            )));
        }
        let upload = self.0.uploads.clone().try_acquire_owned();
        let upload = upload.map_err(|_| {
            busy("the engine has as many uploads and downloads of plugins under way as it takes")
        })?;
        *tenants.entry(tenant.clone()).or_default() += 1;
        Ok(UploadPermit {
            places: self.0.clone(),
            tenant: tenant.clone(),
            _upload: upload,
        })
    }
}

impl UploadPermit {
    /// Waits for a compiler, but not for ever.
    pub(crate) async fn turn(&self, compilers: &CompileSemaphore) -> ControlResult<CompilePermit> {
        match tokio::time::timeout(PATIENCE, compilers.turn(&self.tenant)).await {
            Ok(Some(turn)) => Ok(turn),
            _ => Err(busy("all compilers are busy")),
        }
    }
}

impl Drop for UploadPermit {
    fn drop(&mut self) {
        let mut tenants = self.places.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(uploads) = tenants.get_mut(&self.tenant) {
            *uploads -= 1;
            if *uploads == 0 {
                tenants.remove(&self.tenant);
            }
        }
    }
}

fn busy(why: &str) -> ControlError {
    ControlError::Busy(format!("{why}; wait for one to end, then try again"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use tailrace_core::codes::ApiCode;

    fn name(text: &str) -> Name {
        Name::new(text).unwrap()
    }

    #[test]
    fn a_tenant_finds_its_own_places_taken_and_others_do_not() {
        let places = UploadPermits::default();
        let held: Vec<_> = (0..UPLOADS_PER_TENANT)
            .map(|_| places.take(&name("greedy")).unwrap())
            .collect();
        let refused = places.take(&name("greedy")).unwrap_err();
        assert_eq!(refused.code(), ApiCode::TooManyUploads);
        assert!(places.take(&name("modest")).is_ok());
        drop(held);
        assert!(places.take(&name("greedy")).is_ok());
        assert!(places.0.tenants.lock().unwrap().is_empty(), "nothing is kept");
    }

    #[test]
    fn many_tenants_together_do_not_get_more_than_there_is() {
        let places = UploadPermits::default();
        let take = |number: usize| places.take(&name(&format!("t{number}")));
        let held: Vec<_> = (0..UPLOADS).map(|number| take(number).unwrap()).collect();
        assert_eq!(take(UPLOADS).unwrap_err().code(), ApiCode::TooManyUploads);
        drop(held);
        assert!(take(UPLOADS).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_too_long_for_a_compiler_is_told_to_come_back() {
        let (places, compilers) = (UploadPermits::default(), CompileSemaphore::default());
        let (first, second, third) = (
            places.take(&name("a")).unwrap(),
            places.take(&name("a")).unwrap(),
            places.take(&name("a")).unwrap(),
        );
        let held = (
            first.turn(&compilers).await.unwrap(),
            second.turn(&compilers).await.unwrap(),
        );
        let refused = third.turn(&compilers).await.err().map(|refused| refused.code());
        assert_eq!(refused, Some(ApiCode::TooManyUploads));
        // The other tenant has compilers of its own.
        assert!(places.take(&name("b")).unwrap().turn(&compilers).await.is_ok());
        drop(held);
        assert!(third.turn(&compilers).await.is_ok());
    }
}
