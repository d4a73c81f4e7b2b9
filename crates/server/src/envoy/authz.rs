//! `envoy.service.auth.v3.Authorization`: a check before each HTTP request or TCP connection.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::ArcSwapOption;
use envoy_types::pb::envoy::service::auth::v3::authorization_server::Authorization;
use envoy_types::pb::envoy::service::auth::v3::{CheckRequest, CheckResponse};
use mixer_attribute::{Bag, Timestamp, Vocabulary};
use tonic::{Request, Response, Status};

use super::authz_table::{CheckView, TABLE, Take};
use super::field::Resolved;
use super::metrics::EnvoyMetrics;
use super::response;
use crate::front::Front;
use crate::grpc::deadline::deadline;

/// The ext_authz service.
pub(super) struct AuthzService {
    front: Arc<Front>,
    metrics: EnvoyMetrics,
    table: ArcSwapOption<Resolved<Take>>,
}

impl AuthzService {
    pub(super) fn new(front: Arc<Front>, metrics: EnvoyMetrics) -> Self {
        Self { front, metrics, table: ArcSwapOption::empty() }
    }

    /// The table for the vocabulary of the running configuration; looked up again after a reload.
    fn table(&self, vocabulary: &Arc<Vocabulary>) -> Arc<Resolved<Take>> {
        if let Some(table) = self.table.load_full().filter(|t| Arc::ptr_eq(t.vocabulary(), vocabulary)) {
            return table;
        }
        let table = Arc::new(Resolved::new(vocabulary, TABLE));
        self.table.store(Some(table.clone()));
        table
    }
}

#[tonic::async_trait]
impl Authorization for AuthzService {
    async fn check(&self, request: Request<CheckRequest>) -> Result<Response<CheckResponse>, Status> {
        let _ticket = self
            .front
            .throttler
            .admit(1)
            .map_err(|overloaded| Status::unavailable(overloaded.to_string()))?;
        let deadline = deadline(request.metadata().as_ref(), Instant::now());
        let context = request.get_ref().attributes.as_ref();
        let context =
            context.ok_or_else(|| Status::invalid_argument("CheckRequest.attributes is missing"))?;
        let runtime = self.front.engine.current();
        let table = self.table(runtime.vocabulary());
        let mut bag = Bag::new(runtime.vocabulary().clone());
        let view = CheckView::new(context, Timestamp::now());
        table.fill(&mut bag, |take| take(&view));
        table.fill_named(&mut bag, view.named());
        let answer = match runtime.check(&mut bag, &[], "", deadline).await {
            Ok(outcome) => {
                let counter = if outcome.status.is_ok() {
                    &self.metrics.checks_ok
                } else {
                    &self.metrics.checks_denied
                };
                counter.inc();
                self.metrics.dropped_operations.inc_by(response::inexpressible(&outcome) as u64);
                response::decided(&outcome)
            }
            Err(error) => {
                self.metrics.checks_failed.inc();
                response::failed(&error)
            }
        };
        Ok(Response::new(answer))
    }
}
