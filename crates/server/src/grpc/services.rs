//! The set of services of the gRPC port while it is put together: the front doors add theirs, health and reflection
//! come with it.

use std::convert::Infallible;

use bytes::Bytes;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::HealthServer;
use tonic_health::server::{HealthReporter, HealthService};
use tower::Service;

use super::describe::Description;
use crate::readiness::Readiness;

/// Services that are added to the port, with what describes them.
#[derive(Debug, Default)]
pub struct Services {
    routes: RoutesBuilder,
    names: Vec<String>,
    descriptor_sets: Vec<Bytes>,
}

/// Services that are ready to be served.
pub(crate) struct Served {
    pub(crate) routes: Routes,
    pub(crate) methods: Vec<String>,
    pub(crate) health: Health,
}

/// Tells health clients of every service whether the server is ready.
#[derive(Debug)]
pub(crate) struct Health {
    reporter: HealthReporter,
    names: Vec<String>,
}

impl Services {
    /// Adds a service. `descriptor_set` is an encoded `FileDescriptorSet` that has its file and everything that the
    /// file imports; what else it has is not kept.
    pub fn add<S>(&mut self, service: S, descriptor_set: impl Into<Bytes>)
    where
        S: Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.routes.add_service(service);
        self.describe(S::NAME, descriptor_set);
    }

    /// Health, reflection and metrics of a service that is served in another way.
    pub(crate) fn describe(&mut self, name: &str, descriptor_set: impl Into<Bytes>) {
        self.names.push(name.to_owned());
        self.descriptor_sets.push(descriptor_set.into());
    }

    /// Adds health and reflection.
    ///
    /// # Errors
    /// A descriptor set cannot be decoded.
    pub(crate) fn finish(mut self) -> Result<Served, tonic_reflection::server::Error> {
        use tonic_reflection::pb::{v1, v1alpha};
        let reporter = HealthReporter::new();
        let own = self.names.clone();
        let health = HealthServer::new(HealthService::from_health_reporter(reporter.clone()));
        self.add(health, tonic_health::pb::FILE_DESCRIPTOR_SET);
        self.describe("grpc.reflection.v1.ServerReflection", v1::FILE_DESCRIPTOR_SET);
        self.describe("grpc.reflection.v1alpha.ServerReflection", v1alpha::FILE_DESCRIPTOR_SET);
        let description = Description::of(&self.names, &self.descriptor_sets)?;
        for name in &description.undescribed {
            tracing::warn!(service = %name, "no descriptor; reflection and metrics do not know this service");
        }
        let reflection = || {
            let builder = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(&description.descriptor_set)
                .include_reflection_service(false);
            self.names.iter().fold(builder, |builder, name| builder.with_service_name(name))
        };
        self.routes.add_service(reflection().build_v1()?);
        self.routes.add_service(reflection().build_v1alpha()?);
        let routes = self.routes.routes().prepare();
        Ok(Served { routes, methods: description.methods, health: Health { reporter, names: own } })
    }
}

impl Health {
    /// Keeps the answers of the health service in step with readiness, for as long as the future is polled.
    pub(crate) async fn follow(self, readiness: Readiness) {
        let mut changes = readiness.subscribe();
        loop {
            let ready = changes.borrow_and_update().is_ready();
            let status = if ready { ServingStatus::Serving } else { ServingStatus::NotServing };
            self.reporter.set_service_status("", status).await;
            for name in &self.names {
                self.reporter.set_service_status(name, status).await;
            }
            // The sender is a part of `readiness`, which lives as long as this function.
            if changes.changed().await.is_err() {
                return;
            }
        }
    }
}
