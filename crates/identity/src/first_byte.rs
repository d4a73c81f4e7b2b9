//! The first byte of a connection, which tells TLS from plaintext: watched while it is read, or read ahead.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};

/// What the records of TLS begin with: an alert, or a handshake.
const ALERT: u8 = 0x15;
const HANDSHAKE: u8 = 0x16;

/// The first byte that a peer sent, once it has come. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct FirstByte(Arc<AtomicU16>);

impl FirstByte {
    /// Whether the peer began as TLS does. A peer that speaks HTTP/2 in plaintext never does.
    pub fn is_tls(&self) -> bool {
        self.get().is_some_and(is_tls)
    }

    /// Whether the peer has sent anything.
    pub fn has_come(&self) -> bool {
        self.get().is_some()
    }

    fn get(&self) -> Option<u8> {
        let noted = self.0.load(Ordering::Relaxed).checked_sub(1)?;
        u8::try_from(noted).ok()
    }

    fn note(&self, byte: u8) {
        self.0.store(u16::from(byte) + 1, Ordering::Relaxed);
    }
}

fn is_tls(byte: u8) -> bool {
    matches!(byte, ALERT | HANDSHAKE)
}

/// A connection whose first byte is watched, and may have been read ahead.
#[derive(Debug)]
pub struct Watched<I> {
    io: I,
    first: FirstByte,
    come: bool,
    ahead: Option<u8>,
}

impl<I> Watched<I> {
    /// Watches a connection of which nothing has been read.
    pub fn new(io: I) -> (FirstByte, Self) {
        let first = FirstByte::default();
        (first.clone(), Self { io, first, come: false, ahead: None })
    }
}

impl<I: AsyncRead + Unpin> Watched<I> {
    /// Reads ahead to see how the peer begins, and whether that is TLS.
    ///
    /// # Errors
    /// The peer went away.
    pub(crate) async fn peek(mut io: I) -> io::Result<(bool, Self)> {
        let byte = io.read_u8().await?;
        let (first, mut watched) = Self::new(io);
        first.note(byte);
        (watched.come, watched.ahead) = (true, Some(byte));
        Ok((is_tls(byte), watched))
    }
}

impl<I: AsyncRead + Unpin> AsyncRead for Watched<I> {
    #[inline]
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.come && self.ahead.is_none() {
            return Pin::new(&mut self.io).poll_read(cx, buffer);
        }
        if let Some(byte) = self.ahead.take_if(|_| buffer.remaining() > 0) {
            buffer.put_slice(&[byte]);
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.io).poll_read(cx, buffer))?;
        if let Some(byte) = buffer.filled().get(before) {
            self.first.note(*byte);
            self.come = true;
        }
        Poll::Ready(Ok(()))
    }
}

impl<I: AsyncWrite + Unpin> AsyncWrite for Watched<I> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }
}
