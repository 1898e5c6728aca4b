/** Lists that are filled anew for each picture, out of objects that stay: drawing leaves no garbage. */

/** `T` for whoever fills it. */
export type Filled<T> = { -readonly [K in keyof T]: T[K] };

export class Pool<T> {
  readonly list: T[] = [];
  private readonly all: T[] = [];

  constructor(private readonly make: () => T) {}

  clear(): void {
    this.list.length = 0;
  }

  /** One more, with what it held last. */
  next(): T {
    const item = (this.all[this.list.length] ??= this.make());
    this.list.push(item);
    return item;
  }

  /** Takes back what `next` gave last. */
  drop(): void {
    this.list.pop();
  }
}
