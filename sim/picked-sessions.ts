import type { Assignment } from "./assign-units.ts";
import type { SessionColumns } from "./simulation-input.ts";

/** Sessions of one window and delay, an entry for every copy of their unit. */
export class PickedSessions {
  who = new Int32Array(1024);
  slots = new Int32Array(1024);
  count = 0;

  pick(
    sessions: SessionColumns,
    { buckets, starts }: Assignment,
    window: number,
    { lag, index, mask }: { readonly lag: Uint8Array; readonly index: number; readonly mask: Uint8Array | null },
  ): void {
    this.count = 0;
    for (let i = sessions.windowStart[window] as number; i < (sessions.windowStart[window + 1] as number); i++) {
      if (lag[i] !== index) continue;
      const unit = sessions.unit[i] as number;
      const base = sessions.base[i] as number;
      if (mask !== null && mask[base] === 0) continue;
      for (let copy = starts[unit] as number; copy < (starts[unit + 1] as number); copy++) {
        if (this.count === this.who.length) this.#grow();
        this.who[this.count] = base;
        this.slots[this.count] = buckets[copy] as number;
        this.count += 1;
      }
    }
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
    const longer = (own: Int32Array) => {
      const grown = new Int32Array(2 * own.length);
      grown.set(own);
      return grown;
    };
    this.who = longer(this.who);
    this.slots = longer(this.slots);
  }
}
