//! Brings a request to its service and measures it. The Mixer API, which is nearly all of the traffic, does not go
//! through the router.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Instant;

use http::header::HeaderValue;
use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use mixer_rpc::raw::{CHECK_PATH, MixerService, REPORT_PATH};
use tonic::body::Body;
use tonic::service::Routes;
use tower::Service as _;

use super::deadline::deadline;
use super::goaway::{Goaway, UntilGoaway};
use super::observe::{Call, ReceivedBody, SentBody};
use super::rpc_metrics::RpcMetrics;
use crate::mixer_api::MixerApi;

const STATUS: &str = "grpc-status";

/// All services of the port. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Doors {
    pub(crate) mixer: MixerService<MixerApi>,
    pub(crate) routes: Routes,
    pub(crate) metrics: Arc<RpcMetrics>,
    pub(crate) goaway: Goaway,
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<SentBody>, Infallible>> + Send>>;

impl hyper::service::Service<Request<Incoming>> for Doors {
    type Response = Response<SentBody>;
    type Error = Infallible;
    type Future = Answer;

    fn call(&self, request: Request<Incoming>) -> Answer {
        let path = request.uri().path();
        let method = self.metrics.method(path).clone();
        // Health and reflection: streams that their clients would keep open for ever.
        let endless = path.starts_with("/grpc.").then(|| self.goaway.clone());
        let is_mixer = path == CHECK_PATH || path == REPORT_PATH;
        let now = Instant::now();
        let mut call = Call::start(method.clone(), now, deadline(request.headers(), now));
        let request = request.map(|body| ReceivedBody::new(body, method));
        if is_mixer {
            let answer = self.mixer.clone().call(request);
            return Box::pin(async move {
                let mut response = answer.await?;
                correct_status(response.headers_mut());
                call.note_status(response.headers());
                Ok(response.map(|body| SentBody::new(body, call)))
            });
        }
        let answer = self.routes.clone().call(request.map(Body::new));
        Box::pin(async move {
            let response = answer.await?;
            call.note_status(response.headers());
            Ok(response.map(|body| match endless {
                Some(goaway) => SentBody::new(Body::new(UntilGoaway::new(body, &goaway)), call),
                None => SentBody::new(body, call),
            }))
        })
    }
}

/// A message beyond the limit is OUT_OF_RANGE for tonic and RESOURCE_EXHAUSTED for every other gRPC server, the
/// original among them. The Mixer API itself never answers OUT_OF_RANGE.
fn correct_status(headers: &mut HeaderMap) {
    if headers.get(STATUS).is_some_and(|status| status == "11") {
        headers.insert(STATUS, HeaderValue::from_static("8"));
    }
}
