//! The cases in the order in which they run: harmless ones first, those that may bring an adapter down last.

use futures::future::BoxFuture;
use mixer_template::{Template, Variety};

use super::cases::{check, config, connections, instances, known, quota, report, security, sessions, wire};
use super::report::Needs::{self, Observation, Protocol, ProtocolAndObservation};
use super::suite::{Outcome, Suite};

/// The case that exists only when there is nothing to run the others against.
pub(crate) const REACHABLE: &str = "reachable";

/// One case.
#[derive(Clone, Copy)]
pub struct Case {
    /// Stable name.
    pub id: &'static str,
    /// What is demanded.
    pub sentence: &'static str,
    /// What is needed to see it.
    pub needs: Needs,
    pub(crate) scope: Scope,
}

impl std::fmt::Debug for Case {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Case").field("id", &self.id).field("needs", &self.needs).finish_non_exhaustive()
    }
}

type OfAdapter = for<'a> fn(&'a Suite) -> BoxFuture<'a, Outcome>;
type OfService = for<'a> fn(&'a Suite, &'a Template) -> BoxFuture<'a, Outcome>;

/// What a case is about.
#[derive(Clone, Copy)]
pub(crate) enum Scope {
    /// The process.
    Adapter(OfAdapter),
    /// Each handler service, perhaps only those of some varieties.
    Service(Option<fn(Variety) -> bool>, OfService),
}

/// Every case, in the order in which they run.
pub fn cases() -> &'static [Case] {
    CASES
}

/// No case is called so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no case is called {0:?}; take an id such as quota.name, or the part of one before the dot, such as quota"
)]
pub struct UnknownCase(String);

/// The ids of the cases that words mean: an id, or what stands before the dot of several ids.
///
/// # Errors
/// A word means no case.
pub fn select<W: AsRef<str>>(words: &[W]) -> Result<Vec<&'static str>, UnknownCase> {
    let mut selected = Vec::new();
    for word in words {
        let word = word.as_ref();
        let meant = |id: &str| id == word || id.split_once('.').is_some_and(|(subject, _)| subject == word);
        let before = selected.len();
        selected.extend(CASES.iter().map(|case| case.id).filter(|id| meant(id)));
        if selected.len() == before {
            return Err(UnknownCase(word.to_owned()));
        }
    }
    Ok(selected)
}

macro_rules! of_adapter {
    ($run:path) => {
        Scope::Adapter(|suite| Box::pin($run(suite)))
    };
}

macro_rules! of_service {
    ($run:path) => {
        Scope::Service(None, |suite, service| Box::pin($run(suite, service)))
    };
    ($run:path, $variety:pat) => {
        Scope::Service(Some(|variety| matches!(variety, $variety)), |suite, service| {
            Box::pin($run(suite, service))
        })
    };
}

const fn case(id: &'static str, needs: Needs, scope: Scope, sentence: &'static str) -> Case {
    Case { id, sentence, needs, scope }
}

