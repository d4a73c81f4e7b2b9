//! One address of a gRPC adapter: a connection made when it is first used, and whether it worked lately.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use tokio::net::{TcpStream, UnixStream};
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::transport::{Channel, Endpoint as Settings};

use super::SLOW;
use super::backoff::Backoff;

/// The longest that one attempt to connect may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long the other end of a connection may be silent when it should not be.
const SILENCE: Duration = Duration::from_secs(15);

/// Failures in a row after which the connection is made anew: a dead peer does not close it.
const RENEW_AFTER: u32 = 3;

/// What is the same for every address of an adapter.
#[derive(Debug)]
pub(crate) struct Connector {
    settings: Settings,
}

impl Connector {
    /// Connections whose calls carry this authority, and whose tasks run on `runtime`.
    ///
    /// # Errors
    /// The authority cannot be one.
    pub(crate) fn new(
        authority: &str,
        runtime: tokio::runtime::Handle,
    ) -> Result<Self, tonic::transport::Error> {
        let settings = Settings::from_shared(format!("http://{authority}"))?
            .user_agent(concat!("mixer-rs/", env!("CARGO_PKG_VERSION")))?
            .executor(OnRuntime(runtime));
        Ok(Self { settings })
    }

    fn channel(&self, place: &Place) -> Channel {
        match place {
            Place::Tcp(address) => {
                let address = *address;
                self.settings.connect_with_connector_lazy(tower::service_fn(move |_| tcp(address)))
            }
            Place::Unix(path) => {
                let path = path.clone();
                self.settings.connect_with_connector_lazy(tower::service_fn(move |_| unix(path.clone())))
            }
        }
    }
}

#[derive(Clone, Debug)]
struct OnRuntime(tokio::runtime::Handle);

impl<F> hyper::rt::Executor<F> for OnRuntime
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, future: F) {
        self.0.spawn(future);
    }
}

async fn tcp(address: SocketAddr) -> std::io::Result<TokioIo<TcpStream>> {
    let stream = in_time(TcpStream::connect(address)).await?;
    stream.set_nodelay(true)?;
    notice_death(&stream)?;
    Ok(TokioIo::new(stream))
}

/// Lets the kernel give up a connection whose other end is gone without a word. Pings of HTTP/2 would do the
/// same, but Go's servers end connections on which they come often.
fn notice_death(stream: &TcpStream) -> std::io::Result<()> {
    let socket = socket2::SockRef::from(stream);
    let probes = socket2::TcpKeepalive::new().with_time(SILENCE).with_interval(SILENCE / 3);
    socket.set_tcp_keepalive(&probes)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(SILENCE))?;
    Ok(())
}

async fn unix(path: Arc<Path>) -> std::io::Result<TokioIo<UnixStream>> {
    Ok(TokioIo::new(in_time(UnixStream::connect(path)).await?))
}

async fn in_time<T>(connect: impl Future<Output = std::io::Result<T>>) -> std::io::Result<T> {
    tokio::time::timeout(CONNECT_TIMEOUT, connect)
        .await
        .unwrap_or_else(|_| Err(std::io::Error::from(std::io::ErrorKind::TimedOut)))
}

/// Where a connection goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Place {
    Tcp(SocketAddr),
    Unix(Arc<Path>),
}

/// One address.
#[derive(Debug)]
pub(crate) struct Endpoint {
    place: Place,
    connector: Arc<Connector>,
    calls: AtomicUsize,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    client: Grpc<Channel>,
    failures: u32,
    backoff: Backoff,
    avoid_until: Option<Instant>,
}

/// A call on its way to an address. Dropped unsettled, it was given up, which counts as a failure when the
/// address had a fair amount of time.
pub(crate) struct Call {
    endpoint: Arc<Endpoint>,
    pub(crate) client: Grpc<Channel>,
    started: Instant,
    settled: bool,
}

impl Call {
    /// The address answered.
    pub(crate) fn succeeded(mut self) {
        self.settled = true;
        let mut state = self.endpoint.state.lock();
        state.failures = 0;
        state.avoid_until = None;
        state.backoff = Backoff::default();
    }

    /// The address could not be reached: others are preferred for a while.
    pub(crate) fn failed(mut self) {
        self.settled = true;
        self.endpoint.failed();
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.endpoint.calls.fetch_sub(1, Ordering::Relaxed);
        if !self.settled && self.started.elapsed() >= SLOW {
            self.endpoint.failed();
        }
    }
}

impl Endpoint {
    pub(crate) fn new(place: Place, connector: Arc<Connector>) -> Self {
        let client = Grpc::new(connector.channel(&place));
        let state = State { client, failures: 0, backoff: Backoff::default(), avoid_until: None };
        Self { place, connector, calls: AtomicUsize::new(0), state: Mutex::new(state) }
    }

    pub(crate) fn place(&self) -> &Place {
        &self.place
    }

    /// Calls that are under way.
    pub(crate) fn calls(&self) -> usize {
        self.calls.load(Ordering::Relaxed)
    }

    /// Whether it failed so lately that another address is better.
    pub(crate) fn is_avoided(&self, now: Instant) -> bool {
        self.state.lock().avoid_until.is_some_and(|until| until > now)
    }

    /// Begins a call.
    pub(crate) fn call(self: &Arc<Self>) -> Call {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let client = self.state.lock().client.clone();
        Call { endpoint: self.clone(), client, started: Instant::now(), settled: false }
    }

    fn failed(&self) {
        let mut state = self.state.lock();
        state.failures += 1;
        state.avoid_until = Some(Instant::now() + state.backoff.next());
        if state.failures.is_multiple_of(RENEW_AFTER) {
            state.client = Grpc::new(self.connector.channel(&self.place));
        }
    }
}
