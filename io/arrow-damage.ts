import { InputError } from "../plan/input-error.ts";

/** What goes wrong while a part of the file is decoded is the file's fault, whatever apache-arrow throws. */
export async function attempt<T>(file: string, part: string, work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof InputError) throw cause;
    const { message } = cause as Error;
    if (message.startsWith("Unrecognized type")) {
      throw new InputError(
        file,
        `has a column of a type that is not read (${message})`,
        "write run-end encoded columns and list views as plain columns and lists",
        { cause },
      );
    }
    throw new InputError(file, `${part} is damaged (${message.replace(/\s+/g, " ")})`, writeAgain, { cause });
  }
}

/** The way out of damage. */
export const writeAgain = "copy or write the file again";
