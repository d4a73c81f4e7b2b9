//! Two sides and the wire between them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use mixer_identity::{
    Accepted, Authorities, ClientPolicy, ClientTls, Credentials, Expected, Files, KeyPair, PeerId, Refused,
    ServerName, ServerOptions, ServerTls, Source, Update,
};
use mixer_testkit::pki::{Authority, Issued};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// Longer than anything takes, on a slow machine too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) const MIXER: &str = "spiffe://cluster.local/ns/istio-system/sa/mixer";
pub(crate) const ADAPTER: &str = "spiffe://cluster.local/ns/mixer/sa/adapter";

pub(crate) fn authority(name: &str) -> Authority {
    Authority::new(name).unwrap()
}

/// Certificates of one side, in files.
pub(crate) struct Side {
    directory: tempfile::TempDir,
    has_own: bool,
}

impl Side {
    pub(crate) fn new(own: Option<&Issued>, authorities: &[&Authority]) -> Self {
        let side = Self { directory: tempfile::tempdir().unwrap(), has_own: own.is_some() };
        if let Some(own) = own {
            side.show(own);
        }
        side.trust(authorities);
        side
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Another certificate of its own: all at once, as Kubernetes mounts it, would be easier to follow.
    pub(crate) fn show(&self, own: &Issued) {
        std::fs::write(self.path("key"), &own.key).unwrap();
        std::fs::write(self.path("certificate"), &own.chain).unwrap();
    }

    pub(crate) fn trust(&self, authorities: &[&Authority]) {
        let bundle: String = authorities.iter().map(|authority| authority.pem()).collect();
        std::fs::write(self.path("ca"), bundle).unwrap();
    }

    pub(crate) fn source(&self) -> Source {
        let own = KeyPair { certificate: self.path("certificate"), key: self.path("key") };
        Source::Files(Files {
            own: self.has_own.then_some(own),
            authorities: Authorities::File(self.path("ca")),
            every: Duration::from_millis(10),
        })
    }

    pub(crate) async fn follow(&self) -> Followed {
        Followed::start(self.source()).await
    }
}

/// Credentials, and what was heard of them.
pub(crate) struct Followed {
    pub(crate) credentials: Credentials,
    updates: Arc<Mutex<Vec<Update>>>,
}

impl Followed {
    pub(crate) async fn start(source: Source) -> Self {
        let updates = Arc::new(Mutex::new(Vec::new()));
        let noted = updates.clone();
        let on_update = Box::new(move |update: &Update| noted.lock().push(update.clone()));
        Self { credentials: Credentials::start(source, "the test", on_update).await, updates }
    }

    /// Waits until an update is like this, and forgets all up to it.
    pub(crate) async fn heard(&self, is_it: impl Fn(&Update) -> bool) -> Update {
        let waiting = async {
            loop {
                {
                    let mut updates = self.updates.lock();
                    if let Some(at) = updates.iter().position(&is_it) {
                        return updates.drain(..=at).next_back().unwrap();
                    }
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting).await.unwrap_or_else(|_| panic!("{:?}", self.updates.lock()))
    }

    /// Waits until the own certificate has this name.
    pub(crate) async fn shows(&self, name: &str) {
        let has = |update: &Update| match update {
            Update::Loaded(material) => {
                let facts = material.own.as_ref().map(|own| own.facts().clone()).unwrap_or_default();
                facts.uris.iter().chain(&facts.dns).any(|own| own == name)
            }
            Update::Failed(_) => false,
        };
        self.heard(has).await;
    }

    /// Waits until something fails; the text says what.
    pub(crate) async fn fails(&self, part: &str) -> String {
        let has = |update: &Update| matches!(update, Update::Failed(reason) if reason.contains(part));
        match self.heard(has).await {
            Update::Failed(reason) => reason.to_string(),
            Update::Loaded(_) => unreachable!(),
        }
    }

    pub(crate) async fn loads(&self) {
        self.heard(|update| matches!(update, Update::Loaded(_))).await;
    }

    pub(crate) fn server(&self, clients: ClientPolicy) -> ServerTls {
        let options = ServerOptions { clients, permissive: false, timeout: PATIENCE };
        ServerTls::new(self.credentials.clone(), options)
    }

    pub(crate) fn client(&self, expected: Expected) -> ClientTls {
        ClientTls::new(self.credentials.clone(), host("localhost"), expected)
    }
}

pub(crate) fn host(name: &str) -> ServerName<'static> {
    ServerName::try_from(name.to_owned()).unwrap()
}

pub(crate) fn ids(ids: &[&str]) -> Vec<PeerId> {
    ids.iter().map(|id| id.parse().unwrap()).collect()
}

/// A connection that stands: what one side writes, the other reads.
pub(crate) struct Standing {
    server: Box<dyn Wire>,
    client: Box<dyn Wire>,
}

pub(crate) trait Wire: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}

impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Wire for T {}

impl Standing {
    pub(crate) async fn carries(&mut self) {
        self.client.write_all(b"ping").await.unwrap();
        self.client.flush().await.unwrap();
        let mut read = [0; 4];
        self.server.read_exact(&mut read).await.unwrap();
        assert_eq!(&read, b"ping");
    }
}

fn wire() -> (DuplexStream, DuplexStream) {
    tokio::io::duplex(64 << 10)
}

/// A handshake, and what each side says of it.
pub(crate) async fn meet(server: &ServerTls, client: &ClientTls) -> (Option<Refused>, Option<Refused>) {
    match stand(server, client).await {
        Ok(_) => (None, None),
        Err(refused) => refused,
    }
}

/// A handshake that leads to a connection.
pub(crate) async fn stand(
    server: &ServerTls,
    client: &ClientTls,
) -> Result<Standing, (Option<Refused>, Option<Refused>)> {
    let (near, far) = wire();
    let serving = async {
        let Accepted::Tls(mut stream) = server.accept(far).await? else { panic!("plaintext") };
        // As servers of HTTP/2 do, it speaks first. The client may be gone already.
        let _ = stream.write_all(b"!").await;
        let _ = stream.flush().await;
        Ok(stream)
    };
    let meeting = async { tokio::join!(serving, client.connect(near)) };
    match tokio::time::timeout(PATIENCE, meeting).await.unwrap() {
        (Ok(server), Ok(mut client)) => {
            assert_eq!(client.read_u8().await.unwrap(), b'!');
            Ok(Standing { server, client: Box::new(client) })
        }
        (server, client) => Err((server.err(), client.err())),
    }
}
