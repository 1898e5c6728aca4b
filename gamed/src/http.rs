//! HTTP of a member: the page, the lobby's and the cluster's JSON, probes, metrics, and the door to the game.
//!
//! Owns routes, who is let in, and the first message of a player's socket. What comes after Hello belongs to the game's hub.

use crate::creation::{Creation, Wish};
use crate::demo::Roll;
use crate::driver::{Stage, ToDriver};
use crate::hub::{Newcomer, ToHub};
use crate::keys::Key;
use crate::leaving::Leaving;
use crate::limits;
use crate::links::Links;
use crate::live::{Live, LiveError};
use crate::metrics::Metrics;
use crate::origin::{self, Origin};
use crate::overview::Overview;
use crate::visitors::{Connection, Excess, Place, Visitor, Visitors};
use crate::wire::{Received, Wire};
use crate::workers::Workers;
use futures_util::{Stream, StreamExt};
use hyper::service::{Service as _, service_fn};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use protocol::{ClientMessage, CloseCode, ClusterKey, Hello, PlayerId, PlayerName, Token};
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, warn};
use warp::filters::BoxedFilter;
use warp::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use warp::{Buf, Filter, Reply};

/// What the routes need. Cheap to clone.
#[derive(Clone)]
pub struct Site {
    /// The cluster's secret: checks tokens.
    pub key: Key,
    /// Folder of the web client.
    pub web: Option<PathBuf>,
    /// What games can be created.
    pub creation: Creation,
    /// Where hubs are.
    pub workers: Workers,
    /// Where games are created.
    pub driver: mpsc::Sender<ToDriver>,
    /// Readiness.
    pub stage: watch::Receiver<Stage>,
    /// The cluster as the registry knows it.
    pub overview: Arc<Overview>,
    /// Its changes, for those who listen.
    pub live: Live,
    /// Who is let in.
    pub visitors: Visitors,
    /// To other members.
    pub links: Links,
    /// Pages of other hosts that may act here.
    pub origins: Arc<[Origin]>,
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// The demo's button, in a demo.
    pub roll: Option<Roll>,
}

/// A game thread that was not seen alive for so long fails the liveness probe.
const ALIVE: Duration = Duration::from_secs(10);

/// Longest body of a request.
const BODY_BYTES: u64 = 4096;

/// Asked for by whoever runs the cluster, often through the same address as its players.
const UNLIMITED: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// Serves connections until cancelled. Open websockets are not HTTP's any more and live on. Once the member leaves, no
/// connection is kept for another request: that would come here, past the load balancer, for as long as there are pages.
pub async fn serve(listener: TcpListener, site: Site, leaving: Leaving, cancel: CancellationToken) {
    let visitors = site.visitors.clone();
    let service = TowerToHyperService::new(warp::service(routes(site)));
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits::HTTP_HEADER).max_buf_size(16 << 10);
    let mut farewell = http.clone();
    farewell.header_read_timeout(limits::EXCESS_CONNECTION).keep_alive(false);
    let excess = Arc::new(Semaphore::new(limits::EXCESS_CONNECTIONS));
    let connections = TaskTracker::new();
    loop {
        let (stream, peer) = tokio::select! {
            () = cancel.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => (stream, peer.ip()),
                Err(error) => {
                    // Out of file descriptors, most likely: those who are connected come first.
                    warn!(%error, "cannot accept a connection");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        if let Err(error) = stream.set_nodelay(true).and_then(|()| limit_unsent(&stream)) {
            debug!(%error, "the connection is gone already");
            continue;
        }
        http.keep_alive(!leaving.is_on());
        let whose = visitors.connect(peer);
        let (http, permit) = match whose.is_excess() {
            false => (&http, None),
            true => match excess.clone().try_acquire_owned() {
                Ok(permit) => (&farewell, Some(permit)),
                Err(_) => continue,
            },
        };
        let (service, visitors) = (service.clone(), visitors.clone());
        let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
            let let_in = let_in(&visitors, &whose, &mut request);
            let answer = let_in.map(|()| service.call(request));
            async move {
                match answer {
                    Ok(answer) => answer.await,
                    Err(excess) => Ok(too_much(excess)),
                }
            }
        });
        let connection = http.serve_connection(TokioIo::new(stream), service).with_upgrades();
        let (mut leaves, leaving) = (leaving.is_on(), leaving.clone());
        let cancel = cancel.clone();
        connections.spawn(async move {
            let _permit = permit;
            let mut connection = pin!(connection);
            loop {
                tokio::select! {
                    () = cancel.cancelled() => break,
                    () = leaving.begun(), if !leaves => {
                        leaves = true;
                        connection.as_mut().graceful_shutdown();
                    }
                    ended = connection.as_mut() => {
                        if let Err(error) = ended {
                            debug!(%error, "connection");
                        }
                        break;
                    }
                }
            }
        });
    }
    drop(listener);
    connections.close();
    connections.wait().await;
}

