//! Which build this is, for `/version`, `mixs version` and the metric `istio_build`.

/// Facts about a build. Packagers set them with environment variables at compile time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BuildInfo {
    /// The version of the packages.
    pub version: &'static str,
    /// The commit (`MIXER_REVISION`), or `unknown`.
    pub revision: &'static str,
    /// The image registry (`MIXER_HUB`), or `unknown`.
    pub hub: &'static str,
    /// The image tag (`MIXER_TAG`); the version when it is not set.
    pub tag: &'static str,
    /// `Clean` or `Modified` (`MIXER_STATUS`), or `unknown`.
    pub status: &'static str,
}

/// A fact, or what stands for it.
const fn or(fact: Option<&'static str>, default: &'static str) -> &'static str {
    match fact {
        Some(fact) => fact,
        None => default,
    }
}

/// This build.
pub const BUILD: BuildInfo = BuildInfo {
    version: env!("CARGO_PKG_VERSION"),
    revision: or(option_env!("MIXER_REVISION"), "unknown"),
    hub: or(option_env!("MIXER_HUB"), "unknown"),
    tag: or(option_env!("MIXER_TAG"), env!("CARGO_PKG_VERSION")),
    status: or(option_env!("MIXER_STATUS"), "unknown"),
};

impl std::fmt::Display for BuildInfo {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.revision {
            "unknown" => f.write_str(self.version),
            revision => write!(f, "{}@{}-{revision}-{}", self.version, self.hub, self.status),
        }
    }
}
