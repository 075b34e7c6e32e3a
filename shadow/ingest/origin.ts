/** Columns that the tables of `loadSource` and `typedRelation` add to the log's own. */
export const origin = {
  file: "__file",
  line: "__line",
  record: "__record",
  /** the text of a record that cannot be read */
  broken: "__broken",
  problem: "__problem",
} as const;