/// Whether a request is answered. Whose it is goes with it.
fn let_in<B>(
    visitors: &Visitors,
    connection: &Connection,
    request: &mut hyper::Request<B>,
) -> Result<(), Excess> {
    if !UNLIMITED.contains(&request.uri().path()) {
        let visitor = visitors.request(connection, request.headers())?;
        request.extensions_mut().insert(visitor);
    }
    Ok(())
}

/// Else a page that listens and takes nothing would keep its place for ever.
#[cfg(target_os = "linux")]
fn limit_unsent(stream: &TcpStream) -> std::io::Result<()> {
    socket2::SockRef::from(stream).set_tcp_user_timeout(Some(limits::UNSENT))
}

/// Other systems have limits of their own.
#[cfg(not(target_os = "linux"))]
fn limit_unsent(_: &TcpStream) -> std::io::Result<()> {
    Ok(())
}

fn routes(site: Site) -> BoxedFilter<(Answer,)> {
    let play = warp::path!("play").and(door(site.clone())).boxed();
    let games = warp::path!("api" / "games").and(warp::get()).and(with(&site)).then(games).boxed();
    let create = warp::path!("api" / "games")
        .and(warp::post())
        .and(warp::body::content_length_limit(BODY_BYTES))
        .and(from_whom())
        .and(warp::body::stream())
        .and(with(&site))
        .then(create)
        .boxed();
    let mazes = warp::path!("api" / "mazes").and(warp::get()).and(with(&site)).map(mazes).boxed();
    let cluster = warp::path!("api" / "cluster").and(warp::get()).and(with(&site)).then(cluster).boxed();
    let moves = warp::path!("api" / "moves").and(warp::get()).and(with(&site)).map(moves).boxed();
    let events =
        warp::path!("api" / "events").and(warp::get()).and(from_whom()).and(with(&site)).then(events).boxed();
    let roll = warp::path!("api" / "demo" / "roll")
        .and(warp::post())
        .and(from_whom())
        .and(with(&site))
        .then(roll)
        .boxed();
    let healthz = warp::path!("healthz").and(with(&site)).map(healthz).boxed();
    let readyz = warp::path!("readyz").and(with(&site)).map(readyz).boxed();
    let metrics = warp::path!("metrics").and(with(&site)).map(metrics).boxed();
    let page = match site.web.clone().filter(|web| web.join("index.html").is_file()) {
        Some(web) => warp::fs::dir(web).map(Reply::into_response).boxed(),
        None => warp::path::end().map(no_page).boxed(),
    };
    play.or(games)
        .unify()
        .or(create)
        .unify()
        .or(mazes)
        .unify()
        .or(cluster)
        .unify()
        .or(moves)
        .unify()
        .or(events)
        .unify()
        .or(roll)
        .unify()
        .or(healthz)
        .unify()
        .or(readyz)
        .unify()
        .or(metrics)
        .unify()
        .or(page)
        .unify()
        .boxed()
}

type Answer = warp::reply::Response;

