import { type Assignment, mostCopies } from "./assign-units.ts";
import type { SessionColumns } from "./simulation-input.ts";

/** Sessions of one window and delay, an entry for every copy of their unit. */
export class PickedSessions {
  who = new Int32Array(1024);
  slots = new Uint16Array(1024);
  count = 0;

  pick(
    sessions: SessionColumns,
    { buckets, starts }: Assignment,
    window: number,
    { lag, index, mask }: { readonly lag: Uint8Array; readonly index: number; readonly mask: Uint8Array | null },
  ): void {
    const { base, unit, windowStart } = sessions;
    const [first, last] = [windowStart[window] as number, windowStart[window + 1] as number];
    let { who, slots } = this;
    let count = 0;
    for (let i = first; i < last; i++) {
      if (lag[i] !== index) continue;
      const session = base[i] as number;
      if (mask !== null && mask[session] === 0) continue;
      if (count + mostCopies > who.length) {
        this.#grow();
        ({ who, slots } = this);
      }
      const from = starts[unit[i] as number] as number;
      const copies = (starts[(unit[i] as number) + 1] as number) - from;
      // two at once without a jump: how many a unit has cannot be foreseen
      who[count] = session;
      who[count + 1] = session;
      slots[count] = buckets[from] as number;
      slots[count + 1] = buckets[from + 1] as number;
      for (let copy = 2; copy < copies; copy++) {
        who[count + copy] = session;
        slots[count + copy] = buckets[from + copy] as number;
      }
      count += copies;
    }
    this.count = count;
  }

  /** Puts the sessions that a harm reaches first; returns how many entries they are. */
  reach(chance: Float64Array, share: number): number {
    const { who, slots } = this;
    let reached = 0;
    for (let j = 0; j < this.count; j++) {
      const session = who[j] as number;
      if ((chance[session] as number) >= share) continue;
      const slot = slots[j] as number;
      who[j] = who[reached] as number;
      slots[j] = slots[reached] as number;
      who[reached] = session;
      slots[reached] = slot;
      reached += 1;
    }
    return reached;
  }

  #grow(): void {
    const { who, slots } = this;
    this.who = new Int32Array(2 * who.length);
    this.slots = new Uint16Array(2 * slots.length);
    this.who.set(who);
    this.slots.set(slots);
  }
}
