//! Connections between members: one for each pair, authenticated, kept up while both are wanted.
//!
//! Owns dialing, the handshake, liveness, and what a broken link says about the other end: a redial that is refused means
//! that nobody listens there any more. The member with the lower id dials; the other one only tries the door when a link
//! breaks. Routes what arrives; understands none of it.

use crate::acquaintances::{self, Acquaintances};
use crate::context::Directory;
use crate::driver::ToDriver;
use crate::hub::ToHub;
use crate::keys::Key;
use crate::limits;
use crate::workers::{ToAll, Workers};
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;
use ownership::Event;
use protocol::handshake::{Dialer, HandshakeError, Listener, MAX_HANDSHAKE_MESSAGE, NONCE_LENGTH};
use protocol::peer::{self, Control, Introduction, PeerMessage};
use protocol::{GameId, MemberId};
use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use thiserror::Error;
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::time::{Duration, Instant, interval, sleep, timeout};
use tokio_util::codec::{FramedRead, LengthDelimitedCodec};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

/// Between two pings of a link.
const PING: Duration = Duration::from_millis(250);
/// A link on which nothing came for so long is broken.
const SILENCE: Duration = Duration::from_millis(1500);
/// A connection must be there within this.
const CONNECT: Duration = Duration::from_millis(500);
/// Its handshake must be done within this: a round trip, and nobody is nearer for being asked again.
const HANDSHAKE: Duration = SILENCE;
/// Between two dials of a member that does not answer.
const REDIAL: Duration = Duration::from_millis(100);
/// A link that is no longer wanted is closed when what was sent on it is written, or after so long.
const LAST_WORDS: Duration = Duration::from_millis(200);
/// Bytes gathered into one write.
const WRITE_BATCH: usize = 64 << 10;

const _: () = assert!(PING.as_millis() * 3 < SILENCE.as_millis());

/// Why a connection is no link.
#[derive(Debug, Error)]
enum LinkError {
    #[error("nobody listens there")]
    Refused,
    #[error("no answer in time")]
    TimedOut,
    #[error("{0}")]
    Io(#[from] io::Error),
    #[error("{0}")]
    Handshake(#[from] HandshakeError),
}

struct Out {
    queue: mpsc::Sender<Bytes>,
    serial: u64,
    cut: CancellationToken,
}

struct Shared {
    me: MemberId,
    key: Key,
    acquaintances: Acquaintances,
    out: RwLock<BTreeMap<MemberId, Out>>,
    /// Held while a link comes or goes until everybody was told: hubs and rules hear of it in the order in which it was.
    changes: tokio::sync::Mutex<()>,
    serial: AtomicU64,
}

/// The sending side: cheap to clone, usable from every thread.
#[derive(Clone)]
pub struct Links(Arc<Shared>);

/// Where what arrives goes.
#[derive(Clone)]
pub struct Router {
    /// Messages about games.
    pub workers: Workers,
    /// Messages about ownership.
    pub driver: mpsc::Sender<ToDriver>,
    /// For the log.
    pub directory: Arc<Directory>,
}

impl Links {
    /// No links yet. `me`: as others are to know this member.
    pub fn new(me: Introduction, key: Key) -> Links {
        Links(Arc::new(Shared {
            me: me.id,
            key,
            acquaintances: Acquaintances::new(me),
            out: RwLock::default(),
            changes: tokio::sync::Mutex::new(()),
            serial: AtomicU64::new(0),
        }))
    }

    /// Sends to a member, if a link to it stands. A link whose queue is full is cut: the other end starts over.
    pub fn send(&self, to: MemberId, message: &PeerMessage) {
        self.send_bundle(to, Links::bundle([message]));
    }

    /// Several messages as one: encoded once, whoever gets them, and one place in a link's queue, however many they are.
    pub fn bundle<'a>(messages: impl IntoIterator<Item = &'a PeerMessage>) -> Bytes {
        let mut bytes = BytesMut::new();
        for message in messages {
            put(&mut bytes, &peer::encode(message));
        }
        bytes.freeze()
    }

    /// Sends what was bundled.
    pub fn send_bundle(&self, to: MemberId, bytes: Bytes) {
        let out = self.0.out.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(link) = out.get(&to)
            && let Err(mpsc::error::TrySendError::Full(_)) = link.queue.try_send(bytes)
        {
            warn!(peer = %to, "a link fell behind and is cut");
            link.cut.cancel();
        }
    }

    /// What is sent to that member, as if a link to it stood.
    #[cfg(test)]
    pub fn tap(&self, to: MemberId) -> mpsc::Receiver<Bytes> {
        let (queue, sent) = mpsc::channel(limits::LINK_QUEUE);
        let mut out = self.0.out.write().unwrap_or_else(PoisonError::into_inner);
        out.insert(to, Out { queue, serial: 0, cut: CancellationToken::new() });
        sent
    }

    /// Members that a link stands to.
    pub fn up(&self) -> Vec<MemberId> {
        self.0.out.read().unwrap_or_else(PoisonError::into_inner).keys().copied().collect()
    }

    /// Sends to all.
    pub fn send_all(&self, message: &PeerMessage) {
        let bytes = Links::bundle([message]);
        for member in self.up() {
            self.send_bundle(member, bytes.clone());
        }
    }

    /// Accepts links and dials the wanted members until cancelled. `wanted` replaces the list of wanted members; who was
    /// introduced meanwhile is wanted, too.
    pub async fn run(
        self,
        listener: TcpListener,
        mut wanted: mpsc::Receiver<Vec<(MemberId, String)>>,
        router: Router,
        cancel: CancellationToken,
    ) {
        let tasks = TaskTracker::new();
        let mut kept: HashMap<MemberId, CancellationToken> = HashMap::new();
        let mut listed = Vec::new();
        let mut forgets = interval(acquaintances::PATIENCE);
        loop {
            tokio::select! {
                () = cancel.cancelled() => break,
                () = self.0.acquaintances.made() => {}
                _ = forgets.tick() => {}
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => {
                        let (links, router, cancel) = (self.clone(), router.clone(), cancel.child_token());
                        tasks.spawn(async move { links.accept(stream, router, cancel).await });
                        continue;
                    }
                    Err(error) => {
                        warn!(%error, "cannot accept a peer");
                        sleep(REDIAL).await;
                        continue;
                    }
                },
                list = wanted.recv() => match list {
                    Some(list) => listed = list,
                    None => break,
                },
            }
            let wanted = self.0.acquaintances.wanted(Instant::now(), &listed, |member| self.is_up(member));
            self.want(wanted, &mut kept, &router, &cancel, &tasks);
        }
        cancel.cancel();
        drop(listener);
        tasks.close();
        tasks.wait().await;
    }

