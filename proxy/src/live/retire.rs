//! Who drops a configuration that is no longer in force?

use super::InForce;
use std::sync::Arc;
use std::time::Duration;

/// Requests that read it mostly end within this.
const LOOK_FIRST: Duration = Duration::from_secs(1);
/// A stream may read it for hours; the memory is looked for no more often than this.
const LOOK_MAX: Duration = Duration::from_secs(60);

/// Keeps an old configuration until its last request has ended, and drops it here: on the control path. 10,000 routes take milliseconds to
/// drop, and if the last request did it, its runtime would serve nobody meanwhile.
pub async fn retire(old: Arc<InForce>) {
    let mut look = LOOK_FIRST;
    // Nobody gets a new share of it: it is not in force. So once it is ours alone, it stays so.
    while Arc::strong_count(&old) > 1 {
        tokio::time::sleep(look).await;
        look = (look * 2).min(LOOK_MAX);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::live::assemble::tests::{certificate, settings};
    use std::thread;

    #[tokio::test(start_paused = true)]
    async fn an_old_configuration_is_not_dropped_by_the_last_request_that_reads_it() {
        let old = Arc::new(InForce::nothing(settings(), certificate()));
        let (still, pinned) = (Arc::downgrade(&old), old.clone());
        let retired = tokio::spawn(retire(old));
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert!(!retired.is_finished());
        thread::spawn(move || drop(pinned)).join().unwrap();
        assert_eq!(still.strong_count(), 1);
        tokio::time::timeout(LOOK_MAX, retired)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(still.strong_count(), 0);
    }
}
