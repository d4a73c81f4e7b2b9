//! A server on a free port of the loopback interface, and a channel to it.

use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::service::Routes;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};

/// A server that ends with the test.
pub(crate) struct Loopback {
    server: JoinHandle<()>,
    /// A connection to the server.
    pub(crate) channel: Channel,
}

impl Loopback {
    /// Serves `routes`.
    pub(crate) async fn serve(routes: Routes) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let server = tokio::spawn(async move {
            // Without this, answers of more than one segment wait for delayed acknowledgements.
            let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
            Server::builder().add_routes(routes).serve_with_incoming(incoming).await.expect("serves");
        });
        let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
        Self { server, channel: endpoint.connect().await.expect("connects") }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        self.server.abort();
    }
}
