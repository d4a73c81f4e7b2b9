//! The methods of an adapter over message bytes, in a table made when the program runs.

use std::collections::HashMap;
use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::future::{Future, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tower::Service;

use super::serve::{self, DEFAULT_MAX_DECODING_MESSAGE_SIZE, ResponseFuture};

/// One method, its future boxed so that methods of different types fit into one table.
type Method = Arc<dyn Fn(Request<Bytes>) -> MethodFuture + Send + Sync>;
type MethodFuture = Pin<Box<dyn Future<Output = Result<Bytes, Status>> + Send>>;

/// Serves unary methods by their paths, whatever services those belong to. Any other path is answered with
/// UNIMPLEMENTED.
#[derive(Clone)]
pub struct HandlerService {
    methods: Arc<HashMap<String, Method>>,
    max_decoding_message_size: usize,
}

impl HandlerService {
    /// Serves no method yet, with the default limit of the size of requests.
    #[must_use]
    pub fn new() -> Self {
        Self {
            methods: Arc::new(HashMap::new()),
            max_decoding_message_size: DEFAULT_MAX_DECODING_MESSAGE_SIZE,
        }
    }

    /// Adds the method at `path` (`/package.Service/Method`), or replaces it. It gets the bytes of the request
    /// message together with metadata and extensions of the call, and answers with the bytes of the response
    /// message or the status that the call fails with.
    #[must_use]
    pub fn method<F, A>(mut self, path: impl Into<String>, method: F) -> Self
    where
        F: Fn(Request<Bytes>) -> A + Send + Sync + 'static,
        A: Future<Output = Result<Bytes, Status>> + Send + 'static,
    {
        let method: Method = Arc::new(move |request| Box::pin(method(request)));
        Arc::make_mut(&mut self.methods).insert(path.into(), method);
        self
    }

    /// Sets the longest request message that is accepted, in bytes. A longer one is answered with
    /// RESOURCE_EXHAUSTED.
    #[must_use]
    pub fn max_decoding_message_size(mut self, limit: usize) -> Self {
        self.max_decoding_message_size = limit;
        self
    }

    /// Answers a call of one of the methods, past any router; a call of any other path is for `otherwise`.
    pub fn call_or<B>(
        &self,
        request: http::Request<B>,
        otherwise: impl FnOnce(http::Request<B>) -> ResponseFuture,
    ) -> ResponseFuture
    where
        B: http_body::Body + Send + 'static,
        B::Error: Into<Box<dyn Error + Send + Sync>> + Send,
    {
        let Some(method) = self.methods.get(request.uri().path()).cloned() else { return otherwise(request) };
        Box::pin(serve::unary(request, self.max_decoding_message_size, move |message| {
            let answer = method(message);
            async move { answer.await.map(Response::new) }
        }))
    }

    /// Lets this service answer every call that no service in `routes` is there for.
    ///
    /// Routes are made for services with names known to the compiler; this one has none.
    #[must_use]
    pub fn mount(self, routes: Routes) -> Routes {
        routes.into_axum_router().fallback_service(self).into()
    }
}

impl Default for HandlerService {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for HandlerService {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut paths: Vec<&String> = self.methods.keys().collect();
        paths.sort();
        formatter
            .debug_struct("HandlerService")
            .field("methods", &paths)
            .field("max_decoding_message_size", &self.max_decoding_message_size)
            .finish()
    }
}

impl<B> Service<http::Request<B>> for HandlerService
where
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
        self.call_or(request, |request| {
            let path = request.uri().path();
            Box::pin(ready(Ok(serve::unknown_method(path))))
        })
    }
}
