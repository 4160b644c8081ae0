//! The task that fetches bundles and puts them where the reload task finds them.
//!
//! A source that is away leaves what was fetched before where it is. Nothing is judged here.

use std::sync::Arc;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::origin::{Candidate, Fetched};
use crate::fetch::{FetchError, Remote};

/// After a first failure; doubles up to the time between two looks.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);

/// Looks at the source until `stop`.
pub(super) async fn keep_fetched(mut remote: Remote, fetched: Arc<Fetched>, stop: CancellationToken) {
    let mut backoff = FIRST_BACKOFF;
    loop {
        let looked = tokio::select! {
            () = stop.cancelled() => return,
            looked = look(&mut remote, &fetched) => looked,
        };
        let wait = if looked.is_ok() {
            backoff = FIRST_BACKOFF;
            remote.poll()
        } else {
            let wait = backoff.min(remote.poll());
            backoff = wait * 2;
            wait
        };
        fetched.set_problem(looked.err().map(|reason| format!("`{}`: {reason}", remote.name())));
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

async fn look(remote: &mut Remote, fetched: &Fetched) -> Result<(), FetchError> {
    if let Some((seal, files)) = remote.fetch().await? {
        fetched.put(Candidate { files, seal: Some(seal) });
    }
    Ok(())
}
