//! Whatever arrives is a message or an error: never a panic, never a message that encodes to something else.
//!
//! A failure prints the smallest input found and keeps its seed beside this file, from where it is run first next time.
//! PROPTEST_CASES sets how many cases each test tries (256).

use bytes::Bytes;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use protocol::handshake::{Dialer, Listener};
use protocol::peer::{self, Control, GameSettings, Input, MAX_MAZE_BYTES, PeerMessage, PlayerAct};
use protocol::{
    Blast, Body, ChatLine, ChatWhat, ClientMessage, CloseCode, ClusterKey, DecodeError, Epoch, Flags, Frame,
    FrameEvent, FrameHeader, GameId, Hello, Host, Item, Keyframe, KeyframePlayer, KeyframeTank,
    MAX_CLIENT_MESSAGE, MAX_INPUTS, MAX_SERVER_MESSAGE, MAX_SLOTS, MemberId, Missile, PlayerId, Residual,
    Round, ServerMessage, SlotInputs, Tick, Token, Welcome,
};

fn config() -> ProptestConfig {
    ProptestConfig {
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    }
}

fn tick() -> impl Strategy<Value = Tick> {
    any::<u64>().prop_map(Tick)
}

fn world_name() -> impl Strategy<Value = (Epoch, Tick)> {
    (any::<u64>().prop_map(Epoch), tick())
}

fn input() -> impl Strategy<Value = Input> {
    (any::<u32>(), tick(), 0u8..32, any::<u8>()).prop_map(|(seq, for_tick, keys, action)| Input {
        seq,
        for_tick,
        keys,
        action,
    })
}

fn client_message() -> impl Strategy<Value = ClientMessage> {
    let token = proptest::option::of(vec(any::<u8>(), 0..=Token::LENGTH));
    let hello =
        (any::<u64>(), any::<bool>(), "\\PC{0,32}", any::<u32>(), token, proptest::option::of(world_name()))
            .prop_map(|(game, spectate, name, session, token, floor)| {
                ClientMessage::Hello(Hello {
                    version: 1,
                    game: GameId(game),
                    spectate,
                    name,
                    session,
                    token,
                    floor,
                })
            });
    prop_oneof![
        hello,
        (tick(), vec(input(), 1..=MAX_INPUTS))
            .prop_map(|(seen, inputs)| ClientMessage::Inputs { seen, inputs }),
        tick().prop_map(|tick| ClientMessage::Seen { tick }),
        (any::<u32>(), tick()).prop_map(|(nonce, tick)| ClientMessage::Ping { nonce, tick }),
        Just(ClientMessage::Leave),
        Just(ClientMessage::KeyframePlease),
        "\\PC{0,32}".prop_map(|name| ClientMessage::Rename { name }),
        "\\PC{0,120}".prop_map(|text| ClientMessage::Chat { text }),
    ]
}

