//! The token of `tls`: where it comes from and how it is sent.

use mixer_template::{Node, NodeValue};

use super::TLS;
use super::check::{file, header_problem, url_problem};
use crate::authentication::{OAuth, Token, TokenHeader, TokenSource};
use crate::fields::{Fields, text};
use crate::report::Report;

/// Parameters of a token request that have fields of their own.
const OWN: [&str; 4] = ["grant_type", "scope", "client_id", "client_secret"];

/// Reads the token's part of `tls`. The original wanted one in any case.
pub(super) fn read(
    fields: &mut Fields<'_>,
    whole: &Node,
    compat: bool,
    report: &mut Report<'_>,
) -> Option<Token> {
    let before = report.errors();
    let path = file(fields, "token_path", report);
    let is_path_wrong = report.errors() > before;
    let oauth = fields.take("oauth", report);
    let header = header(fields, whole, report);
    match (&path, oauth) {
        (Some(_), Some(_)) => {
            report.error(TLS, whole.position, "tokenPath and oauth exclude each other; remove one");
        }
        (None, None) if is_path_wrong => {}
        (None, None) if compat => {
            report.error(TLS, whole.position, "a token is needed with --compat; set tokenPath or oauth");
        }
        (None, None) if header.is_some() => {
            let message =
                "there is no token to send; set tokenPath or oauth, or remove authHeader and customHeader";
            report.error(TLS, whole.position, message);
        }
        (Some(_), None) if header.is_none() => {
            let message = "say which header carries the token: set authHeader or customHeader";
            report.error(TLS, whole.position, message);
        }
        _ => {}
    }
    let oauth = oauth.map(|node| read_oauth(node, report));
    match (path, oauth.flatten()) {
        (Some(path), _) => Some(Token { source: TokenSource::File(path), header: header? }),
        (None, Some(oauth)) => {
            // The original took no notice of the header here.
            let header = header.filter(|_| !compat).unwrap_or(TokenHeader::AsIssued);
            Some(Token { source: TokenSource::OAuth(oauth), header })
        }
        (None, None) => None,
    }
}

/// `auth_header` or `custom_header`. Something is returned for a wrong one too, which has been reported.
fn header(fields: &mut Fields<'_>, whole: &Node, report: &mut Report<'_>) -> Option<TokenHeader> {
    let auth = fields.take("auth_header", report);
    let custom = fields.text("custom_header", report);
    if auth.is_some() && custom.is_some() {
        report.error(TLS, whole.position, "authHeader and customHeader exclude each other; remove one");
    }
    if let Some(name) = custom {
        if let Some(problem) = header_problem(name.trimmed()) {
            report.error(&fields.path("customHeader"), name.position, problem);
        }
        return Some(TokenHeader::Custom(name.trimmed().to_ascii_lowercase()));
    }
    let auth = auth?;
    Some(match &auth.value {
        NodeValue::String(name) if name == "PLAIN" => TokenHeader::Plain,
        NodeValue::String(name) if name == "BEARER" => TokenHeader::Bearer,
        NodeValue::Int(0) => TokenHeader::Plain,
        NodeValue::Int(1) => TokenHeader::Bearer,
        _ => {
            report.error(&fields.path("authHeader"), auth.position, "must be PLAIN or BEARER");
            TokenHeader::Plain
        }
    })
}

fn read_oauth(node: &Node, report: &mut Report<'_>) -> Option<OAuth> {
    let path = format!("{TLS}.oauth");
    let mut fields = Fields::of(node, &path, report);
    let before = report.errors();
    let client_id = fields.text("client_id", report).map(|id| id.text.to_owned());
    let scopes = fields.texts("scopes", report).into_iter().map(|scope| scope.text.to_owned()).collect();
    let params = fields.take("endpoint_params", report).map(|node| params(node, &path, report));
    let at_secret = report.errors();
    let client_secret = file(&mut fields, "client_secret", report);
    let is_secret_wrong = report.errors() > at_secret;
    let token_url = fields.text("token_url", report);
    if let Some(url) = token_url
        && let Some(problem) = url_problem(url.trimmed())
    {
        report.error(&fields.path("tokenUrl"), url.position, problem);
    }
    let missing = [
        (client_id.is_none(), "clientId", "is missing; set it"),
        (
            client_secret.is_none() && !is_secret_wrong,
            "clientSecret",
            "is missing; set it to the path of a file with the secret",
        ),
        (token_url.is_none(), "tokenUrl", "is missing; set it"),
    ];
    for (_, field, message) in missing.into_iter().filter(|(is_missing, ..)| *is_missing) {
        report.error(&format!("{path}.{field}"), node.position, message);
    }
    fields.finish(report);
    if report.errors() > before {
        return None;
    }
    Some(OAuth {
        client_id: client_id?,
        client_secret: client_secret?,
        token_url: token_url?.trimmed().to_owned(),
        scopes,
        endpoint_params: params.unwrap_or_default(),
    })
}

fn params(node: &Node, path: &str, report: &mut Report<'_>) -> Vec<(String, String)> {
    let path = format!("{path}.endpointParams");
    if !matches!(node.value, NodeValue::Map(_)) {
        report.error(&path, node.position, format!("must be a map but is a {}", node.kind()));
    }
    let mut params = Vec::new();
    for (key, value) in node.entries() {
        let place = format!("{path}[{}]", key.text);
        if OWN.contains(&&*key.text) {
            report.error(&place, key.position, "has a field of its own; set that");
        }
        if let Some(value) = text(value, &place, report) {
            params.push((key.text.clone(), value.text.to_owned()));
        }
    }
    params
}
