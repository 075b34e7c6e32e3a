import { InputError, type PowerQuestion, powerAnswer } from "../index.ts";
import { count, number, percent } from "../reports/format.ts";
import { print } from "./common.ts";

export interface PowerOptions {
  readonly units?: string;
  readonly rate?: string;
  readonly deviation?: string;
  readonly difference?: string;
  readonly exposure: string;
  readonly perDay?: string;
  readonly alpha: string;
  readonly power: string;
  readonly json?: boolean;
}

/** How many units a difference takes, and how many days. */
export function powerCommand(options: PowerOptions): number {
  const perDay = options.perDay === undefined ? undefined : amountOf("--per-day", options.perDay);
  const question: PowerQuestion = {
    metric: metricOf(options),
    exposure: shareOf("--exposure", options.exposure),
    unitsPerDay: perDay,
    alpha: shareOf("--alpha", options.alpha),
    power: shareOf("--power", options.power),
  };
  const answer = powerAnswer(question);
  if (options.json) {
    print(JSON.stringify({ question, ...answer }, null, 2));
    return 0;
  }
  const { units, duration, events } = answer;
  if (units.status !== "ok") throw new InputError("power", units.reason, "state another --difference");
  print(
    `candidate ${count(Math.ceil(units.candidate))} units, control ${count(Math.ceil(units.control))}, at an exposure of ${percent(question.exposure)}`,
  );
  if (question.metric.kind !== "units")
    print(
      `finds the difference in ${percent(question.power)} of rollouts, at a two-sided alpha of ${percent(question.alpha)}, looked at once`,
    );
  if (duration?.status === "ok") print(`${number(duration.days)} days at ${count(perDay)} new units a day`);
  if (events !== undefined && events < 20)
    print(
      `only ${number(events)} events are expected in the candidate: this arithmetic is off there; simulate the plan instead`,
    );
  return 0;
}

function metricOf({ units, rate, deviation, difference }: PowerOptions): PowerQuestion["metric"] {
  const given = [units, rate, deviation].filter((own) => own !== undefined).length;
  if (given !== 1)
    throw new InputError("power", `${given} of --units, --rate and --deviation are given`, "give one of them");
  if (units !== undefined) return { kind: "units", candidate: amountOf("--units", units) };
  if (difference === undefined)
    throw new InputError("power", "--difference is missing", "state what is to be found: --difference 2pp");
  if (deviation !== undefined)
    return { kind: "mean", deviation: amountOf("--deviation", deviation), difference: differenceOf(difference) };
  const control = shareOf("--rate", rate as string);
  const points = /^(.*)pp\s*$/.exec(difference)?.[1];
  if (points === undefined)
    throw new InputError("--difference", `${difference} is not one of rates`, "write 2pp or -2pp");
  const own = differenceOf(points) / 100;
  if (!(control + own > 0 && control + own < 1))
    throw new InputError(
      "--difference",
      `${difference} leads from ${percent(control)} out of 0 to 100 %`,
      "state a smaller one",
    );
  return { kind: "rate", control, difference: own };
}

function shareOf(option: string, text: string): number {
  const match = /^([\d.]+)\s*(%?)$/.exec(text.trim());
  const share = match ? Number(match[1]) * (match[2] ? 0.01 : 1) : Number.NaN;
  if (!(share > 0 && share < 1))
    throw new InputError(option, `${text} is not a share between 0 and 1`, "write 5% or 0.05");
  return share;
}

function amountOf(option: string, text: string): number {
  const amount = Number(text.replaceAll(/[_,]/g, ""));
  if (!(amount > 0 && Number.isFinite(amount)))
    throw new InputError(option, `${text} is not a number above 0`, "write 50000");
  return amount;
}

function differenceOf(text: string): number {
  const value = text.trim() === "" ? Number.NaN : Number(text.trim().replace("−", "-"));
  if (!Number.isFinite(value) || value === 0)
    throw new InputError(
      "--difference",
      `${text.trim()} is not a difference`,
      "write 2pp or -2pp of a rate, 0.5 or -0.5 of a mean",
    );
  return value;
}