fn keyframe() -> impl Strategy<Value = Keyframe> {
    let tank = (any::<[i32; 2]>(), any::<[u16; 3]>(), any::<bool>()).prop_map(
        |([x, y], [heading, armour, reload], bounce)| KeyframeTank { x, y, heading, armour, reload, bounce },
    );
    let numbers = (any::<u64>(), 0..MAX_SLOTS, any::<u32>(), any::<[bool; 2]>(), 0u8..32);
    let player = (numbers, "\\PC{0,16}", any::<[u32; 6]>(), proptest::option::of(tank)).prop_map(
        |(
            (id, slot, session, [connected, bot], keys),
            name,
            [score, deaths, wins, last_seq, applied, applied_hash],
            tank,
        )| {
            let id = PlayerId(id);
            KeyframePlayer {
                id,
                slot,
                name,
                bot,
                session,
                connected,
                score,
                deaths,
                wins,
                last_seq,
                applied,
                applied_hash,
                keys,
                tank,
            }
        },
    );
    let missile = (any::<[u8; 2]>(), any::<[i32; 2]>(), any::<u16>(), any::<bool>())
        .prop_map(|([id, slot], [x, y], heading, bounce)| Missile { id, slot, x, y, heading, bounce });
    let blast = (any::<[u8; 3]>(), any::<[i32; 2]>()).prop_map(|([kind, slot, age], [x, y])| Blast {
        kind,
        slot,
        x,
        y,
        age,
    });
    let item = (any::<[u8; 2]>(), any::<[i32; 2]>(), any::<u16>())
        .prop_map(|([id, kind], [x, y], left)| Item { id, kind, x, y, left });
    let what = prop_oneof![
        Just(ChatWhat::Entered),
        Just(ChatWhat::Left),
        "\\PC{0,16}".prop_map(|to| ChatWhat::Renamed { to }),
        "\\PC{0,120}".prop_map(|text| ChatWhat::Said { text }),
    ];
    let line = (tick(), any::<u8>(), "\\PC{0,16}", what).prop_map(|(tick, slot, name, what)| ChatLine {
        tick,
        slot,
        name,
        what,
    });
    let round = (any::<u32>(), any::<bool>(), tick()).prop_map(|(number, resting, ends)| Round {
        number,
        resting,
        ends,
    });
    let players = vec(player, 0..=usize::from(MAX_SLOTS));
    let things = (vec(missile, 0..=256), vec(blast, 0..40), vec(item, 0..40), vec(line, 0..20));
    (world_name(), tick(), any::<u16>(), round, players, things).prop_map(
        |((epoch, tick), durable, rules, round, players, (missiles, blasts, items, chat))| Keyframe {
            epoch,
            tick,
            durable,
            rules,
            round,
            players,
            missiles,
            blasts,
            items,
            chat,
        },
    )
}

fn server_message() -> impl Strategy<Value = ServerMessage> {
    let texts = || ["\\PC{0,40}", "\\PC{0,40}", "\\PC{0,40}", "\\PC{0,40}"];
    let welcome = (any::<u64>(), any::<u32>(), texts(), 1..=MAX_SLOTS, vec(any::<u8>(), 0..60)).prop_map(
        |(player, session, [settings_name, maze, edge_name, edge_build], slots, token)| {
            let player = PlayerId(player);
            ServerMessage::Welcome(Welcome {
                version: 1,
                player,
                session,
                settings_name,
                maze,
                slots,
                edge_name,
                edge_build,
                token,
            })
        },
    );
    let host = (any::<u64>(), texts(), texts()).prop_map(
        |(epoch, [owner_name, owner_build, owner_revision, edge_name], [edge_build, edge_revision, ..])| {
            ServerMessage::Host(Host {
                epoch: Epoch(epoch),
                owner_name,
                owner_build,
                owner_revision,
                edge_name,
                edge_build,
                edge_revision,
            })
        },
    );
    prop_oneof![
        welcome,
        host,
        keyframe().prop_map(ServerMessage::Keyframe),
        (any::<u32>(), tick(), any::<i32>()).prop_map(|(nonce, tick, slack_ms)| ServerMessage::Pong {
            nonce,
            tick,
            slack_ms
        }),
        any::<u32>().prop_map(|seq| ServerMessage::Expect { seq }),
        any::<u32>().prop_map(|grace_ms| ServerMessage::GoAway { grace_ms }),
        (tick(), tick()).prop_map(|(from, to)| ServerMessage::Skipped { from, to }),
        "\\PC{0,100}".prop_map(|sentence| ServerMessage::Notice { sentence }),
    ]
}

