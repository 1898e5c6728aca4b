//! One bot: a player that speaks only the public protocol, as a good client should.
//!
//! Owns what a client does: join, drive and shoot by a seed, keep inputs until they are durable and send them again,
//! follow a GoAway with a second socket before the first is closed, come back with its token after a cut. Everything
//! that its sockets bring goes into a [`Recording`] first, before any of this. Judges nothing.
//!
//! Invariant: a bot never becomes another player while it has a token that the servers take.

mod inputs;
mod pilot;
mod socket;

use crate::lobby::Address;
use crate::recording::{Recording, What};
use anyhow::Result;
use inputs::Inputs;
use pilot::Pilot;
use protocol::{
    ClientMessage, CloseCode, Epoch, FrameEvent, GRACE_CUT_OFF, GameId, Hello, PLAYER_VERSION, PlayerId,
    ServerMessage, Tick, peer::Input,
};
use rand::{Rng, SeedableRng, rngs::StdRng};
use socket::{Arrival, Socket};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};
use tokio_util::sync::CancellationToken;

/// Waits before the first, second, .. try to connect in a row, in milliseconds, as in the browser client; the last one repeats.
const BACKOFF_MS: [u64; 19] =
    [0, 50, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 500, 1_000, 2_000];
/// Longest of these waits after a server has said that it is cut off from the others: another one may well be reached.
const CUT_OFF_MS: u64 = 500;
/// Where only leaving servers are left, one try after the other must not be a storm.
const SENT_AWAY_AGAIN: Duration = Duration::from_millis(500);
/// A socket that brings nothing new for so long gets a second one beside it: its server answers and does not find the game. A new
/// one that brings nothing more after its Welcome is given up.
const SILENCE: Duration = Duration::from_secs(3);
/// A socket gets a second one beside it when so many asks have gone out with no word between them, [`socket::ASK_SILENT`] apart:
/// its server is dead. They are counted because time alone says nothing where the bot itself stood still.
const ASKS: u32 = 3;
/// A new socket that does not open is given up after so many round trips and [`PATIENCE_SERVER`], and another is tried: until the
/// load balancer is told, it leads to dead servers, too. As in the browser client, where TLS takes trips as well.
const PATIENCE_TRIPS: u32 = 4;
/// See [`PATIENCE_TRIPS`]: what servers take.
const PATIENCE_SERVER: Duration = Duration::from_millis(200);
/// See [`PATIENCE_TRIPS`]: the least of both together.
const PATIENCE_MIN: Duration = Duration::from_millis(300);
/// The same before a round trip was measured.
const PATIENCE_FIRST: Duration = Duration::from_secs(2);
/// It grows so much with every such failure in a row, so that nobody who is far away is locked out; up to [`SILENCE`].
const PATIENCE_GROWTH: f64 = 1.25;
/// After so many it has reached that in any case.
const PATIENCE_STEPS: u32 = 12;
/// A `Seen` goes out at least every so many frames.
const SEEN_EVERY: u64 = 10;
/// Time between two Pings.
const PING_EVERY: Duration = Duration::from_secs(1);
/// Inputs aim so many ticks ahead of the newest frame.
const LEAD: u64 = 2;
/// Time between two KeyframePlease while it plays, a quarter more or less: what was applied is compared often.
const ASK_EVERY: Duration = Duration::from_secs(5);
/// Longest wait, at the end, until all inputs are applied and a keyframe has shown it.
const REST_MAX: Duration = Duration::from_secs(5);
/// Time between two KeyframePlease at the end: the answer may be a second old.
const ASK_AGAIN: Duration = Duration::from_millis(300);

const _: () = assert!(BACKOFF_MS[BACKOFF_MS.len() - 1] < SILENCE.as_millis() as u64);
const _: () = assert!(SILENCE.as_millis() < REST_MAX.as_millis());
const _: () = assert!(PATIENCE_FIRST.as_millis() < SILENCE.as_millis());

/// Who plays where.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Through which address.
    pub address: Address,
    /// Which game.
    pub game: GameId,
    /// Under which name, 1 to 16 characters.
    pub name: String,
    /// What it drives and shoots by.
    pub seed: u64,
    /// Time 0 of the recordings of a run.
    pub start: Instant,
}

