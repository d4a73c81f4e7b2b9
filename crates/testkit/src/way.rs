//! A way to a server that is cut until it is opened: a backend that is away and comes back at the same address.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

/// A way to a server. It ends with its runtime.
#[derive(Clone, Debug)]
pub struct Way {
    address: SocketAddr,
    open: Arc<AtomicBool>,
}

impl Way {
    /// A way to this address on which every connection is cut at once.
    ///
    /// # Errors
    ///
    /// No port can be bound on loopback.
    pub async fn closed(to: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let way = Self { address: listener.local_addr()?, open: Arc::default() };
        let open = way.open.clone();
        tokio::spawn(async move {
            while let Ok((mut from, _)) = listener.accept().await {
                if open.load(Ordering::Relaxed) {
                    tokio::spawn(async move {
                        if let Ok(mut to) = TcpStream::connect(to).await {
                            // Either side may go.
                            let _ = copy_bidirectional(&mut from, &mut to).await;
                        }
                    });
                }
            }
        });
        Ok(way)
    }

    /// Where it begins.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets connections through from now on.
    pub fn open(&self) {
        self.open.store(true, Ordering::Relaxed);
    }
}
