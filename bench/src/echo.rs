//! The yardstick: a tonic server that does nothing but send back what it got, with the settings that tonic has by
//! itself. It runs as a process of its own so that its CPU can be read.

use std::net::Ipv4Addr;

use bytes::Bytes;
use mixer_rpc::raw::{MixerService, RawMixer};
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

/// Options of `mixer-bench echo`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Port on loopback.
    #[arg(long)]
    port: u16,
}

/// Answers Check with the bytes of the request, and Report, which is for bytes that go one way, with nothing.
struct Echo;

impl RawMixer for Echo {
    async fn check(&self, request: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Ok(Response::new(request.into_inner()))
    }

    async fn report(&self, _: Request<Bytes>) -> Result<Response<Bytes>, Status> {
        Ok(Response::new(Bytes::new()))
    }
}

/// Serves until it is killed.
///
/// # Errors
/// The port cannot be bound.
pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, args.port)).await?;
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    Server::builder().add_service(MixerService::new(Echo)).serve_with_incoming(incoming).await?;
    Ok(())
}
