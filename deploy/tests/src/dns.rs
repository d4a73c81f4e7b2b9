//! The name service of a cluster, as far as headless Services need it: a name has the addresses of the pods that are ready,
//! and what is asked is what is true at that moment.

use std::collections::HashMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// How long an answer may be kept, in seconds. In a cluster it is five, and thirty in older ones.
const TIME_TO_LIVE: u32 = 1;

/// Bytes before the question (RFC 1035, section 4.1.1).
const HEADER: usize = 12;

/// Types of records and answers (RFC 1035, sections 3.2.2 and 4.1.1).
const A: u16 = 1;
const NO_ERROR: u8 = 0;
const NO_SUCH_NAME: u8 = 3;

/// The names of a cluster. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Names(Arc<Mutex<HashMap<String, Vec<Ipv4Addr>>>>);

impl Names {
    /// Another ready pod of a Service.
    pub fn add(&self, name: &str, address: Ipv4Addr) {
        self.0.lock().entry(name.to_owned()).or_default().push(address);
    }

    /// A pod that is not ready any more.
    pub fn remove(&self, name: &str, address: Ipv4Addr) {
        self.0.lock().entry(name.to_owned()).or_default().retain(|known| *known != address);
    }

    /// The addresses of a name; none for a name that nobody has.
    pub fn get(&self, name: &str) -> Option<Vec<Ipv4Addr>> {
        self.0.lock().get(name).cloned()
    }

    /// Answers questions at an address until the runtime ends.
    ///
    /// # Errors
    /// The address cannot be bound.
    pub async fn serve(&self, address: SocketAddr) -> io::Result<JoinHandle<()>> {
        let socket = UdpSocket::bind(address).await?;
        let names = self.clone();
        Ok(tokio::spawn(async move {
            let mut question = [0; 1500];
            while let Ok((length, client)) = socket.recv_from(&mut question).await {
                if let Some(answer) = names.answer(&question[..length]) {
                    // Who does not hear it asks again.
                    let _ = socket.send_to(&answer, client).await;
                }
            }
        }))
    }

    /// The answer to a message with one question; none to anything else.
    fn answer(&self, message: &[u8]) -> Option<Vec<u8>> {
        let id = message.get(..2)?;
        let recursion_desired = message.get(2)? & 1;
        if message.get(4..6)? != [0, 1] {
            return None;
        }
        let (name, end) = name(message)?;
        let question = message.get(HEADER..end + 4)?;
        let kind = u16::from_be_bytes([*message.get(end)?, *message.get(end + 1)?]);
        let found = self.get(&name);
        let code = if found.is_some() { NO_ERROR } else { NO_SUCH_NAME };
        let addresses = found.filter(|_| kind == A).unwrap_or_default();
        // An answer with authority, recursion available.
        let mut answer = [id, &[0x84 | recursion_desired, 0x80 | code, 0, 1]].concat();
        answer.extend(u16::try_from(addresses.len()).ok()?.to_be_bytes());
        answer.extend([0; 4]);
        answer.extend(question);
        for address in addresses {
            // The name of the question, type A, class IN.
            answer.extend([0xc0, HEADER as u8, 0, 1, 0, 1]);
            answer.extend(TIME_TO_LIVE.to_be_bytes());
            answer.extend([0, 4]);
            answer.extend(address.octets());
        }
        Some(answer)
    }
}

/// The name of the question, in lower case, and where it ends.
fn name(message: &[u8]) -> Option<(String, usize)> {
    let (mut labels, mut at) = (Vec::new(), HEADER);
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        if length == 0 {
            break;
        }
        let label = message.get(at..at + length)?;
        labels.push(std::str::from_utf8(label).ok()?.to_ascii_lowercase());
        at += length;
    }
    Some((labels.join("."), at))
}

#[cfg(test)]
mod tests;