fn event(slots: u8) -> impl Strategy<Value = FrameEvent> {
    let slot = move || 0..slots;
    let nobody = move || prop_oneof![slot(), Just(255)];
    let byte = any::<u8>;
    prop_oneof![
        (slot(), any::<u64>(), any::<bool>(), "\\PC{0,16}").prop_map(|(slot, player, bot, name)| {
            FrameEvent::Join { slot, player: PlayerId(player), bot, name }
        }),
        slot().prop_map(|slot| FrameEvent::Leave { slot }),
        (slot(), byte()).prop_map(|(slot, entry)| FrameEvent::Launch { slot, entry }),
        (slot(), byte()).prop_map(|(slot, missile)| FrameEvent::Shot { slot, missile }),
        (byte(), slot(), byte(), any::<u16>()).prop_map(|(missile, slot, at, armour)| FrameEvent::Hit {
            missile,
            slot,
            at,
            armour
        }),
        byte().prop_map(|missile| FrameEvent::Gone { missile }),
        (slot(), nobody(), byte(), byte()).prop_map(|(slot, by, item, kind)| FrameEvent::Kill {
            slot,
            by,
            item,
            kind
        }),
        (byte(), byte()).prop_map(|(missile, at)| FrameEvent::Burst { missile, at }),
        (byte(), byte(), any::<u16>()).prop_map(|(missile, at, heading)| FrameEvent::Bounce {
            missile,
            at,
            heading
        }),
        (slot(), any::<u16>()).prop_map(|(slot, armour)| FrameEvent::Hurt { slot, armour }),
        (slot(), byte()).prop_map(|(slot, item)| FrameEvent::PickUp { slot, item }),
        (slot(), byte(), byte()).prop_map(|(slot, item, kind)| FrameEvent::Destruct { slot, item, kind }),
        (slot(), "\\PC{0,16}").prop_map(|(slot, name)| FrameEvent::Rename { slot, name }),
        (slot(), "\\PC{0,120}").prop_map(|(slot, text)| FrameEvent::Chat { slot, text }),
        (nobody(), any::<u16>()).prop_map(|(winner, ticks)| FrameEvent::RoundOver { winner, ticks }),
        any::<u32>().prop_map(|ticks| FrameEvent::RoundStart { ticks }),
    ]
}

/// A frame and the slots of its game.
fn frame() -> impl Strategy<Value = (u8, Frame)> {
    let places =
        |slots: u8| proptest::sample::subsequence((0..slots).collect::<Vec<_>>(), 0..=usize::from(slots));
    let offset = || prop_oneof![-64i32..64, -1024i32..1024, -131_072i32..131_072];
    (1..=MAX_SLOTS)
        .prop_flat_map(move |slots| {
            let inputs = places(slots).prop_flat_map(|slots| {
                let one = |slot| (Just(slot), vec(0u8..32, 1..10));
                slots.into_iter().map(one).collect::<Vec<_>>()
            });
            let residuals = places(slots).prop_flat_map(move |slots| {
                let one =
                    |slot| (Just(slot), offset(), offset(), prop_oneof![3 => Just(0), 1 => any::<i16>()]);
                slots.into_iter().map(one).collect::<Vec<_>>()
            });
            let header = (any::<[bool; 4]>(), any::<[u8; 2]>(), proptest::option::of(any::<u64>()));
            (Just(slots), header, inputs, residuals, vec(event(slots), 0..200))
        })
        .prop_map(|(slots, (flags, [tick_low, lag], epoch), inputs, residuals, events)| {
            let [rewind, reanchor, moving, registry_away] = flags;
            let flags = Flags { rewind, reanchor, moving, registry_away };
            let header = FrameHeader { flags, tick_low, lag, epoch: epoch.map(Epoch) };
            let inputs = inputs.into_iter().map(|(slot, keys)| SlotInputs { slot, keys }).collect();
            let residual = |(slot, dx, dy, dh)| Residual { slot, dx, dy, dh };
            let residuals = residuals.into_iter().map(residual).collect();
            (slots, Frame { header, body: Body { inputs, residuals, events } })
        })
}

