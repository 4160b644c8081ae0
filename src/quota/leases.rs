//! What the keeper does with the counts of a ledger: hands out what was granted, looks ahead, and counts what is unused.

use std::sync::Arc;

use super::bucket::Name;
use super::grant::Granted;
use super::ledger::Ledger;
use super::shared::Want;
use super::store::Lease;
use crate::policy::Window;

impl Ledger {
    /// Hands out what the store granted. What was granted for a window that is over is nobody's.
    pub(super) fn grant(&self, want: &Want, granted: Granted) {
        self.with_shard(want.shard, |counts| {
            let Some(bucket) = counts.get_mut(&want.key) else { return };
            let next = want.name.window.end(bucket.start);
            let (start, limit) = (bucket.start, bucket.limit);
            let Some(grant) = &mut bucket.grant else { return };
            if want.start == start {
                grant.take(granted, limit);
            } else if want.start == next {
                grant.next = granted.total;
            }
        });
    }

    /// Lets requests ask again for what could not be had.
    pub(super) fn ask_again(&self, wants: &[Want]) {
        for want in wants {
            self.with_shard(want.shard, |counts| {
                let Some(bucket) = counts.get_mut(&want.key) else { return };
                let is_running = want.start == bucket.start;
                let Some(grant) = &mut bucket.grant else { return };
                if is_running {
                    grant.is_asked = false;
                } else {
                    grant.is_prepared = false;
                }
            });
        }
    }

    /// Takes over what an earlier process of ours has leased.
    pub(super) fn adopt(&self, leases: Vec<Lease>) {
        let at = self.now();
        for Lease { name, start, granted } in leases {
            let end = name.window.end(name.window.start(at));
            self.with_bucket(&name, at, |bucket| {
                bucket.roll(at);
                let running = bucket.start;
                let Some(grant) = &mut bucket.grant else { return };
                if start == running {
                    grant.amount = granted;
                } else if start == end {
                    grant.next = granted;
                }
            });
        }
    }

    /// Wishes for the windows that begin soon, of counts that are in use. What others may have returned meanwhile can be
    /// asked for again.
    pub(super) fn look_ahead(&self) -> Vec<Want> {
        let at = self.now();
        let mut wants = Vec::new();
        self.each(|shard, counts| {
            for (key, bucket) in counts.iter_mut() {
                let next = bucket.name.window.end(bucket.start);
                let (used, limit, window) = (bucket.used, bucket.limit, bucket.name.window);
                let Some(grant) = &mut bucket.grant else { continue };
                grant.is_exhausted = false;
                if next <= at {
                    continue;
                }
                let Some(amount) = grant.prepares(used, limit, window, next.saturating_sub(at)) else {
                    continue;
                };
                grant.is_prepared = true;
                let name = Arc::clone(&bucket.name);
                wants.push(Want { shard, key: *key, name, start: next, amount, limit });
            }
        });
        wants
    }

    /// What is leased and not used: the count, the start of the window, how much.
    pub(super) fn unused(&self) -> Vec<(Arc<Name>, i64, u64)> {
        let at = self.now();
        let mut unused = Vec::new();
        self.each(|_, counts| {
            for bucket in counts.values() {
                let Some(grant) = &bucket.grant else { continue };
                let next = bucket.name.window.end(bucket.start);
                let left = grant.amount.saturating_sub(bucket.used);
                if left > 0 && next > at {
                    unused.push((Arc::clone(&bucket.name), bucket.start, left));
                }
                if grant.next > 0 {
                    unused.push((Arc::clone(&bucket.name), next, grant.next));
                }
            }
        });
        unused
    }

    /// When the oldest window began that is running.
    pub(super) fn oldest_window(&self) -> i64 {
        Window::Month.start(self.now())
    }

    /// Windows of that kind that began before are over on every machine, whatever its clock says.
    pub(super) fn long_over(&self, window: Window) -> i64 {
        let lasts = match window {
            Window::Minute => HOUR,
            Window::Day => 7 * 24 * HOUR,
            Window::Month => 70 * 24 * HOUR,
        };
        self.now().saturating_sub(lasts)
    }
}

const HOUR: i64 = 3_600;