/// What a bot shows of itself while it plays.
#[derive(Clone, Debug, Default)]
pub struct Progress {
    /// Newest frame: epoch, tick and when it came.
    pub newest: Option<(Epoch, Tick, Duration)>,
    /// Has had a tank.
    pub launched: bool,
    /// Times that a server has welcomed it, each with a new token.
    pub welcomed: u32,
    /// Tries to connect that failed.
    pub failed_connects: u32,
    /// Times that a server has said that it is cut off from the others.
    pub told_cut_off: u32,
    /// Inputs given up because the servers never took them.
    pub inputs_dropped: u64,
    /// Why the bot stopped playing of its own accord, if it did.
    pub gave_up: Option<String>,
}

/// A bot's recording and progress, readable while it plays.
#[derive(Debug)]
pub struct Logbook {
    inner: Mutex<(Recording, Progress)>,
}

impl Logbook {
    fn lock(&self) -> MutexGuard<'_, (Recording, Progress)> {
        self.inner.lock().expect("nothing panics while it writes a log book")
    }

    /// How it stands now.
    pub fn progress(&self) -> Progress {
        self.lock().1.clone()
    }

    /// A copy of the recording so far.
    pub fn recording(&self) -> Recording {
        self.lock().0.clone()
    }
}

/// A bot that plays in a task of its own until it is told to stop.
pub struct Bot {
    /// What it recorded.
    pub logbook: Arc<Logbook>,
    again: Arc<Notify>,
    task: tokio::task::JoinHandle<()>,
    stop: CancellationToken,
}

impl Bot {
    /// Lets a bot play.
    pub fn start(settings: Settings) -> Bot {
        let recording = Recording::new(settings.game, &settings.name);
        let logbook = Arc::new(Logbook { inner: Mutex::new((recording, Progress::default())) });
        let (stop, again) = (CancellationToken::new(), Arc::new(Notify::new()));
        let player = Player::new(settings, logbook.clone());
        let task = tokio::spawn(player.play(stop.clone(), again.clone()));
        Bot { logbook, again, task, stop }
    }

    /// Lets the bot take another socket, as if a server had sent it away.
    pub fn come_again(&self) {
        self.again.notify_one();
    }

    /// Lets the bot see all its inputs applied, say good-bye to the server, and end.
    ///
    /// # Errors
    /// When the bot's task has panicked.
    pub async fn stop(self) -> Result<()> {
        self.tell_to_stop();
        Ok(self.task.await?)
    }

    /// The first half of [`Bot::stop`], for many bots at once.
    pub fn tell_to_stop(&self) {
        self.stop.cancel();
    }
}

/// The client's state.
struct Player {
    settings: Settings,
    logbook: Arc<Logbook>,
    rng: StdRng,
    pilot: Pilot,
    inputs: Inputs,
    /// From the last Welcome.
    me: Option<(PlayerId, Vec<u8>)>,
    slots: u8,
    /// My place, once the world knows me.
    slot: Option<u8>,
    /// Newest frame taken, over all sockets: the floor of the next Hello.
    newest: Option<(Epoch, Tick)>,
    /// Counts my sockets: number and session of the newest.
    sockets: u32,
    failures: usize,
    /// The last server that it came to has said that it is cut off from the others.
    met_cut_off: bool,
    connect_at: Instant,
    /// New sockets in a row that were given up before they opened.
    unopened: u32,
    /// When the socket that is on its way is given up, unless it has opened.
    open_by: Instant,
    /// The newest Ping: its number, and when it was sent, until it is answered.
    ping: (u32, Option<Instant>),
    /// As last measured, to whoever runs the game.
    round_trip: Option<Duration>,
    frames: u64,
    /// When to ask for a keyframe next.
    ask_at: Instant,
    /// It makes no more inputs; goes home at this time at the latest.
    rest_until: Option<Instant>,
    /// How many inputs the newest keyframe says were applied.
    applied: u32,
}

/// A connection on its way.
type Opening = Pin<Box<dyn Future<Output = Result<Socket>> + Send>>;

/// The connection, once it is there; never, where none is on its way.
async fn opened(opening: &mut Option<Opening>) -> Result<Socket> {
    match opening {
        Some(opening) => opening.await,
        None => std::future::pending().await,
    }
}

