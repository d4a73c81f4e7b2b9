//! Asking the server to stop. The first request starts an orderly end, each further one shortens it.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How often stopping was asked for. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Stop(watch::Sender<u32>);

impl Default for Stop {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Stop {
    /// Asks once: the first time to drain, the second time to drain no longer, the third time to end at once.
    pub fn request(&self) {
        self.0.send_modify(|times| *times += 1);
    }

    /// Waits until stopping was asked for so many times.
    pub(crate) async fn requested(&self, times: u32) {
        let mut receiver = self.0.subscribe();
        // The sender is `self`, so this cannot fail while it is waited for.
        let _ = receiver.wait_for(|asked| *asked >= times).await;
    }

    /// Takes SIGTERM and SIGINT for requests, in a task of the current runtime.
    ///
    /// # Errors
    /// The system does not let this process handle signals.
    pub fn on_signals(&self) -> std::io::Result<()> {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let stop = self.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    Some(()) = terminate.recv() => "SIGTERM",
                    Some(()) = interrupt.recv() => "SIGINT",
                    else => return,
                };
                tracing::info!("received {name}");
                stop.request();
            }
        });
        Ok(())
    }
}
