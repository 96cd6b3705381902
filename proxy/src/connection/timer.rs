//! How does a connection wait for one deadline after another without setting a timer for each?

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// A timer that was not set yet, for `until`.
pub fn unset() -> Sleep {
    sleep(Duration::MAX)
}

/// Ends at the deadline, not before. Most deadlines pass by unused, because what they bound comes in time, and the next one is later. So a timer
/// that is set for an earlier time stays as it is: it wakes its task once, and is set anew only if somebody still waits then.
pub async fn until(mut timer: Pin<&mut Sleep>, deadline: Instant) {
    poll_fn(|cx| poll_until(timer.as_mut(), cx, deadline)).await;
}

/// The same, for whoever polls.
pub fn poll_until(mut timer: Pin<&mut Sleep>, cx: &mut Context<'_>, deadline: Instant) -> Poll<()> {
    loop {
        if timer.deadline() > deadline || timer.is_elapsed() {
            timer.as_mut().reset(deadline);
        }
        ready!(timer.as_mut().poll(cx));
        if timer.deadline() >= deadline {
            return Poll::Ready(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn deadlines_are_met_whatever_the_timer_was_set_for_before() {
        let timer = unset();
        tokio::pin!(timer);
        let (start, seconds) = (Instant::now(), Duration::from_secs);
        // Given up after a second; then one that is later, earlier, over already.
        for (given_up, next) in [(5, 3), (20, 2), (3, 9), (4, 0)] {
            let begun = Instant::now();
            let first = until(timer.as_mut(), begun + seconds(given_up));
            assert!(tokio::time::timeout(seconds(1), first).await.is_err());
            until(timer.as_mut(), begun + seconds(next)).await;
            assert_eq!(begun.elapsed(), seconds(next.max(1)), "{given_up} {next}");
        }
        assert_eq!(start.elapsed(), seconds(3 + 2 + 9 + 1));
    }
}
