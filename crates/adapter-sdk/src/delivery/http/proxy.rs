//! Which proxies stand between us and a backend.

use hyper_util::client::proxy::matcher::Matcher;

use super::HttpOptionsError;
use crate::secret::Secret;

/// Proxies, which may hold a user and a password and are never shown. The default is none.
#[derive(Clone, Debug, Default)]
pub struct ProxySettings {
    /// The proxy of `http://` backends, as a URL.
    pub http: Option<Secret>,
    /// The proxy of `https://` backends, as a URL.
    pub https: Option<Secret>,
    /// Where no proxy is used: hosts, domains, addresses and networks, separated by commas; `*` is everywhere.
    pub no_proxy: Option<String>,
}

impl ProxySettings {
    /// What the environment says: `HTTP_PROXY`, `HTTPS_PROXY`, for both `ALL_PROXY`, and `NO_PROXY`; the same in lower case
    /// goes first.
    pub fn from_env() -> Self {
        Self::from_lookup(|name| std::env::var(name).ok())
    }

    /// [`ProxySettings::from_env`] of another environment.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Self {
        let find = |name: &str| {
            let either = lookup(&name.to_ascii_lowercase()).or_else(|| lookup(name));
            either.filter(|value| !value.trim().is_empty())
        };
        let proxy = |name| find(name).or_else(|| find("ALL_PROXY")).map(Secret::from);
        Self { http: proxy("HTTP_PROXY"), https: proxy("HTTPS_PROXY"), no_proxy: find("NO_PROXY") }
    }

    /// Which proxy a connection goes through, for clients that are not reqwest's.
    pub(in crate::delivery) fn matcher(&self) -> Matcher {
        let text = |secret: &Option<Secret>| secret.as_ref().map(|url| url.expose().to_owned());
        let none = self.no_proxy.clone().unwrap_or_default();
        let (http, https) = (text(&self.http).unwrap_or_default(), text(&self.https).unwrap_or_default());
        Matcher::builder().http(http).https(https).no(none).build()
    }

    /// Adds the proxies to a client.
    pub(super) fn apply(
        &self,
        builder: reqwest::ClientBuilder,
    ) -> Result<reqwest::ClientBuilder, HttpOptionsError> {
        // Only what is written here counts, not what the library would find out.
        let mut builder = builder.no_proxy();
        let none = || self.no_proxy.as_deref().and_then(reqwest::NoProxy::from_string);
        if let Some(url) = &self.http {
            let proxy = reqwest::Proxy::http(url.expose()).map_err(|_| HttpOptionsError::Proxy("http"))?;
            builder = builder.proxy(proxy.no_proxy(none()));
        }
        if let Some(url) = &self.https {
            let proxy = reqwest::Proxy::https(url.expose()).map_err(|_| HttpOptionsError::Proxy("https"))?;
            builder = builder.proxy(proxy.no_proxy(none()));
        }
        Ok(builder)
    }
}