impl Player {
    fn new(settings: Settings, logbook: Arc<Logbook>) -> Player {
        let mut rng = StdRng::seed_from_u64(settings.seed);
        Player {
            pilot: Pilot::new(&mut rng),
            rng,
            inputs: Inputs::default(),
            me: None,
            slots: 0,
            slot: None,
            newest: None,
            sockets: 0,
            failures: 0,
            met_cut_off: false,
            connect_at: Instant::now(),
            unopened: 0,
            open_by: Instant::now(),
            ping: (0, None),
            round_trip: None,
            frames: 0,
            ask_at: Instant::now() + ASK_EVERY / 2,
            rest_until: None,
            applied: 0,
            settings,
            logbook,
        }
    }

    /// Plays until `stop`. `current` is the socket that frames are taken from, `next` the one that is to replace it,
    /// `opening` the one after that: a connection takes its time, and frames must not wait for it.
    async fn play(mut self, stop: CancellationToken, again: Arc<Notify>) {
        let mut current: Option<Socket> = None;
        let mut next: Option<Socket> = None;
        let mut opening: Option<Opening> = None;
        let mut ping = interval(PING_EVERY);
        ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut decide = interval(Duration::from_micros(protocol::TICK_MICROS));
        decide.set_missed_tick_behavior(MissedTickBehavior::Skip);
        loop {
            // Servers that have heard of a newer socket take this one for the older: then it is replaced, even if it has woken up.
            let replace = current
                .as_ref()
                .is_none_or(|socket| socket.sent_away || socket.stuck() || socket.number != self.sockets);
            let want = replace && next.is_none() && opening.is_none();
            let (newer, arrival) = tokio::select! {
                biased;
                () = stop.cancelled(), if self.rest_until.is_none() => {
                    let now = Instant::now();
                    (self.rest_until, self.ask_at) = (Some(now + REST_MAX), now);
                    continue;
                }
                () = again.notified() => {
                    if let Some(current) = &mut current {
                        current.sent_away = true;
                    }
                    continue;
                }
                arrival = Socket::arrival(&mut current) => (false, arrival),
                arrival = Socket::arrival(&mut next) => (true, arrival),
                opened = opened(&mut opening) => {
                    opening = None;
                    match self.greet(opened).await {
                        Ok(socket) => next = Some(socket),
                        Err(error) => self.back_off(&error),
                    }
                    continue;
                }
                () = sleep_until(self.connect_at), if want => {
                    self.open_by = Instant::now() + self.patience();
                    let (address, number) = (self.settings.address.clone(), self.sockets + 1);
                    opening = Some(Box::pin(async move { Socket::open(&address, number).await }));
                    continue;
                }
                _ = ping.tick() => {
                    if let Some((_, tick)) = self.newest {
                        self.ping = (self.ping.0.wrapping_add(1), Some(Instant::now()));
                        let ping = ClientMessage::Ping { nonce: self.ping.0, tick: Tick(tick.0 + LEAD) };
                        Self::send(&mut current, &mut next, &ping).await;
                    }
                    continue;
                }
                _ = decide.tick() => {
                    self.decide(&mut current, &mut next).await;
                    if self.went_home() {
                        self.record_on(0, What::Rested);
                        break;
                    }
                    self.ask(&mut current).await;
                    if Instant::now() > self.open_by && opening.take().is_some() {
                        self.unopened += 1;
                        self.back_off(&anyhow::anyhow!("no server has answered in time"));
                    }
                    if next.as_ref().is_some_and(Socket::silent) {
                        self.record(&next, What::Closed(0, "given up: it brought nothing"));
                        next = None;
                        self.back_off(&anyhow::anyhow!("a new socket brought nothing for {SILENCE:?}"));
                    }
                    continue;
                }
            };
            let socket = if newer { &mut next } else { &mut current };
            match arrival {
                Arrival::Message(bytes) => {
                    self.record(socket, What::Message(&bytes));
                    if let Err(why) = self.take(&bytes, socket).await {
                        self.logbook.lock().1.gave_up = Some(why);
                        break;
                    }
                    if newer && next.as_ref().is_some_and(|next| next.replaces(current.as_ref())) {
                        if let Some(mut old) = std::mem::replace(&mut current, next.take()) {
                            old.close().await;
                            self.record_on(
                                old.number,
                                What::Closed(1000, "replaced by a newer socket of mine"),
                            );
                        }
                        let again = current.as_ref().is_some_and(|socket| socket.sent_away);
                        self.connect_at =
                            Instant::now() + if again { SENT_AWAY_AGAIN } else { Duration::ZERO };
                        (self.failures, self.unopened) = (0, 0);
                    }
                }
                Arrival::Closed(code, reason) => {
                    self.record(socket, What::Closed(code, &reason));
                    *socket = None;
                    if let Some(why) = self.closed(code, &reason) {
                        self.logbook.lock().1.gave_up = Some(why);
                        break;
                    }
                    if newer {
                        self.back_off(&anyhow::anyhow!("closed with {code}: {reason}"));
                    } else if next.is_none() {
                        self.connect_at = Instant::now();
                    }
                }
            }
        }
        Self::send(&mut current, &mut next, &ClientMessage::Leave).await;
        for socket in [&mut current, &mut next].into_iter().flatten() {
            socket.close().await;
        }
    }