    fn want(
        &self,
        list: Vec<(MemberId, String)>,
        kept: &mut HashMap<MemberId, CancellationToken>,
        router: &Router,
        cancel: &CancellationToken,
        tasks: &TaskTracker,
    ) {
        kept.retain(|member, token| {
            let still = list.iter().any(|(wanted, _)| wanted == member);
            if !still {
                token.cancel();
                let out = self.0.out.read().unwrap_or_else(PoisonError::into_inner);
                if let Some(link) = out.get(member) {
                    link.cut.cancel();
                }
            }
            still
        });
        for (member, address) in list {
            if member == self.0.me || kept.contains_key(&member) {
                continue;
            }
            let token = cancel.child_token();
            kept.insert(member, token.clone());
            let (links, router) = (self.clone(), router.clone());
            tasks.spawn(async move { links.keep(member, address, router, token).await });
        }
    }

    /// Keeps the link to one member, until it is no longer wanted.
    async fn keep(&self, member: MemberId, address: String, router: Router, cancel: CancellationToken) {
        let dials = self.0.me < member;
        let mut was_up = false;
        while !cancel.is_cancelled() {
            if dials {
                match self.dial(member, &address).await {
                    Ok((stream, peer)) => self.serve(peer, stream, &router, &cancel).await,
                    Err(error) => debug!(peer = %member, address, %error, "no link"),
                }
            } else if self.is_up(member) {
                was_up = true;
                wait(&cancel, REDIAL).await;
                continue;
            }
            // The link broke, or never stood.
            if cancel.is_cancelled() {
                return;
            }
            if dials || was_up {
                let refused = matches!(connect(&address).await, Err(LinkError::Refused));
                if refused && !self.is_up(member) {
                    self.tell(&router, Event::LinkDown { member, refused }).await;
                }
            }
            wait(&cancel, REDIAL).await;
        }
    }

    fn is_up(&self, member: MemberId) -> bool {
        self.0.out.read().unwrap_or_else(PoisonError::into_inner).contains_key(&member)
    }

