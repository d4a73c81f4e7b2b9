//! The `authentication` of a connection, `istio.policy.v1beta1.Authentication`, and what is ours beside it:
//! `subjectAltNames`, `sds` and `workloadApi`.

mod check;
mod token;

use mixer_peer_id::PeerId;
use mixer_template::Node;

use crate::authentication::{Authentication, Certificates, ExpectedServer, OwnFiles};
use crate::fields::Fields;
use crate::report::Report;
use check::{file, host, socket};

const PATH: &str = "spec.connection.authentication";
const TLS: &str = "spec.connection.authentication.tls";
const MUTUAL: &str = "spec.connection.authentication.mutual";

/// Reads it; nothing when there is an error, which is reported. In compatibility mode the original's rules hold.
pub(super) fn read(node: &Node, compat: bool, report: &mut Report<'_>) -> Option<Authentication> {
    let before = report.errors();
    let mut fields = Fields::of(node, PATH, report);
    let tls = fields.take("tls", report);
    let mutual = fields.take("mutual", report);
    fields.finish(report);
    if tls.is_some() && mutual.is_some() {
        report.error(PATH, node.position, "tls and mutual exclude each other; remove one");
    }
    if tls.is_none() && mutual.is_none() && report.errors() == before {
        report.error(PATH, node.position, "says neither tls nor mutual; choose one");
    }
    // Both are read, so that all problems are told at once.
    let tls = tls.map(|node| read_tls(node, compat, report));
    let mutual = mutual.and_then(|node| read_mutual(node, compat, report));
    (report.errors() == before).then(|| tls.or(mutual)).flatten()
}

fn read_tls(node: &Node, compat: bool, report: &mut Report<'_>) -> Authentication {
    let mut fields = Fields::of(node, TLS, report);
    let authorities = file(&mut fields, "ca_certificates", report);
    let server_name = host(&mut fields, "server_name", report);
    let ids = ids(&mut fields, report);
    let token = token::read(&mut fields, node, compat, report);
    fields.finish(report);
    Authentication {
        certificates: Certificates::Files {
            own: None,
            with_system: compat || authorities.is_none(),
            authorities,
        },
        server_name,
        expected: if ids.is_empty() { ExpectedServer::Host } else { ExpectedServer::Ids(ids) },
        token,
    }
}

fn read_mutual(node: &Node, compat: bool, report: &mut Report<'_>) -> Option<Authentication> {
    let mut fields = Fields::of(node, MUTUAL, report);
    let key = file(&mut fields, "private_key", report);
    let certificate = file(&mut fields, "client_certificate", report);
    let authorities = file(&mut fields, "ca_certificates", report);
    let server_name = host(&mut fields, "server_name", report);
    let ids = ids(&mut fields, report);
    let sds = fields.take("sds", report);
    let workload = fields.take("workload_api", report);
    fields.finish(report);
    let has_files = key.is_some() || certificate.is_some() || authorities.is_some();
    let sources = [has_files, sds.is_some(), workload.is_some()].into_iter().filter(|given| *given).count();
    if sources > 1 {
        let message = "certificates come from one place: files (privateKey, clientCertificate, caCertificates), sds or \
                       workloadApi; remove the others";
        report.error(MUTUAL, node.position, message);
    }
    let certificates = match (sds, workload) {
        (Some(node), _) => read_sds(node, report),
        (None, Some(node)) => read_workload(node, report),
        (None, None) => {
            for (found, field) in [(&key, "privateKey"), (&certificate, "clientCertificate")] {
                // One that is wrong has been reported.
                if found.is_none() && !given(node, field) {
                    let message = "is missing; set it to the path of a file, or use sds or workloadApi";
                    report.error(&format!("{MUTUAL}.{field}"), node.position, message);
                }
            }
            let with_system = compat || authorities.is_none();
            certificate.zip(key).map(|(certificate, key)| Certificates::Files {
                own: Some(OwnFiles { certificate, key }),
                with_system,
                authorities,
            })
        }
    };
    let expected = match (ids.is_empty(), compat, &server_name) {
        (false, ..) => ExpectedServer::Ids(ids),
        (true, true, _) => ExpectedServer::OwnId,
        (true, false, Some(_)) => ExpectedServer::Host,
        (true, false, None) => ExpectedServer::OwnIdOrHost,
    };
    Some(Authentication { certificates: certificates?, server_name, expected, token: None })
}

/// Whether a field is there, however it is written.
fn given(node: &Node, json: &str) -> bool {
    let entries = node.entries().iter();
    entries.filter(|(_, value)| !value.is_null()).any(|(key, _)| crate::fields::json_name(&key.text) == json)
}

fn read_sds(node: &Node, report: &mut Report<'_>) -> Option<Certificates> {
    let mut fields = Fields::of(node, &format!("{MUTUAL}.sds"), report);
    let socket = socket(&mut fields, node, report);
    let certificate = fields.text("certificate", report).map_or("default", |name| name.text);
    let authorities = fields.text("authorities", report).map_or("ROOTCA", |name| name.text);
    fields.finish(report);
    let (certificate, authorities) = (certificate.to_owned(), authorities.to_owned());
    Some(Certificates::Sds { socket: socket?, certificate, authorities })
}

fn read_workload(node: &Node, report: &mut Report<'_>) -> Option<Certificates> {
    let mut fields = Fields::of(node, &format!("{MUTUAL}.workloadApi"), report);
    let socket = socket(&mut fields, node, report);
    fields.finish(report);
    Some(Certificates::WorkloadApi { socket: socket? })
}

/// Who may answer.
fn ids(fields: &mut Fields<'_>, report: &mut Report<'_>) -> Vec<PeerId> {
    let path = fields.path("subjectAltNames");
    let mut ids = Vec::new();
    for text in fields.texts("subject_alt_names", report) {
        match text.trimmed().parse() {
            Ok(id) => ids.push(id),
            Err(error) => {
                let error: mixer_peer_id::ParsePeerIdError = error;
                report.error(&path, text.position, error.to_string());
            }
        }
    }
    ids
}
