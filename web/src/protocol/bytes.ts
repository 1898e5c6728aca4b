/**
 * Reading and writing the primitive values of the players' protocol: postcard's rules (LEB128 varints, zigzag for signed
 * numbers, strings and lists behind their length) and little-endian integers for frames.
 *
 * Owns no message. 64-bit ids are 16 hex digits here, because a double cannot hold them and hex of one width also orders
 * as text; ticks are plain numbers, exact up to 2^53.
 */

/** What arrived is not what the protocol allows; the message says what is wrong. */
export class ProtocolError extends Error {
  override name = 'ProtocolError';
}

/** A 64-bit id or an epoch: 16 lower-case hex digits. */
export type Hex64 = string;

const UTF8 = new TextDecoder('utf-8', { fatal: true });

/** Reads one message from its first byte to its last. Every read past the end is a `ProtocolError`. */
export class Reader {
  private at = 0;
  private readonly view: DataView;

  constructor(private readonly bytes: Uint8Array) {
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  private take(count: number): number {
    const start = this.at;
    if (count > this.bytes.length - start) throw new ProtocolError(`the message ends after ${this.bytes.length} bytes, in the middle of a value`);
    this.at = start + count;
    return start;
  }

  u8(): number {
    return this.view.getUint8(this.take(1));
  }

  bool(): boolean {
    const byte = this.u8();
    if (byte > 1) throw new ProtocolError(`${byte} is neither true (1) nor false (0)`);
    return byte === 1;
  }

  /** A varint of at most `bits` bits as a bigint. */
  private varintBig(bits: number): bigint {
    let value = 0n;
    for (let shift = 0n; shift < BigInt(bits); shift += 7n) {
      const byte = this.u8();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) {
        if (value >> BigInt(bits) !== 0n) throw new ProtocolError(`a number needs more than ${bits} bits`);
        return value;
      }
    }
    throw new ProtocolError(`a number needs more than ${bits} bits`);
  }

  private varint(bits: number): number {
    let value = 0;
    let scale = 1;
    for (let shift = 0; shift < bits; shift += 7) {
      const byte = this.u8();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        if (value >= 2 ** bits) throw new ProtocolError(`a number needs more than ${bits} bits`);
        return value;
      }
      scale *= 128;
    }
    throw new ProtocolError(`a number needs more than ${bits} bits`);
  }

  u16(): number {
    return this.varint(16);
  }

  u32(): number {
    return this.varint(32);
  }

  i32(): number {
    const raw = this.varint(32);
    return raw % 2 === 0 ? raw / 2 : -(raw + 1) / 2;
  }

  /** A tick or another count that stays below 2^53. */
  count(): number {
    const value = this.varintBig(64);
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new ProtocolError(`${value} is too large for a count`);
    return Number(value);
  }

  id(): Hex64 {
    return hex64(this.varintBig(64));
  }

  /** Eight bytes, the lowest first. */
  u64le(): Hex64 {
    return hex64(this.view.getBigUint64(this.take(8), true));
  }

  /** `count` bytes, the lowest first, as an unsigned number; at most 6. */
  packed(count: number): number {
    const start = this.take(count);
    let value = 0;
    for (let i = count - 1; i >= 0; i--) value = value * 256 + this.view.getUint8(start + i);
    return value;
  }

  raw(limit: number): Uint8Array {
    const length = this.u32();
    if (length > limit) throw new ProtocolError(`a field of ${length} bytes is longer than the ${limit} allowed`);
    const start = this.take(length);
    return this.bytes.slice(start, start + length);
  }

  string(limit: number): string {
    try {
      return UTF8.decode(this.raw(limit));
    } catch (error) {
      if (error instanceof ProtocolError) throw error;
      throw new ProtocolError('a text is not UTF-8');
    }
  }

  list<T>(limit: number, item: () => T): T[] {
    const length = this.u32();
    if (length > limit) throw new ProtocolError(`a list of ${length} is longer than the ${limit} allowed`);
    return Array.from({ length }, item);
  }

  option<T>(item: () => T): T | null {
    return this.bool() ? item() : null;
  }

  /** Refuses bytes after the last value. */
  end(): void {
    const left = this.bytes.length - this.at;
    if (left > 0) throw new ProtocolError(`${left} bytes follow the end of the message`);
  }
}

/** Builds one message. Numbers that do not fit are a mistake of the caller. */
export class Writer {
  private readonly out: number[] = [];

  u8(value: number): this {
    if (!Number.isInteger(value) || value < 0 || value > 255) throw new RangeError(`${value} is not a byte`);
    this.out.push(value);
    return this;
  }

  bool(value: boolean): this {
    return this.u8(value ? 1 : 0);
  }

  private varint(value: bigint): this {
    let rest = value;
    while (rest >= 0x80n) {
      this.out.push(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    this.out.push(Number(rest));
    return this;
  }

  /** u16, u32 and ticks: an unsigned whole number. */
  count(value: number): this {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${value} is not a whole number from 0`);
    return this.varint(BigInt(value));
  }

  i32(value: number): this {
    return this.count(value >= 0 ? value * 2 : -value * 2 - 1);
  }

  id(value: Hex64): this {
    return this.varint(BigInt(`0x${value}`));
  }

  u64le(value: Hex64): this {
    for (let i = 14; i >= 0; i -= 2) this.out.push(Number.parseInt(value.slice(i, i + 2), 16));
    return this;
  }

  raw(value: Uint8Array): this {
    this.count(value.length);
    this.out.push(...value);
    return this;
  }

  string(value: string): this {
    return this.raw(new TextEncoder().encode(value));
  }

  list<T>(values: readonly T[], item: (value: T) => void): this {
    this.count(values.length);
    values.forEach((value) => item(value));
    return this;
  }

  option<T>(value: T | null, item: (value: T) => void): this {
    this.bool(value !== null);
    if (value !== null) item(value);
    return this;
  }

  done(): Uint8Array<ArrayBuffer> {
    return Uint8Array.from(this.out);
  }
}

function hex64(value: bigint): Hex64 {
  return value.toString(16).padStart(16, '0');
}
