//! Which broker it is: read from the first frame that a broker sends, which lapin keeps to itself.

use std::{
    io::{self, Read, Write},
    net::{TcpStream, ToSocketAddrs},
    sync::Arc,
    time::Duration,
};

use lapin::uri::AMQPScheme;
use rustls::{ClientConnection, StreamOwned, pki_types::ServerName};

use super::address::Address;
use crate::{
    domain::screen::one_line,
    tls::{system_roots, verifying},
};

/// What a client of AMQP 0-9-1 says first.
const GREETING: &[u8] = b"AMQP\x00\x00\x09\x01";
/// Type, channel and length, before a frame's content.
const FRAME_HEADER_BYTES: usize = 7;
/// Longest first frame that is read: real ones have about 500 bytes.
const FRAME_MAX_BYTES: usize = 16 * 1024;
/// How long each read and write may take.
const IO_LIMIT: Duration = Duration::from_secs(3);

/// Product and version of the broker at `address`, if it says so. Blocks for some seconds at most.
pub(super) fn identify(address: &Address) -> io::Result<Option<String>> {
    let (host, port) = (address.uri.authority.host.as_str(), address.uri.authority.port);
    let mut last = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for socket_address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&socket_address, address.dial_limit) {
            Ok(socket) => {
                socket.set_read_timeout(Some(IO_LIMIT))?;
                socket.set_write_timeout(Some(IO_LIMIT))?;
                return match address.uri.scheme {
                    AMQPScheme::AMQP => greet(socket),
                    AMQPScheme::AMQPS => greet(encrypted(socket, host)?),
                };
            }
            Err(error) => last = error,
        }
    }
    Err(last)
}

fn encrypted(socket: TcpStream, host: &str) -> io::Result<StreamOwned<ClientConnection, TcpStream>> {
    let config = verifying(system_roots()).map_err(io::Error::other)?;
    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
    let connection = ClientConnection::new(Arc::new(config), name).map_err(io::Error::other)?;
    Ok(StreamOwned::new(connection, socket))
}

fn greet(mut stream: impl Read + Write) -> io::Result<Option<String>> {
    stream.write_all(GREETING)?;
    stream.flush()?;
    let mut header = [0; FRAME_HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let length = u32::from_be_bytes([header[3], header[4], header[5], header[6]]);
    let length = usize::try_from(length).unwrap_or(usize::MAX).min(FRAME_MAX_BYTES);
    let mut frame = vec![0; length];
    stream.read_exact(&mut frame)?;
    Ok(product_and_version(&frame))
}

/// `RabbitMQ 3.10.8`, from the server properties of a `connection.start` frame.
fn product_and_version(frame: &[u8]) -> Option<String> {
    let version = property(frame, "version")?;
    Some(property(frame, "product").map_or_else(|| version.clone(), |product| format!("{product} {version}")))
}

/// A text in a field table: the key behind its length, `S`, the text behind its length.
fn property(frame: &[u8], key: &str) -> Option<String> {
    let mut field = vec![u8::try_from(key.len()).ok()?];
    field.extend_from_slice(key.as_bytes());
    field.push(b'S');
    let at = frame.windows(field.len()).position(|window| window == field)? + field.len();
    let (length, rest) = frame.get(at..)?.split_first_chunk::<4>()?;
    let text = rest.get(..usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    Some(one_line(&String::from_utf8_lossy(text), 64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn product_and_version_are_found_and_half_a_frame_is_no_trouble() {
        let frame = b"\x00\x0a\x00\x0a\x00\x09\x00\x00\x00\x63\x07productS\x00\x00\x00\x08RabbitMQ\x07versionS\x00\x00\x00\x063.10.8\x05";
        assert_eq!(product_and_version(frame).as_deref(), Some("RabbitMQ 3.10.8"));
        assert_eq!(property(frame, "cluster_name"), None);
        for end in 0..frame.len() - 1 {
            assert_eq!(product_and_version(&frame[..end]), None, "{end}");
        }
    }
}