    /// Is all of it done, or the time for it over?
    fn went_home(&self) -> bool {
        let Some(until) = self.rest_until else { return false };
        let all = self.me.is_none() || self.inputs.all_consumed() && self.applied >= self.inputs.made();
        all || Instant::now() >= until
    }

    /// Asks for a keyframe when it is time, on the socket that frames are taken from; and whether anybody is there.
    async fn ask(&mut self, current: &mut Option<Socket>) {
        if let Some(socket) = current
            && socket.asks()
        {
            self.ask_on(socket).await;
        }
        let resting = self.rest_until.is_some();
        if Instant::now() < self.ask_at || resting && !self.inputs.all_consumed() {
            return;
        }
        let Some(socket) = current.as_mut().filter(|socket| socket.greeted && socket.flows) else { return };
        self.ask_at = Instant::now() + if resting { ASK_AGAIN } else { self.jittered(ASK_EVERY) };
        self.ask_on(socket).await;
    }

    async fn ask_on(&self, socket: &mut Socket) {
        self.record_on(socket.number, What::Asked);
        if socket.send(&ClientMessage::KeyframePlease).await.is_err() {
            socket.broken = true;
        }
    }

    /// Says Hello on a socket that has just been opened.
    async fn greet(&mut self, opened: Result<Socket>) -> Result<Socket> {
        let mut socket = opened?;
        self.sockets = socket.number;
        self.record_on(socket.number, What::Opened);
        let hello = ClientMessage::Hello(Hello {
            version: PLAYER_VERSION,
            game: self.settings.game,
            spectate: false,
            name: self.settings.name.clone(),
            session: socket.number,
            token: self.me.as_ref().map(|(_, token)| token.clone()),
            floor: self.newest,
        });
        socket.send(&hello).await?;
        Ok(socket)
    }

    fn back_off(&mut self, error: &anyhow::Error) {
        tracing::debug!(bot = self.settings.name, "no new socket: {error:#}");
        self.logbook.lock().1.failed_connects += 1;
        let longest = if self.met_cut_off { CUT_OFF_MS } else { u64::MAX };
        let wait = BACKOFF_MS[self.failures.min(BACKOFF_MS.len() - 1)].min(longest);
        self.failures += 1;
        self.connect_at = Instant::now() + self.jittered(Duration::from_millis(wait));
    }

    /// How long a new socket may take to open.
    fn patience(&self) -> Duration {
        let measured = |trip: Duration| (trip * PATIENCE_TRIPS + PATIENCE_SERVER).max(PATIENCE_MIN);
        let growth = PATIENCE_GROWTH.powi(self.unopened.min(PATIENCE_STEPS) as i32);
        self.round_trip.map_or(PATIENCE_FIRST, measured).mul_f64(growth).min(SILENCE)
    }

    /// Three quarters to five quarters of it, so that many bots do not come back at once.
    fn jittered(&mut self, wait: Duration) -> Duration {
        wait.mul_f64(self.rng.random_range(0.75..=1.25))
    }

