//! Worlds and their differences as players see them.
//!
//! Owns the mapping from what `sim` makes to what `protocol` writes, which may not know each other.

use protocol::{
    Blast, Body, ChatLine, ChatWhat, Epoch, FrameEvent, Item, Keyframe, KeyframePlayer, KeyframeTank,
    Missile, PlayerId, Residual, Round, SlotInputs, Tick,
};
use sim::{Delta, Event, World};

/// What leads from a world to the next one.
pub fn body(delta: Delta) -> Body {
    let residual = |residual: sim::Residual| {
        let sim::Residual { slot, dx, dy, dh } = residual;
        Residual { slot, dx, dy, dh }
    };
    Body {
        inputs: delta.inputs.into_iter().map(|(slot, keys)| SlotInputs { slot, keys }).collect(),
        residuals: delta.residuals.into_iter().map(residual).collect(),
        events: delta.events.into_iter().map(event).collect(),
    }
}

fn event(event: Event) -> FrameEvent {
    match event {
        Event::Join { slot, player, bot, name } => {
            FrameEvent::Join { slot, player: PlayerId(player), bot, name }
        }
        Event::Leave { slot } => FrameEvent::Leave { slot },
        Event::Launch { slot, entry } => FrameEvent::Launch { slot, entry },
        Event::Shot { slot, missile } => FrameEvent::Shot { slot, missile },
        Event::Hit { missile, slot, at, armour } => FrameEvent::Hit { missile, slot, at, armour },
        Event::Gone { missile } => FrameEvent::Gone { missile },
        Event::Kill { slot, by, item, kind } => FrameEvent::Kill { slot, by, item, kind: kind as u8 },
        Event::Burst { missile, at } => FrameEvent::Burst { missile, at },
        Event::Bounce { missile, at, heading } => FrameEvent::Bounce { missile, at, heading },
        Event::Hurt { slot, armour } => FrameEvent::Hurt { slot, armour },
        Event::PickUp { slot, item } => FrameEvent::PickUp { slot, item },
        Event::Destruct { slot, item, kind } => FrameEvent::Destruct { slot, item, kind: kind as u8 },
        Event::Rename { slot, name } => FrameEvent::Rename { slot, name },
        Event::Chat { slot, text } => FrameEvent::Chat { slot, text },
        Event::RoundOver { winner, ticks } => FrameEvent::RoundOver { winner, ticks },
        Event::RoundStart { ticks } => FrameEvent::RoundStart { ticks },
    }
}

/// A whole world to start from.
pub fn keyframe(world: &World, epoch: Epoch, durable: Tick) -> Keyframe {
    let sim::Round { number, resting, ends } = world.round();
    Keyframe {
        epoch,
        tick: Tick(world.tick()),
        durable,
        rules: world.rules(),
        round: Round { number, resting, ends: Tick(ends) },
        players: world.players().map(player).collect(),
        missiles: world.missiles().iter().map(missile).collect(),
        blasts: world.blasts().iter().map(blast).collect(),
        items: world.items().iter().map(item).collect(),
        chat: world.chat().iter().map(chat_line).collect(),
    }
}

fn player(player: &sim::Player) -> KeyframePlayer {
    KeyframePlayer {
        id: PlayerId(player.id),
        slot: player.slot,
        name: player.name.clone(),
        bot: player.bot,
        session: player.session,
        connected: player.gone_at.is_none(),
        score: player.score,
        deaths: player.deaths,
        wins: player.wins,
        last_seq: player.last_seq,
        applied: player.applied,
        applied_hash: player.applied_hash,
        keys: player.keys,
        tank: player.tank.as_ref().map(|tank| KeyframeTank {
            x: tank.x,
            y: tank.y,
            heading: tank.heading,
            armour: tank.armour,
            reload: tank.reload.into(),
            bounce: tank.bounce,
        }),
    }
}

fn missile(missile: &sim::Missile) -> Missile {
    let sim::Missile { id, slot, x, y, heading, bounce, fresh: _ } = *missile;
    Missile { id, slot, x, y, heading, bounce }
}

fn blast(blast: &sim::Blast) -> Blast {
    let sim::Blast { kind, slot, x, y, age } = *blast;
    Blast { kind: kind as u8, slot, x, y, age }
}

fn item(item: &sim::Item) -> Item {
    let sim::Item { id, kind, x, y, left } = *item;
    Item { id, kind: kind as u8, x, y, left }
}

fn chat_line(line: &sim::ChatLine) -> ChatLine {
    let what = match line.what.clone() {
        sim::ChatWhat::Entered => ChatWhat::Entered,
        sim::ChatWhat::Left => ChatWhat::Left,
        sim::ChatWhat::Renamed { to } => ChatWhat::Renamed { to },
        sim::ChatWhat::Said { text } => ChatWhat::Said { text },
    };
    ChatLine { tick: Tick(line.tick), slot: line.slot, name: line.name.clone(), what }
}
