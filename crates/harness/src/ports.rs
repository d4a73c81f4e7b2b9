//! Free ports for programs that cannot tell which port they took.

use std::net::{Ipv4Addr, TcpListener};

/// So many different free ports on loopback. They are found by binding; between here and their use somebody else
/// could take one, which then shows as a named start-up failure.
///
/// # Errors
/// Loopback has no free port left.
pub fn free_ports<const N: usize>() -> std::io::Result<[u16; N]> {
    let mut ports = [0; N];
    let mut held = Vec::with_capacity(N);
    for port in &mut ports {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        *port = listener.local_addr()?.port();
        held.push(listener);
    }
    Ok(ports)
}