    async fn dial(&self, member: MemberId, address: &str) -> Result<(TcpStream, MemberId), LinkError> {
        let mut stream = connect(address).await?;
        let handshake = async {
            let (dialer, hello) = Dialer::start(&self.0.key.borrow(), self.0.me, member, nonce());
            write_message(&mut stream, &hello).await?;
            let answer = read_message(&mut stream).await?;
            let (link, proof) = dialer.finish(&answer)?;
            write_message(&mut stream, &proof).await?;
            Ok::<_, LinkError>(link.peer)
        };
        let peer = timeout(HANDSHAKE, handshake).await.map_err(|_| LinkError::TimedOut)??;
        Ok((stream, peer))
    }

    async fn accept(&self, mut stream: TcpStream, router: Router, cancel: CancellationToken) {
        let handshake = async {
            stream.set_nodelay(true)?;
            let hello = read_message(&mut stream).await?;
            let (listener, answer) = Listener::answer(&self.0.key.borrow(), self.0.me, &hello, nonce())?;
            write_message(&mut stream, &answer).await?;
            let proof = read_message(&mut stream).await?;
            Ok::<_, LinkError>(listener.finish(&proof)?.peer)
        };
        match timeout(HANDSHAKE, handshake).await {
            Ok(Ok(peer)) => self.serve(peer, stream, &router, &cancel).await,
            Ok(Err(LinkError::Io(error))) => debug!(%error, "a peer knocked and went away"),
            Ok(Err(error)) => warn!(%error, "refused a peer"),
            Err(_) => debug!("a peer connected and said nothing"),
        }
    }

    /// A link that stands: reads and writes until it breaks, or is closing.
    async fn serve(&self, peer: MemberId, stream: TcpStream, router: &Router, closing: &CancellationToken) {
        let cut = CancellationToken::new();
        let (queue, queued) = mpsc::channel(limits::LINK_QUEUE);
        let serial = self.0.serial.fetch_add(1, Ordering::Relaxed);
        let change = self.0.changes.lock().await;
        let replaced = {
            let mut out = self.0.out.write().unwrap_or_else(PoisonError::into_inner);
            out.insert(peer, Out { queue: queue.clone(), serial, cut: cut.clone() })
        };
        if let Some(old) = replaced {
            old.cut.cancel();
            router.workers.send_all(ToAll::Link(peer, false)).await;
            self.tell(router, Event::LinkDown { member: peer, refused: false }).await;
        }
        self.send(peer, &PeerMessage::Introduce(self.0.acquaintances.list(peer)));
        info!(%peer, name = router.directory.named(peer).name, "linked");
        self.tell(router, Event::LinkUp(peer)).await;
        router.workers.send_all(ToAll::Link(peer, true)).await;
        drop(change);

        let (reader, writer) = stream.into_split();
        let trip = Trip::default();
        let why = tokio::select! {
            () = cut.cancelled() => "it is cut".to_owned(),
            () = async { closing.cancelled().await; sleep(LAST_WORDS).await } => "it is closing, and nobody reads".to_owned(),
            written = write(writer, queued, &trip, closing) => match written {
                Ok(()) => "no longer wanted".to_owned(),
                Err(error) => error.to_string(),
            },
            why = self.read(peer, reader, router, &queue, &trip) => why,
        };

        let _change = self.0.changes.lock().await;
        let last = {
            let mut out = self.0.out.write().unwrap_or_else(PoisonError::into_inner);
            let last = out.get(&peer).is_some_and(|link| link.serial == serial);
            if last {
                out.remove(&peer);
            }
            last
        };
        if last {
            self.0.acquaintances.lost(peer);
            info!(%peer, name = router.directory.named(peer).name, why, "link broken");
            router.workers.send_all(ToAll::Link(peer, false)).await;
            self.tell(router, Event::LinkDown { member: peer, refused: false }).await;
        }
    }

    async fn read(
        &self,
        peer: MemberId,
        reader: OwnedReadHalf,
        router: &Router,
        queue: &mpsc::Sender<Bytes>,
        trip: &Trip,
    ) -> String {
        let mut messages = FramedRead::new(reader, codec(peer::MAX_PEER_MESSAGE));
        loop {
            let bytes = match timeout(SILENCE, messages.next()).await {
                Err(_) => return "it went silent".to_owned(),
                Ok(None) => return "the other end closed it".to_owned(),
                Ok(Some(Err(error))) => return error.to_string(),
                Ok(Some(Ok(bytes))) => bytes,
            };
            let arrived = Instant::now();
            match peer::decode(&bytes) {
                Ok(PeerMessage::Ping(number)) => {
                    // Where the queue is full the link is about to be cut anyway.
                    let _ = queue.try_send(Links::bundle([&PeerMessage::Pong(number)]));
                }
                Ok(PeerMessage::Pong(number)) => trip.answered(number, arrived),
                Ok(message) => self.route(peer, message, router, (arrived, trip.one_way())).await,
                Err(error) => return format!("a message that cannot be read: {error}"),
            }
        }
    }