#[rustfmt::skip]
pub(crate) const CASES: &[Case] = &[
    case("configuration", Protocol, of_adapter!(known::configuration), "What is known of the adapter makes a configuration and names at least one service."),
    case("health.serving", Protocol, of_adapter!(known::health), "grpc.health.v1 says SERVING for the process."),
    case("health.services", Protocol, of_adapter!(known::health_of_services), "grpc.health.v1 says SERVING for each handler service."),
    case("health.unknown", Protocol, of_adapter!(known::health_of_nobody), "grpc.health.v1 answers NOT_FOUND for a service that is not there."),
    case("reflection.services", Protocol, of_adapter!(known::reflection), "Reflection lists each handler service."),
    case("security.plaintext", Protocol, of_adapter!(security::plaintext), "An adapter with TLS does not answer in plaintext."),
    case("security.no-certificate", Protocol, of_adapter!(security::anonymous), "An adapter with mutual TLS does not answer a client without a certificate."),
    case("security.no-token", Protocol, of_adapter!(security::no_token), "A call without the token is refused with UNAUTHENTICATED or PERMISSION_DENIED."),
    case("security.wrong-token", Protocol, of_adapter!(security::wrong_token), "A call with another token is refused the same way."),
    case("method.unknown", Protocol, of_adapter!(wire::unknown_method), "A method that a handler service does not have is answered with UNIMPLEMENTED."),
    case("service.unknown", Protocol, of_adapter!(wire::unknown_service), "A service that is not there is answered with UNIMPLEMENTED."),
    case("call.plain", Protocol, of_service!(instances::plain), "A well-formed call is answered with OK and a message of the template's variety."),
    case("call.repeated", Protocol, of_service!(instances::repeated), "The same call with the same dedup_id is answered with OK again."),
    case("call.deadline", Protocol, of_service!(connections::deadline), "A call is answered, or given up, by its deadline."),
    case("check.cache", Protocol, of_service!(check::cache, Variety::Check | Variety::CheckWithOutput), "How long and how often an answer may be used again is not negative (-1 uses mean no limit)."),
    case("output.message", Protocol, of_service!(check::output, Variety::AttributeGenerator | Variety::CheckWithOutput), "The output is the template's OutputMsg."),
    case("quota.name", Protocol, of_service!(quota::name, Variety::Quota), "A quota is answered under the name of the instance that was asked for."),
    case("quota.dedup", Protocol, of_service!(quota::dedup, Variety::Quota), "A repeated allocation with the same dedup_id grants the same and takes nothing more."),
    case("quota.amounts", Protocol, of_service!(quota::amounts, Variety::Quota), "A grant is never more than was asked for, and giving back is answered."),
    case("report.empty", Protocol, of_service!(report::empty, Variety::Report), "A report without instances is answered with OK."),
    case("report.large", ProtocolAndObservation, of_service!(report::large, Variety::Report), "A report of thousands of instances is taken, and every instance arrives."),
    case("instance.empty", Protocol, of_service!(instances::empty), "An instance with nothing but its name gets an answer."),
    case("instance.unknown-fields", Protocol, of_service!(instances::unknown), "Fields that the adapter does not know, in instance and request, are passed over."),
    case("instance.padded-lengths", Protocol, of_service!(instances::padded), "Lengths written in more bytes than they need, as Istio's Mixer does, are understood."),
    case("instance.value-types", ProtocolAndObservation, of_service!(instances::value_types), "Every type of value is taken, and arrives as it was."),
    case("instance.duration-fraction", Observation, of_service!(instances::durations), "A duration arrives with its fraction, down to the nanosecond."),
    case("instance.timestamp-nanos", Observation, of_service!(instances::timestamps), "A timestamp arrives with its nanoseconds."),
    case("config.empty", Protocol, of_service!(config::empty), "An adapter_config without content (a handler without params) gets an answer that says what is wrong, if anything is."),
    case("config.change", Observation, of_service!(config::change), "Each call is handled by the configuration that it carries."),
    case("config.garbage", Protocol, of_service!(config::garbage), "A configuration that cannot be decoded is refused, not ignored."),
    case("session.validate", Protocol, of_adapter!(sessions::validate), "Validate accepts the configuration."),
    case("session.validate-garbage", Protocol, of_adapter!(sessions::validate_garbage), "Validate refuses a configuration that cannot be decoded."),
    case("session.use", Protocol, of_adapter!(sessions::used), "CreateSession gives an id with which calls are answered with OK."),
    case("session.distinct", Protocol, of_adapter!(sessions::distinct), "Two sessions have two ids, and closing one leaves the other alone."),
    case("session.unknown", Protocol, of_adapter!(sessions::unknown), "A session that is not there is refused, by calls and by CloseSession."),
    case("session.closed", Protocol, of_adapter!(sessions::closed), "A session that was closed is gone: calls in it are refused."),
    case("session.many", Protocol, of_adapter!(sessions::many), "Hundreds of sessions, each closed before the next, are all made."),
    case("calls.concurrent", Protocol, of_adapter!(connections::concurrent), "Many calls at the same time on one connection are all answered with OK."),
    case("calls.given-up", Protocol, of_adapter!(connections::given_up), "Calls that are given up halfway disturb no other."),
    case("connections.churn", Protocol, of_adapter!(connections::churn), "Connections that come and go, also in the middle of a call, disturb no other."),
    case("wire.truncated-message", Protocol, of_service!(wire::truncated_message), "A message that ends too early is refused with INVALID_ARGUMENT or INTERNAL."),
    case("wire.truncated-frame", Protocol, of_adapter!(wire::truncated_frame), "A frame that ends too early is refused with a status."),
    case("wire.oversized", Protocol, of_adapter!(wire::oversized), "A message that says to be 4 GiB long is refused with a status, before it has come."),
    case("config.absent", Protocol, of_service!(config::absent), "A call without adapter_config gets an answer: OK, or a status that says what is wrong."),
    case("survives", Protocol, of_adapter!(connections::survives), "After all of this every service answers a plain call on a new connection."),
];
