//! The book: how an adapter is written, what happens to it, and how it is run.
//!
//! 1. [First adapter](first_adapter)
//! 2. [Life cycle](life_cycle) of a process, a handler and a call
//! 3. [Configuration](configuration): flags, secrets, metrics
//! 4. [Testing](testing)
//! 5. [Deployment](deployment)
//! 6. Sending to a backend (`sending`, with feature `delivery`)

#[allow(unused_imports, reason = "the pages link to these")]
use crate::{
    AdapterArgs, Config, HandlerError, Process, Secret, SecretFile, ServeArgs, Server, hosted,
    typed::{
        HandleCheck, HandleCheckWithOutput, HandleGenerate, HandleQuota, HandleReport, Template, TypedCall,
    },
    value::{Value, ValueView},
    view::MetricView,
};

#[cfg(feature = "delivery")]
#[allow(unused_imports, reason = "the page links to these")]
use crate::{
    TypedAdapter,
    delivery::{
        Aggregated, Backend, Collector, Outcome, Pending, Pipeline, PipelineOptions, aggregate, datagram,
        grpc, http, params,
    },
};

#[doc = include_str!("../docs/first_adapter.md")]
pub mod first_adapter {}

#[doc = include_str!("../docs/life_cycle.md")]
pub mod life_cycle {}

#[doc = include_str!("../docs/configuration.md")]
pub mod configuration {}

#[doc = include_str!("../docs/testing.md")]
pub mod testing {}

#[doc = include_str!("../docs/deployment.md")]
pub mod deployment {}

#[cfg(feature = "delivery")]
#[doc = include_str!("../docs/sending.md")]
pub mod sending {}
