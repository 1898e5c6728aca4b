/** What a server writes: keyframes and frames as bytes. For tests. */
import { Writer } from '../protocol/bytes';
import type { View } from '../game/view';
import type { Frame, GameEvent, Residual } from '../protocol/frame';


/** A world; `applied` is sent as `lastSeq`, and no hash. */
export function encodeKeyframe({ epoch, tick, durable, rules, round, players, missiles, blasts, items, chat }: View): Writer {
  const out = new Writer().u8(0x82).id(epoch).count(tick).count(durable).count(rules).count(round.number).bool(round.resting).count(round.ends);
  out.list(players, ({ id, slot, name, bot, connected, score, deaths, wins, lastSeq, keys, tank }) => {
    out.id(id).u8(slot).string(name).bool(bot).count(1).bool(connected).count(score).count(deaths).count(wins).count(lastSeq).count(lastSeq).count(0).u8(keys);
    out.option(tank, ({ x, y, heading, armour, reload, bounce }) => out.i32(x).i32(y).count(heading).count(armour).count(reload).bool(bounce));
  });
  out.list(missiles, ({ id, slot, x, y, heading, bounce }) => out.u8(id).u8(slot).i32(x).i32(y).count(heading).bool(bounce));
  out.list(blasts, ({ kind, slot, x, y, age }) => out.u8(kind).u8(slot).i32(x).i32(y).u8(age));
  out.list(items, ({ id, kind, x, y, left }) => out.u8(id).u8(kind).i32(x).i32(y).count(left));
  return out.list(chat, ({ tick, slot, name, what }) => {
    out.count(tick).u8(slot).string(name);
    if (what.type === 'entered') out.u8(0);
    else if (what.type === 'left') out.u8(1);
    else if (what.type === 'renamed') out.u8(2).string(what.to);
    else out.u8(3).string(what.text);
  });
}

export function encodeFrame(frame: Frame, slots: number): Writer {
  const { epoch, rewind, reanchor, moving, registryAway, tickLow, lag, inputs, residuals, events } = frame;
  const flags = [epoch !== null, rewind, reanchor, moving, registryAway, events.length > 0].reduce((sum, set, bit) => sum + (set ? 2 ** bit : 0), 0);
  const out = new Writer().u8(flags).u8(tickLow).u8(lag);
  if (epoch !== null) out.u64le(epoch);
  mask(out, inputs.map(({ slot }) => slot), slots);
  for (const { keys } of inputs) keys.forEach((level, i) => out.u8(level | (i < keys.length - 1 ? 0x20 : 0)));
  mask(out, residuals.map(({ slot }) => slot), slots);
  for (const residual of residuals) putResidual(out, residual);
  if (events.length > 0) out.list(events, (event) => putEvent(out, event));
  return out;
}

function mask(out: Writer, set: readonly number[], slots: number): void {
  for (let first = 0; first < slots; first += 8) out.u8(set.filter((slot) => slot >= first && slot < first + 8).reduce((byte, slot) => byte | (1 << (slot - first)), 0));
}

function putResidual(out: Writer, { dx, dy, dh }: Residual): void {
  const sizes = [
    { place: 7, heading: 0, bytes: 2 },
    { place: 11, heading: 0, bytes: 3 },
    { place: 18, heading: 0, bytes: 5 },
    { place: 18, heading: 16, bytes: 7 },
  ];
  const fits = (value: number, bits: number) => (bits === 0 ? value === 0 : value >= -(2 ** (bits - 1)) && value < 2 ** (bits - 1));
  const found = sizes.findIndex(({ place, heading }) => fits(dx, place) && fits(dy, place) && fits(dh, heading));
  const { place, heading, bytes } = sizes[found] as (typeof sizes)[number];
  let bits = BigInt(found) | (BigInt.asUintN(place, BigInt(dx)) << 2n) | (BigInt.asUintN(place, BigInt(dy)) << BigInt(2 + place));
  if (heading > 0) bits |= BigInt.asUintN(heading, BigInt(dh)) << BigInt(2 + 2 * place);
  for (let i = 0; i < bytes; i++, bits >>= 8n) out.u8(Number(bits & 0xffn));
}

function putEvent(out: Writer, event: GameEvent): void {
  const u16 = (value: number) => out.u8(value % 256).u8(Math.floor(value / 256));
  switch (event.type) {
    case 'join':
      return void out.u8(0).u8(event.slot).u64le(event.player).bool(event.bot).string(event.name);
    case 'leave':
      return void out.u8(1).u8(event.slot);
    case 'launch':
      return void out.u8(2).u8(event.slot).u8(event.entry);
    case 'shot':
      return void out.u8(3).u8(event.slot).u8(event.missile);
    case 'hit':
      out.u8(4).u8(event.slot).u8(event.missile).u8(event.at);
      return void u16(event.armour);
    case 'gone':
      return void out.u8(5).u8(event.missile);
    case 'kill':
      return void out.u8(6).u8(event.slot).u8(event.by).u8(event.item).u8(event.kind);
    case 'burst':
      return void out.u8(7).u8(event.missile).u8(event.at);
    case 'bounce':
      out.u8(8).u8(event.missile).u8(event.at);
      return void u16(event.heading);
    case 'hurt':
      out.u8(9).u8(event.slot);
      return void u16(event.armour);
    case 'pickUp':
      return void out.u8(10).u8(event.slot).u8(event.item);
    case 'destruct':
      return void out.u8(11).u8(event.slot).u8(event.item).u8(event.kind);
    case 'rename':
      return void out.u8(12).u8(event.slot).string(event.name);
    case 'chat':
      return void out.u8(13).u8(event.slot).string(event.text);
    case 'roundOver':
      out.u8(14).u8(event.winner);
      return void u16(event.ticks);
    case 'roundStart':
      out.u8(15);
      u16(event.ticks % 65_536);
      return void u16(Math.floor(event.ticks / 65_536));
  }
}
