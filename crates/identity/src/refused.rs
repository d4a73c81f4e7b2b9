//! Why a peer was refused, or refused us: a word for counters and a text that says what was shown and what was expected.

use std::cell::RefCell;
use std::io;

use tokio_rustls::rustls;
use tokio_rustls::rustls::{CertificateError, InvalidMessage};

use crate::facts::date;

/// Why a handshake failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// The peer's certificate is not valid any more.
    Expired,
    /// The peer's certificate is not valid yet.
    NotYetValid,
    /// No authority that is trusted has signed the peer's certificate.
    UnknownAuthority,
    /// The certificate is good and names somebody who is not allowed.
    WrongId,
    /// The peer showed no certificate.
    NoCertificate,
    /// The peer's certificate cannot be read or used.
    BadCertificate,
    /// The peer does not speak TLS.
    Plaintext,
    /// The peer speaks TLS and this side does not.
    Tls,
    /// This side has no certificate yet.
    NotReady,
    /// The peer refused us.
    RefusedByPeer,
    /// The peer took too long.
    Timeout,
    /// The peer went away.
    Closed,
    /// Anything else: no common version or cipher, or bytes that make no sense.
    Handshake,
}

impl Reason {
    /// The value of the label `reason`.
    pub fn label(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::NotYetValid => "not_yet_valid",
            Self::UnknownAuthority => "unknown_authority",
            Self::WrongId => "wrong_id",
            Self::NoCertificate => "no_certificate",
            Self::BadCertificate => "bad_certificate",
            Self::Plaintext => "plaintext",
            Self::Tls => "tls",
            Self::NotReady => "not_ready",
            Self::RefusedByPeer => "refused_by_peer",
            Self::Timeout => "timeout",
            Self::Closed => "closed",
            Self::Handshake => "handshake",
        }
    }
}

/// A handshake that failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refused {
    /// The kind of it.
    pub reason: Reason,
    /// What was shown, what was expected, and what to look at.
    pub text: String,
}

impl Refused {
    /// A refusal.
    pub fn new(reason: Reason, text: impl Into<String>) -> Self {
        Self { reason, text: text.into() }
    }

    /// The error of a handshake, without what only this side knows of it.
    pub(crate) fn of_handshake(error: &io::Error, own: &str) -> Self {
        let inner = error.get_ref().and_then(|error| error.downcast_ref::<rustls::Error>());
        match inner {
            Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => Self::new(
                Reason::Plaintext,
                "the peer does not speak TLS: its first bytes are no TLS record; give it a certificate, or use \
                 plaintext on both sides",
            ),
            Some(rustls::Error::NoCertificatesPresented) => {
                Self::new(Reason::NoCertificate, "the peer showed no certificate, and one is asked for")
            }
            Some(rustls::Error::AlertReceived(alert)) => {
                let text = format!("the peer refused this side with the alert {alert:?}; it was shown {own}");
                Self::new(Reason::RefusedByPeer, text)
            }
            Some(rustls::Error::InvalidCertificate(error)) => {
                Self::new(of_certificate(error), format!("the peer's certificate is refused: {error}"))
            }
            Some(error) => Self::new(Reason::Handshake, format!("the TLS handshake failed: {error}")),
            None if is_end(error) => Self::new(Reason::Closed, format!("the peer went away: {error}")),
            None => Self::new(Reason::Handshake, format!("the TLS handshake failed: {error}")),
        }
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe
    )
}

/// The kind of a certificate's fault.
pub(crate) fn of_certificate(error: &CertificateError) -> Reason {
    use CertificateError as E;
    match error {
        E::Expired | E::ExpiredContext { .. } => Reason::Expired,
        E::NotValidYet | E::NotValidYetContext { .. } => Reason::NotYetValid,
        // An authority that has renewed its key under the same name signs what the old one does not verify.
        E::UnknownIssuer | E::BadSignature => Reason::UnknownAuthority,
        E::NotValidForName | E::NotValidForNameContext { .. } | E::ApplicationVerificationFailure => {
            Reason::WrongId
        }
        _ => Reason::BadCertificate,
    }
}

/// A certificate's fault as a sentence.
pub(crate) fn sentence(error: &CertificateError) -> String {
    use CertificateError as E;
    let seconds = |time: &rustls_pki_types::UnixTime| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
    match error {
        E::ExpiredContext { time, not_after } => {
            format!("it expired at {} and it is {}", date(seconds(not_after)), date(seconds(time)))
        }
        E::NotValidYetContext { time, not_before } => {
            format!("it is valid from {} and it is {}", date(seconds(not_before)), date(seconds(time)))
        }
        E::UnknownIssuer | E::BadSignature => "no authority that is trusted here has signed it".to_owned(),
        other => other.to_string(),
    }
}

tokio::task_local! {
    /// Where a verifier, which can only return an error of the protocol, leaves the whole story of this handshake.
    static STORY: RefCell<Option<Refused>>;
}

/// Leaves the story of a refusal for [`with_story`].
pub(crate) fn tell(refused: Refused) {
    // Outside of a handshake nobody listens.
    let _ = STORY.try_with(|story| *story.borrow_mut() = Some(refused));
}

/// Runs a handshake, whose error comes with the story that its verifier left.
pub(crate) async fn with_story<T>(
    handshake: impl Future<Output = io::Result<T>>,
    own: &str,
) -> Result<T, Refused> {
    let listening = async {
        let done = handshake.await;
        let story = STORY.try_with(|story| story.borrow_mut().take()).ok().flatten();
        done.map_err(|error| story.unwrap_or_else(|| Refused::of_handshake(&error, own)))
    };
    STORY.scope(RefCell::new(None), listening).await
}
