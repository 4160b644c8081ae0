//! That the warden is to stop, as exchanges see it.
//!
//! Two moments: from the first on nothing is begun that would not end by itself; at the second, shortly before the process
//! ends, what still goes on is ended, so that its caller and its record are told why.

use tokio_util::sync::CancellationToken;

/// The drain of one warden.
#[derive(Debug, Default)]
pub struct Drain {
    begun: CancellationToken,
    over: CancellationToken,
}

impl Drain {
    pub fn begin(&self) {
        self.begun.cancel();
    }

    /// ORDER: leaves time to write the outcomes of what is ended.
    pub fn end(&self) {
        self.begun.cancel();
        self.over.cancel();
    }

    pub fn has_begun(&self) -> bool {
        self.begun.is_cancelled()
    }

    /// Waits until everything has to end.
    pub async fn over(&self) {
        self.over.cancelled().await;
    }
}