fn peer_message() -> impl Strategy<Value = PeerMessage> {
    let bytes = || vec(any::<u8>(), 0..300).prop_map(Bytes::from);
    let game = || any::<u64>().prop_map(GameId);
    let members = || vec(any::<u64>().prop_map(MemberId), 0..9);
    let settings = (
        ["\\PC{0,32}", "\\PC{0,200}", "\\PC{0,32}"],
        1..=MAX_SLOTS,
        any::<u16>(),
        any::<u8>(),
        any::<bool>(),
    )
        .prop_map(|([name, maze, maze_name], slots, rules, bots, stays)| GameSettings {
            name,
            maze,
            slots,
            rules,
            maze_name,
            bots,
            stays,
        });
    let act = prop_oneof![
        "\\PC{0,16}".prop_map(|name| PlayerAct::Join { name }),
        vec(input(), 0..=MAX_INPUTS).prop_map(PlayerAct::Inputs),
        Just(PlayerAct::Gone),
        "\\PC{0,16}".prop_map(|name| PlayerAct::Rename { name }),
        "\\PC{0,120}".prop_map(|text| PlayerAct::Chat { text }),
    ];
    prop_oneof![
        any::<u64>().prop_map(PeerMessage::Ping),
        (game(), proptest::option::of(world_name()))
            .prop_map(|(game, have)| PeerMessage::Subscribe { game, have }),
        (game(), world_name(), any::<u64>(), bytes(), bytes(), any::<u32>()).prop_map(
            |(game, (epoch, tick), after, bytes, log, digest)| {
                let after = Epoch(after);
                PeerMessage::Frame { game, epoch, tick, after, bytes, log, digest }
            }
        ),
        (game(), any::<u64>(), any::<u32>(), act).prop_map(|(game, player, session, act)| {
            PeerMessage::FromPlayer { game, player: PlayerId(player), session, act }
        }),
        (game(), world_name(), settings.clone(), bytes(), members(), any::<bool>()).prop_map(
            |(game, (epoch, tick), settings, snapshot, edges, cedes)| {
                PeerMessage::Control(Control::Prepare { game, epoch, settings, tick, snapshot, edges, cedes })
            }
        ),
        (game(), world_name(), settings, bytes(), members(), any::<i64>()).prop_map(
            |(game, (epoch, tick), settings, snapshot, unrun, due_us)| {
                let (base, held, owner, durable) = (epoch, epoch, unrun.first().copied(), tick);
                PeerMessage::Control(Control::Cede {
                    game,
                    epoch,
                    base,
                    held,
                    owner,
                    unrun,
                    off: None,
                    settings: settings.into(),
                    tick,
                    snapshot,
                    durable,
                    due_us,
                })
            }
        ),
        (game(), world_name(), any::<u64>(), bytes(), any::<i64>()).prop_map(
            |(game, (epoch, tick), old, snapshot, due_us)| {
                let old = Epoch(old);
                PeerMessage::Control(Control::Commit { game, old, base: old, epoch, tick, snapshot, due_us })
            }
        ),
    ]
}

/// Bytes of any message: a type byte that exists before noise, so that decoders are reached.
fn noise() -> impl Strategy<Value = Vec<u8>> {
    let kind = prop_oneof![0x00u8..0x40, 0x80u8..0x89, any::<u8>()];
    prop_oneof![
        vec(any::<u8>(), 0..200),
        (kind, vec(prop_oneof![any::<u8>(), 0u8..3], 0..200)).prop_map(|(kind, mut rest)| {
            rest.insert(0, kind);
            rest
        }),
    ]
}

/// Changes, cuts or lengthens.
fn mutate(mut bytes: Vec<u8>, changes: &[(usize, u8)], cut: Option<usize>, tail: &[u8]) -> Vec<u8> {
    for (at, to) in changes {
        if !bytes.is_empty() {
            let at = at % bytes.len();
            bytes[at] = *to;
        }
    }
    if let Some(cut) = cut {
        bytes.truncate(cut % (bytes.len() + 1));
    }
    bytes.extend_from_slice(tail);
    bytes
}

