import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { Database } from "../../../io/duckdb.ts";
import { sql } from "../../../io/sql.ts";
import { type Arrivals, createArrivals, diurnal, flat } from "../../../shadow/ingest/arrivals.ts";

const hourMs = 3_600_000;
const start = Date.UTC(2001, 0, 1);

/** Stated arrivals of so many sessions in hours since their start, in the log's order. */
async function arrivalHours(sessions: number, arrivals: Arrivals): Promise<number[]> {
  const database = await Database.open({ threads: 1 });
  try {
    await database.run(sql`create table firsts as select range as line from range(${sessions})`);
    await createArrivals(database, arrivals);
    const [at] = await database.columns(sql`select cast(epoch_us("at") as double) from stated order by number`);
    return (at as number[]).map((micros) => (micros / 1000 - start) / hourMs);
  } finally {
    await database.close();
  }
}

function counts(hours: readonly number[], width: number, of: number): number[] {
  const found = new Array<number>(of).fill(0);
  for (const hour of hours) found[Math.floor(hour / width)] = (found[Math.floor(hour / width)] as number) + 1;
  return found;
}

describe("stated arrivals", () => {
  it("are as many a day as stated, the same in every hour when flat", async () => {
    const hours = await arrivalHours(2400 * 3, { perDay: 2400, hourlyRates: flat });
    expect(counts(hours, 24, 3)).toEqual([2400, 2400, 2400]);
    expect(counts(hours, 1, 72)).toEqual(new Array(72).fill(100));
  });

  it("are evenly spaced inside an hour", async () => {
    expect(await arrivalHours(5, { perDay: 48, hourlyRates: flat })).toEqual([0, 0.5, 1, 1.5, 2]);
  });

  it("follow the hours of the day when diurnal, every day alike", async () => {
    const total = diurnal.reduce((sum, rate) => sum + rate, 0);
    const hours = await arrivalHours(total * 2, { perDay: total, hourlyRates: diurnal });
    expect(counts(hours, 1, 48)).toEqual([...diurnal, ...diurnal]);
  });

  it("follow the hours of a week, weekends included", async () => {
    const week = Array.from({ length: 168 }, (_, hour) => (hour < 120 ? 10 : 1));
    const total = week.reduce((sum, rate) => sum + rate, 0);
    const hours = await arrivalHours(total * 2, { perDay: total / 7, hourlyRates: week });
    expect(counts(hours, 1, 336)).toEqual([...week, ...week]);
  });

  it("for any rates: one for each session, in the log's order, and each hour within one of its share", async () => {
    const stated = fc.record({
      perDay: fc.oneof(
        fc.integer({ min: 1, max: 3000 }),
        fc.integer({ min: 1, max: 3000 }).map((n) => n / 10),
      ),
      hourlyRates: fc
        .array(fc.integer({ min: 0, max: 9 }), { minLength: 24, maxLength: 24 })
        .filter((rates) => rates.some((rate) => rate > 0)),
    });
    await fc.assert(
      fc.asyncProperty(stated, async ({ perDay, hourlyRates }) => {
        const sessions = Math.ceil(perDay * 3);
        const hours = await arrivalHours(sessions, { perDay, hourlyRates });
        expect(hours).toHaveLength(sessions);
        expect(hours.every((hour, i) => i === 0 || hour >= (hours[i - 1] as number))).toBe(true);
        const total = hourlyRates.reduce((sum, rate) => sum + rate, 0);
        const firstDay = hours.filter((hour) => hour < 24);
        for (const [i, found] of counts(firstDay, 1, 24).entries()) {
          expect(Math.abs(found - (perDay * (hourlyRates[i] as number)) / total)).toBeLessThanOrEqual(1 + 1e-9);
        }
      }),
      { numRuns: 40 },
    );
  });

  /** 1.1 a day: ten days hold eleven sessions, and 11 / 1.1 is not 10 in floating point. */
  it.each([0.1, 1.1, 2.2, 4.4, 21.1])("lose no session to rounding at %d a day", async (perDay) => {
    const hours = await arrivalHours(20_000, { perDay, hourlyRates: flat });
    expect(hours).toHaveLength(20_000);
    expect((hours.at(-1) as number) / 24).toBeCloseTo(19_999 / perDay, 5);
  });
});
