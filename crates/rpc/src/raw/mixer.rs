//! The Mixer API over message bytes.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::{Request, Response, Status};
use tower::Service;

use super::serve::{self, DEFAULT_MAX_DECODING_MESSAGE_SIZE, ResponseFuture};

/// Path of the method that decides on one request.
pub const CHECK_PATH: &str = "/istio.mixer.v1.Mixer/Check";

/// Path of the method that takes telemetry.
pub const REPORT_PATH: &str = "/istio.mixer.v1.Mixer/Report";

/// The methods of the service `istio.mixer.v1.Mixer`, from the bytes of the request message to those of the
/// response message.
pub trait RawMixer: Send + Sync + 'static {
    /// Answers a `CheckRequest` with a `CheckResponse`.
    ///
    /// # Errors
    ///
    /// The status that the call fails with. A refusal is no error; the response carries it.
    fn check(&self, request: Request<Bytes>) -> impl Future<Output = Result<Response<Bytes>, Status>> + Send;

    /// Answers a `ReportRequest` with a `ReportResponse`.
    ///
    /// # Errors
    ///
    /// The status that the call fails with.
    fn report(&self, request: Request<Bytes>)
    -> impl Future<Output = Result<Response<Bytes>, Status>> + Send;
}

/// Serves a [`RawMixer`], as the typed `MixerServer` serves a `Mixer`.
#[derive(Debug)]
pub struct MixerService<T> {
    mixer: Arc<T>,
    max_decoding_message_size: usize,
}

impl<T: RawMixer> MixerService<T> {
    /// Serves `mixer`, with the default limit of the size of requests.
    #[must_use]
    pub fn new(mixer: T) -> Self {
        Self::from_arc(Arc::new(mixer))
    }

    /// Serves a shared `mixer`, with the default limit of the size of requests.
    #[must_use]
    pub fn from_arc(mixer: Arc<T>) -> Self {
        Self { mixer, max_decoding_message_size: DEFAULT_MAX_DECODING_MESSAGE_SIZE }
    }

    /// Sets the longest request message that is accepted, in bytes. A longer one is answered with
    /// RESOURCE_EXHAUSTED.
    #[must_use]
    pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
        self.max_decoding_message_size = limit;
        self
    }
}

// Not derived: that would ask for `T: Clone`.
impl<T> Clone for MixerService<T> {
    fn clone(&self) -> Self {
        Self { mixer: Arc::clone(&self.mixer), max_decoding_message_size: self.max_decoding_message_size }
    }
}

impl<T> NamedService for MixerService<T> {
    const NAME: &'static str = "istio.mixer.v1.Mixer";
}

impl<T, B> Service<http::Request<B>> for MixerService<T>
where
    T: RawMixer,
    B: http_body::Body + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>> + Send,
{
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = ResponseFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<B>) -> ResponseFuture {
        let mixer = Arc::clone(&self.mixer);
        let limit = self.max_decoding_message_size;
        match request.uri().path() {
            CHECK_PATH => Box::pin(serve::unary(request, limit, move |message| {
                let mixer = Arc::clone(&mixer);
                async move { mixer.check(message).await }
            })),
            REPORT_PATH => Box::pin(serve::unary(request, limit, move |message| {
                let mixer = Arc::clone(&mixer);
                async move { mixer.report(message).await }
            })),
            path => Box::pin(ready(Ok(serve::unknown_method(path)))),
        }
    }
}