/// What decodes encodes to a message that decodes to the same, in every protocol. (Not to the same bytes: a varint may be
/// written with zeros to spare.)
fn try_all(bytes: &[u8], slots: u8) {
    if let Ok(message) = ClientMessage::decode(bytes) {
        assert_eq!(ClientMessage::decode(&message.encode()), Ok(message));
    }
    if let Ok(message) = ServerMessage::decode(bytes) {
        assert_eq!(ServerMessage::decode(&message.encode()), Ok(message));
    }
    if let Ok(frame) = Frame::decode(bytes, slots) {
        assert_eq!(Frame::decode(&frame.encode(slots), slots), Ok(frame));
    }
    if let Ok(message) = peer::decode(bytes) {
        assert_eq!(peer::decode(&peer::encode(&message)), Ok(message));
    }
    let key = ClusterKey::parse(&[7; 32]).expect("32 bytes are a key");
    assert!(Token::verify(&key, bytes).is_err());
    let (dialer, _) = Dialer::start(&key, MemberId(1), MemberId(2), [0; 32]);
    assert!(dialer.finish(bytes).is_err());
    if let Ok((listener, _)) = Listener::answer(&key, MemberId(2), bytes, [1; 32]) {
        assert!(listener.finish(bytes).is_err());
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn noise_is_never_a_panic(bytes in noise(), slots in 1..=MAX_SLOTS) {
        try_all(&bytes, slots);
    }

    #[test]
    fn a_damaged_message_is_never_a_panic(
        bytes in prop_oneof![
            client_message().prop_map(|message| message.encode().to_vec()),
            server_message().prop_map(|message| message.encode().to_vec()),
            frame().prop_map(|(slots, frame)| frame.encode(slots).to_vec()),
            peer_message().prop_map(|message| peer::encode(&message).to_vec()),
        ],
        changes in vec((any::<usize>(), any::<u8>()), 0..4),
        cut in proptest::option::of(any::<usize>()),
        tail in vec(any::<u8>(), 0..3),
        slots in 1..=MAX_SLOTS,
    ) {
        try_all(&mutate(bytes, &changes, cut, &tail), slots);
    }

    #[test]
    fn clients_messages_come_back_as_they_went_and_bear_no_byte_more_or_less(message in client_message()) {
        let bytes = message.encode();
        prop_assert!(bytes.len() <= MAX_CLIENT_MESSAGE);
        prop_assert_eq!(ClientMessage::decode(&bytes), Ok(message));
        prop_assert!(ClientMessage::decode(&bytes[..bytes.len() - 1]).is_err());
        let longer = ClientMessage::decode(&[&bytes[..], &[0]].concat());
        prop_assert!(matches!(longer, Err(DecodeError::Trailing { extra: 1, .. })), "one byte more is refused");
    }

    #[test]
    fn servers_messages_come_back_as_they_went_and_bear_no_byte_more_or_less(message in server_message()) {
        let bytes = message.encode();
        prop_assert!(bytes.len() <= MAX_SERVER_MESSAGE);
        prop_assert_eq!(ServerMessage::decode(&bytes), Ok(message));
        prop_assert!(ServerMessage::decode(&bytes[..bytes.len() - 1]).is_err());
        let longer = ServerMessage::decode(&[&bytes[..], &[0]].concat());
        prop_assert!(matches!(longer, Err(DecodeError::Trailing { extra: 1, .. })), "one byte more is refused");
    }

    #[test]
    fn frames_come_back_as_they_went_and_bear_no_byte_more_or_less((slots, frame) in frame()) {
        let bytes = frame.encode(slots);
        prop_assert_eq!(&Frame::decode(&bytes, slots), &Ok(frame.clone()));
        prop_assert!(Frame::decode(&bytes[..bytes.len() - 1], slots).is_err());
        prop_assert!(Frame::decode(&[&bytes[..], &[0]].concat(), slots).is_err());
        let Ok(ServerMessage::Frame { header, body }) = ServerMessage::decode(&bytes) else {
            return Err(TestCaseError::fail("a frame is a server message"));
        };
        prop_assert_eq!(header, frame.header);
        prop_assert_eq!(body.decode(slots), Ok(frame.body));
        prop_assert_eq!(header.with_body(&body), bytes);
    }

    #[test]
    fn peer_messages_come_back_as_they_went_and_bear_no_byte_more_or_less(message in peer_message()) {
        let bytes = peer::encode(&message);
        prop_assert_eq!(peer::decode(&bytes), Ok(message));
        prop_assert!(peer::decode(&bytes[..bytes.len() - 1]).is_err());
        let longer = peer::decode(&[&bytes[..], &[0]].concat());
        prop_assert!(matches!(longer, Err(DecodeError::Trailing { extra: 1, .. })), "one byte more is refused");
    }
}

#[test]
fn over_long_messages_and_fields_close_the_socket_with_too_long() {
    let hello = Hello {
        version: 1,
        game: GameId(1),
        spectate: false,
        name: String::new(),
        session: 1,
        token: None,
        floor: None,
    };
    let input = Input { seq: 1, for_tick: Tick(1), keys: 0, action: 0 };
    let long_name = Hello { name: "x".repeat(129), ..hello.clone() };
    let long_token = Hello { token: Some(vec![0; Token::LENGTH + 1]), ..hello };
    for bytes in [
        ClientMessage::Hello(long_name).encode(),
        ClientMessage::Hello(long_token).encode(),
        ClientMessage::Inputs { seen: Tick(1), inputs: vec![input; MAX_INPUTS + 1] }.encode(),
        Bytes::from(vec![1; MAX_CLIENT_MESSAGE + 1]),
    ] {
        let refused = ClientMessage::decode(&bytes).unwrap_err();
        assert!(matches!(refused, DecodeError::TooLong { .. }), "{refused}");
        assert_eq!(refused.close_code(), CloseCode::TooLong);
    }
    let settings = GameSettings {
        name: String::new(),
        maze: "x".repeat(MAX_MAZE_BYTES + 1),
        slots: 1,
        rules: 1,
        maze_name: String::new(),
        bots: 0,
        stays: false,
    };
    let subscribed = PeerMessage::Subscribed { game: GameId(1), settings, have: None };
    let refused = peer::decode(&peer::encode(&subscribed)).unwrap_err();
    assert!(matches!(refused, DecodeError::TooLong { limit: MAX_MAZE_BYTES, .. }), "{refused}");
}

#[test]
fn a_hello_of_another_version_is_refused_as_such_whatever_its_fields() {
    for bytes in [&[1, 2][..], &[1, 0, 9, 9, 9], &[1, 255]] {
        let refused = ClientMessage::decode(bytes).unwrap_err();
        assert_eq!(refused, DecodeError::Version(bytes[1]));
        assert_eq!(refused.close_code(), CloseCode::Version);
    }
}

#[test]
fn unknown_types_empty_messages_and_impossible_values_are_malformed() {
    for bytes in [
        &[][..],
        &[0x00],
        &[0x07],
        &[0x81],
        // Inputs: none of them, and keys of six bits.
        &[0x02, 1, 0],
        &[0x02, 1, 1, 1, 1, 32, 0],
    ] {
        assert_eq!(ClientMessage::decode(bytes).unwrap_err().close_code(), CloseCode::Malformed, "{bytes:?}");
    }
    for bytes in [&[][..], &[0x40], &[0x80], &[0x88], &[0xff], &[0x00], &[0x01, 0, 0, 1, 2, 3]] {
        assert!(ServerMessage::decode(bytes).is_err(), "{bytes:?}");
    }
    // Masks that name a place which the game does not have, keys of seven bits, events that are announced and missing.
    for bytes in
        [&[0, 0, 0, 4, 1, 0][..], &[0, 0, 0, 1, 0x40, 0], &[32, 0, 0, 0, 0, 0], &[32, 0, 0, 0, 0, 1, 9]]
    {
        assert!(Frame::decode(bytes, 2).is_err(), "{bytes:?}");
    }
    assert!(Frame::decode(&[0, 0, 0, 0, 0], 0).is_err());
    assert!(Frame::decode(&[0; 13], 33).is_err());
}
