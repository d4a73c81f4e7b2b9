//! The codec whose messages are bytes.

use std::marker::PhantomData;

use bytes::{Buf, BufMut as _, Bytes};
use tonic::Status;
use tonic::codec::{BufferSettings, Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};

/// First size of a buffer for what is received: holds nearly every Check, and all of it stays allocated for
/// as long as any part of the message is in use.
const RECEIVE_BUFFER: usize = 4 * 1024;

/// First size of a buffer for what is sent: holds nearly every answer. Longer messages make it grow once, to
/// their own size.
const SEND_BUFFER: usize = 1024;

/// A message at least this long is handed on at once. Calls of one message end with it anyway.
const YIELD_THRESHOLD: usize = 32 * 1024;

/// A gRPC codec that passes the bytes of a message through.
///
/// What is received is one contiguous, reference counted piece of the receive buffer, however many frames it
/// came in. It may be empty: a message with nothing but defaults has no bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct BytesCodec;

impl Codec for BytesCodec {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        put(item, dst);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(SEND_BUFFER, YIELD_THRESHOLD)
    }
}

fn put(message: impl Buf, dst: &mut EncodeBuf<'_>) {
    dst.reserve(message.remaining());
    dst.put(message);
}

/// [`BytesCodec`] for a caller whose message may lie in several pieces.
#[derive(Debug)]
pub(super) struct BufCodec<M>(PhantomData<fn(M)>);

impl<M> Default for BufCodec<M> {
    fn default() -> Self {
        Self(PhantomData)
    }
}

impl<M: Buf + Send + 'static> Codec for BufCodec<M> {
    type Encode = M;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = BytesCodec;

    fn encoder(&mut self) -> Self {
        Self::default()
    }

    fn decoder(&mut self) -> BytesCodec {
        BytesCodec
    }
}

impl<M: Buf> Encoder for BufCodec<M> {
    type Item = M;
    type Error = Status;

    fn encode(&mut self, item: M, dst: &mut EncodeBuf<'_>) -> Result<(), Status> {
        put(item, dst);
        Ok(())
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(SEND_BUFFER, YIELD_THRESHOLD)
    }
}

impl Decoder for BytesCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, src: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(src.copy_to_bytes(src.remaining())))
    }

    fn buffer_settings(&self) -> BufferSettings {
        BufferSettings::new(RECEIVE_BUFFER, YIELD_THRESHOLD)
    }
}
