//! What is let in: the body of a request is watched while it arrives, so that neither a length that a caller only
//! claims nor a caller that stops in the middle costs memory or a place for long.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;
use tonic::Status;

use super::metrics::{Metrics, refused};

/// Bytes before each message of gRPC: a flag, and the length in four bytes.
const PREFIX: usize = 5;

/// What may be received, by all calls together.
#[derive(Debug)]
pub(super) struct Intake {
    pub(super) max_message: usize,
    pub(super) max_buffered: usize,
    /// How long a request may take to arrive; zero for as long as it likes.
    pub(super) patience: Duration,
    pub(super) metrics: Arc<Metrics>,
    buffered: AtomicUsize,
}

impl Intake {
    pub(super) fn new(
        max_message: usize,
        max_buffered: usize,
        patience: Duration,
        metrics: Arc<Metrics>,
    ) -> Self {
        Self { max_message, max_buffered, patience, metrics, buffered: AtomicUsize::new(0) }
    }

    /// Counts bytes of a message that has arrived and is being handled.
    pub(super) fn hold(&self, bytes: usize) -> Held<'_> {
        self.buffered.fetch_add(bytes, Ordering::Relaxed);
        Held { intake: self, bytes }
    }

    /// Takes in a message of this length.
    fn charge(&self, length: usize) -> Result<usize, Status> {
        if length > self.max_message {
            self.metrics.refused(refused::MESSAGE_SIZE);
            return Err(Status::resource_exhausted(format!(
                "the request has {length} bytes; --maxMessageSize allows {}",
                self.max_message
            )));
        }
        let before = self.buffered.fetch_add(length, Ordering::Relaxed);
        if before.saturating_add(length) > self.max_buffered {
            self.release(length);
            self.metrics.refused(refused::BUFFERED_BYTES);
            return Err(Status::resource_exhausted(format!(
                "requests of {before} bytes are in memory already; --maxBufferedBytes allows {}",
                self.max_buffered
            )));
        }
        Ok(length)
    }

    fn release(&self, bytes: usize) {
        self.buffered.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Bytes that count as being in memory.
#[derive(Debug)]
pub(super) struct Held<'a> {
    intake: &'a Intake,
    bytes: usize,
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.intake.release(self.bytes);
    }
}

/// The body of a request while it arrives.
pub(super) struct Arriving {
    body: Incoming,
    charge: Charge,
    prefix: [u8; PREFIX],
    received: usize,
    late: Option<Pin<Box<Sleep>>>,
}

/// The length of a message that counts as being in memory.
struct Charge {
    intake: Arc<Intake>,
    bytes: usize,
}

impl Drop for Charge {
    fn drop(&mut self) {
        self.intake.release(self.bytes);
    }
}

impl Arriving {
    pub(super) fn new(body: Incoming, intake: Arc<Intake>) -> Self {
        let charge = Charge { intake, bytes: 0 };
        Self { body, charge, prefix: [0; PREFIX], received: 0, late: None }
    }

    /// The body without anything that watches it, for streams.
    pub(super) fn into_stream(self) -> Incoming {
        self.body
    }

    /// Looks at the length that stands before the message, before anyone makes room for it.
    fn look_at(&mut self, data: &[u8]) -> Result<(), Status> {
        let seen = self.received;
        self.received = seen.saturating_add(data.len());
        if seen >= PREFIX {
            return Ok(());
        }
        for (place, byte) in self.prefix.iter_mut().skip(seen).zip(data) {
            *place = *byte;
        }
        if self.received >= PREFIX {
            let [_, length @ ..] = self.prefix;
            self.charge.bytes = self.charge.intake.charge(u32::from_be_bytes(length) as usize)?;
        }
        Ok(())
    }

    /// What is wrong with a request that ends here.
    fn at_end(&self) -> Option<Status> {
        let expected = PREFIX + self.charge.bytes;
        if self.received >= expected {
            return None;
        }
        self.charge.intake.metrics.refused(refused::TRUNCATED);
        let received = self.received;
        Some(Status::invalid_argument(match received {
            0 => "the request has no message".to_owned(),
            _ => format!("the request ends after {received} of at least {expected} bytes"),
        }))
    }

    /// The rest of the request is waited for, though not for ever.
    fn poll_late(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        let patience = self.charge.intake.patience;
        if patience.is_zero() {
            return Poll::Pending;
        }
        let late = self.late.get_or_insert_with(|| Box::pin(tokio::time::sleep(patience)));
        std::task::ready!(late.as_mut().poll(context));
        self.charge.intake.metrics.refused(refused::SLOW_REQUEST);
        Poll::Ready(Status::deadline_exceeded(format!(
            "the request had not arrived as a whole after {patience:?}, which --receiveTimeout allows"
        )))
    }
}

impl Body for Arriving {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => {
                let looked = frame.data_ref().map_or(Ok(()), |data| self.look_at(data));
                Poll::Ready(Some(looked.map(|()| frame).map_err(Into::into)))
            }
            Poll::Ready(Some(Err(error))) => Poll::Ready(Some(Err(error.into()))),
            Poll::Ready(None) => Poll::Ready(self.at_end().map(|status| Err(status.into()))),
            Poll::Pending => self.poll_late(context).map(|status| Some(Err(status.into()))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream() && self.received >= PREFIX + self.charge.bytes
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
