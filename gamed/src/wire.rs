//! A player's websocket, taken over from HTTP after the 101.
//!
//! Owns the stream below tungstenite's codec: non-blocking reads and writes without wakers of their own, because the hub
//! polls readiness of all its sockets at once. Knows nothing of the players' protocol.

use crate::allowance::Allowance;
use crate::limits;
use crate::visitors::Place;
use bytes::Bytes;
use protocol::MAX_CLIENT_MESSAGE;
use socket2::SockRef;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, WebSocket};
use tracing::debug;

/// A TCP stream that is bound to a runtime's reactor, or to none while it travels to another thread.
enum Stream {
    Bound(TcpStream),
    Unbound(std::net::TcpStream),
    /// For the moment in which the stream changes reactors: tungstenite lends it as `&mut` only.
    Away,
}

/// A stream and how much may still come from it. Counted here because the codec goes on reading, without a word to anybody,
/// until a message is complete.
struct Metered {
    stream: Stream,
    allowance: Allowance,
}

impl Read for Metered {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Bound(stream) => {
                let read = stream.try_read(buffer)?;
                match self.allowance.takes(read, Instant::now()) {
                    true => Ok(read),
                    false => Err(io::ErrorKind::QuotaExceeded.into()),
                }
            }
            Stream::Unbound(_) | Stream::Away => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Write for Metered {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &self.stream {
            Stream::Bound(stream) => stream.try_write(bytes),
            Stream::Unbound(_) | Stream::Away => Err(io::ErrorKind::WouldBlock.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What came from a socket.
#[derive(Debug)]
pub enum Received {
    /// A binary message.
    Message(Bytes),
    /// Something that the protocol does not use: text.
    Text,
    /// A ping or pong of the websocket: answered below, but it counts as a message.
    Control,
    /// A message above the limit.
    TooLong,
    /// More bytes than a socket may send.
    TooMuch,
    /// The other side is gone, or broke the websocket protocol.
    End,
}

/// What became of a write.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Written {
    /// All of it is with the kernel.
    Sent,
    /// The rest is kept and goes with the next write or flush.
    Waits,
    /// The socket is dead.
    Dead,
}

/// A websocket on the server's side.
pub struct Wire {
    socket: WebSocket<Metered>,
    /// Its address's, for as long as the socket is open.
    _place: Option<Arc<Place>>,
}

impl Wire {
    /// Takes a stream whose handshake is done. `early` is what was read beyond the handshake, `place` what it
    /// takes of what its address may have.
    pub fn new(stream: TcpStream, early: &[u8], place: Option<Arc<Place>>) -> Wire {
        let socket = SockRef::from(&stream);
        let bounded = socket
            .set_send_buffer_size(limits::KERNEL_BUFFER_BYTES)
            .and_then(|()| socket.set_recv_buffer_size(limits::KERNEL_BUFFER_BYTES));
        if let Err(error) = bounded {
            // A slow reader is then noticed later.
            debug!(%error, "the kernel keeps its own buffer sizes");
        }
        let config = WebSocketConfig::default()
            .read_buffer_size(2048)
            .write_buffer_size(64 << 10)
            .max_write_buffer_size(limits::SOCKET_BUFFER_BYTES)
            .max_message_size(Some(MAX_CLIENT_MESSAGE))
            .max_frame_size(Some(MAX_CLIENT_MESSAGE));
        let second = Duration::from_secs(1);
        let allowance = Allowance::new(limits::BYTES_PER_SECOND, second, limits::BYTES_BURST, Instant::now());
        let stream = Metered { stream: Stream::Bound(stream), allowance };
        let socket = WebSocket::from_partially_read(stream, early.to_vec(), Role::Server, Some(config));
        Wire { socket, _place: place }
    }

    /// Leaves this thread's reactor, so that the socket can move to another thread.
    ///
    /// # Errors
    /// Where the kernel refuses; the socket is then lost.
    pub fn unbind(mut self) -> io::Result<Wire> {
        let stream = std::mem::replace(&mut self.socket.get_mut().stream, Stream::Away);
        self.socket.get_mut().stream = match stream {
            Stream::Bound(stream) => Stream::Unbound(stream.into_std()?),
            other => other,
        };
        Ok(self)
    }

    /// Joins this thread's reactor.
    ///
    /// # Errors
    /// Where the reactor refuses; the socket is then lost.
    pub fn bind(mut self) -> io::Result<Wire> {
        let stream = std::mem::replace(&mut self.socket.get_mut().stream, Stream::Away);
        self.socket.get_mut().stream = match stream {
            Stream::Unbound(stream) => Stream::Bound(TcpStream::from_std(stream)?),
            other => other,
        };
        Ok(self)
    }

    /// The next message, or pending with the waker registered.
    pub fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        loop {
            match self.socket.read() {
                Ok(Message::Binary(bytes)) => return Poll::Ready(Received::Message(bytes)),
                Ok(Message::Text(_)) => return Poll::Ready(Received::Text),
                Ok(Message::Close(_)) => continue,
                Ok(_) => return Poll::Ready(Received::Control),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    let Stream::Bound(stream) = &self.socket.get_ref().stream else {
                        return Poll::Ready(Received::End);
                    };
                    match stream.poll_read_ready(cx) {
                        Poll::Ready(Ok(())) => continue,
                        Poll::Ready(Err(_)) => return Poll::Ready(Received::End),
                        Poll::Pending => return Poll::Pending,
                    }
                }
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::QuotaExceeded => {
                    return Poll::Ready(Received::TooMuch);
                }
                Err(Error::Capacity(_)) => return Poll::Ready(Received::TooLong),
                Err(_) => return Poll::Ready(Received::End),
            }
        }
    }

    /// Waits for the next message.
    pub async fn read(&mut self) -> Received {
        std::future::poll_fn(|cx| self.poll_read(cx)).await
    }

    /// Queues a binary message; nothing is sent before [`Wire::flush`].
    pub fn queue(&mut self, bytes: Bytes) -> Written {
        outcome(self.socket.write(Message::Binary(bytes)))
    }

    /// Sends what is queued, as far as the kernel takes it.
    pub fn flush(&mut self) -> Written {
        outcome(self.socket.flush())
    }

    /// Says goodbye with a code and a sentence, then reads until the other side is gone: dropped at once, a socket with
    /// unread input is reset and the code never arrives.
    pub async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code: code.into(), reason: reason.to_owned().into() };
        let mut written = outcome(self.socket.close(Some(frame)));
        let farewell = async {
            let mut unread = 64 << 10;
            let mut buffer = [0; 2048];
            while written != Written::Dead && unread > 0 {
                let Stream::Bound(stream) = &self.socket.get_ref().stream else { return };
                let interest = match written {
                    Written::Waits => Interest::READABLE | Interest::WRITABLE,
                    Written::Sent | Written::Dead => Interest::READABLE,
                };
                let Ok(ready) = stream.ready(interest).await else { return };
                if ready.is_readable() {
                    match stream.try_read(&mut buffer) {
                        Ok(0) => return,
                        Ok(n) => unread -= n.min(unread),
                        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                        Err(_) => return,
                    }
                }
                if written == Written::Waits {
                    written = self.flush();
                }
            }
        };
        // Ending late is as good as being answered: the peer had its second.
        let _ = tokio::time::timeout(limits::FAREWELL, farewell).await;
    }
}

fn outcome(result: Result<(), Error>) -> Written {
    match result {
        Ok(()) => Written::Sent,
        Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => Written::Waits,
        Err(_) => Written::Dead,
    }
}
