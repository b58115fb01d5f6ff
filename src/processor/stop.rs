//! Being told to stop: no claim and no handler is begun any more, and what runs may end within a grace period.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

/// Tells processors to stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<Option<Instant>>);

/// Hears of it. Cheap to clone; all clones hear the same.
#[derive(Clone, Debug, Default)]
pub struct Stop(Option<watch::Receiver<Option<Instant>>>);

impl Stopper {
    /// Makes one, with what hears of it.
    pub fn new() -> (Self, Stop) {
        let (tell, told) = watch::channel(None);
        (Self(tell), Stop(Some(told)))
    }

    /// Tells processors to stop; handlers that run may go on for `grace`.
    pub fn drain(&self, grace: Duration) {
        self.0.send_replace(Some(Instant::now() + grace));
    }
}

impl Stop {
    /// Returns until when handlers may still run, once it was told.
    pub fn told(&self) -> Option<Instant> {
        *self.0.as_ref()?.borrow()
    }

    /// Waits until it is told; for ever where nobody can.
    pub async fn wait(&self) {
        if let Some(mut told) = self.0.clone()
            && told.wait_for(Option::is_some).await.is_ok()
        {
            return;
        }
        std::future::pending::<()>().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn all_clones_hear_of_it_and_one_that_nobody_tells_waits_for_ever() {
        let (stopper, stop) = Stopper::new();
        let other = stop.clone();
        assert_eq!(other.told(), None);
        stopper.drain(Duration::from_secs(9));
        tokio::join!(stop.wait(), other.wait());
        assert_eq!(other.told(), Some(Instant::now() + Duration::from_secs(9)));

        let never = tokio::time::timeout(Duration::from_hours(1), Stop::default().wait()).await;
        assert!(never.is_err());
    }
}
