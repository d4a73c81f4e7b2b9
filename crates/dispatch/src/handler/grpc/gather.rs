//! Small reports that are under way to one adapter at the same time travel together: most of what a call costs,
//! here and in the adapter, does not depend on how much is in it.
//!
//! A batch that finds no other under way leaves at once. One that does joins the next group, which leaves when
//! the call under way is answered, when it is large, or after [`LINGER`]. So nobody waits long, a slow adapter is
//! still called several times at once, and every report still gets the answer to the call that carried it.

use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use mixer_adapter_api::{ErrorKind, HandlerError};
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// The longest that a batch waits for a call under way.
const LINGER: Duration = Duration::from_millis(5);

/// A group of so many bytes leaves at once, and so does a batch that has them alone.
const LARGE: usize = 128 << 10;

/// Takes instances to the adapter.
pub(crate) trait Carrier: Send + Sync + 'static {
    /// One call with instances that are framed as repeated field 1.
    fn carry(
        &self,
        instances: Bytes,
        deadline: Option<Instant>,
    ) -> impl Future<Output = Result<(), HandlerError>> + Send;

    /// The time that a call of several reports has; each of them also has its own.
    fn timeout(&self) -> Duration;
}

/// The reports to one adapter, of one template.
#[derive(Debug)]
pub(crate) struct Gather<C> {
    carrier: C,
    runtime: Handle,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Calls that others wait for.
    under_way: usize,
    /// What leaves next.
    open: Option<Group>,
    /// Tells groups apart.
    groups: u64,
}

#[derive(Debug)]
struct Group {
    number: u64,
    instances: Vec<u8>,
    members: Vec<oneshot::Sender<Result<(), HandlerError>>>,
}

/// How a batch goes.
enum Way<C: Carrier> {
    /// By itself.
    Alone(Option<Lane<C>>),
    /// With others.
    Together { answer: oneshot::Receiver<Result<(), HandlerError>>, opened: Option<Departure<C>> },
}

/// A call that others wait for, until dropped.
struct Lane<C: Carrier>(Arc<Gather<C>>);

impl<C: Carrier> Drop for Lane<C> {
    fn drop(&mut self) {
        let next = {
            let mut state = self.0.state.lock();
            state.under_way -= 1;
            state.open.take().inspect(|_| state.under_way += 1)
        };
        if let Some(group) = next {
            self.0.launch(group);
        }
    }
}

/// Whoever opened a group holds this; dropped, the group leaves if it has not yet.
struct Departure<C: Carrier> {
    gather: Arc<Gather<C>>,
    number: u64,
}

impl<C: Carrier> Drop for Departure<C> {
    fn drop(&mut self) {
        let mine = {
            let mut state = self.gather.state.lock();
            let mine = state.open.take_if(|group| group.number == self.number);
            mine.inspect(|_| state.under_way += 1)
        };
        if let Some(group) = mine {
            self.gather.launch(group);
        }
    }
}

impl<C: Carrier> Gather<C> {
    /// Calls of groups run on `runtime`.
    pub(crate) fn new(carrier: C, runtime: Handle) -> Arc<Self> {
        Arc::new(Self { carrier, runtime, state: Mutex::default() })
    }

    /// Sends a batch, alone or with others. `deadline` bounds a call of its own; who waits for a group gives up
    /// by dropping this future, and the group goes on.
    ///
    /// # Errors
    /// Those of the call that carried it.
    pub(crate) async fn report(
        self: &Arc<Self>,
        instances: Bytes,
        deadline: Option<Instant>,
    ) -> Result<(), HandlerError> {
        match self.way(&instances) {
            Way::Alone(_lane) => self.carrier.carry(instances, deadline).await,
            Way::Together { answer, opened } => {
                drop(instances);
                let mut answer = pin!(answer);
                let answered = match opened {
                    None => answer.await,
                    Some(departure) => match tokio::time::timeout(LINGER, answer.as_mut()).await {
                        Ok(answered) => answered,
                        Err(_) => {
                            drop(departure);
                            answer.await
                        }
                    },
                };
                answered.unwrap_or_else(|_| Err(cut_off()))
            }
        }
    }

    fn way(self: &Arc<Self>, instances: &Bytes) -> Way<C> {
        if instances.len() >= LARGE {
            return Way::Alone(None);
        }
        let mut state = self.state.lock();
        if state.under_way == 0 {
            state.under_way += 1;
            return Way::Alone(Some(Lane(self.clone())));
        }
        let (sender, answer) = oneshot::channel();
        let mut opened = None;
        let mut group = state.open.take().unwrap_or_else(|| {
            state.groups += 1;
            let number = state.groups;
            opened = Some(Departure { gather: self.clone(), number });
            Group { number, instances: Vec::new(), members: Vec::new() }
        });
        group.instances.extend_from_slice(instances);
        group.members.push(sender);
        if group.instances.len() >= LARGE {
            state.under_way += 1;
            drop(state);
            self.launch(group);
        } else {
            state.open = Some(group);
        }
        Way::Together { answer, opened }
    }

    /// Sends a group that is counted as under way. Not under the lock: a runtime that stops drops the task here.
    fn launch(self: &Arc<Self>, group: Group) {
        let lane = Lane(self.clone());
        self.runtime.spawn(async move {
            let Group { instances, members, .. } = group;
            let deadline = Instant::now() + lane.0.carrier.timeout();
            let result = lane.0.carrier.carry(instances.into(), Some(deadline)).await;
            // The next group leaves before anybody is told.
            drop(lane);
            for member in members {
                // Who gave up has counted that already.
                let _gone = member.send(result.clone());
            }
        });
    }
}

fn cut_off() -> HandlerError {
    HandlerError::new(
        ErrorKind::Unavailable,
        "the call was cut off: the server stops, or has a defect that its log names",
    )
}

#[cfg(test)]
mod tests;
