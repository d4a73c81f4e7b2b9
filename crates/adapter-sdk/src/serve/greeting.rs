//! How a connection begins: a client of HTTP/2 sends 24 fixed bytes first. Until then nothing is known of it, and it is
//! neither waited for long nor asked to finish in an orderly way.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes that a client sends before anything else.
const PREFACE: usize = 24;

/// Whether the client has sent the bytes with which a connection begins.
#[derive(Clone, Debug, Default)]
pub(super) struct Greeting(Arc<AtomicUsize>);

impl Greeting {
    pub(super) fn has_come(&self) -> bool {
        self.0.load(Ordering::Relaxed) >= PREFACE
    }
}

/// A connection that is watched until its greeting has come.
#[derive(Debug)]
pub(super) struct Greeted<I> {
    io: I,
    greeting: Greeting,
    come: usize,
}

impl<I> Greeted<I> {
    pub(super) fn new(io: I) -> (Greeting, Self) {
        let greeting = Greeting::default();
        (greeting.clone(), Self { io, greeting, come: 0 })
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Greeted<I> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.come >= PREFACE {
            return Pin::new(&mut self.io).poll_read(context, buffer);
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.io).poll_read(context, buffer);
        self.come += buffer.filled().len() - before;
        self.greeting.0.store(self.come, Ordering::Relaxed);
        read
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Greeted<I> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