    /// `arrived` when it did, after some `trip`.
    async fn route(
        &self,
        from: MemberId,
        message: PeerMessage,
        router: &Router,
        (arrived, trip): (Instant, Duration),
    ) {
        match destination(&message) {
            Destination::Hub(game) => router.workers.send(game, ToHub::Peer(from, message)).await,
            Destination::Member => match message {
                PeerMessage::Control(control) => {
                    let message = ToDriver::Control { from, control, sent: arrived - trip };
                    if router.driver.send(message).await.is_err() {
                        debug!("the ownership driver has ended");
                    }
                }
                PeerMessage::MoveDone(note) => {
                    if router.driver.send(ToDriver::MoveDone(note)).await.is_err() {
                        debug!("the ownership driver has ended");
                    }
                }
                PeerMessage::Introduce(members) => self.introduced(from, members, router),
                other => debug!(?other, "a peer message without a destination"),
            },
        }
    }

    /// All have links to all, or are about to: the others are told of `from` alone.
    fn introduced(&self, from: MemberId, members: Vec<Introduction>, router: &Router) {
        router.directory.learn(members.iter().map(|member| (member.id, member.into())));
        let themselves: Vec<Introduction> =
            members.iter().filter(|member| member.id == from).cloned().collect();
        if !themselves.is_empty() {
            let bytes = Links::bundle([&PeerMessage::Introduce(themselves)]);
            for other in self.up().into_iter().filter(|other| *other != from) {
                self.send_bundle(other, bytes.clone());
            }
        }
        self.0.acquaintances.introduced(Instant::now(), from, members);
    }

    async fn tell(&self, router: &Router, event: Event) {
        if router.driver.send(ToDriver::Event(event)).await.is_err() {
            debug!("the ownership driver has ended");
        }
    }
}

enum Destination {
    Hub(GameId),
    Member,
}

fn destination(message: &PeerMessage) -> Destination {
    match message {
        PeerMessage::Subscribe { game, .. }
        | PeerMessage::Unsubscribe { game }
        | PeerMessage::Subscribed { game, .. }
        | PeerMessage::NotOwner { game, .. }
        | PeerMessage::Keyframe { game, .. }
        | PeerMessage::Frame { game, .. }
        | PeerMessage::FromPlayer { game, .. }
        | PeerMessage::ToPlayer { game, .. }
        | PeerMessage::Refuse { game, .. }
        | PeerMessage::WantTail { game, .. }
        | PeerMessage::Tail { game, .. }
        | PeerMessage::Over { game }
        | PeerMessage::Control(Control::MoveSoon { game, .. } | Control::Moved { game, .. }) => {
            Destination::Hub(*game)
        }
        PeerMessage::Ping(_)
        | PeerMessage::Pong(_)
        | PeerMessage::Control(_)
        | PeerMessage::MoveDone(_)
        | PeerMessage::Introduce(_) => Destination::Member,
    }
}

async fn wait(cancel: &CancellationToken, time: Duration) {
    tokio::select! {
        () = cancel.cancelled() => {}
        () = sleep(time) => {}
    }
}

async fn connect(address: &str) -> Result<TcpStream, LinkError> {
    match timeout(CONNECT, TcpStream::connect(address)).await {
        Ok(Ok(stream)) => {
            stream.set_nodelay(true)?;
            Ok(stream)
        }
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionRefused => Err(LinkError::Refused),
        Ok(Err(error)) => Err(error.into()),
        Err(_) => Err(LinkError::TimedOut),
    }
}

fn nonce() -> [u8; NONCE_LENGTH] {
    rand::random()
}

fn codec(longest: usize) -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder()
        .little_endian()
        .length_field_length(4)
        .max_frame_length(longest)
        .new_codec()
}

async fn write_message(stream: &mut TcpStream, message: &[u8]) -> io::Result<()> {
    let mut bytes = BytesMut::with_capacity(message.len() + 4);
    put(&mut bytes, message);
    stream.write_all(&bytes).await
}