fn with(site: &Site) -> impl Filter<Extract = (Site,), Error = Infallible> + Clone + use<> {
    let site = site.clone();
    warp::any().map(move || site.clone())
}

/// Whose a request is, and its headers.
fn from_whom() -> impl Filter<Extract = (Asker,), Error = warp::Rejection> + Clone {
    let parts = warp::ext::get::<Visitor>().and(warp::header::headers_cloned());
    parts.map(|visitor, headers| Asker { visitor, headers })
}

struct Asker {
    visitor: Visitor,
    headers: HeaderMap,
}

impl Asker {
    /// The refusal where it comes from a page that may not act here in its visitors' name.
    fn foreign(&self, site: &Site) -> Option<Answer> {
        let other = origin::check(&self.headers, &site.origins).err()?;
        site.metrics.refused("origin");
        let sentence = format!(
            "this server takes nothing from pages of {other:?}; whoever runs it can allow that with --origins"
        );
        Some(refusal(StatusCode::FORBIDDEN, sentence))
    }
}

fn too_much(excess: Excess) -> Answer {
    let mut answer = refusal(StatusCode::TOO_MANY_REQUESTS, excess.sentence());
    answer.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(excess.retry_after()));
    answer
}

fn answer(status: StatusCode, body: &Value) -> Answer {
    warp::reply::with_status(warp::reply::json(body), status).into_response()
}

fn refusal(status: StatusCode, sentence: impl std::fmt::Display) -> Answer {
    answer(status, &json!({ "error": sentence.to_string() }))
}

// --- pages and probes

fn no_page() -> Answer {
    let text = "<!doctype html><title>Tanx</title><p>The web client is not built, or this server was not told where it is: \
                run <code>make web</code>, then start the server with <code>--web web/dist</code>.";
    warp::reply::with_status(warp::reply::html(text), StatusCode::NOT_FOUND).into_response()
}

/// The process works: its threads answer. Never depends on Redis.
fn healthz(site: Site) -> Answer {
    if site.workers.alive(ALIVE) {
        "ok\n".into_response()
    } else {
        warp::reply::with_status("a game thread hangs\n", StatusCode::SERVICE_UNAVAILABLE).into_response()
    }
}

/// Ready after joining, and still while draining: leaving the endpoints is the pod's matter, and when all pods leave,
/// the ready ones still get the players.
fn readyz(site: Site) -> Answer {
    if site.stage.borrow().ready {
        "ready\n".into_response()
    } else {
        warp::reply::with_status("joining the cluster\n", StatusCode::SERVICE_UNAVAILABLE).into_response()
    }
}

fn metrics(site: Site) -> Answer {
    site.metrics.links.set(site.links.up().len() as i64);
    match site.metrics.text() {
        Ok(text) => {
            let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
            warp::reply::with_header(text, header::CONTENT_TYPE, kind).into_response()
        }
        Err(error) => refusal(StatusCode::INTERNAL_SERVER_ERROR, error),
    }
}

// --- JSON

