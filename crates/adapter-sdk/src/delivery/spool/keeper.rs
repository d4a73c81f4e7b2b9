//! Delivers what handlers have left: those of an earlier process, and those that were closed before everything was sent.

use std::sync::Arc;
use std::time::Duration;

use mixer_adapter_api::Adapter;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::blocking;
use super::handler_file::HandlerFile;
use super::home::HomeInner;
use super::left::{MAX_UNUSABLE_AGE, Why, age, forget_if_old, has_live_segments};
use super::slot::{Claim, Slot};

/// How often is looked for what is left when nothing hints at it.
const LOOK_AGAIN: Duration = Duration::from_secs(10);

/// How often is looked whether a handler is done.
const POLL: Duration = Duration::from_millis(200);

/// The longest wait before a handler that could not be built is tried again.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Looks after what handlers of an adapter have left, for ever.
pub(super) async fn keep(home: Arc<HomeInner>, adapter: Arc<dyn Adapter>) {
    let mut draining = JoinSet::new();
    loop {
        // Made before the look, so that nothing that changes meanwhile is missed.
        let changed = home.changed.notified();
        let found = home.clone();
        let left = blocking(move || Ok(found.left())).await;
        for directory in left.ok().and_then(Result::ok).unwrap_or_default() {
            // Those of other adapters, and those that cannot be read, are told of elsewhere.
            let Ok(file) = HandlerFile::read(&directory) else { continue };
            if file.adapter != adapter.info().name {
                continue;
            }
            if !has_live_segments(&directory) {
                // Nothing but what was set aside for people to look at.
                forget_if_old(&directory, &file.adapter);
            } else if let Some(claim) = home.claim_directory(directory) {
                draining.spawn(drain(home.clone(), adapter.clone(), claim, file));
            }
        }
        while draining.try_join_next().is_some() {}
        let _ = timeout(LOOK_AGAIN, changed).await;
    }
}

/// Delivers what is left in a directory.
async fn drain(home: Arc<HomeInner>, adapter: Arc<dyn Adapter>, claim: Arc<Claim>, file: HandlerFile) {
    let directory = claim.directory().to_owned();
    let draining = home.draining(&directory);
    let mut wait = Duration::from_secs(1);
    loop {
        let spec = file.spec();
        let slot = Slot::new(home.clone(), adapter.info().name, spec.clone(), Some(claim.clone()));
        let problems = adapter.validate(&spec);
        let built = match problems.is_empty() {
            true => slot.build(&*adapter).await.map_err(|error| error.to_string()),
            false => Err(crate::params::join(&problems)),
        };
        match built {
            Ok(handler) => {
                draining.is(Why::NotConfigured);
                tracing::info!(directory = %directory.display(), "what a handler had left is delivered");
                while !slot.is_drained() {
                    sleep(POLL).await;
                }
                handler.close().await;
                return;
            }
            Err(error) => {
                draining.is(Why::NotBuilt);
                tracing::error!(error, directory = %directory.display(), "what a handler had left cannot be delivered yet");
            }
        }
        drop(slot);
        let held = directory.clone();
        let age = blocking(move || Ok(age(&held))).await;
        if age.is_ok_and(|age| age > MAX_UNUSABLE_AGE) {
            forget_if_old(&directory, &file.adapter);
            return;
        }
        sleep(wait).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}