    fn record(&self, socket: &Option<Socket>, what: What<'_>) {
        let at = socket.as_ref().map_or_else(Instant::now, |socket| socket.last_arrival);
        let number = socket.as_ref().map_or(0, |socket| socket.number);
        self.logbook.lock().0.push(at - self.settings.start, number, what);
    }

    fn record_on(&self, number: u32, what: What<'_>) {
        self.logbook.lock().0.push(self.settings.start.elapsed(), number, what);
    }

    /// Sends on both sockets while they overlap: the session of the newer one counts from its first input.
    async fn send(current: &mut Option<Socket>, next: &mut Option<Socket>, message: &ClientMessage) {
        for socket in [current, next].into_iter().flatten() {
            // A socket that cannot be written to reports that by its next arrival.
            if socket.greeted && socket.send(message).await.is_err() {
                socket.broken = true;
            }
        }
    }

    /// One message of a server. Fails with why playing on makes no sense.
    async fn take(&mut self, bytes: &[u8], socket: &mut Option<Socket>) -> Result<(), String> {
        let Some(socket) = socket else { return Ok(()) };
        let message =
            ServerMessage::decode(bytes).map_err(|error| format!("a message makes no sense: {error}"))?;
        match message {
            ServerMessage::Welcome(welcome) => {
                socket.greeted = true;
                self.slots = welcome.slots;
                if self.me.as_ref().is_some_and(|(me, _)| *me != welcome.player) {
                    self.inputs = Inputs::default();
                }
                self.me = Some((welcome.player, welcome.token));
                self.logbook.lock().1.welcomed += 1;
            }
            ServerMessage::Keyframe(keyframe) => {
                socket.began.get_or_insert((keyframe.epoch, keyframe.tick));
                socket.astray = false;
                socket.leads_to((keyframe.epoch, keyframe.tick));
                let me = self.me.as_ref().map(|(me, _)| *me);
                let mine = keyframe.players.iter().find(|player| Some(player.id) == me);
                self.applied = mine.map_or(0, |player| player.applied);
                if self.newest.is_some_and(|newest| newest > (keyframe.epoch, keyframe.tick)) {
                    // It catches up with what another socket has brought already.
                    self.resend(socket, None).await;
                    return Ok(());
                }
                self.slot = mine.map(|player| player.slot);
                self.pilot.has_tank = mine.is_some_and(|player| player.tank.is_some());
                if let Some(mine) = mine {
                    self.inputs.keyframe(mine.last_seq, keyframe.tick, keyframe.durable);
                }
                self.shown(socket, keyframe.epoch, keyframe.tick);
                self.resend(socket, None).await;
            }
            ServerMessage::Frame { header, body } => {
                let Some((epoch, last)) = socket.tick else { return Ok(()) };
                let tick = header.tick(last.next());
                let epoch = header.epoch.unwrap_or(epoch);
                socket.leads_to((epoch, tick));
                socket.flows = true;
                if self.newest.is_some_and(|(newest, at)| epoch > newest && tick <= at) {
                    // Led up to a world that was left meanwhile: what this socket has is not what was shown.
                    if !std::mem::replace(&mut socket.astray, true) {
                        self.ask_on(socket).await;
                    }
                    return Ok(());
                }
                if !self.shown(socket, epoch, tick) {
                    return Ok(());
                }
                let body = body
                    .decode(self.slots)
                    .map_err(|error| format!("the frame of tick {tick} makes no sense: {error}"))?;
                let durable = if header.lag < u8::MAX { tick.0.saturating_sub(header.lag.into()) } else { 0 };
                let mine = body.inputs.iter().find(|inputs| Some(inputs.slot) == self.slot);
                self.inputs.frame(mine.map_or(0, |inputs| inputs.keys.len()), tick, Tick(durable));
                for event in body.events {
                    self.event(&event);
                }
                self.frames += 1;
                if self.frames.is_multiple_of(SEEN_EVERY)
                    && socket.send(&ClientMessage::Seen { tick }).await.is_err()
                {
                    socket.broken = true;
                }
            }
            ServerMessage::Expect { seq } => {
                let dropped = self.inputs.expect(seq);
                if dropped > 0 {
                    self.logbook.lock().1.inputs_dropped += dropped;
                    self.inputs.kept().for_each(|input| self.made(input));
                }
                self.resend(socket, Some(seq)).await;
            }
            ServerMessage::GoAway { grace_ms } => {
                socket.sent_away = true;
                self.logbook.lock().1.told_cut_off += u32::from(grace_ms == GRACE_CUT_OFF);
            }
            ServerMessage::Skipped { .. } => socket.tick = None,
            ServerMessage::Pong { nonce, .. } if nonce == self.ping.0 => {
                let sent = self.ping.1.take();
                self.round_trip = sent.map(|sent| sent.elapsed()).or(self.round_trip);
            }
            ServerMessage::Host(_) | ServerMessage::Pong { .. } | ServerMessage::Notice { .. } => {}
        }
        Ok(())
    }