async fn read_message(stream: &mut TcpStream) -> io::Result<BytesMut> {
    // The codec must not read beyond this message: the stream goes to another reader afterwards.
    let mut length = [0; 4];
    tokio::io::AsyncReadExt::read_exact(stream, &mut length).await?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HANDSHAKE_MESSAGE {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "longer than any message of the handshake"));
    }
    let mut bytes = BytesMut::zeroed(length);
    tokio::io::AsyncReadExt::read_exact(stream, &mut bytes).await?;
    Ok(bytes)
}

fn put(to: &mut BytesMut, message: &[u8]) {
    to.extend_from_slice(&(message.len() as u32).to_le_bytes());
    to.extend_from_slice(message);
}

/// How long messages are under way on a link: half of what the quickest of the last pings took there and back.
#[derive(Default)]
struct Trip(Mutex<Pings>);

#[derive(Default)]
struct Pings {
    sent: Option<(u64, Instant)>,
    there_and_back: Option<Duration>,
}

impl Trip {
    fn asked(&self, number: u64, now: Instant) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).sent = Some((number, now));
    }

    /// Slow answers say more about the members than about the way: they count little by little.
    fn answered(&self, number: u64, now: Instant) {
        let mut pings = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, sent)) = pings.sent.take_if(|(asked, _)| *asked == number) {
            let took = now - sent;
            pings.there_and_back =
                Some(pings.there_and_back.map_or(took, |known| took.min(known + known / 8)));
        }
    }

    fn one_way(&self) -> Duration {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).there_and_back.unwrap_or_default() / 2
    }
}

/// Writes what is queued, as much as there is at a time, until the link is closing: then what was sent before, and no more.
/// A member that leaves says last who has its games.
async fn write(
    mut writer: OwnedWriteHalf,
    mut queued: mpsc::Receiver<Bytes>,
    trip: &Trip,
    closing: &CancellationToken,
) -> io::Result<()> {
    let mut batch = BytesMut::with_capacity(WRITE_BATCH);
    let mut pings = interval(PING);
    let mut number = 0;
    loop {
        tokio::select! {
            () = closing.cancelled() => break,
            message = queued.recv() => match message {
                Some(bundle) => batch.extend_from_slice(&bundle),
                None => return Err(io::ErrorKind::ConnectionAborted.into()),
            },
            _ = pings.tick() => {
                number += 1;
                trip.asked(number, Instant::now());
                put(&mut batch, &peer::encode(&PeerMessage::Ping(number)));
            }
        }
        fill(&mut batch, &mut queued);
        writer.write_all(&batch).await?;
        batch.clear();
    }
    loop {
        fill(&mut batch, &mut queued);
        if batch.is_empty() {
            return writer.shutdown().await;
        }
        writer.write_all(&batch).await?;
        batch.clear();
    }
}

fn fill(batch: &mut BytesMut, queued: &mut mpsc::Receiver<Bytes>) {
    while batch.len() < WRITE_BATCH
        && let Ok(bundle) = queued.try_recv()
    {
        batch.extend_from_slice(&bundle);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_slow_answer_says_nothing_about_the_way() {
        let (trip, start) = (Trip::default(), Instant::now());
        let ms = Duration::from_millis;
        assert_eq!(trip.one_way(), Duration::ZERO);
        for (number, took) in [(1, 8), (2, 200), (3, 200)] {
            trip.asked(number, start);
            trip.answered(number - 1, start + ms(1));
            trip.answered(number, start + ms(took));
            trip.answered(number, start + ms(1));
        }
        assert!((ms(4)..ms(6)).contains(&trip.one_way()), "{:?}", trip.one_way());
        trip.asked(4, start);
        trip.answered(4, start + ms(2));
        assert_eq!(trip.one_way(), ms(1));
    }

    #[tokio::test]
    async fn what_was_sent_on_a_link_is_written_before_it_closes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        let stream = TcpStream::connect(address).await.expect("somebody listens");
        let (mut other, _) = listener.accept().await.expect("it came");
        let (_reader, writer) = stream.into_split();
        let (queue, queued) = mpsc::channel(limits::LINK_QUEUE);
        let sent: Vec<u8> = (0..=255).collect();
        for byte in &sent {
            queue.try_send(Bytes::from(vec![*byte; WRITE_BATCH / 64])).expect("there is room");
        }
        let closing = CancellationToken::new();
        closing.cancel();
        let (mut read, trip) = (Vec::new(), Trip::default());
        let (written, _) = tokio::join!(
            write(writer, queued, &trip, &closing),
            tokio::io::AsyncReadExt::read_to_end(&mut other, &mut read)
        );
        written.expect("the other end reads");
        read.dedup();
        assert_eq!(read, sent);
    }
}
