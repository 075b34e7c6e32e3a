/** What the value of a member is by the member's name: a password may be a number too, a key is a text. */
export type HeldSecret = "password" | "key" | "phone";

/**
 * What a member holds by its name, in any spelling: `api_key`, `apiKey`, `X-API-Key`, `DB_PASSWORD`, `Authorization`.
 *
 * Tokens of pagination and of language models (`next_page_token`, `eos_token`) are none.
 */
export function heldBy(name: string): HeldSecret | undefined {
  if (name.length > 200) return undefined;
  const letters = name.toLowerCase().replace(/[^a-z\d]/g, "");
  if (passwords.test(letters)) return "password";
  if (keys.test(letters) && !harmlessTokens.test(letters)) return "key";
  return phones.test(letters) ? "phone" : undefined;
}

const passwords = /(?:password|passwd|passphrase|passcode|pwd)$|^(?:cvv|cvc)2?$/;
const keys =
  /(?:secret|token|authorization|credentials?|(?:api|access|secret|private|signing|encryption|auth|account|shared|master|subscription)key)$|^(?:set)?cookie$/;
const harmlessTokens =
  /(?:page|next|continuation|sync|eos|bos|pad|unk|sep|cls|mask|stop|start|end|special|max|per)token$/;
const phones = /(?:phone|phonenumber|mobilenumber|msisdn)$|^(?:mobile|tel|cell|fax|whatsapp)(?:no|number)?$/;