    /// Takes note of a world that came. False: it is older than what another socket brought.
    fn shown(&mut self, socket: &Socket, epoch: Epoch, tick: Tick) -> bool {
        if self.newest.is_some_and(|newest| newest >= (epoch, tick)) {
            return false;
        }
        self.newest = Some((epoch, tick));
        let mut log = self.logbook.lock();
        log.1.newest = Some((epoch, tick, socket.last_arrival - self.settings.start));
        log.1.launched |= self.pilot.has_tank;
        true
    }

    fn event(&mut self, event: &FrameEvent) {
        match event {
            FrameEvent::Join { slot, player, .. } if self.me.as_ref().is_some_and(|(me, _)| me == player) => {
                self.slot = Some(*slot);
                self.pilot.has_tank = false;
            }
            FrameEvent::Launch { slot, .. } if Some(*slot) == self.slot => self.pilot.has_tank = true,
            FrameEvent::Kill { slot, .. } if Some(*slot) == self.slot => self.pilot.has_tank = false,
            FrameEvent::RoundOver { .. } => self.pilot.has_tank = false,
            _ => {}
        }
    }

    /// Moves the player on by what the pilot wants; sends nothing while nothing changes.
    async fn decide(&mut self, current: &mut Option<Socket>, next: &mut Option<Socket>) {
        let (Some((_, tick)), Some(_), None) = (self.newest, self.slot, self.rest_until) else { return };
        let Some((keys, action)) = self.pilot.decide(&mut self.rng) else { return };
        let aim = Tick(tick.0 + LEAD);
        let (input, dropped) = self.inputs.add(aim, keys, action);
        if dropped {
            self.logbook.lock().1.inputs_dropped += 1;
        }
        self.made(&input);
        let message = ClientMessage::Inputs { seen: tick, inputs: vec![input] };
        Self::send(current, next, &message).await;
    }

    fn made(&self, input: &Input) {
        let Input { seq, keys, action, .. } = *input;
        self.record_on(0, What::Made { seq, keys, action });
    }

    /// Sends again what the servers have not consumed.
    async fn resend(&mut self, socket: &mut Socket, from: Option<u32>) {
        let seen = self.newest.map_or(Tick(0), |(_, tick)| tick);
        for inputs in self.inputs.unconsumed(from) {
            if socket.send(&ClientMessage::Inputs { seen, inputs }).await.is_err() {
                socket.broken = true;
                return;
            }
        }
    }

    /// A server closed a socket. Some: playing on makes no sense.
    fn closed(&mut self, code: u16, reason: &str) -> Option<String> {
        let known = CloseCode::from_code(code);
        self.met_cut_off = known == Some(CloseCode::CutOff);
        self.logbook.lock().1.told_cut_off += u32::from(self.met_cut_off);
        match known? {
            CloseCode::Token => {
                // Only a new player gets in now: the oracle sees that as a rejoin.
                self.me = None;
                self.slot = None;
                self.newest = None;
                self.inputs = Inputs::default();
                None
            }
            CloseCode::Malformed
            | CloseCode::Version
            | CloseCode::Name
            | CloseCode::TooLong
            | CloseCode::TooManyMessages
            | CloseCode::GameOver
            | CloseCode::NotBinary
            | CloseCode::Quarantined => Some(format!("closed with {code}: {reason}")),
            // These pass, or it is for the oracle to say that they do not.
            CloseCode::NoSuchGame
            | CloseCode::Full
            | CloseCode::TooSlow
            | CloseCode::Replaced
            | CloseCode::Leaving
            | CloseCode::CutOff => None,
        }
    }
}
