//! Free ports for programs that cannot tell which port they took.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;

/// Below the ports that systems give to outgoing connections (from 32768 on Linux): one of those is taken again by
/// somebody's next connection, long before a program has started.
const PORTS: Range<u16> = 15_000..32_000;

/// Tries for one port.
const TRIES: usize = 1000;

/// So many different free ports on loopback. They are found by binding; between here and their use somebody else
/// could take one, which then shows as a named start-up failure.
///
/// # Errors
/// Loopback has no free port left.
pub fn free_ports<const N: usize>() -> io::Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let (free, listener) = free_port()?;
        *port = free;
        held.push(listener);
    }
    Ok(ports)
}

fn free_port() -> io::Result<(u16, TcpListener)> {
    let mut refused = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for _ in 0..TRIES {
        let port = fastrand::u16(PORTS);
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok((port, listener)),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}
