//! Adapters that go away in an orderly way, and in less orderly ways in which they still did nothing: no call fails, and
//! the name is looked up at once.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use mixer_adapter_api::BoxFuture;
use mixer_dispatch::{EngineOptions, Resolve};
use parking_lot::Mutex;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use crate::far::{Far, PATIENCE};
use crate::support::World;

const CONFIG: &str = "
    adapter istio-system/far {templates: [listentry], session_based: false}
    handler istio-system/h {adapter: far, connection: {address: \"dns:///adapter.example:8080\", timeout: 20s}}
    instance istio-system/e {template: listentry, params: {value: source.name | \"nobody\"}}
    rule istio-system/r {actions: [{handler: h, instances: [e]}]}";

/// A name whose addresses the test decides, and how often it was asked for.
#[derive(Debug, Default)]
struct Name {
    addresses: Mutex<Vec<SocketAddr>>,
    asked: AtomicUsize,
}

impl Resolve for Name {
    fn resolve<'a>(&'a self, _: &'a str, _: u16) -> BoxFuture<'a, std::io::Result<Vec<SocketAddr>>> {
        self.asked.fetch_add(1, Ordering::SeqCst);
        Box::pin(std::future::ready(Ok(self.addresses.lock().clone())))
    }
}

async fn world(addresses: &[SocketAddr]) -> (World, Arc<Name>) {
    let name = Arc::new(Name { addresses: Mutex::new(addresses.to_vec()), asked: AtomicUsize::new(0) });
    let world = World::with(EngineOptions { resolver: name.clone(), ..EngineOptions::default() });
    assert_eq!(world.apply(CONFIG).await.failures, []);
    (world, name)
}

#[tokio::test]
async fn after_a_goodbye_the_name_is_looked_up_at_once() {
    let (leaving, coming) = (Far::start(None).await, Far::start(None).await);
    let (world, name) = world(&[leaving.address]).await;
    world.check("").await.unwrap();
    let (asked, started) = (name.asked.load(Ordering::SeqCst), Instant::now());
    *name.addresses.lock() = vec![coming.address];
    leaving.renew();
    let looked_up = async {
        while name.asked.load(Ordering::SeqCst) == asked {
            world.check("").await.unwrap();
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, looked_up).await.unwrap();
    // While all is well it would be at the earliest after 7.5 s.
    assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
    for _ in 0..10 {
        world.check("").await.unwrap();
    }
}

/// What a server does with its connections.
#[derive(Clone, Copy, Debug)]
enum Leaving {
    /// Closes them before it has sent anything.
    Mute,
    /// Greets, and then says that it takes no call any more.
    Goaway,
    /// Greets, and then gives every call back.
    Refused,
}

/// A server that does nothing of any call.
async fn leaving(how: Leaving) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            // Its end is the client's business.
            tokio::spawn(async move { turn_away(stream, how).await });
        }
    });
    address
}

async fn turn_away(mut stream: TcpStream, how: Leaving) -> std::io::Result<()> {
    // The client's preface: 24 bytes, then frames.
    let mut preface = [0; 24];
    stream.read_exact(&mut preface).await?;
    if matches!(how, Leaving::Mute) {
        return Ok(());
    }
    stream.write_all(&frame(SETTINGS, 0, &[])).await?;
    loop {
        let mut head = [0; 9];
        stream.read_exact(&mut head).await?;
        let [_, a, b, kind, _, stream_id @ ..] = head;
        let mut payload = vec![0; usize::from(u16::from_be_bytes([a, b]))];
        stream.read_exact(&mut payload).await?;
        if kind != HEADERS {
            continue;
        }
        let answer = match how {
            // The last call that was taken: none; and no error.
            Leaving::Goaway => frame(GOAWAY, 0, &[0; 8]),
            // REFUSED_STREAM.
            _ => frame(RST_STREAM, u32::from_be_bytes(stream_id), &7_u32.to_be_bytes()),
        };
        stream.write_all(&answer).await?;
    }
}

const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;

fn frame(kind: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u8::try_from(payload.len()).unwrap();
    [&[0, 0, length, kind, 0], &stream.to_be_bytes()[..], payload].concat()
}

#[tokio::test]
async fn calls_of_which_nothing_was_done_are_taken_by_others() {
    for how in [Leaving::Mute, Leaving::Goaway, Leaving::Refused] {
        let good = Far::start(None).await;
        let (world, _name) = world(&[leaving(how).await, good.address]).await;
        for _ in 0..20 {
            world.check("").await.unwrap_or_else(|error| panic!("{how:?}: {error}"));
        }
    }
}

#[tokio::test]
async fn where_nobody_takes_calls_it_is_said() {
    for (how, words) in [
        (Leaving::Mute, "wants TLS"),
        (Leaving::Goaway, "lost the connection"),
        (Leaving::Refused, "REFUSED_STREAM"),
    ] {
        let (world, _name) = world(&[leaving(how).await]).await;
        let text = world.check("").await.unwrap_err().to_string();
        assert!(text.contains(words) || text.contains("lost the connection"), "{how:?}: {text}");
    }
}