async fn games(site: Site) -> Answer {
    match site.overview.get().await {
        Ok(view) => answer(StatusCode::OK, &json!({ "games": view.games_json() })),
        Err(error) => refusal(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn moves(site: Site) -> Answer {
    answer(StatusCode::OK, &json!({ "moves": site.overview.moves_json() }))
}

async fn cluster(site: Site) -> Answer {
    match site.overview.get().await {
        Ok(view) => answer(StatusCode::OK, &site.overview.cluster_json(&view)),
        Err(error) => refusal(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// The same as `cluster`, again at each change, for as long as the page listens.
async fn events(from: Asker, site: Site) -> Answer {
    let place = match site.visitors.stay(&from.visitor) {
        Ok(place) => place,
        Err(excess) => return too_much(excess),
    };
    match site.live.listen().await {
        Ok(events) => {
            let comments = warp::sse::keep_alive().interval(limits::EVENT_COMMENT);
            let events = events.inspect(move |_| {
                let _open = &place;
            });
            warp::sse::reply(comments.stream(events)).into_response()
        }
        Err(error) => {
            if matches!(error, LiveError::Full(_)) {
                site.metrics.refused("listeners");
            }
            refusal(StatusCode::SERVICE_UNAVAILABLE, error)
        }
    }
}

fn mazes(site: Site) -> Answer {
    let mazes = site.creation.mazes.list().iter();
    let mazes: Vec<_> = mazes.map(|maze| json!({ "name": maze.name, "text": maze.text })).collect();
    answer(StatusCode::OK, &json!({ "mazes": mazes }))
}

/// All of a request's body; its length was bounded before.
async fn whole(body: impl Stream<Item = Result<impl Buf, warp::Error>>) -> Result<Vec<u8>, Answer> {
    let read = async {
        let (mut body, mut all) = (pin!(body), Vec::new());
        while let Some(part) = body.next().await {
            let mut part = part.map_err(|error| refusal(StatusCode::BAD_REQUEST, error))?;
            while part.has_remaining() {
                let chunk = part.chunk();
                all.extend(chunk);
                part.advance(chunk.len());
            }
        }
        Ok(all)
    };
    let late =
        |_| refusal(StatusCode::REQUEST_TIMEOUT, "the request's body did not come in time; send it at once");
    tokio::time::timeout(limits::HTTP_BODY, read).await.map_err(late)?
}

async fn create(from: Asker, body: impl Stream<Item = Result<impl Buf, warp::Error>>, site: Site) -> Answer {
    if let Some(refused) = from.foreign(&site) {
        return refused;
    }
    let body = match whole(body).await {
        Ok(body) => body,
        Err(refused) => return refused,
    };
    let wish = match Wish::from_json(&body) {
        Ok(wish) => wish,
        Err(sentence) => return refusal(StatusCode::BAD_REQUEST, sentence),
    };
    let rules = site.stage.borrow().rules;
    let (settings, snapshot) = match site.creation.first_world(wish, rules) {
        Ok(first) => first,
        Err(error) => return refusal(StatusCode::UNPROCESSABLE_ENTITY, error),
    };
    if let Err(excess) = site.visitors.create(&from.visitor) {
        return too_much(excess);
    }
    let (reply, created) = oneshot::channel();
    if site.driver.send(ToDriver::Create { settings, snapshot, answer: reply }).await.is_err() {
        return refusal(StatusCode::SERVICE_UNAVAILABLE, "this server is ending; try again");
    }
    match created.await {
        Ok(Ok(game)) => answer(StatusCode::CREATED, &json!({ "id": game })),
        Ok(Err(why)) => refusal(StatusCode::SERVICE_UNAVAILABLE, why),
        Err(_) => refusal(StatusCode::SERVICE_UNAVAILABLE, "this server is ending; try again"),
    }
}

async fn roll(from: Asker, site: Site) -> Answer {
    if let Some(refused) = from.foreign(&site) {
        return refused;
    }
    match site.roll {
        None => refusal(StatusCode::NOT_FOUND, "this is no demo: roll the Deployment with kubectl set image"),
        Some(roll) => match roll.start() {
            Ok(()) => answer(StatusCode::ACCEPTED, &json!({})),
            Err(busy) => refusal(StatusCode::CONFLICT, busy),
        },
    }
}

// --- the door

/// Answers a websocket's handshake and takes the connection over.
fn door(site: Site) -> impl Filter<Extract = (Answer,), Error = warp::Rejection> + Clone {
    warp::get()
        .and(warp::header::exact("sec-websocket-version", "13"))
        .and(warp::header::exact_ignore_case("upgrade", "websocket"))
        .and(warp::header::<String>("sec-websocket-key"))
        .and(warp::ext::get::<OnUpgrade>())
        .and(from_whom())
        .map(move |key: String, upgrade: OnUpgrade, from: Asker| {
            let site = site.clone();
            if let Some(refused) = from.foreign(&site) {
                return refused;
            }
            let place = match site.visitors.stay(&from.visitor) {
                Ok(place) => place,
                Err(excess) => return too_much(excess),
            };
            tokio::spawn(async move { enter(upgrade, (place, from.visitor.address), site).await });
            let accepted = Response::builder()
                .status(StatusCode::SWITCHING_PROTOCOLS)
                .header(header::CONNECTION, "upgrade")
                .header(header::UPGRADE, "websocket")
                .header(header::SEC_WEBSOCKET_ACCEPT, derive_accept_key(key.as_bytes()))
                .body("");
            match accepted {
                Ok(accepted) => accepted.into_response(),
                Err(error) => refusal(StatusCode::BAD_REQUEST, error),
            }
        })
}

async fn enter(upgrade: OnUpgrade, (place, address): (Arc<Place>, IpAddr), site: Site) {
    let upgraded = match upgrade.await {
        Ok(upgraded) => upgraded,
        Err(error) => return debug!(%error, "a websocket ended before it began"),
    };
    let Some(mut wire) = taken_over(upgraded, place) else {
        return warn!("an upgraded connection is no TCP stream");
    };
    let first = async {
        loop {
            match wire.read().await {
                Received::Control => {}
                received => return received,
            }
        }
    };
    let Ok(received) = tokio::time::timeout(limits::HELLO, first).await else {
        return close(wire, CloseCode::Malformed, &site.metrics).await;
    };
    let hello = match received {
        Received::Message(bytes) => match ClientMessage::decode(&bytes) {
            Ok(ClientMessage::Hello(hello)) => hello,
            Ok(_) => return close(wire, CloseCode::Malformed, &site.metrics).await,
            Err(error) => return close(wire, error.close_code(), &site.metrics).await,
        },
        Received::Text => return close(wire, CloseCode::NotBinary, &site.metrics).await,
        Received::TooMuch => {
            site.metrics.refused("bytes");
            return close(wire, CloseCode::TooManyMessages, &site.metrics).await;
        }
        Received::TooLong => return close(wire, CloseCode::TooLong, &site.metrics).await,
        Received::Control | Received::End => return,
    };
    let said = who(&hello, &site.key.borrow());
    let (player, name) = match said {
        Ok(who) => who,
        Err(code) => return close(wire, code, &site.metrics).await,
    };
    let wire = match wire.unbind() {
        Ok(wire) => wire,
        Err(error) => return warn!(%error, "a socket was lost between two threads"),
    };
    let comes_from = (player.is_some() && hello.token.is_none()).then_some(address);
    let newcomer = Newcomer { wire, player, name, session: hello.session, comes_from, floor: hello.floor };
    site.workers.send(hello.game, ToHub::Attach(Box::new(newcomer))).await;
}

/// The connection below HTTP, with what was read beyond the handshake.
fn taken_over(upgraded: Upgraded, place: Arc<Place>) -> Option<Wire> {
    let parts = upgraded.downcast::<TokioIo<TcpStream>>().ok()?;
    Some(Wire::new(parts.io.into_inner(), &parts.read_buf, Some(place)))
}

async fn close(wire: Wire, code: CloseCode, metrics: &Metrics) {
    metrics.closed(code);
    wire.close(code.code(), code.sentence()).await;
}

/// Who says Hello: nobody (a spectator), somebody who comes back, or somebody new with an id drawn here.
fn who(hello: &Hello, key: &ClusterKey) -> Result<(Option<PlayerId>, String), CloseCode> {
    if hello.spectate {
        return Ok((None, String::new()));
    }
    let name = PlayerName::parse(&hello.name).map(String::from).map_err(|_| CloseCode::Name)?;
    let player = match &hello.token {
        Some(token) => {
            let token = Token::verify(key, token).map_err(|_| CloseCode::Token)?;
            if token.game != hello.game {
                return Err(CloseCode::Token);
            }
            token.player
        }
        None => PlayerId(rand::random()),
    };
    Ok((Some(player), name))
}
